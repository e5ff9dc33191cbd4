"""`Values`: chunks of a column of numbers, or of text, in; one float64 column out, text as codes of its categories.

What the column is (numbers or text, decimal point or comma) is settled by the first rows that prove it and holds for
all rows: a later one that contradicts is refused by name.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..reading import Decimal
from ..series import UNSEEN
from .chunk import Buffer, Chunk, as_bytes, as_text
from .numerals import MARKS, evidence, parse_numbers
from .plain import Fields

Array = NDArray[Any]
BOOLEAN = ("False", "True")


class Values:
    """Numbers, or text and booleans as codes of their sorted categories. `known` categories make it a text column.

    Where text is not allowed, true and false are 1 and 0. `plain`: numbers only, no flags and no per cents.
    """

    def __init__(
        self,
        name: str,
        decimal: Decimal | None = None,
        dots_unclear: bool = False,
        text: bool = True,
        known: tuple[str, ...] | None = None,
        plain: bool = False,
    ) -> None:
        self.name, self.decimal, self.dots_unclear, self.text, self.plain = name, decimal, dots_unclear, text, plain
        self.known = known
        self.kind: Literal["number", "text"] | None = "text" if known is not None else None
        self.categories: tuple[str, ...] | None = None
        self.grouped = self.unseen = 0
        self.percent = False  # are its numbers written 12%?
        self.flags = 0  # true and false counted as 1 and 0
        self._column = Buffer(np.float64)
        self._undecided: list[tuple[slice, Chunk]] = []  # where the values will stand, their tokens
        self._words: list[tuple[slice, Chunk]] = []  # all words for a missing value so far, or names of a category
        self._codes: dict[bytes, int] = {}

    def feed(self, chunk: Chunk | Fields) -> None:
        if isinstance(chunk, Fields):
            if self._take_plain(chunk):
                return
            chunk = chunk.chunk()
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
            self.flags += len(chunk.values)
            self._column.append(chunk.values.astype(np.float64))
        else:
            self._feed_tokens(self._unflagged(self._without_percent(chunk)))

    def _take_plain(self, fields: Fields) -> bool:
        """Numbers without a doubt, on the fast lane; False when the slow way must look."""
        if self.kind == "text" or self.decimal == "," or self.percent or self.flags or self._undecided:
            return False
        found = fields.numbers()
        if found is None:
            return False
        values, points = found
        if points and self.decimal is None:
            if self.dots_unclear:
                return False
            self.decimal = "."
        if np.isnan(values).all():
            return False
        self.kind = "number"
        self._words.clear()
        self._column.append(values)
        return True

    def _without_percent(self, chunk: Chunk) -> Chunk:
        """12% is 12, where every value of the column is written so."""
        if self.plain or self.kind == "text":
            return chunk
        lengths = np.char.str_len(chunk.values)
        last = as_bytes(chunk.values)[np.arange(len(lengths)), np.maximum(lengths - 1, 0)]
        marked = last == ord("%")
        if not marked.any() and not self.percent:
            return chunk
        cut = np.char.strip(np.char.rstrip(chunk.values, b"%"))
        numbers = ~np.isnan(parse_numbers(cut, self.decimal or ".")[0])
        bare = numbers & ~marked
        if self.percent and bare.any():
            self._refuse(int(bare.argmax()), chunk)
        if not self.percent and (self.kind == "number" or bare.any() or not (numbers & marked).any()):
            return chunk  # to be refused as words among numbers, or to be categories
        self.percent = True
        return Chunk(np.where(marked, cut, chunk.values), chunk.where)

    def _unflagged(self, chunk: Chunk) -> Chunk:
        """True and False as 1 and 0 in a column that must be numbers, where all of it is written so."""
        if self.text or self.plain or (self.kind == "number" and not self.flags):
            return chunk
        words = np.char.lower(chunk.values)
        true, false = words == b"true", words == b"false"
        if not (true | false).any() and not self.flags:
            return chunk
        missing = np.isnan(parse_numbers(chunk.values, ".")[0]) & ~parse_numbers(chunk.values, ".")[1]
        odd = ~(true | false | missing)
        if odd.any():
            self._refuse(int((odd if self.flags else true | false).argmax()), chunk)
        self.flags += int((true | false).sum())
        return Chunk(np.where(true, b"1", np.where(false, b"0", b"")), chunk.where)

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
            f"{_advice(as_text(chunk.values[row]))}"
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
        place = {name: float(code) for code, name in enumerate(names)}
        new = np.array([place.get(text, UNSEEN) for text in found] + [np.nan])
        old = np.where(np.isnan(values), len(found), values).astype(np.int64)
        coded: Array = new[old]
        self.unseen = int((coded == UNSEEN).sum())
        self.categories = names
        return coded


def _advice(text: str) -> str:
    """What to do with a number that has something round it."""
    if re.fullmatch(r"[^0-9]{0,4}[+-]?[0-9][0-9.,' ]*[^0-9]{0,12}", text):
        return "; keep the number alone in the field, and its unit in the name of the column"
    return "; leave the field empty if the value is not known"


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
