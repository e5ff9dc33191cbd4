"""Time stamps as text to int64 nanoseconds since 1970, exactly, without a locale and without guessing.

Stamps of equal shape (see `shapes`) are parsed together: one regular expression per shape finds where the fields are,
numpy reads the digits of all rows. Of 02/10/2012 a row with a field above 12 tells which is the day; without one, or
where a second mark (02.10.2012) stands in the same column, the reader asks for dayfirst=.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....errors import DataError
from ..chunk import as_bytes, as_text
from .shapes import MONTHS, match_shape, unreadable
from .zones import DAY

Array = NDArray[Any]
Where = Callable[[int], str]
SECOND = 1_000_000_000
HOUR = 3600 * SECOND


@dataclass(frozen=True)
class Stamps:
    """Parsed tokens: time, which of them came with an offset, and the order of day and month if a row proved it."""

    nanoseconds: Array  # (n,) int64, UTC where aware, else as on the wall clock
    aware: Array  # (n,) bool
    dayfirst: bool | None
    regions: frozenset[str] = frozenset()  # zones in brackets behind the offsets
    marks: frozenset[str] = field(default=frozenset())  # between day and month where their order is not written


@dataclass(frozen=True)
class _Group:
    """Rows of one shape, its fields as numbers."""

    match: re.Match[str]
    rows: Array
    fields: dict[str, Array]


def is_stamps(tokens: Array) -> bool:
    """Has every token the shape of a time stamp? (Bare numbers such as 20121002 have not.)"""
    return len(tokens) > 0 and all(
        match is not None and not as_text(shape).isdigit() for shape, match, _ in _by_shape(tokens)
    )


def parse_stamps(tokens: Array, dayfirst: bool | None, where: Where) -> Stamps | None:
    """(n,) tokens to time; None when the order of day and month stays open."""
    codes = as_bytes(tokens)
    groups: list[_Group] = []
    for _, match, rows in _by_shape(tokens):
        if match is None:
            raise DataError(unreadable(as_text(tokens[rows[0]]), where(int(rows[0]))))
        groups.append(_Group(match, rows, _fields(match, codes[rows])))
    _refuse_open_months(groups, tokens, where)
    open_groups = [group for group in groups if "a" in group.fields]
    proved = dayfirst if dayfirst is not None else _day_first(open_groups, tokens, where)
    marks = frozenset(group.match["sep"] for group in open_groups)
    if proved is None and any(bool((group.fields["a"] != group.fields["b"]).any()) for group in open_groups):
        return None
    nanoseconds = np.empty(len(tokens), dtype=np.int64)
    aware = np.zeros(len(tokens), dtype=bool)
    for group in groups:
        check = partial(_out_of_range, tokens, group.rows, where)
        if "a" in group.fields:
            a, b = group.fields["a"], group.fields["b"]
            group.fields["d"], group.fields["m"] = (a, b) if proved else (b, a)
        clock = _clock(group.fields, group.match, check)
        offset, known = _offset(group, check)
        if not known and group.match.groupdict().get("region"):
            raise DataError(unreadable(as_text(tokens[group.rows[0]]), where(int(group.rows[0]))))
        if known:
            _refuse_spans(group, clock, offset, tokens, where)
        aware[group.rows] = known
        nanoseconds[group.rows] = day_start(group.fields, check) + clock - offset
    regions = frozenset(found for group in groups if (found := group.match.groupdict().get("region")))
    return Stamps(nanoseconds, aware, proved, regions, marks)


def _by_shape(tokens: Array) -> list[tuple[bytes, re.Match[str] | None, Array]]:
    """(shape, its match, rows that have it), in order of appearance."""
    codes = as_bytes(tokens)
    shapes = np.where((codes >= 48) & (codes <= 57), np.uint8(48), codes).view(tokens.dtype).reshape(-1)
    left = np.arange(len(tokens))
    found = []
    while len(left):
        shape = bytes(shapes[left[0]])
        same = shapes[left] == shape
        match = match_shape(as_text(shape))
        found.append((shape, match, left[same]))
        if match is None:
            break
        left = left[~same]
    return found


def _fields(match: re.Match[str], codes: Array) -> dict[str, Array]:
    """The digits of each named field of the rows of one shape, as int64."""
    fields: dict[str, Array] = {}
    for name, text in match.groupdict().items():
        if text is None or name in ("sep", "M", "p", "region"):
            continue
        start, end = match.span(name)
        value = np.zeros(len(codes), dtype=np.int64)
        for column in range(start, end):
            if match.string[column] == "0":
                value = value * 10 + (codes[:, column] - 48)
        fields["W" if name == "W2" else name] = value
    if match.groupdict().get("M"):
        fields["m"] = np.full(len(codes), MONTHS.index(match["M"][:3].lower()) + 1)
    return fields


def _day_first(groups: list[_Group], tokens: Array, where: Where) -> bool | None:
    """True: day before month, as a row with a number above 12 proves; None when none does."""
    first = [int(g.rows[(g.fields["a"] > 12).argmax()]) for g in groups if (g.fields["a"] > 12).any()]
    second = [int(g.rows[(g.fields["b"] > 12).argmax()]) for g in groups if (g.fields["b"] > 12).any()]
    if first and second:
        one, two = first[0], second[0]
        raise DataError(
            f"day and month change places: {where(one)} has '{as_text(tokens[one])}', "
            f"{where(two)} has '{as_text(tokens[two])}'; write dates as YYYY-MM-DD"
        )
    return bool(first) if first or second else None


def _refuse_open_months(groups: list[_Group], tokens: Array, where: Where) -> None:
    """1/2019 to 4/2019, and no other: months or quarters?"""
    short = [
        g for g in groups if "m" in g.fields and not {"d", "a", "M"} & {k for k in g.match.groupdict() if g.match[k]}
    ]
    if short and all(len(g.match["m"]) == 1 and bool((g.fields["m"] <= 4).all()) for g in short):
        row = int(short[0].rows[0])
        raise DataError(
            f"{where(row)}: '{as_text(tokens[row])}' could be a month or a quarter; write 2019-01 or 2019Q1"
        )


def day_start(fields: dict[str, Array], check: Callable[[Array, str], None]) -> Array:
    """Nanoseconds of the day's start since 1970: by month and day, by week, or by day of the year."""
    year = fields["Y"]
    check((year < 1678) | (year > 2261), "year")
    if "W" in fields:
        return _week(year, fields["W"], fields.get("w", np.ones_like(year)), check)
    if "D" in fields:
        start, end = (_month_start(one, np.ones_like(one)) for one in (year, year + 1))
        check((fields["D"] < 1) | (fields["D"] > end - start), "day")
        ordinal: Array = (start + fields["D"] - 1) * DAY
        return ordinal
    if "Q" in fields:
        check((fields["Q"] < 1) | (fields["Q"] > 4), "quarter")
    month = fields["Q"] * 3 - 2 if "Q" in fields else fields["m"]
    day = fields.get("d", np.ones_like(year))
    check((month < 1) | (month > 12), "month")
    first = _month_start(year, month)
    length = _month_start(year, month + 1) - first
    check((day < 1) | (day > length), "day")
    nanoseconds: Array = (first + day - 1) * DAY
    return nanoseconds


def _month_start(year: Array, month: Array) -> Array:
    """Days since 1970; month 13 is the January after."""
    days: Array = ((year - 1970) * 12 + month - 1).astype("M8[M]").astype("M8[D]").astype(np.int64)
    return days


def _week(year: Array, week: Array, day: Array, check: Callable[[Array, str], None]) -> Array:
    """ISO 8601: week 1 is the one that 4 January is in, weeks begin on Monday."""

    def monday(of: Array) -> Array:
        fourth = _month_start(of, np.ones_like(of)) + 3
        found: Array = fourth - (fourth + 3) % 7  # 1970-01-01 was a Thursday
        return found

    check((week < 1) | (week > (monday(year + 1) - monday(year)) // 7), "week")
    check((day < 1) | (day > 7), "day")
    nanoseconds: Array = (monday(year) + (week - 1) * 7 + day - 1) * DAY
    return nanoseconds


def _clock(fields: dict[str, Array], match: re.Match[str], check: Callable[[Array, str], None]) -> Array:
    """Nanoseconds since midnight; 24:00 is the end of the day (ISO 8601)."""
    zero = np.zeros_like(fields["Y"])
    hour, minute, second = (fields.get(name, zero) for name in ("H", "i", "s"))
    half = match.groupdict().get("p")
    if half:
        check((hour < 1) | (hour > 12), "hour")
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    check((minute > 59), "minute")
    check((second > 59), "second")
    check((hour > 24) | ((hour == 24) & (minute + second + fields.get("f", zero) > 0)), "hour")
    fraction = fields.get("f", zero) * 10 ** (9 - len(match["f"])) if "f" in fields else zero
    nanoseconds: Array = ((hour * 60 + minute) * 60 + second) * SECOND + fraction
    return nanoseconds


def _offset(group: _Group, check: Callable[[Array, str], None]) -> tuple[Array | int, bool]:
    """Nanoseconds to take off for UTC, and whether the shape states them."""
    zone = group.match.groupdict().get("z")
    if zone is None:
        return 0, False
    sign = zone.lstrip("UTCGMutcgm")
    if not sign or sign[0] not in "+-":
        return 0, True
    hours, minutes = np.divmod(group.fields["z"] * (100 if len(sign) <= 3 else 1), 100)
    check((hours > 15) | (minutes > 59), "offset")
    return (hours * 60 + minutes) * 60 * SECOND * (1 if sign[0] == "+" else -1), True


def _refuse_spans(group: _Group, clock: Array, offset: Array | int, tokens: Array, where: Where) -> None:
    """01:00-02:00, 02:00-03:00, ...: what looks like an offset is the end of a span."""
    if isinstance(offset, int) or "i" not in group.fields:
        return
    length = -offset - clock
    if len(np.unique(offset)) > 1 and length[0] > 0 and bool((length == length[0]).all()):
        row = int(group.rows[0])
        raise DataError(
            f"{where(row)}: '{as_text(tokens[row])}' is a span of time, the next rows show; keep its start alone"
        )


def _out_of_range(tokens: Array, rows: Array, where: Where, bad: Array, name: str) -> None:
    if bad.any():
        row = int(rows[bad.argmax()])
        raise DataError(f"{where(row)}: '{as_text(tokens[row])}' has a {name} that does not exist")
