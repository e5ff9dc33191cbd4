"""Words as columns: one column a category, since the alphabet is no order of size.

The `MOST` most frequent categories of the training part get a column each. All others, and those that training never saw, show
zeros in all of them with the flag "known" set; a missing one shows zeros without the flag.
"""

from __future__ import annotations

import numpy as np

from ..data.series import UNSEEN, Array, Schema, Series, Table

MOST = 32


def truths(words: tuple[str, ...]) -> bool:
    """Are the categories nothing but true and false?"""
    return {word.casefold() for word in words} <= {"false", "true"}


def shown_codes(codes: Array) -> tuple[int, ...]:
    """The codes that get a column, in their order, from the training part's (n,) with NaN."""
    found, counts = np.unique(codes[np.isfinite(codes) & (codes >= 0)], return_counts=True)
    most = np.argsort(-counts, kind="stable")[:MOST]
    return tuple(int(code) for code in np.sort(found[most]))


def slots(codes: Array, shown: tuple[int, ...]) -> Array:
    """Per code its column, len(shown) where it has none, NaN where it is missing."""
    place = np.searchsorted(shown, codes).clip(0, max(len(shown) - 1, 0))
    own = np.asarray(shown)[place] == codes if shown else np.zeros(codes.shape, bool)
    return np.where(np.isnan(codes), np.nan, np.where(own, place, len(shown)))


def one_hot(slot: Array, count: int) -> Array:
    """(..., count) float32 of slots (...): sqrt(count) in the slot's column, so that balanced categories have mean square 1."""
    return np.where(slot[..., None] == np.arange(count), np.float32(np.sqrt(count)), np.float32(0))


def unseen(table: Table) -> dict[str, int]:
    """Per text column of a recoded table, in how many rows (or series) it holds a category that the model never saw."""
    schema = table.schema
    counts = {
        name: sum(int((values(one, schema, name) == UNSEEN).sum()) for one in table.series)
        for name in schema.categories
    }
    return {name: count for name, count in counts.items() if count}


def values(series: Series, schema: Schema, name: str) -> Array:
    """A past, future or static column of a series by its name."""
    kind = next(kind for kind in ("past", "future", "static") if name in getattr(schema, kind))
    return np.asarray(getattr(series, kind)[..., getattr(schema, kind).index(name)])
