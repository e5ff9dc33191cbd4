"""The files of an ONNX export: both models, recorded samples with their answers, a program that replays them, and how to call them."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..plan import Array, ExportError, Plan
from ..record import Record
from ..target import TOLERANCE, Files, Measured, Target, few
from .model import OPSET, sequence_model, step_model

CHECK = '''"""Recorded samples through both models: python {name}_check.py exits with 0 when the answers agree."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

here = Path(__file__).parent
recorded = np.load(here / "{name}_check.npz")
x, dt, expected = recorded["x"], recorded["dt"], recorded["y"]
step = onnxruntime.InferenceSession(here / "{name}_step.onnx", providers=["CPUExecutionProvider"])
first = h = np.array([json.loads(step.get_modelmeta().custom_metadata_map["first"])], x.dtype)
y = []
for k in range(len(x)):
    one, h = step.run(["y", "h_next"], {{"x": x[k : k + 1], "dt": dt[k : k + 1], "h": h{given}}})
    y.append(one[0])

sequence = onnxruntime.InferenceSession(here / "{name}_sequence.onnx", providers=["CPUExecutionProvider"])
whole = {{"x": x[None], "dt": dt[None], "mask": np.ones((1, len(x)), bool), "h": first{given}}}
z, _ = sequence.run(["y", "h_next"], whole)

reach = max(np.ptp(expected), abs(expected).max())
worst = max(abs(np.stack(y) - expected).max(), abs(z[0] - expected).max()) / reach
print(f"worst error over {{len(x)}} steps: {{worst:.2g}} of the range")
sys.exit(int(not worst <= {limit}))
'''

README = """# {name}

A liquid network as ONNX (opset {opset}), made by tauflow: {inputs} numbers in, {outputs} out. It needs an ONNX runtime alone.

- `{name}_step.onnx` is one sample: x (batch, {inputs}), dt (batch), h (batch, {state}){given_shape} -> y (batch, {outputs}), h_next.
  This loop carries the state:

```python
{loop}
```

- `{name}_sequence.onnx` is a whole sequence as one Scan: x (batch, time, {inputs}), dt and mask (batch, time), h{given_shape}
  -> y (batch, time, {outputs}), h_next. A sample whose mask is False moves nothing.
- dt is the time since the previous sample, in the unit that the network was trained with; all numbers are {dtype}, mask is bool.{missing}
- A sample that can't be right ({wrong}) gives NaN and leaves the state as it was.
- Test: `pip install onnxruntime`, then `python {name}_check.py` replays recorded samples; it exits with 0 when they agree.
"""

LOOP = """import json
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("{name}_step.onnx")
known = session.get_modelmeta().custom_metadata_map
h = np.array([json.loads(known["first"])], np.{dtype})
for x, dt in samples:
    y, h = session.run(["y", "h_next"], {{"x": [x], "dt": [dt], "h": h{given}}})"""


def write(plan: Plan, name: str) -> dict[str, bytes]:
    """The models by their files' names."""
    check(plan)
    return {
        f"{name}_step.onnx": step_model(plan, name).SerializeToString(),
        f"{name}_sequence.onnx": sequence_model(plan, name).SerializeToString(),
    }


def check(plan: Plan) -> None:
    """Refuse what ONNX Runtime has in float32 alone."""
    for step in plan.steps:
        if plan.dtype != np.float32 and (step.kind == "convolve" or step.options.get("sigma") == "gelu"):
            what = "convolution" if step.kind == "convolve" else "gelu"
            raise ExportError(f"ONNX Runtime has no {what} in {plan.dtype.name}: export network.float()")


def onnx_files(plan: Plan, name: str, record: Record) -> dict[str, str | bytes]:
    """NAME_step.onnx, NAME_sequence.onnx, NAME_check.npz, NAME_check.py and README.md."""
    models = write(plan, name)
    shown, packed = few(plan, record), io.BytesIO()
    given = {} if shown.given is None else {"given": shown.given[None]}
    np.savez_compressed(packed, x=shown.x, dt=shown.dt, y=shown.y, **given)  # type: ignore[arg-type]
    static = plan.static > 0
    fields = {
        "name": name, "opset": OPSET, "inputs": plan.inputs, "outputs": plan.outputs, "state": len(plan.first),
        "dtype": plan.dtype.name, "limit": TOLERANCE, "given_shape": f", given (batch, {plan.static})" if static else "",
        "missing": " NaN in x: not measured." if plan.knows_missing else "",
        "wrong": ("" if plan.knows_missing else "NaN, ") + "infinity, a negative gap, a state that overflows",
        "loop": LOOP.format(name=name, dtype=plan.dtype.name, given=', "given": [given]' if static else ""),
        "given": ', "given": recorded["given"]' if static else "",
    }  # fmt: skip
    return {
        **models,
        f"{name}_check.npz": packed.getvalue(),
        f"{name}_check.py": CHECK.format(**fields),
        "README.md": README.format(**fields),
    }


def onnx_measure(plan: Plan, name: str, files: Files, record: Record) -> Measured:
    """Run by ONNX Runtime on one thread, if it is installed: both models, and the median time of a step."""
    size = len(files[f"{name}_step.onnx"])
    try:
        step, sequence = (session(files[f"{name}_{form}.onnx"]) for form in ("step", "sequence"))
    except ImportError:
        return Measured(size, None, None)
    given = {} if record.given is None else {"given": record.given[None]}
    y, took = stepped(step, plan, record.x, record.dt, given)
    whole = {
        "x": record.x[None],
        "dt": record.dt[None],
        "mask": np.ones((1, len(record.x)), bool),
        "h": plan.first[None],
    }
    z, _ = sequence.run(["y", "h_next"], {**whole, **given})
    return Measured(size, max(record.worst(y), record.worst(z[0])), float(np.median(took)))


def session(model: str | bytes) -> Any:
    """A model on one thread, as a control loop runs it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def stepped(step: Any, plan: Plan, x: Array, dt: Array, given: dict[str, Array]) -> tuple[Array, Array]:
    """The answers sample by sample, (n, outputs), and how long each took in nanoseconds."""
    h, ys, took = plan.first[None], list[Array](), list[int]()
    run: Callable[..., tuple[Array, Array]] = step.run
    for k in range(len(x)):
        start = time.perf_counter_ns()
        y, h = run(["y", "h_next"], {"x": x[k : k + 1], "dt": dt[k : k + 1], "h": h, **given})
        took.append(time.perf_counter_ns() - start)
        ys.append(y[0])
    return np.stack(ys), np.array(took)


ONNX = Target("ONNX models of one step and of a whole sequence", onnx_files, onnx_measure)
