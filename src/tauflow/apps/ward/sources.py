"""What the command reads: the user's stays, or a made-up ward where it is given none."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .simulate import simulate
from .stays import Stays, read

SIMULATED, QUICK = 600, 150


def gather(folder: Path | None = None, *, quick: bool = False) -> tuple[Stays, str]:
    """(stays, what they are in a few words); quick: some of them."""
    if folder is None:
        count = QUICK if quick else SIMULATED
        return simulate(count), f"a simulated ward, {count} stays"
    stays = read(folder)
    if quick and len(stays) > QUICK:
        died, lived = (np.flatnonzero(stays.died == value) for value in (True, False))
        share = max(20, round(QUICK * len(died) / len(stays)))
        stays = stays.part(np.sort(np.concatenate([died[:share], lived[: QUICK - share]])))
    return stays, f"{len(stays):,} stays of {folder.name or folder}"
