"""Drop-in replacements for other libraries: their names and arguments in front, tauflow's cells behind."""

from __future__ import annotations
