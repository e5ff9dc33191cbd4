"""Cars that keep their lane by camera and LiDAR: networks of equal size, taught by imitation, judged in all weathers."""

from __future__ import annotations

from .table import EXPERT, Judged, Score, judge
from .train import CELLS, QUICK, Driver, Settings, teach
from .trial import CONDITIONS, Run, run
from .world import CLEAR, TRAINING, Drive, Weather, careful, expert

__all__ = [
    "CELLS",
    "CLEAR",
    "CONDITIONS",
    "EXPERT",
    "QUICK",
    "TRAINING",
    "Drive",
    "Driver",
    "Judged",
    "Run",
    "Score",
    "Settings",
    "Weather",
    "careful",
    "expert",
    "judge",
    "run",
    "teach",
]
