"""A long table with labels, divided for a comparison of the liquid model with its rivals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...data import LongTable
from ...data.sequences import Array
from ...errors import DataError
from ...training import split_groups
from .rivals import RIVALS, Rival, rivals


def compared(
    table: LongTable,
    models: Sequence[str] | None,
    test: float,
    seed: int,
    told: Callable[[Rival], None] | None,
    **settings: Any,
) -> list[Rival]:
    """`rivals` on a part of the sequences drawn at random, evenly over the classes, or by groups; judged on the rest."""
    if not 0 < test < 1:
        raise DataError(f"test is {test!r}, expected the share of sequences that is tested, between 0 and 1")
    n, labels = len(table.sequences), table.labels
    if labels is None:
        raise DataError("the table was read without its labels: name them, target=")
    if table.groups is not None:
        learned, judged = split_groups(table.groups, (1 - test, test), seed)
    else:
        order = np.random.default_rng(seed).permutation(n)
        if not table.every:
            codes = np.unique(np.array(labels), return_inverse=True)[1]
            order = order[np.argsort(codes[order], kind="stable")]
        judged = np.sort(order[:: max(2, round(1 / test))])
        learned = np.setdiff1d(np.arange(n), judged)
    if len(learned) < 2 or not len(judged):
        raise DataError(f"there are {n} sequences, too few to learn from some and test others")
    if models is None:
        models = [
            name
            for name in RIVALS
            if not (table.every and name == "shapes") and (name != "boosting" or _has_boosting())
        ]
    pick: Callable[[Array], Any] = lambda index: [labels[int(k)] for k in index]  # noqa: E731
    groups = None if table.groups is None else table.groups[learned]
    return rivals(
        table.sequences.part(learned), pick(learned), table.sequences.part(judged), pick(judged),
        models=models, groups=groups, seed=seed, told=told, **settings,
    )  # fmt: skip


def _has_boosting() -> bool:
    from importlib.util import find_spec

    return find_spec("sklearn") is not None
