"""Whole networks sample by sample: microseconds of processor time from raw readings to an answer, one thread, beside their goals.

    network     `stream = Network(...).stream(); y = stream(x, dt)`, NumPy in and out
    rows        16 streams side by side, `stream(rows=16)`: a sample of each
    forecaster  one more row of a table, and the forecast of the 24 steps after it

Nothing is timed before its numbers are right: a stream equals the sequence to the bit, rows equal streams to the bit. A burst of calls is
timed as one, the bursts of all come in turn, and the median of the bursts counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import tauflow
from tauflow import Forecaster, Network, cells, wirings
from tauflow.estimators.learned import Blend
from tauflow.estimators.streaming import ForecastStream
from tauflow.training import Batch

from . import machine

READINGS, UNITS, ROWS, H = 24, 32, 16, 24
SAMPLES = 256  # other numbers each time, round and round
Array = NDArray[np.float32]
Call = Callable[[int], object]  # the number of the sample


@dataclass(frozen=True)
class Contestant:
    what: str
    call: Call
    goal: float | None = None  # microseconds a sample
    far: float = 0.0  # from the sequence, at most: 0 is equal to the bit


class ParityError(Exception):
    """A stream that is not what the sequence gives."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--turns", type=int, default=60, help="bursts of each (60)")
    parser.add_argument("--calls", type=int, default=200, help="in a burst (200)")


def run(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    print(table(measure(options.turns, options.calls)))


def measure(turns: int, calls: int) -> list[tuple[Contestant, float]]:
    """Each with its microseconds."""
    torch.manual_seed(0)
    contestants = [*hybrids(), *plain(), *side_by_side(), *forecasters()]
    took: dict[str, list[float]] = {one.what: [] for one in contestants}
    for turn in range(1 + turns):
        for one in contestants:
            microseconds = burst(one.call, calls)
            if turn:  # the first of each loads code and memory
                took[one.what].append(microseconds)
    return [(one, statistics.median(took[one.what])) for one in contestants]


def burst(call: Call, calls: int) -> float:
    """Microseconds of processor time of one call."""
    began = time.process_time_ns()
    for k in range(calls):
        call(k % SAMPLES)
    return (time.process_time_ns() - began) / calls / 1e3


def hybrids() -> list[Contestant]:
    """24 readings, a scale, a dense layer of 32, a sparse core of 19 neurons; 4 answers."""
    found = []
    for cell in ("wired_cfc", "ltc"):
        wiring = wirings.auto_ncp(32, 19, 4)
        core: dict[str, Any] = {"core": cell, "units": wiring, "encoder": {"name": "dense", "units": 32}}
        skip = {"name": "skip", "units": 64}
        what = f"24 readings, scale, dense 32, {cell} NCP 19"
        found.append(streamed(f"{what}, linear readout", Network(READINGS, 4, **core), goal=1.5))
        found.append(streamed(f"{what}, skip readout 64", Network(READINGS, 4, **core, readout=skip), goal=3.0))
    return found


def plain() -> list[Contestant]:
    """Every cell in the network that `Network(8, 1, cell)` is."""
    return [streamed(f"8 readings, scale, {cell} 32, linear readout", Network(8, 1, cell, UNITS)) for cell in CELLS]


def side_by_side() -> list[Contestant]:
    return [
        rows(f"16 rows of {cell} 32", Network(8, 1, cell, UNITS), 8.0 if cell == "cfc" else None)
        for cell in ("cfc", "ctrnn", "gru")
    ]


def forecasters() -> list[Contestant]:
    table = tauflow.datasets.traffic()[:1500]
    return [forecaster(cell, table) for cell in CELLS]


CELLS = [name for name in cells.names() if not name.endswith("_ncps")]


def samples(network: Network) -> tuple[Array, list[float]]:
    """Readings (SAMPLES, inputs) and gaps; the network has measured them."""
    random = np.random.default_rng(0)
    x = random.normal(3, 2, (SAMPLES, network.inputs)).astype(np.float32)
    dt = (random.random(SAMPLES) + 0.1).astype(np.float32)
    network.measure(Batch(torch.from_numpy(x)[None], None, torch.from_numpy(dt)[None]))
    return x, dt.tolist()


def streamed(what: str, network: Network, goal: float | None = None) -> Contestant:
    x, dt = samples(network.eval())
    with torch.no_grad():
        whole = network(torch.from_numpy(x).expand(8, -1, -1), torch.tensor(dt).expand(8, -1))[0][0].numpy()
    stream = network.stream(backend="cpu")
    same(what, np.stack([stream(x[k], dt[k]) for k in range(SAMPLES)]), whole)
    return Contestant(what, lambda k: stream(x[k], dt[k]), goal)


def rows(what: str, network: Network, goal: float | None) -> Contestant:
    x, dt = samples(network.eval())
    many, streams = network.stream(rows=ROWS), [network.stream() for _ in range(ROWS)]
    batches = np.stack([np.roll(x, row, axis=0) for row in range(ROWS)], axis=1)  # (SAMPLES, ROWS, inputs)
    for batch, gap in zip(batches, dt, strict=True):
        same(what, many(batch, gap), np.stack([one(u, gap) for one, u in zip(streams, batch, strict=True)]))
    return Contestant(what, lambda k: many(batches[k], dt[k]), goal)


def forecaster(cell: str, data: Any) -> Contestant:
    """Checked to 1e-5: its layers around the cell are NumPy's, in the network they are torch's."""
    what = f"forecaster ({cell} 32), one more row, {H} steps"
    fitted = Forecaster(cell, h=H, epochs=1, steps=1).fit(data, target="volume", progress=False).predictor
    assert isinstance(fitted, Blend)
    network = fitted.network
    random = np.random.default_rng(0)
    x = random.normal(size=(SAMPLES, network.recurrent.inputs)).astype(np.float32)
    query = random.normal(size=(H, network.query.in_features)).astype(np.float32)
    start = random.normal(size=(H, network.seen.in_features)).astype(np.float32)
    stream = ForecastStream(network)
    found = np.stack([stream(u, 1.0, query, start) for u in x])
    with torch.no_grad():
        y = network.recurrent(torch.from_numpy(x)[None])[0][0]
        whole = network.read(y, torch.from_numpy(query).expand(SAMPLES, -1, -1), torch.from_numpy(start)).numpy()
    same(what, found, whole, far=1e-5)
    return Contestant(what, lambda k: stream(x[k], 1.0, query, start), 25.0, far=1e-5)


def same(what: str, found: Array, expected: Array, far: float = 0.0) -> None:
    distance = float(np.abs(found - expected).max())
    if not distance <= far:
        raise ParityError(f"{what}: the stream is {distance:.1e} away from the sequence, expected at most {far:g}")


def table(measured: list[tuple[Contestant, float]]) -> str:
    """The table of docs/streaming.md."""
    about = machine.describe()
    versions = ", ".join(f"{name} {about['versions'][name]}" for name in ("torch", "numpy"))
    where = f"{about['processor']}, {about['processors']} processors, kernels for {about['isa']}"
    load = f"load average {os.getloadavg()[0]:.1f}"
    lines = [f"{about['date']}, commit {about['commit']}, {where}, {load}; Python {about['python']}, {versions}.", ""]
    lines += ["| a sample of | µs | goal | equal to the sequence |", "| --- | --- | --- | --- |"]
    for one, microseconds in measured:
        goal = "" if one.goal is None else f"{one.goal:g}, {'met' if microseconds <= one.goal else 'missed'}"
        equal = "to the bit" if one.far == 0 else f"to {one.far:.0e}"
        lines.append(f"| {one.what} | {microseconds:.2f} | {goal} | {equal} |")
    return "\n".join(lines)
