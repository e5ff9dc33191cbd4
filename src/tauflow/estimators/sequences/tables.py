"""A long table with labels: read once, learned from, divided for a comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...data import LongTable, read_sequences
from ...data.sequences import Array, Sequences
from ...errors import DataError
from ...training import split_groups
from .rivals import RIVALS, Rival, rivals


@dataclass(frozen=True, eq=False)
class Labelled:
    """A long table, its labels, and the group of each sequence."""

    table: LongTable
    target: str
    groups: Array | None

    @property
    def sequences(self) -> Sequences:
        return self.table.sequences

    @property
    def labels(self) -> list[Any]:
        return self.table.labels or []

    @property
    def every(self) -> bool:
        return self.table.every


def labelled(source: Any, target: str, columns: Mapping[str, Any], reading: Mapping[str, Any]) -> Labelled:
    """columns: those of `read_sequences`, and `groups`, a column that is one value a sequence and is not read otherwise."""
    columns = dict(columns)
    by = columns.pop("groups", None)
    if by is None:
        return Labelled(read_sequences(source, target=target, **columns, **reading), target, None)
    of = read_sequences(
        source, target=by, **{**columns, "channels": [target] if False else columns.get("channels")}, **reading
    )
    if of.every or of.labels is None:
        raise DataError(f"{by!r} changes within a sequence, but a group is one value a sequence")
    given = columns.get("channels")
    if given is None:
        columns["channels"] = [name for name in of.schema.targets if name != target]
    return Labelled(read_sequences(source, target=target, **columns, **reading), target, np.array(of.labels))


def compared(
    table: Labelled,
    models: Sequence[str] | None,
    test: float,
    seed: int,
    told: Callable[[Rival], None] | None,
    **settings: Any,
) -> list[Rival]:
    """`rivals` on a part of the sequences drawn at random, evenly over the classes, or by groups; judged on the rest."""
    if not 0 < test < 1:
        raise DataError(f"test is {test!r}, expected the share of sequences that is tested, between 0 and 1")
    n = len(table.sequences)
    if table.groups is not None:
        learned, judged = split_groups(table.groups, (1 - test, test), seed)
    else:
        order = np.random.default_rng(seed).permutation(n)
        if not table.every:
            labels = np.unique(np.array(table.labels), return_inverse=True)[1]
            order = order[np.argsort(labels[order], kind="stable")]
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
    pick: Callable[[Array], Any] = lambda index: [table.labels[int(k)] for k in index]  # noqa: E731
    groups = None if table.groups is None else table.groups[learned]
    return rivals(
        table.sequences.part(learned), pick(learned), table.sequences.part(judged), pick(judged),
        models=models, groups=groups, seed=seed, told=told, **settings,
    )  # fmt: skip


def _has_boosting() -> bool:
    from importlib.util import find_spec

    return find_spec("sklearn") is not None
