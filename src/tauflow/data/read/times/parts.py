"""A moment that stands in several columns (Date and Time; year, month, day, hour; year and quarter), joined to one text.

`find_parts` names the columns where their names and contents leave no doubt; a caller names them with time="Date,Time".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....errors import DataError
from ..chunk import Chunk, as_text
from ..numerals import parse_numbers
from ..plain import Fields
from .column import Times
from .stamps import is_stamps, parse_stamps
from .zones import DAY

Array = NDArray[Any]
WORDS = {
    "Y": {"year", "yr", "yyyy", "jahr"},
    "Q": {"quarter", "qtr", "quartal"},
    "m": {"month", "mon", "mth", "mo", "mm", "monat"},
    "W": {"week", "isoweek", "weekofyear"},
    "d": {"day", "dd", "dom", "mday", "dayofmonth", "tag"},
    "D": {"doy", "dayofyear", "yday", "julianday"},
    "clock": {"time", "clock", "timeofday", "tod", "hhmm", "uhrzeit", "zeit", "timeutc", "utctime"},
    "H": {"hour", "hr", "hh", "hours", "hourofday", "hourending", "stunde"},
    "i": {"minute", "min", "mi", "minutes"},
    "s": {"second", "sec", "ss", "seconds"},
}
_RANGE = {"Y": (1678, 2261), "Q": (1, 4), "m": (1, 12), "W": (1, 53), "d": (1, 31), "D": (1, 366), "H": (0, 24),
          "i": (0, 59), "s": (0, 59)}  # fmt: skip
_DAYS = ({"Y", "m", "d"}, {"Y", "D"}, {"Y", "m"}, {"Y", "Q"}, {"Y", "W"})
_CLOCK = re.compile(rb"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?: ?[apAP]\.?[mM]\.?)?")
ORDER = ("Y", "m", "d", "H", "i", "s")


def field_by_name(name: str) -> str | None:
    """The field that a column's name says it is."""
    folded = re.sub("[^a-z]", "", name.casefold())
    return next((field for field, words in WORDS.items() if folded in words), None)


def find_parts(sample: Mapping[str, Chunk], free: Iterable[str], stamps: list[str]) -> tuple[str, ...]:
    """The columns that make up the time together; none where there is a doubt."""
    fields: dict[str, str] = {}
    for name in free:
        field = field_by_name(name)
        if field is not None and field not in fields and _fits(sample[name], field):
            fields[field] = name
    if len(stamps) == 1 and is_dates(sample[stamps[0]]):
        if "clock" in fields:
            return (stamps[0], fields["clock"])
        return (stamps[0], *_run(fields, ("H", "i", "s"))) if "H" in fields else ()
    days = next((needed for needed in _DAYS if needed <= set(fields)), None)
    if stamps or days is None:
        return ()
    columns = tuple(fields[field] for field in ("Y", "m", "d", "Q", "W", "D") if field in days)
    if not {"d", "D"} & days:
        return columns
    return (*columns, fields["clock"]) if "clock" in fields else (*columns, *_run(fields, ("H", "i", "s")))


def _run(fields: Mapping[str, str], order: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for field in order:
        if field not in fields:
            break
        found.append(fields[field])
    return found


def is_dates(chunk: Chunk) -> bool:
    """Days without a clock?"""
    if chunk.values.dtype.kind == "M":
        return bool((chunk.values.view(np.int64) % DAY == 0).all())
    if not chunk.is_text or not is_stamps(chunk.values):
        return False
    try:
        stamps = parse_stamps(chunk.values, None, chunk.where)
        stamps = stamps or parse_stamps(chunk.values, True, chunk.where)
    except DataError:
        return False
    return stamps is not None and bool((stamps.nanoseconds % DAY == 0).all()) and b":" not in chunk.values[0]


def is_clock(chunk: Chunk) -> bool:
    return chunk.is_text and len(chunk.values) > 0 and all(map(_CLOCK.fullmatch, chunk.values.tolist()))


def _fits(chunk: Chunk, field: str) -> bool:
    if len(chunk.values) == 0:
        return True
    if field == "clock":
        return is_clock(chunk)
    if chunk.values.dtype.kind in "Mb":
        return False
    tokens = chunk.tokens()
    if field == "Q":
        tokens = _unquartered(tokens)
    numbers, bad, _ = parse_numbers(tokens, ".")
    if bad.any() or np.isnan(numbers).any():
        return field == "m" and bool(np.all([token.isalpha() for token in tokens.tolist()]))
    low, high = _RANGE[field]
    return bool(((numbers == np.floor(numbers)) & (numbers >= low) & (numbers <= high)).all())


def _unquartered(tokens: Array) -> Array:
    """Q3 is 3."""
    return np.array([token.removeprefix(b"Q").removeprefix(b"q") for token in tokens.tolist()] or [b""])[: len(tokens)]


class Parts:
    """Feeds `sink` with one text a row, made by `join`, once every column of a block has come."""

    def __init__(self, columns: tuple[str, ...], join: Callable[[Mapping[str, Chunk]], Array], sink: Any) -> None:
        self.columns, self.join, self.sink = columns, join, sink
        self._waiting: dict[str, Chunk] = {}

    def sinks(self) -> dict[str, Part]:
        return {name: Part(self, name) for name in self.columns}

    def take(self, name: str, chunk: Chunk) -> None:
        self._waiting[name] = chunk
        if len(self._waiting) == len(self.columns):
            texts = self.join(self._waiting)
            self._waiting = {}
            self.sink.feed(Chunk(texts, chunk.where))


class Part:
    """One column of several."""

    def __init__(self, parts: Parts, name: str) -> None:
        self.parts, self.name = parts, name

    def feed(self, chunk: Chunk | Fields) -> None:
        self.parts.take(self.name, chunk.chunk() if isinstance(chunk, Fields) else chunk)


def fields_of(columns: tuple[str, ...], chunks: Mapping[str, Chunk]) -> dict[str, str]:
    """What each column holds: by content, then by name, then in the order year, month, day, hour, minute, second."""
    found: dict[str, str] = {}
    for name in columns:
        chunk = chunks[name]
        if chunk.values.dtype.kind == "M" or (chunk.is_text and is_stamps(chunk.values)):
            found[name] = "date"
        elif is_clock(chunk):
            found[name] = "clock"
        elif (field := field_by_name(name)) is not None:
            found[name] = field
    left = list(ORDER[3:] if "date" in found.values() else ORDER)
    left = [field for field in left if field not in found.values()]
    for name in columns:
        if name not in found and left:
            found[name] = left.pop(0)
    fields = set(found.values())
    if (
        len(found) < len(columns)
        or len(fields) < len(columns)
        or not ("date" in fields or any(d <= fields for d in _DAYS))
    ):
        raise DataError(
            f"time='{','.join(columns)}' names columns that make up no moment; expected a date and a clock time, or "
            f"year,month,day and perhaps hour,minute,second"
        )
    return found


def moment_parts(columns: tuple[str, ...], times: Times) -> Parts:
    """The sink of a moment that stands in `columns`; what each of them holds is settled by the first block."""
    fields: dict[str, str] = {}

    def joined(chunks: Mapping[str, Chunk]) -> Array:
        fields.update({} if fields else fields_of(columns, chunks))
        return _join({fields[name]: (name, chunk) for name, chunk in chunks.items()})

    return Parts(columns, joined, times)


def _join(parts: Mapping[str, tuple[str, Chunk]]) -> Array:
    """(n,) texts that `parse_stamps` reads, from (name, chunk) by field."""

    def whole(field: str, width: int) -> Array:
        return _digits(*parts[field], field, width)

    if "date" in parts:
        text = _dates(parts["date"][1])
    elif "m" in parts and (month := parts["m"][1].tokens())[0][:1].isalpha():
        day = np.char.add(b" ", whole("d", 1)) if "d" in parts else b""
        text = np.char.add(np.char.add(whole("Y", 4), b" "), np.char.add(month, day))
    else:
        text = whole("Y", 4)
        for field, mark, width in (("m", b"-", 2), ("d", b"-", 2), ("Q", b"Q", 1), ("W", b"-W", 2), ("D", b"-", 3)):
            if field in parts:
                text = np.char.add(np.char.add(text, mark), whole(field, width))
    if "clock" in parts:
        return np.char.add(np.char.add(text, b" "), parts["clock"][1].tokens())
    mark = b" "
    for field in ("H", "i", "s"):
        if field in parts:
            text = np.char.add(np.char.add(text, mark), whole(field, 2))
            mark = b":"
    return np.char.add(text, b":00") if "H" in parts and "i" not in parts else text


def _dates(chunk: Chunk) -> Array:
    if chunk.values.dtype.kind != "M":
        return chunk.values
    if chunk.zone is not None:
        raise DataError("the date has a zone of its own; join date and clock before, or leave the zone out")
    return np.datetime_as_string(chunk.values, unit="D").astype("S10")


def _digits(name: str, chunk: Chunk, field: str, width: int) -> Array:
    """Whole numbers as texts of `width` digits or more; refused by row."""
    tokens = _unquartered(chunk.tokens()) if field == "Q" else chunk.tokens()
    numbers, bad, _ = parse_numbers(tokens, ".")
    low, high = _RANGE[field]
    wrong = bad | ~((numbers >= low) & (numbers <= high) & (numbers == np.floor(numbers)))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{chunk.where(row)}: '{as_text(tokens[row])}' in column '{name}' is no whole number from {low} to {high}"
        )
    return np.char.zfill(numbers.astype(np.int64).astype("S8"), width)
