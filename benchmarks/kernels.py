"""One training step (forward and backward) of each cell: the C++ kernel, the reference, ncps, and torch's LSTM and RNN.

Each kernel is first held to the reference, and nothing is timed when it fails. Then all of a shape run in turn, A B C A B C, so
that a disturbance hits everybody; a figure is the median. Machine, commit and versions stand beside the results.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import ncps.torch
import ncps.wirings
import torch
from torch import Tensor, nn

from tauflow import _core, wirings
from tauflow.cells import CTRNN, GRUODE, LTC, Cell, CfC, GatedLTC, WiredCfC
from tauflow.ops import cpu, reference


class Shape(NamedTuple):
    """A sequence's sizes; `outputs` > 0 for an NCP wiring of that many units and outputs."""

    batch: int
    time: int
    inputs: int
    units: int
    outputs: int = 0


SHAPES = {"A": Shape(32, 100, 8, 32), "B": Shape(64, 256, 16, 64), "C": Shape(16, 1000, 4, 19, 4)}

Step = Callable[[], object]


def cells(shape: Shape) -> dict[str, Cell]:
    """The cells of a shape; `ltc6` is the arithmetic of ncps, `ltc` ours."""
    inputs, units = shape.inputs, shape.units
    if shape.outputs:
        wiring = wirings.auto_ncp(inputs, units, shape.outputs)
        ltc6 = LTC(inputs, wiring, init="ncps", solver="semi_implicit", substeps=6, epsilon=1e-8)
        return {"ltc6": ltc6, "ltc": LTC(inputs, wiring), "wired_cfc": WiredCfC(inputs, wiring)}
    return {
        "ctrnn": CTRNN(inputs, units),
        "gated_ltc": GatedLTC(inputs, units),
        "gruode": GRUODE(inputs, units),
        "cfc": CfC(inputs, units),
        "ltc6": LTC(inputs, units, init="ncps", solver="semi_implicit", substeps=6, epsilon=1e-8),
        "ltc": LTC(inputs, units),
    }


def others(shape: Shape) -> dict[str, nn.Module]:
    """What the kernels are compared with, beside the reference."""
    inputs, units = shape.inputs, shape.units
    static = {
        "torch.lstm": nn.LSTM(inputs, units, batch_first=True),
        "torch.rnn": nn.RNN(inputs, units, batch_first=True),
    }
    if shape.outputs:
        wiring = ncps.wirings.AutoNCP(units, shape.outputs)
        return {**static, "ncps.ltc": ncps.torch.LTC(inputs, wiring), "ncps.wired_cfc": ncps.torch.CfC(inputs, wiring)}
    return {**static, "ncps.ltc": ncps.torch.LTC(inputs, units), "ncps.cfc": ncps.torch.CfC(inputs, units)}


def data(shape: Shape, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """x and irregular dt."""
    x = torch.randn(shape.batch, shape.time, shape.inputs, dtype=dtype)
    return x, torch.rand(shape.batch, shape.time, dtype=dtype) + 0.1


def check_parity(cell: Cell, shape: Shape) -> None:
    """The kernel's output and gradients against the reference's in float64, or an error."""
    short = shape._replace(batch=min(shape.batch, 20), time=7)
    x, dt = data(short, torch.float64)
    cell = cell.double()
    found = []
    for backend in (reference, cpu):
        y, h = backend.run(cell, x, dt, None, cell.initial_state(short.batch))
        found.append([y, *torch.autograd.grad(y.square().sum() + h.sum(), list(cell.parameters()))])
    for truth, got in zip(*found, strict=True):
        difference = float((truth - got).detach().abs().max() / truth.detach().abs().max().clamp(min=1e-30))
        if not difference < 1e-12:
            raise RuntimeError(f"the kernel of {cell.name} is {difference:.1e} away from the reference")
    cell.float()


def step_of(run: Callable[[], Tensor], module: nn.Module) -> Step:
    """One training step without the optimiser."""

    def step() -> None:
        for parameter in module.parameters():
            parameter.grad = None
        run().sum().backward()

    return step


def steps(shape: Shape) -> dict[str, Step]:
    """Everything that is timed at this shape; each kernel has passed its parity check."""
    x, dt = data(shape)
    found: dict[str, Step] = {}
    for name, cell in cells(shape).items():
        if cpu.why_not(cell, None) is not None:
            continue
        check_parity(cell, shape)
        h = cell.initial_state(shape.batch)
        for backend in (cpu, reference):
            # The LTC of the reference at B holds gigabytes.
            if backend is cpu or not (shape == SHAPES["B"] and cell.name == "ltc"):
                run = lambda cell=cell, h=h, backend=backend: backend.run(cell, x, dt, None, h)[0]  # noqa: E731
                found[f"{backend.__name__.rpartition('.')[2]}.{name}"] = step_of(run, cell)
    for name, module in others(shape).items():
        found[name] = step_of(lambda module=module: module(x)[0], module)  # type: ignore[misc]
    return found


def interleaved(timed: dict[str, Step], repeats: int) -> dict[str, dict[str, float]]:
    """Median CPU and wall milliseconds. What takes seconds is run fewer times."""
    cpu_times: dict[str, list[float]] = {name: [] for name in timed}
    wall_times: dict[str, list[float]] = {name: [] for name in timed}
    for step in timed.values():
        step()
    for turn in range(repeats):
        for name, step in timed.items():
            if turn >= 2 and sum(cpu_times[name]) > 8000:
                continue
            wall, used = time.perf_counter(), time.process_time()
            step()
            cpu_times[name].append((time.process_time() - used) * 1e3)
            wall_times[name].append((time.perf_counter() - wall) * 1e3)
    return {
        name: {"cpu_ms": statistics.median(cpu_times[name]), "wall_ms": statistics.median(wall_times[name])}
        for name in timed
    }


def surroundings(threads: int) -> dict[str, Any]:
    """What the figures depend on."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    processor = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    packages = {name: version(name) for name in ("tauflow", "torch", "ncps")}
    python = platform.python_version()
    return {
        "commit": commit,
        "processor": processor,
        "isa": _core.isa_in_use(),
        "threads": threads,
        "python": python,
    } | packages


def main(shapes: list[str], repeats: int, threads: int, out: Path) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    results: dict[str, Any] = {"machine": surroundings(threads), "shapes": {}}
    for shape in shapes:
        found = interleaved(steps(SHAPES[shape]), repeats)
        results["shapes"][shape] = found
        print(f"\n{shape} {SHAPES[shape]}\n{'':24} {'CPU ms':>9} {'wall ms':>9} {'x LSTM':>8}")
        for name, figures in sorted(found.items(), key=lambda item: item[1]["cpu_ms"]):
            ratio = found["torch.lstm"]["cpu_ms"] / figures["cpu_ms"]
            print(f"{name:24} {figures['cpu_ms']:9.2f} {figures['wall_ms']:9.2f} {ratio:8.2f}")
    out.write_text(json.dumps(results, indent=1) + "\n")
