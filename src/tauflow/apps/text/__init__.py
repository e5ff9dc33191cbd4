"""Texts with labels: a liquid network on words, TF-IDF beside it, and both together."""

from __future__ import annotations

from .classifier import TextClassifier
from .members import Recipe
from .reader import Texts, read_texts, shipped
from .study import QUICK, Study, parted, study

__all__ = ["QUICK", "Recipe", "Study", "TextClassifier", "Texts", "parted", "read_texts", "shipped", "study"]
