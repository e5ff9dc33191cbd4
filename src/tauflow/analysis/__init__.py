"""Why a network is stable: what can be proved of it, and what is measured along its own data, each with a stated error."""

from __future__ import annotations

from .motion import Motion, Row
from .proof.bounds import Bounds, LayerBounds, bounds, step_factor
from .proof.cell import time_constants
from .proof.certificate import AnalysisError, Certificate
from .proof.certifying import certify
from .proof.counter import CounterExample, counter_example, worst_found
from .rest.fixed_points import FixedPoints, fixed_points
from .spectrum import Spectrum, lyapunov, spectrum
from .speed import SpeedTable, at_speed, speed_table
from .steps import StepMargin, step_margin

__all__ = [
    "AnalysisError",
    "Bounds",
    "Certificate",
    "CounterExample",
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
    "counter_example",
    "fixed_points",
    "lyapunov",
    "spectrum",
    "speed_table",
    "step_factor",
    "step_margin",
    "time_constants",
    "worst_found",
]
