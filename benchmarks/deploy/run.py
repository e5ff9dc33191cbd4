"""Exports of one network of every cell: size, error against stream() and time a step here, and what a step costs on emulated boards."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tauflow import cells
from tauflow.deploy import Plan, c99, fixed, numpy_, plan
from tauflow.deploy.c99 import host
from tauflow.deploy.onnx_.model import step_model
from tauflow.deploy.onnx_.target import session, stepped
from tauflow.deploy.record import Record, record
from tauflow.deploy.targets import NUMBERS, TARGETS
from tauflow.sequence import Recurrent
from tauflow.wirings import auto_ncp

from . import boards

Array = NDArray[Any]

INPUTS, UNITS, OUTPUTS = 24, 19, 4
NCP = "NCP"
CELLS = ("ctrnn", "gated_ltc", "ltc", f"ltc {NCP}", "cfc", f"wired_cfc {NCP}", "gruode", "gru", "lstm")
REPEATS = 3  # of a measured time, of which the least counts: this machine has others on it
STEPS = 12  # on a board


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS), help="some of the cells")
    parser.add_argument("--no-boards", action="store_true", help="measure on this machine alone")


def run(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    made = {name: network(name) for name in options.cells}
    print(
        f"{INPUTS} inputs, {UNITS} neurons, weights as drawn; 1,000 steps, dt from .1 to 10; errors are of the range of the answers\n"
    )
    print(
        "| cell | stream() ns | target | bytes | worst error | rms | ns a step |\n| --- | --- | --- | --- | --- | --- | --- |"
    )
    for name, (net, steps, known) in made.items():
        lines = list(here(steps, known))
        for k, line in enumerate(lines):
            print(f"| {name if k == 0 else ''} | {stream_time(net, known) if k == 0 else ''} | {line}", flush=True)
    if options.no_boards:
        return
    found = {key: board for key, board in boards.BOARDS.items() if board.missing() is None}
    left = [board.title for key, board in boards.BOARDS.items() if key not in found]
    print(
        f"\nInstructions a step with -O2, clocks of the {boards.BOARDS['avr'].title}; bytes of code and constants for the Cortex-M4F"
    )
    print(f"{'left out, not installed: ' + ', '.join(left) if left else ''}")
    titles = " | ".join(board.title for board in found.values())
    print(
        f"| cell | numbers | bytes -Os | bytes -O2 | {titles} |\n| --- | --- | --- | --- | {' | '.join('---' for _ in found)} |"
    )
    for name, (_, steps, known) in made.items():
        for numbers in NUMBERS:
            print(
                f"| {name if numbers == 'float' else ''} | {numbers} | {there(steps, known, numbers, found)} |",
                flush=True,
            )


def network(name: str) -> tuple[Any, Plan, Record]:
    torch.manual_seed(0)
    cell, _, wiring = name.partition(" ")
    units: Any = auto_ncp(INPUTS, UNITS, OUTPUTS) if wiring else UNITS
    more = {"backbone_units": UNITS} if cell == "cfc" else {}
    net = Recurrent(cells.build(cell, INPUTS, units, **more)).eval()
    steps = plan(net)
    return net, steps, record(net, steps)


def stream_time(net: Any, known: Record) -> str:
    """Nanoseconds of stream(), the median of 1,000 in the best of some rounds."""
    import time

    stream, best = net.stream(), np.inf
    for _ in range(REPEATS):
        start = time.perf_counter_ns()
        for x, dt in zip(known.x, known.dt.tolist(), strict=True):
            stream(x, dt)
        best = min(best, (time.perf_counter_ns() - start) / len(known.x))
    return f"{best:,.0f}"


def here(steps: Plan, known: Record) -> Iterator[str]:
    """A line a target."""
    for numbers in NUMBERS:
        files = written(steps, known, numbers)
        rounds = [host.run(files, "net", known.x, known.dt, steps.outputs, timed=20_000) for _ in range(REPEATS)]
        size = host.size(files, "net")
        yield _line(f"c {numbers}", size, known, rounds[0].y, min(one.nanoseconds for one in rounds))
    text = numpy_.write(steps, "net")
    measured = TARGETS["numpy"].measure(steps, "net", {"net.py": text}, known)
    yield _line("numpy", len(text), known, _numpy(text, known), measured.nanoseconds or 0)
    model = step_model(steps, "net").SerializeToString()
    rounds_ = [stepped(session(model), steps, known.x, known.dt, {}) for _ in range(REPEATS)]
    yield _line("onnx, one step", len(model), known, rounds_[0][0], min(float(np.median(took)) for _, took in rounds_))


def written(steps: Plan, known: Record, numbers: str) -> dict[str, str]:
    """The C."""
    if numbers == "float":
        return c99.write(steps, "net")
    return fixed.write(steps, "net", int(numbers[3:]), seen(steps, known))


def seen(steps: Plan, known: Record) -> fixed.Ranges:
    """What calibration saw: other samples than those of the error."""
    x, dt = known.seen or known[:2]
    return fixed.measure(steps, x, dt)


def _numpy(text: str, known: Record) -> Array:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "net.py"
        place.write_text(text)
        space: dict[str, Any] = {}
        exec(compile(text, os.fspath(place), "exec"), space)
    net = space["Net"]()
    return np.stack([net(x, float(dt)) for x, dt in zip(known.x, known.dt, strict=True)])


def _line(target: str, size: int, known: Record, y: Array, nanoseconds: float) -> str:
    reach = max(float(np.ptp(known.y)), float(np.abs(known.y).max()))
    away = (np.asarray(y, float) - known.y) / reach
    return f"{target} | {size:,} | {np.abs(away).max():.1e} | {np.sqrt((away**2).mean()):.1e} | {nanoseconds:,.0f} |"


def there(steps: Plan, known: Record, numbers: str, found: dict[str, boards.Board]) -> str:
    """Bytes, and the counts of the boards."""
    files, few = written(steps, known, numbers), known.first(STEPS)
    x, dt, y = few.x, few.dt, few.y
    if numbers != "float":
        x, dt = fixed.samples(steps, seen(steps, known), few.x, few.dt)
        y = np.zeros(few.y.shape, np.int32)
    ran = {key: _on(board, files, x, dt, y) for key, board in found.items()}
    sums = {one.sum for one in ran.values() if one is not None}
    if numbers != "float" and len(sums) > 1:
        raise RuntimeError(f"the boards differ: {ran}")
    sizes = ["", ""]
    if "m4f" in found:
        sizes = [f"{boards.run(found['m4f'], files, 'net', x, dt, y, how).size:,}" for how in ("-Os", "-O2")]
    return " | ".join([*sizes, *("no room" if one is None else f"{one.count:,}" for one in ran.values())])


def _on(board: boards.Board, files: dict[str, str], x: Array, dt: Array, y: Array) -> boards.Ran | None:
    """None where its memory has no room for the network."""
    try:
        return boards.run(board, files, "net", x, dt, y, "-O2")
    except RuntimeError as error:
        if "not within region" in str(error) or "overflowed by" in str(error):
            return None
        raise
