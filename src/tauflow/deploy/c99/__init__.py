"""A network as C99: `write(plan, "walker")` is NAME.h and NAME.c as text, without malloc and without globals that change.

The functions come from steps.c, those that the network needs; body.py writes what calls them, and the tables of weights.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..plan import ExportError, Plan
from .body import Body, number
from .functions import chosen, chunks

__all__ = ["number", "write"]

STEPS = Path(__file__).parent / "steps.c"

HEADER = """/* {name}: a liquid network, made by tauflow. C99, float, no malloc, no globals that change; the caller owns the state.

   {name}_state s;
   {name}_reset(&s{and_given});
   status = {name}_step(&s, x, dt, y);

   x: {inputs} numbers{missing}; dt: the time since the previous sample, >= 0; y: {outputs} numbers.
   As many states side by side as you like. What is refused leaves the state and y as they were, and says why:

   {NAME}_OK         the state has moved
   {NAME}_BAD_INPUT  x holds {nan}infinity or more than 1e30{token}
   {NAME}_BAD_GAP    dt is negative, NaN or infinite
   {NAME}_LONG_STEP  dt is too long for Euler's step, which this network was built with
   {NAME}_OVERFLOW   the state or the answer would leave the range of a float */
#ifndef {NAME}_H
#define {NAME}_H

#ifdef __cplusplus
extern "C" {{
#endif

enum {{ {NAME}_INPUTS = {inputs}, {NAME}_OUTPUTS = {outputs}, {NAME}_STATE = {state}{static_size} }};
enum {{ {NAME}_OK, {NAME}_BAD_INPUT, {NAME}_BAD_GAP, {NAME}_LONG_STEP, {NAME}_OVERFLOW }};

typedef struct {{
    float h[{state}];{static_member}
}} {name}_state;

void {name}_reset({name}_state *s{given_parameter});
int {name}_step({name}_state *s, const float *x, float dt, float *y);

#ifdef __cplusplus
}}
#endif

#endif
"""

SOURCE = """/* {name}.c: see {name}.h. Made by tauflow; the weights first, then the functions, then the step. */
#include "{name}.h"

#include <stdint.h>
#include <string.h>
#ifdef TAUFLOW_LIBM
#include <math.h>
#endif

{typedefs}{tables}

{functions}

void {name}_reset({name}_state *s{given_parameter})
{{
    memcpy(s->h, first, sizeof s->h);{keep_given}
}}

int {name}_step({name}_state *s, const float *x, float dt, float *y)
{{
    float next[{state}]; /* becomes the state when all went well */
    const float t = {gap};{longest}
    int i;
    if (!(dt >= 0.0f && dt <= 3.40282347e+38f)) {{
        return {NAME}_BAD_GAP;
    }}
    for (i = 0; i < {inputs}; ++i) {{
        if (!((x[i] <= 1e30f && x[i] >= -1e30f){or_unknown})) {{
            return {NAME}_BAD_INPUT;
        }}
    }}
{body}{too_long}
    if (!(finite(next, {state}) && finite({last}, {outputs}))) {{
        return {NAME}_OVERFLOW;
    }}
    memcpy(s->h, next, sizeof next);
    memcpy(y, {last}, {outputs} * sizeof *y);
    return {NAME}_OK;
}}
"""

FINITE = """/* Whether n numbers are: a number less itself is zero, infinity and NaN less themselves are NaN. */
static int finite(const float *v, int n)
{
    int i;
    for (i = 0; i < n; ++i) {
        if (!(v[i] - v[i] == 0.0f)) {
            return 0;
        }
    }
    return 1;
}"""

LARGER = """/* The larger one; NaN where one is NaN */
static float larger(float a, float b)
{
    return a >= b ? a : b;
}"""


def write(plan: Plan, name: str) -> dict[str, str]:
    """The text of NAME.h and of NAME.c by their names."""
    if plan.dtype != np.float32:
        raise ExportError(f"the network is {plan.dtype.name}, the C is in float: export network.float()")
    body = Body(plan)
    order = np.concatenate([step.place for step in plan.steps]).astype(int)
    body.tables.append(
        f"static const float first[{len(order)}] = {{{', '.join(number(one) for one in plan.first[order])}}};"
    )
    lines = "\n".join("    " + line for line in body.lines).replace(
        "return BAD_INPUT", f"return {name.upper()}_BAD_INPUT"
    )
    euler = "longest = larger" in lines
    functions = [*_functions(lines), *([LARGER] if euler else []), FINITE]
    static = plan.static > 0
    places = "uint8_t" if body.widest <= 255 else "uint16_t"
    typed = {
        f"typedef {places} place;": "place ",
        "typedef float (*weight_of)(float z);": "weight_of",
        "typedef void (*weight4_of)(float z[4]);": "weight4_of",
    }
    code = "\n".join([*body.tables, *functions])
    fields = {
        "name": name, "NAME": name.upper(), "inputs": plan.inputs, "outputs": plan.outputs, "state": len(plan.first),
        "given_parameter": ", const float *given" if static else "", "and_given": ", given" if static else "",
        "missing": ", NaN where nothing was measured" if plan.knows_missing else "",
        "nan": "" if plan.knows_missing else "NaN, ",
        "token": ", or is no token" if any(step.kind == "lookup" for step in plan.steps) else "",
        "static_size": f", {name.upper()}_GIVEN = {plan.static}" if static else "",
        "static_member": f"\n    float given[{plan.static}]; /* what is given once, at the reset */" if static else "",
        "keep_given": "\n    memcpy(s->given, given, sizeof s->given);" if static else "",
        "typedefs": "".join(f"{line}\n\n" for line, used in typed.items() if re.search(rf"\b{used.strip()}\b", code)),
        "tables": "\n".join(body.tables), "functions": "\n\n".join(functions), "body": lines,
        "gap": "dt" if plan.period == 1 else f"dt / {number(plan.period)}",
        "longest": "\n    float longest = 0.0f;" if euler else "",
        "too_long": f"\n    if (!(longest <= 1.0f)) {{\n        return {name.upper()}_LONG_STEP;\n    }}" if euler else "",
        "or_unknown": " || x[i] != x[i]" if plan.knows_missing else "", "last": body.names[len(plan.steps) - 1],
    }  # fmt: skip
    return {f"{name}.h": HEADER.format(**fields), f"{name}.c": SOURCE.format(**fields)}


def _functions(body: str) -> list[str]:
    """Those of steps.c that these lines need, with their comments."""
    known = chunks(STEPS)
    return [known[name] for name in chosen(known, body)]
