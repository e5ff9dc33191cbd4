"""`Times`: chunks of a time column in; int64 nanoseconds out, or float64 when time is a plain number.

Stamps, epochs in a stated unit, dates written 20121002, plain numbers: the first rows settle which it is, and a later
row that is something else is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from .chunk import Buffer, Chunk, as_text
from .numerals import MARKS, MISSING, Decimal, parse_numbers
from .timestamps import UNITS, is_stamps, parse_epochs, parse_stamps
from .values import Values

Array = NDArray[Any]


class Times:
    """Time stamps as int64 nanoseconds, or numbers as they are. `utc`: the stamps carried a zone or an offset."""

    def __init__(
        self, name: str, unit: str | None, dayfirst: bool | None, decimal: Decimal | None, dots_unclear: bool
    ) -> None:
        if unit is not None and unit not in UNITS:
            raise DataError(f"time_unit is '{unit}'; expected one of {', '.join(UNITS)}")
        self.name, self.unit, self.dayfirst = name, unit, dayfirst
        self.kind: Literal["timestamp", "number"] | None = "timestamp" if unit else None
        self.utc: bool | None = None
        self.zone: str | None = None
        self.compact = False
        self._numbers = Values(name, decimal, dots_unclear, text=False)
        self._column = Buffer(np.int64)
        self._undecided: list[tuple[slice, Chunk]] = []

    def feed(self, chunk: Chunk) -> None:
        kind = chunk.values.dtype.kind
        if kind == "M":
            self._feed_native(chunk)
        elif kind == "b":
            raise DataError(f"column '{self.name}' holds true/false; time must be a stamp or a number")
        elif kind in "iuf":
            self._feed_numbers(chunk)
        else:
            self._feed_tokens(chunk)

    def _feed_native(self, chunk: Chunk) -> None:
        stamps = chunk.values.view(np.int64)
        missing = np.isnat(chunk.values)
        self._refuse_missing(missing, chunk.where)
        if self.unit:
            raise DataError(f"time_unit='{self.unit}' was given, but column '{self.name}' holds time stamps already")
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
            self._column.append(self._epochs(values, chunk.where))
        elif self.kind is None and values.dtype.kind in "iu" and is_compact(chunk.tokens()):
            self._feed_compact(Chunk(chunk.tokens(), chunk.where))
        else:
            self.kind = "number"
            self._numbers.feed(chunk)

    def _epochs(self, values: Array, where: Callable[[int], str]) -> Array:
        """Whole numbers exactly; fractions to the microsecond, which is what a float64 epoch of today holds."""
        scale = UNITS[self.unit or "ns"]
        if values.dtype.kind == "f" and scale == 1 and np.abs(values).max(initial=0) > 2**53:
            raise DataError(f"time column '{self.name}' is float64 nanoseconds, exact to 256 ns only; keep int64")
        far = np.abs(values.astype(np.float64)) * scale >= 2.0**63
        if far.any():
            row = int(far.argmax())
            raise DataError(f"{where(row)}: {values[row]} {self.unit} is outside 1678 to 2261; check time_unit=")
        if values.dtype.kind != "f":
            return values.astype(np.int64) * scale
        whole = np.floor(values)
        fraction = np.rint((values - whole) * scale / 1000).astype(np.int64) * 1000 if scale > 1 else 0
        epochs: Array = whole.astype(np.int64) * scale + fraction
        return epochs

    def _feed_tokens(self, chunk: Chunk) -> None:
        tokens = chunk.values
        self._refuse_missing(tokens == b"", chunk.where)
        if self.unit:
            self.utc = True
            self._column.append(parse_epochs(tokens, self.unit, chunk.where))
            return
        if self.kind is None:
            self.compact = is_compact(tokens)
            self.kind = "number" if not self.compact and _starts_as_number(tokens) else "timestamp"
        if self.kind == "number":
            self._numbers.feed(chunk)
        elif self.compact:
            self._feed_compact(chunk)
        else:
            self._feed_stamps(chunk)

    def _feed_compact(self, chunk: Chunk) -> None:
        self.kind, self.compact = "timestamp", True
        if not is_compact(chunk.values):
            row = next(i for i in range(len(chunk.values)) if not is_compact(chunk.values[i : i + 1]))
            raise DataError(
                f"{chunk.where(row)}: '{as_text(chunk.values[row])}' is no date, the rows above are YYYYMMDD"
            )
        self._feed_stamps(chunk)

    def _feed_stamps(self, chunk: Chunk) -> None:
        stamps = parse_stamps(chunk.values, self.dayfirst, chunk.where)
        if stamps is None:
            self._undecided.append((self._column.append(np.zeros(len(chunk.values), dtype=np.int64)), chunk))
            return
        self._check_aware(stamps.aware, chunk)
        self._column.append(stamps.nanoseconds)
        if self.dayfirst is None and stamps.dayfirst is not None:
            self.dayfirst = stamps.dayfirst
            for place, waiting in self._undecided:
                earlier = parse_stamps(waiting.values, self.dayfirst, waiting.where)
                if earlier is not None:
                    self._check_aware(earlier.aware, waiting)
                    self._column.put(place, earlier.nanoseconds)
            self._undecided.clear()

    def _check_aware(self, aware: Array, chunk: Chunk) -> None:
        if self.utc is None and len(aware):
            self.utc = bool(aware[0])
        odd = aware != self.utc
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
        if self.kind == "number":
            numbers = self._numbers.finish(decimal)
            self._refuse_missing(np.isnan(numbers), where)
            self._refuse_infinite(numbers, where)
            if np.abs(numbers).max(initial=0) > 2**53:
                raise DataError(
                    f"time in column '{self.name}' goes up to {np.abs(numbers).max():g}, beyond what a number holds "
                    f"exactly; is it an epoch? Then give time_unit='ns', or 'us', 'ms', 's'"
                )
            return numbers
        return self._column.finish()


def _starts_as_number(tokens: Array) -> bool:
    """Is the first token that is not a word for a missing value a number?"""
    for token in tokens:
        if as_text(token).casefold() not in MISSING:
            one = np.array([token])
            return any(not parse_numbers(one, mark)[1][0] for mark in MARKS)
    return True


def is_compact(tokens: Array) -> bool:
    """Are all tokens dates written 20121002, or 201210020905 and 20121002090500, of the years 1900 to 2099?"""
    if len(tokens) == 0 or tokens.dtype.itemsize not in (8, 12, 14):
        return False
    if not bool((np.char.isdigit(tokens) & (np.char.str_len(tokens) == tokens.dtype.itemsize)).all()):
        return False
    if not bool((np.char.startswith(tokens, b"19") | np.char.startswith(tokens, b"20")).all()):
        return False
    try:
        return parse_stamps(tokens, None, str) is not None
    except DataError:
        return False


def can_be_time(chunk: Chunk) -> bool:
    """Do these rows hold stamps of time, without a doubt?"""
    if chunk.values.dtype.kind == "M":
        return True
    return chunk.is_text and (is_stamps(chunk.values) or is_compact(chunk.values))
