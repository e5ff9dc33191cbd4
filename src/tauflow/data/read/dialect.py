"""How a text table is written: delimiter, quotes, line ends, header; sniffed on a sample, verified on every row later.

The structure of a block of bytes is found with numpy: a delimiter or line end counts where an even number of quotes
stands before it. A quote may open a field or close it and nothing else; "" inside quotes is one quote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..reading import Decimal
from .chunk import WIDEST, as_tokens
from .numerals import MARKS, evidence, parse_numbers
from .times.stamps import is_stamps

Array = NDArray[Any]
DELIMITERS = (";", "\t", "|", ",")
QUOTE, NEWLINE, RETURN, SPACE = 34, 10, 13, 32
MOST_ABOVE = 20  # lines above a header
ROWS_SCORED = 400  # to choose a delimiter


@dataclass(frozen=True)
class Dialect:
    """`decimal` is the mark that the sample proves over all columns, None when none or both are proved."""

    delimiter: str
    decimal: Decimal | None
    header: tuple[str, ...]
    body: int  # bytes before the first row


@dataclass(frozen=True)
class Structure:
    """Where the fields of a block are: field k of row r spans [start[r, k], end[r, k])."""

    start: Array  # (rows, columns) int64
    end: Array


class QuoteError(DataError):
    """A quote that neither opens nor closes a field, at byte `position` of the block."""

    def __init__(self, position: int) -> None:
        super().__init__("a quote stands inside a field; put the field in quotes and write the quote twice")
        self.position = position


class RaggedError(DataError):
    """The row that starts at byte `position` has another number of fields."""

    def __init__(self, position: int, found: int, expected: int) -> None:
        super().__init__(f"{found} fields, but the header has {expected}")
        self.position = position


def separators(block: Array, delimiter: str) -> tuple[Array, Array]:
    """Positions of all delimiters and line ends outside quotes, and which of them end a line."""
    breaks = block == NEWLINE
    both = breaks | (block == ord(delimiter))
    quotes = block == QUOTE
    if quotes.any():
        inside = np.bitwise_xor.accumulate(quotes)
        _check_quotes(block, quotes, inside, both)
        both &= ~inside
    where = np.flatnonzero(both)
    return where, breaks[where]


def _check_quotes(block: Array, quotes: Array, inside: Array, both: Array) -> None:
    at = np.flatnonzero(quotes)
    opening = inside[at]
    edge = both | quotes | (block == RETURN)
    before, after = at[opening] - 1, at[~opening] + 1
    bad_open = before[(before >= 0) & ~edge[before]] + 1
    bad_close = after[(after < len(block)) & ~edge[np.minimum(after, len(block) - 1)]] - 1
    for position in np.sort(np.concatenate([bad_open, bad_close])).tolist():
        step = -1 if inside[position] else 1
        other = position + step
        while 0 <= other < len(block) and block[other] == SPACE:
            other += step
        if 0 <= other < len(block) and not (both[other] or block[other] == RETURN):
            raise QuoteError(position)


def structure(block: Array, delimiter: str, columns: int) -> Structure:
    """Fields of a block of whole lines; empty lines are passed over. Refuses a row with another number of fields."""
    where, is_break = separators(block, delimiter)
    start = np.concatenate([[0], where[:-1] + 1]).astype(np.int64)
    ends = np.flatnonzero(is_break)
    count = np.diff(ends, prepend=-1)
    first = ends - count + 1  # index of the first field of each line
    length = where[ends] - start[first]
    returned = (length == 1) & (block[start[first]] == RETURN)
    empty = (count == 1) & ((length == 0) | returned)
    wrong = ~empty & (count != columns)
    if wrong.any():
        line = int(wrong.argmax())
        raise RaggedError(int(start[first[line]]), int(count[line]), columns)
    keep = np.repeat(~empty, count)
    return Structure(start[keep].reshape(-1, columns), where[keep].reshape(-1, columns))


def tokens_of(block: Array, start: Array, end: Array, width: int) -> tuple[Array, int]:
    """The (rows,) fields as stripped, unquoted tokens, cut at `width`. Second: a row that was cut, or -1."""
    start, end = start.copy(), end.copy()
    blank = np.zeros(256, dtype=bool)
    blank[[SPACE, 9, RETURN]] = True
    _strip(block, start, end, blank)
    quoted = (end - start >= 2) & (block[np.minimum(start, len(block) - 1)] == QUOTE) & (block[end - 1] == QUOTE)
    if quoted.any():
        start, end = start + quoted, end - quoted
        _strip(block, start, end, blank)
    length = end - start
    longest = int(length.max(initial=1))
    cut = int(length.argmax()) if longest > width else -1
    span = np.arange(max(min(longest, width), 1))
    codes = block.take(start[:, None] + span, mode="clip")
    codes[span >= length[:, None]] = 0
    tokens = codes.view(f"S{len(span)}").reshape(-1)
    if quoted.any():
        doubled = quoted & (codes == QUOTE).any(axis=1)
        if doubled.any():
            tokens[doubled] = np.char.replace(tokens[doubled], b'""', b'"')
    return tokens, cut


def _strip(block: Array, start: Array, end: Array, blank: Array) -> None:
    """Move the bounds past blanks, in place."""
    last = len(block) - 1
    while (move := (start < end) & blank[block[np.minimum(start, last)]]).any():
        start += move
    while (move := (start < end) & blank[block[end - 1]]).any():
        end -= move


def sniff(sample: bytes, delimiter: str | None) -> Dialect:
    """The dialect of a table from its first whole lines."""
    body = 0
    hint = re.match(rb"sep=(.)\r?\n", sample)
    if hint:
        body, delimiter = hint.end(), delimiter or hint[1].decode("ascii", "replace")
    while sample[body : body + 1] in (b"\n", b"\r"):
        body += 1
    block = np.frombuffer(sample, dtype=np.uint8)[body:]
    if delimiter is None:
        delimiter = _best_delimiter(block)
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\n\r':
        raise DataError(f"delimiter is {delimiter!r}; expected one character, such as ',' or ';'")
    _refuse_lines_above(block, delimiter)
    where, is_break = separators(block, delimiter)
    line = int(where[is_break][0]) + 1
    columns = int((~is_break[: is_break.argmax()]).sum()) + 1
    fields = structure(block[:line], delimiter, columns)
    header = tuple(
        bytes(tokens_of(block, fields.start[:, k], fields.end[:, k], 4096)[0][0]).decode() for k in range(columns)
    )
    _refuse_missing_header(header)
    return Dialect(delimiter, _proved_decimal(block[line:], delimiter, columns), header, body + line)


def _refuse_lines_above(block: Array, chosen: str) -> None:
    """A title, units or a comment above the header: the first lines are one field, and all others equally many."""
    _, is_break = separators(block, chosen)
    if not is_break[0]:
        return
    for delimiter in dict.fromkeys((chosen, *DELIMITERS)):
        try:
            _, is_break = separators(block, delimiter)
        except QuoteError:
            continue
        ends = np.flatnonzero(is_break)
        counts = np.diff(ends, prepend=-1)
        above = int((counts > 1).argmax())
        if 0 < above <= MOST_ABOVE and above < len(counts) - 1 and bool((counts[above:] == counts[-1]).all()):
            raise DataError(
                f"line {above + 1}: {counts[-1]} fields, but the header has 1; if lines 1 to {above} stand above the "
                f"header, leave them out: tail -n +{above + 1} FILE > table.csv"
            )


def _columns_of(block: Array, delimiter: str, columns: int) -> list[Array]:
    """The columns of a sample; none when its lines don't agree."""
    try:
        fields = structure(block, delimiter, columns)
    except DataError:
        return []
    return [tokens_of(block, fields.start[:, k], fields.end[:, k], WIDEST)[0] for k in range(columns)]


def _best_delimiter(block: Array) -> str:
    """The delimiter under which the lines have equally many fields, and most of them are numbers or stamps."""
    scores: dict[str, float] = {}
    widths: dict[str, int] = {}
    for delimiter in DELIMITERS:
        try:
            where, is_break = separators(block, delimiter)
        except QuoteError:
            continue
        widths[delimiter] = int(is_break.argmax()) + 1
        if widths[delimiter] == 1:
            continue
        line = int(where[is_break.argmax()]) + 1
        end = min(len(block), int(where[is_break][:ROWS_SCORED][-1]) + 1)
        columns = _columns_of(block[line:end], delimiter, widths[delimiter]) if line < end else []
        scores[delimiter] = float(np.mean([_readable(column) for column in columns])) if columns else -1.0
    if not widths:
        where, _ = separators(block, ",")
    if not scores:
        return ","
    best = max(scores.values())
    winners = [delimiter for delimiter, score in scores.items() if score == best]
    if len(winners) > 1:
        shown = " or ".join(repr(delimiter) for delimiter in winners)
        raise DataError(f"the delimiter could be {shown}; give delimiter=")
    return winners[0]


def _readable(tokens: Array) -> float:
    """The share of a column's fields that are numbers or time stamps."""
    if len(tokens) == 0:
        return 0.0
    point, comma = (1.0 - float(parse_numbers(tokens, mark)[1].mean()) for mark in MARKS)
    return max(point, comma, float(is_stamps(tokens)))


def _refuse_missing_header(header: tuple[str, ...]) -> None:
    named = [name for name in header if name]
    if not named:
        raise DataError(f"the first line has no names, but {len(header)} empty fields; write a header line")
    tokens = as_tokens(named)
    numbers = ~parse_numbers(tokens, ".")[1]
    counted = named == [str(k) for k in range(len(named))]
    stamps = [is_stamps(tokens[i : i + 1]) for i in range(len(named))]
    if not counted and bool((numbers | np.array(stamps)).all()):
        shown = ", ".join(named[:4])
        raise DataError(f"the first line is data, not names ({shown}); write a header line such as ds,y")


def _proved_decimal(block: Array, delimiter: str, columns: int) -> Decimal | None:
    proofs = {evidence(tokens, delimiter == ";") for tokens in _columns_of(block, delimiter, columns)}
    if "," in proofs:
        return None if "." in proofs else ","
    return "." if "." in proofs else None
