"""Numbers that are dates: 20121002, 201210, 2012, Excel's serial days. A code is no quantity: 201301 - 201212 is 89.

A code that can be nothing else is read as the date it is, with a note. One that could be a plain number as well (an
Excel day, a year, a year and a week) is refused until `time_unit` names the code, or "number".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....errors import DataError
from .stamps import HOUR, SECOND, day_start
from .zones import show

Array = NDArray[Any]
Where = Callable[[int], str]
EXCEL_ZERO = np.datetime64("1899-12-30", "ns").astype(np.int64)
PARTS = {  # the code's digits from the last: (field, how many values of the number it takes)
    "YYYY": ("Y",),
    "YYYYMM": ("Y", "m"),
    "YYYYMMDD": ("Y", "m", "d"),
    "YYYYMMDDHH": ("Y", "m", "d", "H"),
    "YYYYMMDDHHMM": ("Y", "m", "d", "H", "i"),
    "YYYYMMDDHHMMSS": ("Y", "m", "d", "H", "i", "s"),
    "YYMMDD": ("Y", "m", "d"),
    "YYYYWW": ("Y", "W"),
    "YYYYQ": ("Y", "Q"),
    "YYYYDDD": ("Y", "D"),
}
_BASE = {"m": 100, "d": 100, "H": 100, "i": 100, "s": 100, "W": 100, "Q": 10, "D": 1000}
_LEAST = {"m": 1, "d": 1, "H": 0, "i": 0, "s": 0, "W": 1, "Q": 1, "D": 1}
CODES = (*PARTS, "excel")
CERTAIN = ("YYYYMMDDHHMMSS", "YYYYMMDDHHMM", "YYYYMMDDHH", "YYYYMMDD", "YYYYMM")
_DIGITS = {4: ("YYYY",), 5: ("YYYYQ",), 6: ("YYYYMM", "YYYYWW", "YYMMDD"), 7: ("YYYYDDD",), 8: ("YYYYMMDD",),
           10: ("YYYYMMDDHH",), 12: ("YYYYMMDDHHMM",), 14: ("YYYYMMDDHHMMSS",)}  # fmt: skip
_YEAR_WORD = re.compile(r"(?i)year|jahr|\byr\b|\byyyy\b")
_WEEK_WORD = re.compile(r"(?i)week|woche|\bwk\b|\bkw\b|yyyyww")
_DATE_WORD = re.compile(r"(?i)date|time|datum|\bds\b|day|excel|serial")
LIKELY_SHARE = 0.5  # of the rows that are a code, for a column that may be meant as one


@dataclass(frozen=True)
class Found:
    """What a column of numbers is: `code` (None: a plain number), and what to say of it."""

    code: str | None = None
    note: str = ""


def decode(numbers: Array, code: str) -> tuple[Array, Array]:
    """(n,) numbers to nanoseconds, and which of them are no such code."""
    if code == "excel":
        bad = ~((numbers >= 61) & (numbers < 109_000))  # before March 1900 Excel counts a day that never was
        ticks = np.rint(np.where(bad, 61, numbers) * 86_400_000).astype(np.int64)  # Excel's clock: milliseconds
        return EXCEL_ZERO + ticks * 1_000_000, bad
    bad = ~((numbers == np.floor(numbers)) & (numbers >= 0) & (numbers < 1e15))
    left = np.where(bad, 0, numbers).astype(np.int64)
    fields: dict[str, Array] = {}
    for name in reversed(PARTS[code][1:]):
        left, fields[name] = np.divmod(left, _BASE[name])
    fields["Y"] = left + np.where(left < 69, 2000, 1900) if code == "YYMMDD" else left
    return _assemble(fields, bad | (left > 99 if code == "YYMMDD" else left > 9999))


def _assemble(fields: dict[str, Array], bad: Array) -> tuple[Array, Array]:
    def check(wrong: Array, _name: str) -> None:
        bad[wrong] = True

    check((fields["Y"] < 1678) | (fields["Y"] > 2261), "year")
    for name, values in fields.items():
        if name in _LEAST:
            most = {"m": 12, "d": 31, "H": 23, "i": 59, "s": 59, "W": 53, "Q": 4, "D": 366}[name]
            check((values < _LEAST[name]) | (values > most), name)
    safe = {name: np.where(bad, 2000 if name == "Y" else 1, values) for name, values in fields.items()}
    if "m" not in safe and not {"W", "Q", "D"} & set(safe):
        safe["m"] = np.ones_like(safe["Y"])
    days = day_start(safe, check)
    zero = np.zeros_like(days)
    clock = safe.get("H", zero) * HOUR + safe.get("i", zero) * 60 * SECOND + safe.get("s", zero) * SECOND
    return days + clock, bad


def read_code(numbers: Array, code: str, name: str, where: Where) -> Array:
    """(n,) numbers that are said or known to be a code, to nanoseconds; refused by row."""
    stamps, bad = decode(numbers, code)
    if bad.any():
        row = int(bad.argmax())
        raise DataError(f"{where(row)}: {_digits(numbers[row])} is no {code} date; column '{name}' is read as one")
    return stamps


def find_code(numbers: Array, name: str, where: Where) -> Found:
    """Which code a time column is written in; an error that says what to type where it is open."""
    if len(numbers) == 0 or not bool((numbers > 0).all()):
        return Found()
    whole = bool((numbers == np.floor(numbers)).all())
    widths = {len(_digits(float(edge)).split(".")[0]) for edge in (numbers.min(), numbers.max())}
    if whole and len(widths) == 1:
        width = widths.pop()
        found = _whole_code(numbers, width, name, where)
        if found is not None:
            return found
    return _days_or_years(numbers, whole, name)


def _whole_code(numbers: Array, width: int, name: str, where: Where) -> Found | None:
    shares = {code: 1 - float(decode(numbers, code)[1].mean()) for code in _DIGITS.get(width, ())}
    full = [code for code, share in shares.items() if share == 1]
    if width == 4:
        return _years(numbers, name) if full else None
    if width == 6 and full:
        weekly = "YYYYWW" in full and _WEEK_WORD.search(name)
        both = "YYYYMM" in full and "YYMMDD" in full and len(np.unique(numbers)) <= 12
        if weekly or both or "YYYYMM" not in full:
            raise DataError(_ask(numbers, name, [c for c in full if c != "YYYYMM" or both]))
    elif full and full[0] not in CERTAIN:
        raise DataError(_ask(numbers, name, full))
    if full:
        return Found(full[0], f"time is written {full[0]}: read as dates")
    likely = [code for code, share in shares.items() if share >= LIKELY_SHARE and code in CERTAIN]
    if likely:
        row = int(decode(numbers, likely[0])[1].argmax())
        raise DataError(
            f"{where(row)}: {_digits(numbers[row])} is no date, most rows of column '{name}' are written {likely[0]}; "
            f"mend it, or give time_unit='number' if it counts something else"
        )
    return None


def _years(numbers: Array, name: str) -> Found | None:
    if _YEAR_WORD.search(name):
        return Found("YYYY", "time is written YYYY: read as 1 January of each year")
    if numbers.min() >= 1900 and numbers.max() <= 2100:
        raise DataError(_ask(numbers, name, ["YYYY"]))
    return None


def _days_or_years(numbers: Array, whole: bool, name: str) -> Found:
    low, high = float(numbers.min()), float(numbers.max())
    if low >= 1900 and high < 2101 and not whole:
        month = np.rint(numbers * 100) % 100
        if bool((np.abs(numbers * 100 - np.rint(numbers * 100)) < 1e-6).all()) and bool(
            ((month >= 1) & (month <= 12)).all()
        ):
            raise DataError(
                f"time in column '{name}' could be years and months written {low:.2f}; write "
                f"{int(low)}-{round(low * 100) % 100:02d}, or give time_unit='number' if it is a plain number"
            )
        return Found(note="time looks like years with a fraction: kept as numbers")
    year = np.rint(numbers * 1e4)
    of_months = low >= 1 and high < 13 and bool((np.abs(numbers * 1e4 - year) < 1e-6).all())
    if of_months and bool(((year % 1e4 >= 1900) & (year % 1e4 <= 2100)).all()):
        raise DataError(
            f"time in column '{name}' could be months and years written {numbers[0]:07.4f}; write "
            f"{int(year[0] % 1e4)}-{int(numbers[0]):02d}, or give time_unit='number' if it is a plain number"
        )
    if low >= 25_569 and high < 73_051:  # 1970 to 2099
        if _DATE_WORD.search(name):
            raise DataError(_ask(numbers, name, ["excel"]))
        return Found(
            note=f"time could be Excel's days: give time_unit='excel' to read {_digits(low)} as {_shown(low, 'excel')}"
        )
    return Found()


def _ask(numbers: Array, name: str, codes: list[str]) -> str:
    first = float(numbers[0])
    ways = " or ".join(f"time_unit='{code}' to read {_digits(first)} as {_shown(first, code)}" for code in codes)
    what = "Excel's days" if codes == ["excel"] else "dates"
    return f"time in column '{name}' could be {what}; give {ways}, or time_unit='number' if it is a plain number"


def _shown(number: float, code: str) -> str:
    stamp = int(decode(np.array([number]), code)[0][0])
    return show(stamp).removesuffix(" 00:00:00")


def _digits(number: Any) -> str:
    value = float(number)
    return str(int(value)) if value.is_integer() else repr(value)
