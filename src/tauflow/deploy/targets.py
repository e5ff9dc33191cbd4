"""The targets of an export: what each writes, its own check beside it, and how it runs here."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from . import numpy_
from .c99.target import C
from .fixed.target import INT8, INT16
from .nir_ import NIR
from .onnx_ import ONNX
from .plan import ExportError, Plan
from .record import Record
from .target import TOLERANCE, Files, Measured, Target, few

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
    "c": C,
    "numpy": Target("one Python file of NumPy", numpy_files, numpy_measure),
    "onnx": ONNX,
    "nir": NIR,
}
NUMBERS = {"float": C, "int16": INT16, "int8": INT8}  # of C


def find(to: str, numbers: str = "float") -> Target:
    """The target of that name; ExportError says which there are."""
    if to not in TARGETS:
        raise ExportError(f"there is no target {to!r}; there are {', '.join(TARGETS)}")
    if numbers not in NUMBERS:
        raise ExportError(f"numbers is {numbers!r}, expected {', '.join(NUMBERS)}")
    if numbers != "float" and to != "c":
        raise ExportError(f"numbers={numbers!r} is for C alone: {to} is exported in the network's own numbers")
    return NUMBERS[numbers] if to == "c" else TARGETS[to]


def title(to: str, numbers: str) -> str:
    """What an export is called in the table."""
    return to if numbers == "float" else f"{to} {numbers}"
