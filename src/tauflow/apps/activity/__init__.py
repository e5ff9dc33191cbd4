"""What somebody does, from a tag that answers very unevenly: a label at every row, from the past alone; whole trials held out."""

from __future__ import annotations

from .models import MODELS, QUICK, Recipe
from .simulate import simulate
from .study import Study, study
from .trials import Trial, read

__all__ = ["MODELS", "QUICK", "Recipe", "Study", "Trial", "read", "simulate", "study"]
