"""The racetrack of highway-env: the same drivers on a road of two lanes, by a grid of cells."""

from __future__ import annotations

from .world import CONDITIONS, SETTINGS, Racetrack, expert, judge, road, school

__all__ = ["CONDITIONS", "SETTINGS", "Racetrack", "expert", "judge", "road", "school"]
