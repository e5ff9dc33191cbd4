"""Agents that learn by reward in a world that hides its velocities: liquid policies beside static ones of equal size."""

from __future__ import annotations

from .table import Judged, Run, Score, judge, play
from .train import CELLS, Agent, Task, say, teach, variants

__all__ = [
    "CELLS",
    "Agent",
    "Judged",
    "Run",
    "Score",
    "Task",
    "judge",
    "play",
    "say",
    "teach",
    "variants",
]
