"""`Values`: chunks of a column of numbers, or of text, in; one float64 column out, text as codes of its categories.

What the column is (numbers or text, decimal point or comma) is settled by the first rows that prove it and holds for
all rows: a later one that contradicts is refused by name.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tauflow.data.chunk import Buffer, Chunk, as_text
from tauflow.data.numerals import MARKS, Decimal, evidence, parse_numbers
from tauflow.data.series import UNSEEN
from tauflow.errors import DataError

Array = NDArray[Any]
BOOLEAN = ("False", "True")


class Values:
    """Numbers, or text and booleans as codes of their sorted categories. `known` categories make it a text column."""

    def __init__(
        self,
        name: str,
        decimal: Decimal | None = None,
        dots_unclear: bool = False,
        text: bool = True,
        known: tuple[str, ...] | None = None,
    ) -> None:
        self.name, self.decimal, self.dots_unclear, self.text = name, decimal, dots_unclear, text
        self.known = known
        self.kind: Literal["number", "text"] | None = "text" if known is not None else None
        self.categories: tuple[str, ...] | None = None
        self.grouped = self.unseen = 0
        self._column = Buffer(np.float64)
        self._undecided: list[tuple[slice, Chunk]] = []  # where the values will stand, their tokens
        self._words: list[tuple[slice, Chunk]] = []  # all words for a missing value so far, or names of a category
        self._codes: dict[bytes, int] = {}

    def feed(self, chunk: Chunk) -> None:
        kind = chunk.values.dtype.kind
        if kind == "M":
            raise DataError(f"column '{self.name}' holds time stamps; a value must be a number, text or true/false")
        if self.kind != "text" and kind in "iuf":
            self.kind = "number"
            self._column.append(chunk.values.astype(np.float64))
        elif self.kind == "text" or (kind == "b" and self.text):
            self.kind = "text"
            self._column.append(self._encode(chunk))
        elif kind == "b":
            self.kind = "number"
            self._column.append(chunk.values.astype(np.float64))
        else:
            self._feed_tokens(chunk)

    def _feed_tokens(self, chunk: Chunk) -> None:
        if self.decimal is None:
            proof = evidence(chunk.values, self.dots_unclear)
            if proof == "?":
                self._undecided.append((self._column.append(np.full(len(chunk.values), np.nan)), chunk))
                return
            if proof in (".", ","):
                self.decimal = "." if proof == "." else ","
                self._settle()
        place = self._column.append(self._numbers(chunk))
        if self.kind is None and bool((chunk.values != b"").any()):
            self._words.append((place, chunk))

    def _numbers(self, chunk: Chunk) -> Array:
        values, bad, grouped = parse_numbers(chunk.values, self.decimal or ".")
        self.grouped += grouped
        found = not bool(np.isnan(values).all())
        if bad.any() and (found or self.kind == "number" or not self.text):
            self._refuse(int(bad.argmax()), chunk)
        if bad.any():
            self.kind = "text"
            for place, words in self._words:
                self._column.put(place, self._encode(words))
            self._words.clear()
            return self._encode(chunk)
        if found:
            self.kind = "number"
            self._words.clear()
        return values

    def _refuse(self, row: int, chunk: Chunk) -> None:
        mark = {None: "", ".": " with a decimal point", ",": " with a decimal comma"}[self.decimal]
        raise DataError(
            f"{chunk.where(row)}: column '{self.name}' has '{as_text(chunk.values[row])}', which is no number{mark}"
        )

    def _settle(self) -> None:
        for place, chunk in self._undecided:
            self._column.put(place, self._numbers(chunk))
        self._undecided.clear()

    def _encode(self, chunk: Chunk) -> Array:
        """Codes by first appearance; the empty text is missing. Beside words of text a number is refused."""
        tokens = chunk.tokens()
        texts, inverse = np.unique(tokens, return_inverse=True)
        numbers = ~np.isnan(parse_numbers(texts, self.decimal or ".")[0])
        if self.known is None and chunk.is_text and numbers.any():
            row = int(np.flatnonzero(inverse == int(numbers.argmax()))[0])
            raise DataError(
                f"{chunk.where(row)}: column '{self.name}' has the number '{as_text(tokens[row])}' among words of text"
            )
        codes = [self._codes.setdefault(bytes(t), len(self._codes)) if t else np.nan for t in texts]
        return np.array(codes, dtype=np.float64)[inverse]

    def finish(self, decimal: Decimal | None = None) -> Array:
        """(n,) float64; sets `categories` of a text column. `decimal`: the mark that other columns prove."""
        if self._undecided:
            self.decimal = self.decimal or decimal
            if self.decimal is None:
                _, chunk = self._undecided[0]
                token = next(t for t in chunk.values if evidence(np.array([t]), self.dots_unclear) == "?")
                raise DataError(
                    f"column '{self.name}' has '{as_text(token)}', with a decimal mark or grouped thousands, "
                    f"and no row that decides; give decimal='.' or decimal=','"
                )
            self._settle()
        values = self._column.finish()
        if self.kind != "text":
            return values
        found = [as_text(code) for code in self._codes]
        if {text.casefold() for text in found} <= {"true", "false"}:
            found = [text.capitalize() for text in found]
        names = self.known if self.known is not None else _category_names(found)
        new = np.array([names.index(text) if text in names else UNSEEN for text in found] + [np.nan])
        old = np.where(np.isnan(values), len(found), values).astype(np.int64)
        coded: Array = new[old]
        self.unseen = int((coded == UNSEEN).sum())
        self.categories = names
        return coded


def _category_names(found: list[str]) -> tuple[str, ...]:
    return BOOLEAN if found and set(found) <= set(BOOLEAN) else tuple(sorted(set(found)))


def is_number(chunk: Chunk) -> bool:
    """Do these rows hold numbers (at least one, and nothing else but missing values)?"""
    if chunk.values.dtype.kind in "iuf":
        return True
    if not chunk.is_text:
        return False
    for decimal in MARKS:
        values, bad, _ = parse_numbers(chunk.values, decimal)
        if not bad.any() and not np.isnan(values).all():
            return True
    return False
