"""How the CPU time of a step grows with the number of steps and with the number of synapses.

    exponent  p of the least-squares line log(time) = p log(x) + c through all points: 1 is linear
    last      the same through the two largest alone, where what a call costs by itself no longer counts

Synapses: an LTC that is dense, at growing H; and NCP wirings of one H at several sparsities. `units` has the exponent in H.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from tauflow import wirings
from tauflow.cells import LTC
from tauflow.sequence import Recurrent

from .contestants import build, step
from .shapes import Settings, Shape, data
from .timing import interleaved

MODELS = ("kernel.ltc", "kernel.gated_ltc", "kernel.ctrnn", "kernel.cfc", "torch.lstm")
UNITS_OF_WIRINGS, INPUTS, STEPS = 128, 8, 100
Runs = dict[tuple[str, float], Callable[[], None]]  # (series, x) -> step


def measure(settings: Settings) -> dict[str, Any]:
    """What grows -> series -> {points: [x, CPU ms], exponent, last}."""
    repeats, batch = min(settings.repeats, 7), settings.scaling_batch
    return {
        "time": fitted(over_time(settings.times, batch), repeats, "time against the number of steps"),
        "units": fitted(over_units(settings.units, batch), repeats, "time against the number of units"),
        "synapses": fitted(
            over_synapses(settings.units, settings.sparsities, batch), repeats, "time against the number of synapses"
        ),
    }


def over_time(times: tuple[int, ...], batch: int) -> Runs:
    return {(name, time): ready(name, Shape(batch, time, INPUTS, 32)) for name in MODELS for time in times}


def over_units(units: tuple[int, ...], batch: int) -> Runs:
    return {(name, count): ready(name, Shape(batch, STEPS, INPUTS, count)) for name in MODELS for count in units}


def over_synapses(units: tuple[int, ...], sparsities: tuple[float, ...], batch: int) -> Runs:
    """x counts all synapses, the sensory ones too."""
    runs: Runs = {}
    for count in units:
        wiring = wirings.dense(INPUTS, count)
        runs["dense LTC, growing H", _synapses(wiring)] = wired(wiring, batch)
    for sparsity in sparsities:
        wiring = wirings.auto_ncp(INPUTS, UNITS_OF_WIRINGS, 8, sparsity=sparsity)
        runs[f"NCP wirings, H = {UNITS_OF_WIRINGS}", _synapses(wiring)] = wired(wiring, batch)
    return runs


def _synapses(wiring: wirings.Wiring) -> int:
    return wiring.synapse_count + wiring.sensory_synapse_count


def ready(name: str, shape: Shape) -> Callable[[], None]:
    return step(name, build(name, shape), *data(shape))


def wired(wiring: wirings.Wiring, batch: int) -> Callable[[], None]:
    torch.manual_seed(1)
    module = Recurrent(LTC(INPUTS, wiring), backend="cpu")
    return step("kernel.ltc", module, *data(Shape(batch, STEPS, INPUTS, wiring.units)))


def fitted(runs: Runs, repeats: int, title: str) -> dict[str, Any]:
    times = interleaved({f"{series}, {x}": run for (series, x), run in runs.items()}, repeats, title)
    points: dict[str, list[tuple[float, float]]] = {}
    for series, x in runs:
        points.setdefault(series, []).append((x, times[f"{series}, {x}"]["cpu_ms"]))
    return {series: fit(sorted(found)) for series, found in points.items()}


def fit(points: list[tuple[float, float]]) -> Mapping[str, Any]:
    return {"points": [list(point) for point in points], "exponent": slope(points), "last": slope(points[-2:])}


def slope(points: list[tuple[float, float]]) -> float:
    """Of the least-squares line through the logarithms."""
    xs, ys = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    x0, y0 = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - x0) * (y - y0) for x, y in zip(xs, ys, strict=True)) / sum((x - x0) ** 2 for x in xs)
