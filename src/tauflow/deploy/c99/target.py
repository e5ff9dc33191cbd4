"""C in float as a target: NAME.h and NAME.c, recorded samples in a program of C, and how to build and call it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..plan import Array, Plan
from ..record import Record
from ..target import TOLERANCE, Files, Measured, Target, few
from . import host, number, write

CHECK_C = """/* Recorded samples through {name}.c: cc -std=c99 -O2 {name}.c {name}_check.c -o check && ./check */
#include "{header}"

#include <stdio.h>

static const float x[{n}][{inputs}] = {{
{x}
}};
static const float dt[{n}] = {{{dt}}};
static const float expected[{n}][{outputs}] = {{
{y}
}};{given}

int main(void)
{{
    {name}_state s;
    float y[{outputs}], worst = 0.0f;
    int i, k;
    {name}_reset{as_float}(&s{and_given});
    for (k = 0; k < {n}; ++k) {{
        if ({name}_step{as_float}(&s, x[k], dt[k], y) != {NAME}_OK) {{
            printf("step %d was refused\\n", k);
            return 1;
        }}
        for (i = 0; i < {outputs}; ++i) {{
            const float away = y[i] > expected[k][i] ? y[i] - expected[k][i] : expected[k][i] - y[i];
            worst = away > worst ? away : worst;
        }}
    }}
    printf("worst error over {n} steps: %g of the range\\n", (double)(worst / {reach}));
    return worst <= {limit} ? 0 : 1;
}}
"""

README_C = """# {name}

A liquid network as C99, made by tauflow: {inputs} numbers in, {outputs} out, no malloc, no library, no globals that change.

- Build: `cc -std=c99 -O2 -c {name}.c` (add `-DTAUFLOW_LIBM` and `-lm` for the exp, tanh and log of the library).
- Call: `{name}_state s; {name}_reset(&s{and_given}); status = {name}_step(&s, x, dt, y);`
- dt is the time since the previous sample, in the unit that the network was trained with; every step may have another.
- A status other than `{NAME}_OK` leaves `s` and `y` as they were; {name}.h lists them. A state for each instance.
- Test: `cc -std=c99 -O2 {name}.c {name}_check.c -o check && ./check` replays recorded samples; it exits with 0 when they agree.
"""


def c_files(plan: Plan, name: str, record: Record) -> dict[str, str]:
    """NAME.h, NAME.c, NAME_check.c and README.md."""
    fields = described(plan, name, record, TOLERANCE)
    return {**write(plan, name), f"{name}_check.c": check(fields, record), "README.md": README_C.format(**fields)}


def described(plan: Plan, name: str, record: Record, tolerance: float, whole: bool = False) -> dict[str, Any]:
    """What the check and the README say; whole: numbers, which the check reaches through NAME_float.h."""
    shown, given = few(plan, record), plan.static > 0

    def rows(array: Array) -> str:
        return ",\n".join(f"    {{{', '.join(map(_c_number, row))}}}" for row in array)

    reach = max(float(np.ptp(shown.y)), float(np.abs(shown.y).max()), 1e-30)
    once = (
        ""
        if shown.given is None
        else f"\nstatic const float given[{plan.static}] = {{{', '.join(map(_c_number, shown.given))}}};"
    )
    return {
        "name": name, "NAME": name.upper(), "n": len(shown.x), "inputs": plan.inputs, "outputs": plan.outputs,
        "x": rows(shown.x), "dt": ", ".join(map(_c_number, shown.dt)), "y": rows(shown.y), "given": once,
        "and_given": ", given" if given else "", "reach": _c_number(reach), "limit": _c_number(reach * tolerance),
        "header": f"{name}_float.h" if whole else f"{name}.h", "as_float": "_float" if whole else "",
    }  # fmt: skip


def check(fields: dict[str, Any], record: Record) -> str:
    """NAME_check.c"""
    text = CHECK_C.format(**fields)
    if np.isnan(record.x).any():
        text = text.replace("#include <stdio.h>", "#include <math.h> /* NAN */\n#include <stdio.h>")
    return text


def _c_number(value: Any) -> str:
    return "NAN" if np.isnan(value) else number(value)


def c_measure(plan: Plan, name: str, files: Files, record: Record) -> Measured:
    """Built by the C compiler of this machine, if there is one."""
    code = {file: str(files[file]) for file in (f"{name}.h", f"{name}.c")}
    if host.compiler() is None:
        return Measured(len(files[f"{name}.c"]), None, None)
    ran = host.run(code, name, record.x, record.dt, plan.outputs, record.given, timed=20_000)
    return Measured(host.size(code, name), record.worst(ran.y), ran.nanoseconds)


C = Target("C99, float, no library", c_files, c_measure)
