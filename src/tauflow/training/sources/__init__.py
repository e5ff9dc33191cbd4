"""Where batches come from: tensors in memory, sequences of unequal length, torch's DataLoader; and splits that keep groups whole."""

from __future__ import annotations

from .arrays import ArraySource, Source
from .batch import Batch
from .kinds import KindSource, OfKind
from .loader import LoaderSource, as_source
from .sequences import SequenceSource
from .splits import split_groups

__all__ = [
    "ArraySource",
    "Batch",
    "KindSource",
    "LoaderSource",
    "OfKind",
    "SequenceSource",
    "Source",
    "as_source",
    "split_groups",
]
