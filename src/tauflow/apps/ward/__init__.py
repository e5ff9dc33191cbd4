"""Irregular records of intensive care: who will die, told from the first 48 hours; five folds over stays."""

from __future__ import annotations

from .models import MODELS, QUICK, Recipe
from .simulate import simulate
from .stays import Stays, read
from .study import Study, study

__all__ = ["MODELS", "QUICK", "Recipe", "Stays", "Study", "read", "simulate", "study"]
