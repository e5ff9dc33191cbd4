"""A robot arm that carries what nobody told it: policies on top of a blind law, judged beside it and beside an expert."""

from __future__ import annotations

from .table import BLIND, EXPERT, LAWS, Judged, Score, judge, run
from .train import CELLS, QUICK, WAYS, Policy, Settings, teach
from .world import Arm, blind, carry, expert

__all__ = [
    "BLIND",
    "CELLS",
    "EXPERT",
    "LAWS",
    "QUICK",
    "WAYS",
    "Arm",
    "Judged",
    "Policy",
    "Score",
    "Settings",
    "blind",
    "carry",
    "expert",
    "judge",
    "run",
    "teach",
]
