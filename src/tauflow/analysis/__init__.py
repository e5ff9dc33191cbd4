"""Why a network is stable: what can be proved of it, and what is measured along its own data, each with a stated error."""

from __future__ import annotations

from .bounds import Bounds, LayerBounds, bounds, step_factor
from .cell import time_constants
from .certificate import AnalysisError, Certificate
from .certifying import certify
from .fixed_points import FixedPoints, fixed_points
from .motion import Motion, Row
from .spectrum import Spectrum, lyapunov, spectrum
from .speed import SpeedTable, at_speed, speed_table
from .steps import StepMargin, step_margin

__all__ = [
    "AnalysisError",
    "Bounds",
    "Certificate",
    "FixedPoints",
    "LayerBounds",
    "Motion",
    "Row",
    "Spectrum",
    "SpeedTable",
    "StepMargin",
    "at_speed",
    "bounds",
    "certify",
    "fixed_points",
    "lyapunov",
    "spectrum",
    "speed_table",
    "step_factor",
    "step_margin",
    "time_constants",
]
