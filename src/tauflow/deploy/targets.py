"""The targets of an export: what each writes, its own check beside it, and how it runs here."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from . import c99, numpy_
from .c99 import host
from .nir_ import NIR
from .onnx_ import ONNX
from .plan import Array, Plan
from .record import Record
from .target import TOLERANCE, Files, Measured, Target, few

# C

CHECK_C = """/* Recorded samples through {name}.c: cc -std=c99 -O2 {name}.c {name}_check.c -o check && ./check */
#include "{name}.h"

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
    {name}_reset(&s{and_given});
    for (k = 0; k < {n}; ++k) {{
        if ({name}_step(&s, x[k], dt[k], y) != {NAME}_OK) {{
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
    shown, given = few(plan, record), plan.static > 0

    def rows(array: Array) -> str:
        return ",\n".join(f"    {{{', '.join(map(_c_number, row))}}}" for row in array)

    reach = max(float(np.ptp(shown.y)), float(np.abs(shown.y).max()), 1e-30)
    once = (
        ""
        if shown.given is None
        else f"\nstatic const float given[{plan.static}] = {{{', '.join(map(_c_number, shown.given))}}};"
    )
    fields = {
        "name": name, "NAME": name.upper(), "n": len(shown.x), "inputs": plan.inputs, "outputs": plan.outputs,
        "x": rows(shown.x), "dt": ", ".join(map(_c_number, shown.dt)), "y": rows(shown.y), "given": once,
        "and_given": ", given" if given else "", "reach": _c_number(reach), "limit": _c_number(reach * TOLERANCE),
    }  # fmt: skip
    text = CHECK_C.format(**fields)
    if np.isnan(shown.x).any():
        text = text.replace("#include <stdio.h>", "#include <math.h> /* NAN */\n#include <stdio.h>")
    return {**c99.write(plan, name), f"{name}_check.c": text, "README.md": README_C.format(**fields)}


def _c_number(value: Any) -> str:
    return "NAN" if np.isnan(value) else c99.number(value)


def c_measure(plan: Plan, name: str, files: Files, record: Record) -> Measured:
    """Built by the C compiler of this machine, if there is one."""
    code = {file: str(files[file]) for file in (f"{name}.h", f"{name}.c")}
    if host.compiler() is None:
        return Measured(len(files[f"{name}.c"]), None, None)
    ran = host.run(code, name, record.x, record.dt, plan.outputs, record.given, timed=20_000)
    return Measured(host.size(code, name), record.worst(ran.y), ran.nanoseconds)


# NumPy

CHECK_NUMPY = '''"""Recorded samples through {name}.py: python {name}_check.py exits with 0 when the answers agree."""

import sys

from {name} import {title}, np, unpack

(recorded,) = unpack("""
{record}
""", 1)
net = {title}({given})
y = np.stack([net(x, dt) for x, dt in zip(recorded["x"], recorded["dt"].tolist())])
worst = abs(y - recorded["y"]).max() / max(np.ptp(recorded["y"]), abs(recorded["y"]).max())
print(f"worst error over {{len(y)}} steps: {{worst:.2g}} of the range")
sys.exit(int(worst > {limit}))
'''

README_NUMPY = """# {name}

A liquid network as one Python file, made by tauflow: {inputs} numbers in, {outputs} out. It needs NumPy alone.

- Copy `{name}.py` to where it runs.
- Call: `net = {name}.{title}({given_name}); y = net(x, dt)`; a state of its own each.
- dt is the time since the previous sample, in the unit that the network was trained with; every step may have another.
- `net.reset()` goes back to the first state; `net.state` is a copy of it, to keep and to set.
- What is refused raises ValueError and leaves the state as it was.
- Test: `python {name}_check.py` replays recorded samples; it exits with 0 when they agree.
"""


def numpy_files(plan: Plan, name: str, record: Record) -> dict[str, str]:
    """NAME.py, NAME_check.py and README.md."""
    shown = few(plan, record)
    arrays = {
        "0/x": shown.x,
        "0/dt": shown.dt,
        "0/y": shown.y,
        **({} if shown.given is None else {"0/given": shown.given}),
    }
    fields = {
        "name": name, "title": numpy_.title(name), "record": numpy_.packed(arrays), "inputs": plan.inputs,
        "outputs": plan.outputs, "given": 'recorded["given"]' if plan.static else "",
        "given_name": "given" if plan.static else "", "limit": TOLERANCE,
    }  # fmt: skip
    return {
        f"{name}.py": numpy_.write(plan, name),
        f"{name}_check.py": CHECK_NUMPY.format(**fields),
        "README.md": README_NUMPY.format(**fields),
    }


def numpy_measure(plan: Plan, name: str, files: Files, record: Record) -> Measured:
    """Run in this process: the file is plain NumPy."""
    text, space = files[f"{name}.py"], dict[str, Any]()
    exec(compile(text, f"{name}.py", "exec"), space)  # our own text, from weights and numpy_steps.py
    net = space[numpy_.title(name)](*(() if record.given is None else (record.given,)))
    start = time.process_time()
    y = np.stack([net(x, float(dt)) for x, dt in zip(record.x, record.dt, strict=True)])
    return Measured(len(text), record.worst(y), (time.process_time() - start) / len(y) * 1e9)


TARGETS = {
    "c": Target("C99, float, no library", c_files, c_measure),
    "numpy": Target("one Python file of NumPy", numpy_files, numpy_measure),
    "onnx": ONNX,
    "nir": NIR,
}
