"""A run of rows of one column on its way from a source to a typed array, and the fixed-width text it may hold.

`tokens` are numpy bytes, dtype S, UTF-8, stripped of blanks, one field each; an empty token is an empty field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError

Array = NDArray[Any]
WIDEST = 256  # bytes: no number, time stamp, id or category is longer
NEVER = np.iinfo(np.int64).min  # numpy's not-a-time


@dataclass(frozen=True)
class Chunk:
    """`values`: tokens, bool, int, float, or datetime64[ns]; `where(i)` names row i of the chunk for a message."""

    values: Array
    where: Callable[[int], str]
    zone: str | None = None  # datetime64 values are UTC from a column with this zone; None = naive

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_text(self) -> bool:
        return self.values.dtype.kind == "S"

    def tokens(self) -> Array:
        """The values as text: 1 and 1.0 both read '1', a NaN reads ''."""
        kind = self.values.dtype.kind
        if kind == "S":
            return self.values
        if kind == "b":
            return np.where(self.values, b"True", b"False")
        if kind == "f":
            return as_tokens("" if x != x else str(int(x)) if x.is_integer() else repr(x) for x in self.values.tolist())
        return as_tokens([str(x) for x in self.values.tolist()])


def as_tokens(texts: Iterable[str]) -> Array:
    """Texts to stripped UTF-8 tokens."""
    encoded = [text.strip().encode() for text in texts]
    longest = max(map(len, encoded), default=0)
    if longest > WIDEST:
        row = next(i for i, text in enumerate(encoded) if len(text) > WIDEST)
        raise DataError(f"row {row} has a text of {len(encoded[row])} bytes; at most {WIDEST} are read")
    if any(b"\0" in text for text in encoded):
        raise DataError("a text has a NUL character in it; clean the column first")
    return np.array(encoded, dtype=f"S{max(longest, 1)}")


def as_bytes(tokens: Array) -> Array:
    """(n,) tokens as an (n, width) matrix of bytes, 0 behind the end."""
    return np.ascontiguousarray(tokens).view(np.uint8).reshape(len(tokens), tokens.dtype.itemsize)


class Buffer:
    """An array that grows at its end in place: a column never stands in memory twice."""

    def __init__(self, dtype: Any) -> None:
        self._array = np.empty(0, dtype=dtype)
        self._size = 0

    def append(self, part: Array) -> slice:
        """Copy a part to the end; returns where it stands."""
        start, self._size = self._size, self._size + len(part)
        if self._size > len(self._array):
            self._array.resize(max(self._size, len(self._array) * 9 // 8), refcheck=False)
        self._array[start : self._size] = part
        return slice(start, self._size)

    def put(self, place: slice, part: Array) -> None:
        self._array[place] = part

    def finish(self) -> Array:
        self._array.resize(self._size, refcheck=False)
        return self._array


def as_text(token: Any) -> str:
    return bytes(token).decode("utf-8", errors="replace")


def nearest(name: str, names: Iterable[str]) -> str:
    """'; nearest: a, b' or what there is: the end of a message about a name that is missing."""
    known = [n for n in names if n]
    folded = {n.casefold(): n for n in known}
    close = [folded[n] for n in get_close_matches(name.casefold(), list(folded), n=3, cutoff=0.5)]
    if close:
        return "; nearest: " + ", ".join(f"'{n}'" for n in close)
    shown = ", ".join(f"'{n}'" for n in known[:12])
    return f"; there are: {shown}{', ...' if len(known) > 12 else ''}" if known else ""
