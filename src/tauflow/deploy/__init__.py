"""A trained network outside of Python and torch: `export(network, to="c", folder="walker")`."""

from __future__ import annotations

from .plan import ExportError, Plan, plan

__all__ = ["ExportError", "Plan", "plan"]
