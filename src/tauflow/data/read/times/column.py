"""`Times`: chunks of a time column in; int64 nanoseconds out, or float64 when time is a plain number.

The first rows settle whether the column holds stamps, epochs in a stated unit, or numbers, and a later row that is
something else is refused by name. Whether numbers are dates (20121002, 201210, see `codes`) is settled by all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ....errors import DataError
from ...reading import Decimal
from ..chunk import Buffer, Chunk, as_bytes, as_text
from ..numerals import MARKS, MISSING, parse_numbers
from ..plain import Fields
from ..values import Values
from .codes import CODES, find_code, read_code
from .epochs import UNITS, epoch_notes, float_epochs, parse_epochs, unit_notes
from .stamps import Stamps, is_stamps, parse_stamps

Array = NDArray[Any]
PLAIN = "number"
CHOICES = (*UNITS, PLAIN, *CODES)


class Times:
    """Time stamps as int64 nanoseconds, or numbers as they are. `utc`: the stamps carried a zone or an offset."""

    def __init__(
        self,
        name: str,
        unit: str | None,
        dayfirst: bool | None,
        decimal: Decimal | None,
        dots_unclear: bool,
        remembered: str | None = None,
    ) -> None:
        if unit is not None and unit not in CHOICES:
            raise DataError(f"time_unit is '{unit}'; expected one of {', '.join(CHOICES)}")
        self.name, self.dayfirst = name, dayfirst
        self.unit = unit if unit in UNITS else None
        self.stated = unit if unit not in UNITS else None  # "number" or a code
        self.remembered = remembered  # the same, of an earlier table: what numbers are, should there be numbers
        self.kind: Literal["timestamp", "number"] | None = "timestamp" if self.unit else None
        self.kind = "number" if self.stated else self.kind
        self.utc: bool | None = None
        self.zone: str | None = None
        self.code: str | None = None
        self.notes: list[str] = []
        self._scientific = False  # are some numbers written 1.6E+09?
        self._order_given = dayfirst is not None
        self._regions: set[str] = set()
        self._marks: set[str] = set()
        self._numbers = Values(name, decimal, dots_unclear, text=False, plain=True)
        self._column = Buffer(np.int64)
        self._undecided: list[tuple[slice, Chunk]] = []

    def feed(self, chunk: Chunk | Fields) -> None:
        if isinstance(chunk, Fields):
            if self._take_plain(chunk):
                return
            chunk = chunk.chunk()
        kind = chunk.values.dtype.kind
        if kind == "M":
            self._feed_native(chunk)
        elif kind == "b":
            raise DataError(f"column '{self.name}' holds true/false; time must be a stamp or a number")
        elif kind in "iuf":
            self._feed_numbers(chunk)
        else:
            self._feed_tokens(chunk)

    def _take_plain(self, fields: Fields) -> bool:
        """ISO stamps without an offset, on the fast lane; False when the slow way must look."""
        if self.unit or self.kind == "number" or self.utc or self._undecided:
            return False
        stamps = fields.stamps()
        if stamps is None:
            return False
        self.kind, self.utc = "timestamp", False
        self._column.append(stamps)
        return True

    def _feed_native(self, chunk: Chunk) -> None:
        stamps = chunk.values.view(np.int64)
        missing = np.isnat(chunk.values)
        self._refuse_missing(missing, chunk.where)
        if self.unit or self.stated:
            said = self.unit or self.stated
            raise DataError(f"time_unit='{said}' was given, but column '{self.name}' holds time stamps already")
        self.kind, self.utc, self.zone = "timestamp", chunk.zone is not None, chunk.zone
        self._column.append(stamps)

    def _feed_numbers(self, chunk: Chunk) -> None:
        values = chunk.values
        if values.dtype.kind == "f":
            self._refuse_missing(np.isnan(values), chunk.where)
            self._refuse_infinite(values, chunk.where)
        coarse = values.dtype.kind == "f" and values.dtype.itemsize < 8
        if coarse and (self.unit or np.abs(values).max(initial=0) >= 2 ** (np.finfo(values.dtype).nmant + 1)):
            step = float(np.spacing(np.abs(values).max(initial=0)))
            raise DataError(
                f"time column '{self.name}' is {values.dtype}, whose steps are {step:g} at these values: "
                f"times have merged already; keep time in int64, float64 or time stamps from the start"
            )
        if self.unit:
            self.utc = True
            self._column.append(float_epochs(values, self.unit, self.name, chunk.where))
        else:
            self.kind = "number"
            self._numbers.feed(chunk)

    def _feed_tokens(self, chunk: Chunk) -> None:
        tokens = chunk.values
        self._refuse_missing(tokens == b"", chunk.where)
        if self.unit:
            self.utc = True
            self._column.append(parse_epochs(tokens, self.unit, chunk.where))
            return
        if self.kind is None:
            self.kind = "number" if starts_as_number(tokens) else "timestamp"
        if self.kind == "number":
            self._scientific |= bool((as_bytes(tokens) | 32 == ord("e")).any())
            self._numbers.feed(chunk)
        else:
            self._feed_stamps(chunk)

    def _feed_stamps(self, chunk: Chunk) -> None:
        stamps = parse_stamps(chunk.values, self.dayfirst, chunk.where)
        if stamps is None:
            self._undecided.append((self._column.append(np.zeros(len(chunk.values), dtype=np.int64)), chunk))
            return
        self._check(stamps, chunk)
        self._column.append(stamps.nanoseconds)
        if self.dayfirst is None and stamps.dayfirst is not None:
            self.dayfirst = stamps.dayfirst
            for place, waiting in self._undecided:
                earlier = parse_stamps(waiting.values, self.dayfirst, waiting.where)
                if earlier is not None:
                    self._check(earlier, waiting)
                    self._column.put(place, earlier.nanoseconds)
            self._undecided.clear()

    def _check(self, stamps: Stamps, chunk: Chunk) -> None:
        """All rows with an offset, or none; one mark between day and month where their order had to be proved."""
        if self.utc is None and len(stamps.aware):
            self.utc = bool(stamps.aware[0])
        self._regions |= stamps.regions
        self._marks |= stamps.marks
        odd = stamps.aware != self.utc
        if odd.any():
            row = int(odd.argmax())
            raise DataError(
                f"{chunk.where(row)}: '{as_text(chunk.values[row])}' is written "
                f"{'without' if self.utc else 'with'} an offset, other rows {'with' if self.utc else 'without'} one"
            )

    def _refuse_missing(self, missing: Array, where: Callable[[int], str]) -> None:
        if missing.any():
            raise DataError(f"{where(int(missing.argmax()))} has no time in column '{self.name}'; every row needs one")

    def _refuse_infinite(self, values: Array, where: Callable[[int], str]) -> None:
        if np.isinf(values).any():
            raise DataError(f"{where(int(np.isinf(values).argmax()))}: time in column '{self.name}' is infinite")

    def finish(self, decimal: Decimal | None, where: Callable[[int], str]) -> Array:
        """(n,) int64 nanoseconds (UTC if `utc`, else as on the wall clock) or float64."""
        if self._undecided:
            chunk = self._undecided[0][1]
            raise DataError(
                f"time column '{self.name}': of '{as_text(chunk.values[0])}' no row tells which is the day and which "
                f"the month; give dayfirst=True or dayfirst=False"
            )
        if len(self._marks) > 1 and not self._order_given:
            marks = " and ".join(sorted(self._marks))
            raise DataError(
                f"time column '{self.name}' has dates with {marks} between day and month, which may stand in two "
                f"orders; write YYYY-MM-DD, or give dayfirst=True or dayfirst=False for all of them"
            )
        if self.kind == "number":
            return self._finish_numbers(decimal, where)
        stamps = self._column.finish()
        if self.unit and len(stamps):
            self.notes += unit_notes(stamps, self.unit)
        if len(self._regions) == 1:
            self.zone = self._regions.pop()
        return stamps

    def _finish_numbers(self, decimal: Decimal | None, where: Callable[[int], str]) -> Array:
        numbers = self._numbers.finish(decimal)
        self._refuse_missing(np.isnan(numbers), where)
        self._refuse_infinite(numbers, where)
        if np.abs(numbers).max(initial=0) > 2**53:
            raise DataError(
                f"time in column '{self.name}' goes up to {np.abs(numbers).max():.17g}, beyond what a number holds "
                f"exactly; is it an epoch? Then give time_unit='ns', or 'us', 'ms', 's'"
            )
        stated = self.stated or self.remembered
        self.code = stated if stated != PLAIN else None
        if stated is None:
            found = find_code(numbers, self.name, where)
            self.code = found.code
            self.notes += [found.note] if found.note else []
        if self.code is None:
            self.notes += (
                epoch_notes(numbers, self._scientific) if stated is None and not self.notes and len(numbers) else []
            )
            return numbers
        self.kind, self.utc = "timestamp", False
        return read_code(numbers, self.code, self.name, where)


def starts_as_number(tokens: Array) -> bool:
    """Is the first token that is not a word for a missing value a number?"""
    for token in tokens:
        if as_text(token).casefold() not in MISSING:
            one = np.array([token])
            return any(not parse_numbers(one, mark)[1][0] for mark in MARKS)
    return True


def is_compact(values: Array) -> bool:
    """Are all of them dates of 8 digits or more, 20121002 or 201210020905, of the years 1900 to 2099?"""
    if values.dtype.kind == "S":
        if len(values) == 0 or not all(token[:2] in (b"19", b"20") for token in values.tolist()):
            return False
        numbers, bad, _ = parse_numbers(values, ".")
        if bad.any() or np.isnan(numbers).any():
            return False
    else:
        numbers = values.astype(np.float64)
    if len(numbers) == 0 or not bool(((numbers >= 19_000_101) & (numbers < 2.1e13)).all()):
        return False
    try:
        return find_code(numbers, "", str).code is not None
    except DataError:
        return False


def can_be_time(chunk: Chunk) -> bool:
    """Do these rows hold moments, without a doubt?"""
    kind = chunk.values.dtype.kind
    if kind == "M":
        return True
    return (kind in "iuf" or chunk.is_text) and (is_compact(chunk.values) or (kind == "S" and is_stamps(chunk.values)))
