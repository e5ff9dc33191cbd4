"""Why a network is stable: what can be proved of it, and what is measured along its own data, each with a stated error."""

from __future__ import annotations

from ..network import SuggestedTau, suggest_tau
from .card import Stability, stability
from .cloud import Eigenvalues, eigenvalues
from .meeting import Meeting, meeting
from .motion import Motion, Row
from .proof.bounds import Bounds, LayerBounds, bounds, step_factor
from .proof.cell import time_constants
from .proof.certificate import AnalysisError, Certificate
from .proof.certifying import certify
from .proof.counter import CounterExample, counter_example, worst_found
from .rest.bifurcation import Bifurcation, bifurcation
from .rest.cycles import Cycles, cycles
from .rest.fixed_points import FixedPoints, fixed_points
from .rest.portrait import Portrait, portrait
from .spectrum import Spectrum, lyapunov, spectrum
from .speed import SpeedTable, at_speed, speed_table
from .steps import StepMargin, step_margin

__all__ = [
    "AnalysisError",
    "Bifurcation",
    "Bounds",
    "Certificate",
    "CounterExample",
    "Cycles",
    "Eigenvalues",
    "FixedPoints",
    "LayerBounds",
    "Meeting",
    "Motion",
    "Portrait",
    "Row",
    "Spectrum",
    "SpeedTable",
    "Stability",
    "StepMargin",
    "SuggestedTau",
    "at_speed",
    "bifurcation",
    "bounds",
    "certify",
    "counter_example",
    "cycles",
    "eigenvalues",
    "fixed_points",
    "lyapunov",
    "meeting",
    "portrait",
    "spectrum",
    "speed_table",
    "stability",
    "step_factor",
    "step_margin",
    "suggest_tau",
    "time_constants",
    "worst_found",
]
