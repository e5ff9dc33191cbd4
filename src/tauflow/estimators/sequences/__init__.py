"""Labels and numbers for whole sequences, or at every row: `Classifier` and `Regressor`. START with classifier.py, then model.py."""

from __future__ import annotations

from .classifier import Classifier
from .regressor import Regressor

__all__ = ["Classifier", "Regressor"]
