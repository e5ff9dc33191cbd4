"""Pages of results: one HTML file each that needs nothing else, no network, no script. Read `page.py` first, then `comparison.py`."""

from __future__ import annotations

from .comparison import Comparison, Example, comparison_page
from .rows import COLUMNS, Row, best

__all__ = ["COLUMNS", "Comparison", "Example", "Row", "best", "comparison_page"]
