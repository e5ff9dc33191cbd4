"""torch.compile of a cell's step, called in a Python loop over time, beside the same model eager and our kernel in its place.

Only on request: compiling takes from half a minute to minutes. Shape A with few steps; each model in a fresh process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from . import child
from .contestants import MissingError, build, step
from .progress import Progress
from .shapes import SHAPES, Settings, Shape, data
from .timing import interleaved

MODELS = ("reference.ltc6", "reference.cfc", "ncps.ltc", "ncps.cfc")
STEPS = 20


def measure(settings: Settings) -> dict[str, Any]:
    """model -> {compiled, eager, kernel: CPU ms of a step, compile_s: seconds until the first one was done}."""
    progress = Progress("torch.compile", len(MODELS))
    found = {}
    for name in MODELS:
        progress.at(name)
        try:
            found[name] = child.call("benchmarks.kernels.compiled:job", {"name": name, "repeats": settings.repeats})
        except MissingError as why:
            found[name] = {"missing": str(why)}
        except RuntimeError as error:
            found[name] = {"missing": f"torch.compile fails: {str(error).splitlines()[-1][:120]}"}
    progress.end()
    return {"shape": SHAPES["A"]._replace(time=STEPS), "models": found}


def job(name: str, repeats: int) -> dict[str, float]:
    torch.set_num_threads(1)
    shape = SHAPES["A"]._replace(time=STEPS)
    x, dt = data(shape)
    ours = name.replace("ncps.", "drop-in.").replace("reference.", "kernel.")
    steps = {what: step(one, build(one, shape), x, dt) for what, one in {"eager": name, "kernel": ours}.items()}
    steps["compiled"] = compiled(name, build(name, shape), shape, x, dt)
    start = time.perf_counter()
    steps["compiled"]()
    seconds = time.perf_counter() - start
    times = interleaved(steps, repeats, name)
    return {**{what: found["cpu_ms"] for what, found in times.items()}, "compile_s": seconds}


def compiled(name: str, module: nn.Module, shape: Shape, x: Tensor, dt: Tensor) -> Callable[[], None]:
    """A training step whose loop over time calls the compiled cell."""
    cell: Any = getattr(module, "rnn_cell", None) or module.cell
    one: Callable[..., Any] = torch.compile(cell.forward if name.startswith("ncps.") else cell.step)

    def run() -> None:
        for parameter in module.parameters():
            parameter.grad = None
        h, ys = torch.zeros(shape.batch, shape.units), []
        for t in range(shape.time):
            if name.startswith("ncps."):
                y, h = one(x[:, t], h, 1.0)
            else:
                h = one(x[:, t], dt[:, t], h)
                y = cell.output(h)
            ys.append(y)
        torch.stack(ys, dim=1).sum().backward()

    return run
