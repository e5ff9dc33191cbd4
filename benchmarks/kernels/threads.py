"""How much faster two threads are than one, in wall time: each setting in fresh processes, in turn.

    step   forward, sum of the outputs, backward, as a user writes it
    alone  forward and backward of the kernel, the gradient of the outputs given: no other operation of torch in between

torch's own threads (OpenMP) go on spinning for milliseconds after each of its parallel operations, `sum` for one, and then
stand in the way of other threads on a machine with as many processors as threads. OMP_WAIT_POLICY=passive, set before
Python starts, lets them sleep, so two threads are measured with and without it; `processes` is what the machine gives to
two processes of one thread that run at once.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import nn

from tauflow.ops import cpu
from tauflow.sequence import Recurrent

from . import child
from .contestants import build, names, step
from .progress import Progress
from .shapes import Settings, Shape, data
from .timing import once

SETTINGS: dict[str, tuple[int, dict[str, str]]] = {
    "one": (1, {}),
    "two": (2, {}),
    "two_passive": (2, {"OMP_WAIT_POLICY": "passive"}),
}


def measure(settings: Settings) -> dict[str, Any]:
    """shape -> model -> {setting: wall ms of a step}, and "alone" the same for the kernel alone."""
    if (os.cpu_count() or 1) < 2:
        return {"missing": "this machine has one processor"}
    shapes = {key: settings.shapes[key] for key in settings.thread_shapes}
    progress = Progress("one and two threads", settings.thread_rounds * (len(SETTINGS) + 1))
    found: dict[str, list[Any]] = {setting: [] for setting in (*SETTINGS, "processes")}
    for _ in range(settings.thread_rounds):
        for setting, (threads, environment) in SETTINGS.items():
            progress.at(setting)
            arguments = {"threads": threads, "shapes": shapes, "repeats": settings.repeats}
            found[setting].append(child.call("benchmarks.kernels.threads:job", arguments, environment))
        progress.at("two processes at once")
        with ThreadPoolExecutor(2) as pool:
            arguments = {"threads": 1, "shapes": shapes, "repeats": settings.repeats}
            both = [pool.submit(child.call, "benchmarks.kernels.threads:job", arguments) for _ in range(2)]
            found["processes"] += [one.result() for one in both]
    progress.end()
    return {
        key: {
            name: {
                what: {setting: median([run[key][name][what] for run in runs]) for setting, runs in found.items()}
                for what in parts
            }
            for name, parts in found["one"][0][key].items()
        }
        for key in shapes
    }


def median(values: list[float]) -> float:
    return statistics.median(values)


def job(threads: int, shapes: dict[str, list[int]], repeats: int) -> dict[str, Any]:
    """Median wall milliseconds of each model in this process."""
    torch.set_num_threads(threads)
    found: dict[str, Any] = {}
    for key, sizes in shapes.items():
        shape = Shape(*sizes)
        x, dt = data(shape)
        found[key] = {}
        for name in names(shape, key):
            if name.startswith(("kernel.", "torch.")):
                module = build(name, shape)
                found[key][name] = {"step": wall(step(name, module, x, dt), repeats)}
                if name.startswith("kernel."):
                    found[key][name]["alone"] = wall(alone(module, x, dt), repeats)
    return found


def wall(run: Callable[[], object], repeats: int) -> float:
    run()
    return statistics.median(once(run)[1] for _ in range(repeats))


def alone(module: nn.Module, x: torch.Tensor, dt: torch.Tensor) -> Callable[[], object]:
    """Forward and backward by the kernel's operators, the gradient of the outputs given."""
    assert isinstance(module, Recurrent)
    cell, h = module.cell, module.initial_state(len(x))
    ones = torch.ones(*x.shape[:2], module.outputs)

    def run() -> None:
        for parameter in cell.parameters():
            parameter.grad = None
        cpu.run(cell, x, dt, None, h)[0].backward(ones)

    return run
