"""Numbers as time since 1970 in a stated unit: whole numbers and written decimals exactly, floats to the microsecond."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....errors import DataError
from ..chunk import as_bytes, as_text

Array = NDArray[Any]
Where = Callable[[int], str]
UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
LIKELY = {"s": 1e8, "ms": 1e11, "us": 1e14, "ns": 1e17}  # the year 1973; 50 times later is 2128
_NUMBER = re.compile(rb"([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|([0-9]{4,}),([0-9]*))")
_SCIENTIFIC = re.compile(rb"[+-]?([0-9])(?:[.,]([0-9]*))?[eE]\+?([0-9]{1,2})")


def parse_epochs(tokens: Array, unit: str, where: Where) -> Array:
    """Number tokens, digit by digit: no rounding through a float."""
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
        match = _NUMBER.fullmatch(token)
        if match is None:
            raise DataError(f"{where(i)}: {_no_epoch(token, unit)}")
        fraction = (match[3] or match[5] or b"")[:9].ljust(9, b"0")
        value = int(match[2] or match[4]) * scale + int(fraction) * scale // UNITS["s"]
        if value >= 2**63:
            raise DataError(f"{where(i)}: {as_text(token)} {unit} since 1970 is after 2262; check time_unit=")
        exact[i] = -value if match[1] == b"-" else value
    return exact


def _no_epoch(token: bytes, unit: str) -> str:
    text = f"'{as_text(token)}' is no number of {unit} since 1970"
    match = _SCIENTIFIC.fullmatch(token)
    if match is None:
        return text
    step = 10 ** max(int(match[3]) - len(match[2] or b""), 0)
    return f"{text} to the {unit}: so few digits tell times apart that lie {step:,} {unit} apart; write whole numbers"


def float_epochs(values: Array, unit: str, name: str, where: Where) -> Array:
    """(n,) numbers; fractions to the microsecond, which is what a float64 epoch of today holds."""
    scale = UNITS[unit]
    if values.dtype.kind == "f" and scale == 1 and np.abs(values).max(initial=0) > 2**53:
        raise DataError(f"time column '{name}' is float64 nanoseconds, exact to 256 ns only; keep int64")
    far = np.abs(values.astype(np.float64)) * scale >= 2.0**63
    if far.any():
        row = int(far.argmax())
        raise DataError(f"{where(row)}: {values[row]} {unit} is outside 1678 to 2261; check time_unit=")
    if values.dtype.kind != "f":
        return values.astype(np.int64) * scale
    whole = np.floor(values)
    fraction = np.rint((values - whole) * scale / 1000).astype(np.int64) * 1000 if scale > 1 else 0
    epochs: Array = whole.astype(np.int64) * scale + fraction
    return epochs


def epoch_unit(time: Array) -> str | None:
    """The unit in which these numbers would be an epoch of the years 1973 to 2128."""
    low, high = float(time.min()), float(time.max())
    return next((unit for unit, least in LIKELY.items() if low >= least and high < least * 50), None)


def epoch_notes(numbers: Array, scientific: bool = False) -> list[str]:
    """What to say of plain numbers that look like an epoch, or like epochs in several units."""
    unit = epoch_unit(numbers)
    if unit and scientific:
        return [f"time looks like an epoch in {unit} written with an exponent, which loses digits: write whole numbers"]
    if unit:
        return [f"time looks like an epoch in {unit}: give time_unit='{unit}' to read it as one"]
    inside = {u: (numbers >= least) & (numbers < least * 50) for u, least in LIKELY.items()}
    found = [u for u, rows in inside.items() if rows.any()]
    if len(found) > 1 and bool(np.any(list(inside.values()), axis=0).all()):
        return [f"time looks like epochs in {' and '.join(found)} mixed: write all of them in one unit"]
    return []


def unit_notes(stamps: Array, unit: str) -> list[str]:
    """An epoch that was read in a unit too fine for it lies in 1970."""
    coarser = epoch_unit(stamps // UNITS[unit])
    if coarser is None or UNITS[coarser] <= UNITS[unit]:
        return []
    return [
        f"time_unit='{unit}' puts all rows at {np.datetime64(int(stamps[0]), 'ns').astype('M8[D]')}: is it '{coarser}'?"
    ]
