"""The linear base: the best answer that is linear in what is known, solved in closed form. Read `base.py` first."""

from __future__ import annotations

from .base import LinearBase

__all__ = ["LinearBase"]
