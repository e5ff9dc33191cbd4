"""A trained network outside of torch: `export(network, to="c", folder="walker")`. START with plan.py.

plan.py says what is written down, numpy_.py, c99/ and onnx_/ write it, targets.py puts a check beside it, export.py runs and places it.
"""

from __future__ import annotations

from .export import Export, export
from .plan import ExportError, Plan, named, plan
from .targets import TARGETS

__all__ = ["TARGETS", "Export", "ExportError", "Plan", "export", "named", "plan"]
