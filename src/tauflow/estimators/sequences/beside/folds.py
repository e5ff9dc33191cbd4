"""Folds: which sequences a member does not learn from, so that its answers on them are honest.

Members hold out parts that do not overlap, so together their answers on held-out sequences are many; these weigh the members against
the simple answers, calibrate, and choose thresholds. Classes are spread evenly over the parts; a group stays on one side.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....data.sequences import Array
from ....errors import DataError
from ....training import split_groups


def folds(
    n: int, members: int, share: float, seed: int, classes: Array | None = None, groups: Any = None
) -> list[Array]:
    """All n samples in parts of about `share`, at least `members`, each rising, none overlapping; no part where there is too little.

    classes (n,): which of them to spread evenly. groups (n,): what must stay together.
    """
    parts = max(members, round(1 / share))
    if groups is not None:
        labels = np.asarray(groups)
        if labels.shape != (n,):
            raise DataError(f"groups has shape {labels.shape}, expected ({n},), the group of each sequence")
        several = len(set(labels.tolist()))
        if several < 2:
            raise DataError("groups has one group alone, so nothing can be held out: leave groups= away")
        parts = min(parts, several)
        return list(split_groups(labels, [1 / parts] * parts, seed))
    if n < 2 * parts:
        return []
    draw = np.random.default_rng(seed)
    order = draw.permutation(n)
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]  # class after class, each in random order
    return [np.sort(order[part::parts]) for part in range(parts)]
