"""One file a table. `TASKS` in the page's order; `get(name)` is the task."""

from __future__ import annotations

from importlib import import_module

from ..task import Task

TASKS = (
    "half_cheetah",
    "walker2d",
    "event_xor",
    "gesture",
    "occupancy",
    "ozone",
    "traffic",
    "power",
    "smnist",
    "vowels",
)


def get(name: str) -> Task:
    found: Task = import_module(f"{__name__}.{name}").TASK
    return found
