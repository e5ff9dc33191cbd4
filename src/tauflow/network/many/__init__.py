"""Several networks as one: `Committee` averages what they answer, `Multi` gives them one core."""

from __future__ import annotations

from .committee import Committee
from .multi import Door, Multi

__all__ = ["Committee", "Door", "Multi"]
