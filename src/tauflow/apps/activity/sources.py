"""What the command reads: the user's trials, or made-up ones where it is given none."""

from __future__ import annotations

from pathlib import Path

from .simulate import simulate
from .trials import Trial, read

SIMULATED, QUICK = 24, 8


def gather(folder: Path | None = None, *, quick: bool = False) -> tuple[list[Trial], str]:
    """(trials, what they are in a few words); quick: the first ones."""
    if folder is None:
        count, seconds = (QUICK, 60.0) if quick else (SIMULATED, 150.0)
        return simulate(count, seconds), f"{count} simulated trials"
    trials = read(folder)
    trials = trials[:QUICK] if quick else trials
    return trials, f"{len(trials)} trials of {folder.name or folder}, {sum(map(len, trials)):,} rows"
