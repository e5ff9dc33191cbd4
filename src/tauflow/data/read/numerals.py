"""Number tokens to float64, in a stated decimal mark: read right, or reported as not a number.

Plain numerals go through a vectorised path; grouped thousands ("1,234.5", "1 234,5", "1'234") and words for a missing
value go one by one. "1,234" alone is 1.234 or 1234: `evidence` says so, and the reader asks instead of guessing.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..reading import Decimal
from .chunk import as_bytes, as_text

Array = NDArray[Any]
MARKS: tuple[Decimal, Decimal] = (".", ",")
MISSING = frozenset(
    ("", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "nil", "none", "missing", "-", "--", "?", ".", "...", "\\n")
)
_INFINITE = frozenset(("inf", "infinity"))


def _allowed(decimal: str) -> Array:
    table = np.zeros(256, dtype=bool)
    table[[0, *b"0123456789+-eE", *decimal.encode()]] = True
    return table


_PLAIN = {decimal: _allowed(decimal) for decimal in (".", ",")}
_NUMERAL = {
    mark: re.compile(rf"[+-]?(?:[0-9]+(?:[{mark}][0-9]*)?|[{mark}][0-9]+)(?:[eE][+-]?[0-9]+)?") for mark in (".", ",")
}
_GROUPED = {
    mark: re.compile(
        rf"[+-]?[1-9][0-9]{{0,2}}(?:([{other}'\u2019 \u00a0\u202f])[0-9]{{3}})(?:\1[0-9]{{3}})*(?:[{mark}][0-9]*)?"
    )
    for mark, other in ((".", ","), (",", "."))
}


def numeral(text: str, decimal: Decimal) -> float | None:
    """One token's value; NaN for a missing value, inf for 1e400, None when it is no number."""
    text = text.strip().replace("\u2212", "-")
    word = text.casefold()
    if word in MISSING:
        return float("nan")
    if word.lstrip("+-") in _INFINITE:
        return float("-inf") if word.startswith("-") else float("inf")
    if not _NUMERAL[decimal].fullmatch(text):
        if not _GROUPED[decimal].fullmatch(text):
            return None
        text = re.sub("[ \u00a0\u202f'\u2019]", "", text).replace("," if decimal == "." else ".", "")
    return float(text.replace(",", "."))


def parse_numbers(tokens: Array, decimal: Decimal) -> tuple[Array, Array, int]:
    """(n,) tokens to (values, bad mask, how many had grouped thousands)."""
    values = np.full(len(tokens), np.nan)
    bad = np.zeros(len(tokens), dtype=bool)
    codes = as_bytes(tokens)
    filled = codes[:, 0] != 0
    plain = filled & _PLAIN[decimal][codes].all(axis=1)
    try:
        values[plain] = _decimal_point(tokens[plain], decimal).astype(np.float64)
    except ValueError:
        plain[:] = False
    known: dict[bytes, float | None] = {}
    grouped = 0
    for i in np.flatnonzero(filled & ~plain).tolist():
        token = tokens[i]
        if token not in known:
            known[token] = numeral(as_text(token), decimal)
        value = known[token]
        if value is None:
            bad[i] = True
        else:
            values[i] = value
            grouped += _GROUPED[decimal].fullmatch(as_text(token)) is not None
    return values, bad, grouped


def _decimal_point(tokens: Array, decimal: Decimal) -> Array:
    if decimal == "." or len(tokens) == 0:
        return tokens
    codes = as_bytes(tokens).copy()
    codes[codes == ord(",")] = ord(".")
    return codes.view(tokens.dtype).reshape(-1)


def evidence(tokens: Array, dots_unclear: bool) -> str:
    """What the tokens prove about the decimal mark: "." or ","; "?" when one could be either; "" when none has a mark.

    `dots_unclear`: in a table parted by `;` a "1.234" may be a grouped 1234; elsewhere its dot is a decimal point.
    """
    codes = as_bytes(tokens)
    marked = ((codes == ord(",")) | (codes == ord("."))).any(axis=1)
    found = ""
    for token in tokens[marked]:
        text = as_text(token)
        if text.casefold() in MISSING:
            continue
        point, comma = numeral(text, ".") is not None, numeral(text, ",") is not None
        if point and not dots_unclear and "," not in text:
            return "."
        if point != comma:
            return "." if point else ","
        if point:
            found = "?"
    return found
