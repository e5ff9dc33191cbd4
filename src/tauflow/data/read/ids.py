"""`Ids`: chunks of an id column in; a code per row and the sorted names out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from .chunk import Buffer, Chunk, as_text
from .plain import Fields

Array = NDArray[Any]


def are_whole(names: tuple[str, ...]) -> bool:
    """Ids of a text that are whole numbers as they are written: 7, not 007."""
    return all(re.fullmatch("0|-?[1-9][0-9]{0,17}", name) for name in names)


def joined_ids(chunks: Mapping[str, Chunk]) -> Array:
    """(n,) the ids of several columns in one text: "7/milk"; a slash in one of them would make two ids one."""
    texts: Array | None = None
    for name, chunk in chunks.items():
        tokens = chunk.tokens()
        for wrong, what in ((tokens == b"", "no id"), (np.char.find(tokens, b"/") >= 0, "a slash")):
            if wrong.any():
                raise DataError(f"{chunk.where(int(wrong.argmax()))} has {what} in column '{name}'")
        texts = tokens if texts is None else np.char.add(np.char.add(texts, b"/"), tokens)
    return np.empty(0, dtype="S1") if texts is None else texts


class Ids:
    """The id of each row as a code of the sorted names."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.kind: Literal["text", "integer", "number"] = "text"  # as the column holds them; the names are text
        self._codes: dict[bytes, int] = {}
        self._column = Buffer(np.int32)

    def feed(self, chunk: Chunk | Fields) -> None:
        chunk = chunk.chunk() if isinstance(chunk, Fields) else chunk
        tokens = chunk.tokens()
        self.kind = {"i": "integer", "u": "integer", "f": "number"}.get(chunk.values.dtype.kind, "text")  # type: ignore[assignment]
        empty = tokens == b""
        if empty.any():
            raise DataError(f"{chunk.where(int(empty.argmax()))} has no id in column '{self.name}'")
        new = np.ones(len(tokens), dtype=bool)
        new[1:] = tokens[1:] != tokens[:-1]
        heads = np.flatnonzero(new)
        texts, inverse = np.unique(tokens[heads], return_inverse=True)
        codes = np.array([self._codes.setdefault(bytes(t), len(self._codes)) for t in texts], dtype=np.int32)
        self._column.append(np.repeat(codes[inverse], np.diff(np.append(heads, len(tokens)))))

    def finish(self) -> tuple[Array, tuple[str, ...]]:
        found = [as_text(code) for code in self._codes]
        order = sorted(range(len(found)), key=found.__getitem__)
        rank = np.empty(len(found), dtype=np.int32)
        rank[order] = np.arange(len(found), dtype=np.int32)
        return rank[self._column.finish()], tuple(found[i] for i in order)
