"""Edits that change nothing that anyone could see, by name, each with the reason."""

from __future__ import annotations

EQUIVALENT: dict[str, str] = {}
