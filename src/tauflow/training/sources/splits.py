"""Splits that keep groups whole: all records of one patient, machine or day lie on one side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..settings import SettingsError, check_seed


def split_groups(
    groups: Any, shares: Sequence[float] = (0.7, 0.15, 0.15), seed: int = 0
) -> tuple[NDArray[np.int64], ...]:
    """The samples of each part, as rising indices: `train, validation, test = split_groups(patients)`.

    groups   which group each sample belongs to: numbers or texts, (samples,)
    shares   how large the parts are to be, in samples; together 1

    The largest groups are dealt first, each to the part that still lacks most; groups of one size in random order, from `seed`.

    >>> train, validation, test = tauflow.training.split_groups(["ann", "bob", "ann", "cyd", "bob", "ann"], (0.5, 0.3, 0.2))
    >>> train.tolist(), validation.tolist(), test.tolist()
    ([0, 2, 5], [1, 4], [3])
    """
    check_seed(seed)
    if not len(shares) or not all(share > 0 for share in shares) or abs(sum(shares) - 1) > 1e-6:
        raise SettingsError(f"shares are {tuple(shares)}, expected numbers > 0 that add up to 1")
    labels = np.asarray(groups)
    if labels.ndim != 1:
        raise SettingsError(f"groups has shape {labels.shape}, expected the group of each sample, (samples,)")
    unknown = [number for number, label in enumerate(labels.tolist()) if label is None or label != label]
    if unknown:
        raise SettingsError(f"groups[{unknown[0]}] is {labels[unknown[0]]}: every sample needs a group to be kept with")
    members: dict[Any, list[int]] = {}
    for number, label in enumerate(labels.tolist()):
        members.setdefault(label, []).append(number)
    if len(members) < len(shares):
        raise SettingsError(f"there are {len(members)} groups for {len(shares)} parts: a part would be empty")
    return _deal(list(members.values()), [share * len(labels) for share in shares], seed)


def _deal(members: list[list[int]], lacking: list[float], seed: int) -> tuple[NDArray[np.int64], ...]:
    """Groups to parts; no part stays empty."""
    order = np.random.default_rng(seed).permutation(len(members))
    dealt: list[list[int]] = [[] for _ in lacking]
    left = len(members)
    for group in sorted((members[k] for k in order), key=len, reverse=True):
        empty = [part for part, found in enumerate(dealt) if not found]
        among = empty if left <= len(empty) else range(len(lacking))
        part = max(among, key=lambda one: lacking[one])
        dealt[part] += group
        lacking[part] -= len(group)
        left -= 1
    return tuple(np.array(sorted(found), dtype=np.int64) for found in dealt)
