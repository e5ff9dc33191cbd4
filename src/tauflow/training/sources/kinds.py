"""Batches of several kinds of series in turn, for a `tauflow.Multi`.

An epoch goes round `rounds` times: in every round each kind gives one batch, in an order drawn anew. A kind with fewer batches begins
again, shuffled anew, so every kind has the same number of updates however long it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ...errors import ShapeError
from ..settings import check_counts, check_seed, check_sources
from .arrays import Source, generator
from .loader import as_source


@dataclass(frozen=True, eq=False)
class OfKind:
    """A batch, and the kind of series that it is of."""

    kind: str
    batch: Any


class KindSource:
    """`KindSource({"heart": ArraySource(...), "house": ArraySource(...)})`; rounds: as many as the longest has batches, unless given.

    >>> heart, house = (tauflow.training.ArraySource(torch.zeros(n, 5, 2), torch.zeros(n, 5, 1), batch_size=2) for n in (4, 2))
    >>> source = tauflow.training.KindSource({"heart": heart, "house": house})
    >>> sorted(part.kind for part in source.batches(epoch=0))  # each an OfKind; house begins anew
    ['heart', 'heart', 'house', 'house']
    """

    def __init__(self, sources: Mapping[str, Source], *, rounds: int | None = None, seed: int = 0) -> None:
        if not sources:
            raise ShapeError("there is no source: KindSource({'heart': ArraySource(x, y), ...})")
        check_counts(rounds=rounds)
        check_seed(seed)
        self.sources: dict[str, Any] = {name: as_source(source) for name, source in sources.items()}
        self.seed = seed
        check_sources(**self.sources)
        self.rounds = rounds or max(len(source) for source in self.sources.values())

    def __len__(self) -> int:
        return self.rounds * len(self.sources)

    def fingerprint(self) -> dict[str, Any]:
        """All that a resumed run needs to find the same."""
        parts = {
            name: source.fingerprint() if hasattr(source, "fingerprint") else list(source.batches(0))
            for name, source in self.sources.items()
        }
        return {"sources": parts, "rounds": self.rounds, "seed": self.seed}

    def batches(self, epoch: int) -> Iterator[OfKind]:
        drawn, names = generator(self.seed, epoch), list(self.sources)
        running = {name: _endless(source, epoch) for name, source in self.sources.items()}
        for _ in range(self.rounds):
            for k in torch.randperm(len(names), generator=drawn).tolist():
                yield OfKind(names[k], next(running[names[k]]))


def _endless(source: Source, epoch: int) -> Iterator[Any]:
    """The batches of a source again and again; each time in another order, of no other epoch."""
    turn = 0
    while True:
        yield from source.batches(epoch + 100_003 * turn)
        turn += 1
