"""The parts of a network, one idea a file: what comes before the core, what stands behind it, and cores to compare with.

They are found by their names, so this file brings all of them in; a part of one's own is a subclass of `Part`.
"""

from __future__ import annotations

from . import encoders, gap, heads, history, missing, pools, ranks, readouts, scale, sensors, waves, windowed, words
from .part import Part

__all__ = [
    "Part",
    "encoders",
    "gap",
    "heads",
    "history",
    "missing",
    "pools",
    "ranks",
    "readouts",
    "scale",
    "sensors",
    "waves",
    "windowed",
    "words",
]
