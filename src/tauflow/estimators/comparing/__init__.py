"""Models side by side on one table: sizes matched, one job a model and seed, a pool of processes, a table of results."""

from __future__ import annotations

from .compare import CELLS, compare
from .results import Comparison, Example, Part, Row
from .trial import Progress

__all__ = ["CELLS", "Comparison", "Example", "Part", "Progress", "Row", "compare"]
