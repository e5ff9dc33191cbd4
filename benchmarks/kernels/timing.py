"""Times of several things that run in turn, A B C A B C, so that a disturbance hits everybody.

Each timed step follows one of its own that is not timed, as in a training loop: what another left in caches and memory is no
part of it. What takes a quarter of a second is its own warm-up.

CPU time (of all threads of the process) and wall time in milliseconds: the median, and the least and the greatest CPU time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import TypedDict

from .progress import Progress

Step = Callable[[], object]
BUDGET = 4.0  # seconds: what takes longer than BUDGET / repeats is run fewer times, but twice


class Times(TypedDict):
    cpu_ms: float
    wall_ms: float
    least_cpu_ms: float
    greatest_cpu_ms: float
    runs: int


def interleaved(steps: Mapping[str, Step], repeats: int, title: str) -> dict[str, Times]:
    """A first run of each is not counted: it loads code and memory, and tells how long one takes."""
    progress = Progress(title, (1 + repeats) * len(steps))
    turns, short = {}, set()
    for name, step in steps.items():
        progress.at(f"{name}, once before")
        _, wall = once(step)
        if wall < 250:
            short.add(name)
        turns[name] = max(min(repeats, 2), min(repeats, int(BUDGET / max(wall / 1e3, 1e-9))))
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for turn in range(repeats):
        for name, step in steps.items():
            progress.at(f"{name}, {turn + 1} of {turns[name]}")
            if turn < turns[name]:
                if name in short:
                    step()
                found[name].append(once(step))
    progress.end()
    return {name: summary(runs) for name, runs in found.items()}


def once(step: Step) -> tuple[float, float]:
    """CPU and wall milliseconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return cpu * 1e3, wall * 1e3


def summary(runs: list[tuple[float, float]]) -> Times:
    cpu, wall = [run[0] for run in runs], [run[1] for run in runs]
    return {
        "cpu_ms": statistics.median(cpu),
        "wall_ms": statistics.median(wall),
        "least_cpu_ms": min(cpu),
        "greatest_cpu_ms": max(cpu),
        "runs": len(runs),
    }
