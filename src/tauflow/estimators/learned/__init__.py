"""What a forecaster's networks learn and how: starts that they correct, runs that are tried, a blend. Read `learner.py` first."""

from __future__ import annotations

from .blend import Blend, built
from .honest import honest_without_network
from .learner import Learner, Rows
from .plans import Way
from .starts import STARTS

__all__ = ["STARTS", "Blend", "Learner", "Rows", "Way", "built", "honest_without_network"]
