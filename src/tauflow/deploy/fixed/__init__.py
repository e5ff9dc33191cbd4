"""A network as C99 in whole numbers: `write(plan, "walker", 8, ranges)` is NAME.h, NAME.c and NAME_float.h as text. START with rows.py.

rows.py quantises a map and proves that it fits, ranges.py measures what 16 bits have to hold, body.py (steps), cells.py (cells) and
writer.py (what both are made of) write what calls the functions of steps.c, text.py puts files around it. NAME.c has no floating point
at all; NAME_float.h takes and gives floats where there are some.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from ..c99.functions import chosen, chunks
from ..plan import Array, Plan
from . import ranges
from .cells import Cells
from .ranges import Ranges
from .rows import whole
from .text import FLOAT, HEADER, SOURCE
from .writer import Value

__all__ = ["Ranges", "measure", "samples", "write"]

STEPS = Path(__file__).parent / "steps.c"
DT_BITS = 18  # of a gap, in periods: from 4 millionths of one to 8,192, as gap_of of steps.c has them
measure = ranges.measure


def write(plan: Plan, name: str, weight_bits: int, seen: Ranges) -> dict[str, str]:
    """The text of the three files by their names; weight_bits: 8 or 16."""
    body = Cells(plan, seen, weight_bits)
    x_bits = body.x_bits()
    steps = list(enumerate(plan.steps))[1:]
    if any(0 in step.sources and step.kind not in ("standardize", "lookup") for _, step in steps):
        body.values[0] = Value("v0", int(x_bits[0]))
        body.say(f"int16_t v0[{plan.inputs}];", f"take(x, {plan.inputs}, v0);")
    for k, step in steps[:-1]:
        body.say(f"/* {k}: {_describe(step)} */")
        body.write(k, step)
    y_bits = body.answer(*steps[-1])
    body.k = 0
    given_bits = [body.values[k].bits for k, step in steps if step.kind == "static"]
    return _files(plan, name, weight_bits, body, x_bits, y_bits, given_bits[0] if given_bits else 0)


def samples(plan: Plan, seen: Ranges, x: Array, dt: Array) -> tuple[Array, Array]:
    """x (n, inputs) and dt (n,) in the units of NAME_step; NaN is unknown, a gap > 0 lasts at least one unit."""
    bits = Cells(plan, seen, 8).x_bits()
    made = np.where(np.isnan(x), -(2**31), whole(np.nan_to_num(x), bits))
    gaps = whole(dt, DT_BITS - _less(plan))
    return made.astype(np.int32), np.where(dt > 0, np.maximum(gaps, 1), 0).astype(np.int32)


def _less(plan: Plan) -> int:
    """period = p 2^less, 1 <= p < 2"""
    return int(np.floor(np.log2(plan.period)))


def _files(
    plan: Plan, name: str, weight_bits: int, body: Cells, x_bits: Array, y_bits: Array, given_bits: int
) -> dict[str, str]:
    lines = "\n".join("    " + line for line in body.lines)
    euler = "longest = longer" in lines
    static, missing = plan.static > 0, plan.knows_missing
    less = _less(plan)
    share = round(65536 / (plan.period / 2.0**less))
    gap = "gap_of(dt)" if share == 65536 else f"scaled(gap_of(dt), {share}u, 0)"
    known = chunks(STEPS)
    functions = [known[one] for one in chosen(known, lines + " keep " + gap)]
    code = "\n".join([*body.tables, *functions])
    fields: dict[str, Any] = {
        "name": name, "NAME": name.upper(), "inputs": plan.inputs, "outputs": plan.outputs, "bits": weight_bits,
        "state": max(1, len(plan.first)), "remembered": len(plan.first), "dt_bits": DT_BITS - less,
        "x_bits": _listed(x_bits), "y_bits": _listed(y_bits), "given_bits": given_bits,
        "given_parameter": ", const int32_t *given" if static else "", "and_given": ", given" if static else "",
        "float_given": ", const float *given" if static else "",
        "take_given": _GIVEN.format(n=plan.static, factor=_factor(given_bits)) if static else "",
        "and_units": ", units" if static else "",
        "keep_given": f"\n    keep(s->given, given, {plan.static});" if static else "",
        "static_size": f", {name.upper()}_GIVEN = {plan.static}" if static else "",
        "static_member": f"\n    int32_t given[{plan.static}]; /* what is given once, at the reset */" if static else "",
        "given_about": f"\n   given: {plan.static} numbers in 1 / 2^{given_bits}." if static else "",
        "missing": f", {name.upper()}_UNKNOWN where nothing was measured" if missing else "",
        "unknown": "" if missing else f"is {name.upper()}_UNKNOWN",
        "token": "".join(["" if missing else " or "][: int(_tokens(plan))]) + "is no token" * _tokens(plan),
        "refuse_unknown": "" if missing else _REFUSE.format(inputs=plan.inputs, NAME=name.upper()),
        "no_nan": "" if missing else " || x[i] != x[i]", "nan": "NaN is unknown" if missing else "NaN is refused",
        "unused": ("" if re.search(r"\bt\b", code_of(lines)) else "\n    (void)t;") + ("" if len(plan.first) else "\n    next[0] = 0;"),
        "euler": "\n    uint64_t longest = 0u;" if euler else "",
        "too_long": f"\n    if (longest > 16777216u) {{\n        return {name.upper()}_LONG_STEP;\n    }}" if euler else "",
        "tanh": _tanh() if "tanh_table" in code else "", "weight": f"int{weight_bits}_t",
        "place": "uint8_t" if body.widest <= 255 else "uint16_t",
        "typedefs": "".join(
            line for line, used in _TYPES.items() if re.search(rf"\b{used}\b", code)
        ).replace("PLACE", "uint8_t" if body.widest <= 255 else "uint16_t").replace("WEIGHT", f"int{weight_bits}_t")
        .replace("NAME", name.upper()),
        "tables": "\n".join(body.tables), "functions": "\n\n".join(functions),
        "first": ", ".join(map(str, body.first or [0])), "gap": gap,
        "body": lines.replace("return BAD_INPUT", f"return {name.upper()}_BAD_INPUT"),
        "x_factors": ", ".join(map(_factor, x_bits)), "y_factors": ", ".join(_factor(-one) for one in y_bits),
        "dt_factor": _factor(DT_BITS - less),
    }  # fmt: skip
    return {
        f"{name}.h": HEADER.format(**fields),
        f"{name}.c": SOURCE.format(**fields),
        f"{name}_float.h": FLOAT.format(**fields),
    }


_TYPES = {
    "typedef WEIGHT weight;\n": "weight",
    "typedef PLACE place;\n": "place",
    "typedef int32_t (*share_of)(uint64_t z);\n": "share_of",
    "#define UNKNOWN NAME_UNKNOWN\n": "UNKNOWN",
}

_REFUSE = """
    for (i = 0; i < {inputs}; ++i) {{
        if (x[i] == {NAME}_UNKNOWN) {{
            return {NAME}_BAD_INPUT;
        }}
    }}"""

_GIVEN = """
    int32_t units[{n}];
    int i;
    for (i = 0; i < {n}; ++i) {{
        const float v = given[i] * {factor};
        units[i] = v >= 2147483000.0f ? 2147483000 : (v > -2147483000.0f ? (int32_t)v : -2147483000);
    }}"""


def code_of(text: str) -> str:
    """C without its comments."""
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def _tokens(plan: Plan) -> bool:
    return any(step.kind == "lookup" for step in plan.steps)


def _listed(bits: Array) -> str:
    """`12`, or `12, 9, 10` where they differ."""
    return str(bits[0]) if len(set(bits.tolist())) == 1 else ", ".join(str(one) for one in bits)


def _factor(bits: int) -> str:
    """2^bits as C writes a float."""
    return f"{2.0 ** int(bits):.9g}f" if bits < 0 else f"{2 ** int(bits)}.0f"


def _describe(step: Any) -> str:
    options = [f"{name} {value}" for name, value in step.options.items()]
    return ", ".join([step.kind, *options, f"{step.outputs} numbers"])


def _tanh() -> str:
    """tanh(i / 16) in 1 / 2^15"""
    words = [str(min(32767, round(32768 * float(np.tanh(i / 16))))) for i in range(129)]
    rows = ["    " + ", ".join(words[i : i + 16]) for i in range(0, 129, 16)]
    return "/* tanh(i / 16) in 1 / 2^15 */\nstatic const int16_t tanh_table[129] = {\n" + ",\n".join(rows) + "\n};\n\n"
