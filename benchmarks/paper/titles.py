"""What models, rules and rows are called on the page and in its pictures."""

from __future__ import annotations

from . import models, trivial
from .rows import Row

TITLES = {**models.TITLES, **trivial.TITLES}


def title(row: Row) -> str:
    return TITLES[row.model] + (f", {row.recipe}" if row.recipe != "paper" else "")
