"""Time stamps as text to int64 nanoseconds since 1970, exactly, without a locale and without guessing.

Stamps of equal shape (their text with every digit as 0) are parsed together: one regular expression per shape finds
where the fields are, numpy reads the digits of all rows. Known shapes: ISO 8601, 2012-10-02 9:05:00.25 AM, 02.10.2012,
10/2/2012, 2 October 2012, Oct 2, 2012, 20121002T0905Z, with Z, UTC or a +hh:mm offset. Of 02/10/2012 a row with a
field above 12 tells which is the day; without one the reader asks for dayfirst=.

`localise` reads naive stamps on the clock of a zone. A local time that the clock skipped in spring is refused. One that
it showed twice in autumn is resolved only where the rows themselves step back once over that hour (the rows before the
step are summer time, those after it standard time); otherwise it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from .chunk import as_bytes, as_text, nearest

Array = NDArray[Any]
Where = Callable[[int], str]
UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
DAY = 86_400 * UNITS["s"]
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FULL = ("uary", "ruary", "ch", "il", "", "e", "y", "ust", "tember", "ober", "ember", "ember")
_NAME = "(?P<M>" + "|".join(f"{m}(?:{rest})?" for m, rest in zip(_MONTHS, _FULL, strict=True)) + "|sept)"
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,? )?"
_CLOCK = r"(?P<H>00?):(?P<i>00)(?::(?P<s>00)(?:[.,](?P<f>0{1,9}))?)?(?: ?(?P<p>[ap])\.?m\.?)?"
_ZONE = r"(?: ?(?P<z>z|utc|gmt|[+-]00(?::?00)?))?"
_DATES = (
    r"(?P<Y>0000)(?P<sep>[-/.])(?P<m>00?)(?P=sep)(?P<d>00?)",
    r"(?P<Y>0000)-(?P<m>00)",
    r"(?P<a>00?)(?P<sep>[-/.])(?P<b>00?)(?P=sep)(?P<Y>0000)",
    rf"(?P<d>00?)(?:[-/ ]|\. ?){_NAME}\.?,?[-/ ](?P<Y>0000)",
    rf"{_NAME}\.? (?P<d>00?),? (?P<Y>0000)",
    r"(?P<Y>0000)(?P<m>00)(?P<d>00)",
)
_SHAPES = tuple(
    [re.compile(rf"{_WEEKDAY}{date}(?:(?:t|,? +){_CLOCK}{_ZONE})?", re.IGNORECASE) for date in _DATES]
    + [re.compile(rf"(?P<Y>0000)(?P<m>00)(?P<d>00)(?:t|)(?P<H>00)(?P<i>00)(?P<s>00)?{_ZONE}", re.IGNORECASE)]
)


@dataclass(frozen=True)
class Stamps:
    """Parsed tokens: time, which of them came with an offset, and the order of day and month if a row proved it."""

    nanoseconds: Array  # (n,) int64, UTC where aware, else as on the wall clock
    aware: Array  # (n,) bool
    dayfirst: bool | None


def is_stamps(tokens: Array) -> bool:
    """Has every token the shape of a time stamp? (Bare numbers such as 20121002 have not.)"""
    return len(tokens) > 0 and all(
        match is not None and not as_text(shape).isdigit() for shape, match, _ in _by_shape(tokens)
    )


def parse_stamps(tokens: Array, dayfirst: bool | None, where: Where) -> Stamps | None:
    """(n,) tokens to time; None when the order of day and month stays open."""
    codes = as_bytes(tokens)
    groups = list(_by_shape(tokens))
    for shape, match, rows in groups:
        if match is None:
            raise DataError(_unreadable(as_text(tokens[rows[0]]), as_text(shape), where(int(rows[0]))))
    read = [(match, rows, _fields(match, codes[rows])) for _, match, rows in groups if match is not None]
    proved = dayfirst if dayfirst is not None else _day_first(read, tokens, where)
    pairs = [fields for _, _, fields in read if "a" in fields]
    if proved is None and any(bool((fields["a"] != fields["b"]).any()) for fields in pairs):
        return None
    nanoseconds = np.empty(len(tokens), dtype=np.int64)
    aware = np.zeros(len(tokens), dtype=bool)
    for match, rows, fields in read:
        if "a" in fields:
            fields["d"], fields["m"] = (fields["a"], fields["b"]) if proved else (fields["b"], fields["a"])
        check = partial(_out_of_range, tokens, rows, where)
        stamp = _date(fields, check) + _clock(fields, match, check)
        zone = match.groupdict().get("z")
        if zone is not None:
            aware[rows] = True
            if zone[0] in "+-":
                hours, minutes = np.divmod(fields["z"] * (100 if len(zone) == 3 else 1), 100)
                check((hours > 15) | (minutes > 59), "offset")
                stamp -= (hours * 60 + minutes) * 60 * UNITS["s"] * (1 if zone[0] == "+" else -1)
        nanoseconds[rows] = stamp
    return Stamps(nanoseconds, aware, proved)


def _by_shape(tokens: Array) -> list[tuple[bytes, re.Match[str] | None, Array]]:
    """(shape, its match, rows that have it), in order of appearance."""
    codes = as_bytes(tokens)
    shapes = np.where((codes >= 48) & (codes <= 57), np.uint8(48), codes).view(tokens.dtype).reshape(-1)
    left = np.arange(len(tokens))
    found = []
    while len(left):
        shape = bytes(shapes[left[0]])
        same = shapes[left] == shape
        match = next((m for p in _SHAPES if (m := p.fullmatch(as_text(shape)))), None)
        found.append((shape, match, left[same]))
        if match is None:
            break
        left = left[~same]
    return found


def _fields(match: re.Match[str], codes: Array) -> dict[str, Array]:
    """The digits of each named field of the rows of one shape, as int64."""
    fields: dict[str, Array] = {}
    for name, text in match.groupdict().items():
        if text is None or name in ("sep", "M", "p"):
            continue
        start, end = match.span(name)
        value = np.zeros(len(codes), dtype=np.int64)
        for column in range(start, end):
            if match.string[column] == "0":
                value = value * 10 + (codes[:, column] - 48)
        fields[name] = value
    if match.groupdict().get("M"):
        fields["m"] = np.full(len(codes), _MONTHS.index(match["M"][:3].lower()) + 1)
    return fields


def _day_first(read: list[tuple[re.Match[str], Array, dict[str, Array]]], tokens: Array, where: Where) -> bool | None:
    """True: day before month, as a row with a number above 12 proves; None when none does."""
    pairs = [(rows, fields["a"], fields["b"]) for _, rows, fields in read if "a" in fields]
    first = [int(rows[(a > 12).argmax()]) for rows, a, _ in pairs if (a > 12).any()]
    second = [int(rows[(b > 12).argmax()]) for rows, _, b in pairs if (b > 12).any()]
    if first and second:
        one, two = first[0], second[0]
        raise DataError(
            f"day and month change places: {where(one)} has '{as_text(tokens[one])}', "
            f"{where(two)} has '{as_text(tokens[two])}'; write dates as YYYY-MM-DD"
        )
    return bool(first) if first or second else None


def _date(fields: dict[str, Array], check: Callable[[Array, str], None]) -> Array:
    year, month = fields["Y"], fields["m"]
    day = fields.get("d", np.ones_like(year))
    check((year < 1678) | (year > 2261), "year")
    check((month < 1) | (month > 12), "month")
    months = ((year - 1970) * 12 + month - 1).astype("M8[M]")
    first = months.astype("M8[D]").astype(np.int64)
    length = (months + 1).astype("M8[D]").astype(np.int64) - first
    check((day < 1) | (day > length), "day")
    nanoseconds: Array = (first + day - 1) * DAY
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
    nanoseconds: Array = ((hour * 60 + minute) * 60 + second) * UNITS["s"] + fraction
    return nanoseconds


def _out_of_range(tokens: Array, rows: Array, where: Where, bad: Array, name: str) -> None:
    if bad.any():
        row = int(rows[bad.argmax()])
        raise DataError(f"{where(row)}: '{as_text(tokens[row])}' has a {name} that does not exist")


def _unreadable(text: str, shape: str, place: str) -> str:
    if not text:
        return f"{place} has no time; every row needs one"
    if re.match(r"00?[-/.]00?[-/.]00(?!0)", shape):
        return f"{place}: '{text}' has a two-digit year; write dates as YYYY-MM-DD"
    if re.search(r"[A-Za-z]{3,}$", text) and shape.startswith("0000"):
        return f"{place}: '{text}' ends in a zone's short name, which is not unique; write +hh:mm, or give zone="
    return f"{place}: '{text}' is no time stamp that can be read; write YYYY-MM-DD HH:MM:SS"


def parse_epochs(tokens: Array, unit: str, where: Where) -> Array:
    """Number tokens as time since 1970 in `unit`, digit by digit: no rounding through a float."""
    number = re.compile(rb"([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|([0-9]{4,}),([0-9]*))")
    scale = UNITS[unit]
    codes = as_bytes(tokens)
    whole = ((codes == 0) | ((codes >= 48) & (codes <= 57))).all(axis=1) & (codes[:, 0] != 0)
    if tokens.dtype.itemsize <= 18 and bool(whole.all()):
        counts = tokens.astype(np.int64)
        limit = (2**63 - 1) // scale
        if not (counts > limit).any():
            epochs: Array = counts * scale
            return epochs
    exact = np.empty(len(tokens), dtype=np.int64)
    for i, token in enumerate(tokens.tolist()):
        match = number.fullmatch(token)
        if match is None:
            raise DataError(f"{where(i)}: '{as_text(token)}' is no number of {unit} since 1970")
        fraction = (match[3] or match[5] or b"")[:9].ljust(9, b"0")
        value = int(match[2] or match[4]) * scale + int(fraction) * scale // UNITS["s"]
        if value >= 2**63:
            raise DataError(f"{where(i)}: {as_text(token)} {unit} since 1970 is after 2262; check time_unit=")
        exact[i] = -value if match[1] == b"-" else value
    return exact


def known_zone(zone: str) -> str:
    """The zone's name, or an error with the nearest names."""
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise DataError(f"zone '{zone}' is not known{nearest(zone, sorted(available_timezones()))}") from None
    return zone


def localise(local: Array, ids: Array, zone: str, where: Where) -> tuple[Array, int]:
    """(n,) naive nanoseconds on the clock of `zone`, in the order of the rows, to UTC; and how many were resolved."""
    import pandas as pd

    stamps = pd.DatetimeIndex(local.view("M8[ns]"))
    early, late = (
        stamps.tz_localize(zone, ambiguous=np.full(len(local), is_summer), nonexistent="shift_forward")
        for is_summer in (True, False)
    )
    summer, standard = early.as_unit("ns").asi8, late.as_unit("ns").asi8
    skipped = np.flatnonzero(early.tz_localize(None).as_unit("ns").asi8 != local)
    if len(skipped):
        row = int(skipped[0])
        raise DataError(
            f"{where(row)}: {show(local[row])} does not exist in {zone}, the clock skips it; "
            f"leave zone= out if the stamps are not local time"
        )
    twice = summer != standard
    utc: Array = np.array(summer)
    if twice.any():
        _resolve_repeated(utc, local, standard, twice, ids, zone, where)
    return utc, int(twice.sum())


def _resolve_repeated(
    utc: Array, local: Array, standard: Array, twice: Array, ids: Array, zone: str, where: Where
) -> None:
    """Fill in standard time after the one step back in each run of local times that the clock showed twice."""
    order = np.argsort(ids, kind="stable")
    run_local, run_twice = local[order], twice[order]
    step, same_id = np.diff(run_local), ids[order][1:] == ids[order][:-1]
    both_twice = run_twice[1:] & run_twice[:-1]
    disorder = bool((same_id & ~both_twice & (step < 0)).any())
    repeats = bool((same_id & ~both_twice & (step == 0)).any())
    same = same_id & (np.abs(step) < DAY) & both_twice
    joined = np.concatenate([[False], same])
    starts = np.flatnonzero(run_twice & ~joined)
    for start in starts.tolist():
        end = start + 1
        while end < len(order) and joined[end]:
            end += 1
        steps = np.diff(run_local[start:end])
        back = np.flatnonzero(steps <= 0)
        if disorder or len(back) != 1 or (steps[back[0]] == 0 and repeats):
            row = int(order[start])
            raise DataError(
                f"{where(row)}: {show(local[row])} came twice in {zone} (the clock went back) and the rows do not "
                f"tell which one it is; write stamps with +hh:mm or in UTC"
            )
        later = order[start + int(back[0]) + 1 : end]
        utc[later] = standard[later]


def show(nanoseconds: Any) -> str:
    """A time stamp for a message or a table: 2012-10-02 09:00:00."""
    text = str(np.datetime64(int(nanoseconds), "ns")).replace("T", " ")
    return text.rstrip("0").rstrip(".") if "." in text else text
