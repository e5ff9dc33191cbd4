"""The fast lane: fields of a block that is proved plain, eight characters at a time, equal to the slow lane to the bit.

A block is plain when it has no quote, no carriage return and no empty line, and every line has the header's number of
fields. A column of it is plain when each field is empty or [+-]digits[.digits] with at most 8 digits on either side of
the point and 15 in all (both then are whole numbers below 2^53, and one division rounds once), or when all are stamps
2012-10-02, 2012-10-02 09:05 or 2012-10-02T09:05:00. Whatever is not plain goes the slow way, whose rules are the rules.

A field's last eight characters are one 64-bit word; what stands before the field is masked out, and three
multiplications turn eight digits into their number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .chunk import Chunk

Array = NDArray[Any]
NEWLINE, SPACE, PLUS, MINUS, LETTER_T = 10, 32, 43, 45, 84
DAY = 86_400_000_000_000
U = np.uint64
ZEROS = U(0x3030303030303030)
_TOP = U(0x8080808080808080)
_KEEP = np.array([0] + [((1 << 8 * n) - 1) << 8 * (8 - n) for n in range(1, 9)], dtype=np.uint64)  # the last n bytes
_DASHES, _DASHED = U(0xFF0000FF00000000), U(0x2D00002D00000000)  # of YYYY-MM-
_COLONS, _COLONED = U(0x0000FF0000FF0000), U(0x00003A00003A0000)  # of HH:MM:SS
_NO_SECONDS = U(0x30303A0000000000)
_POWER = 10.0 ** np.arange(9)
PAD = b"0" * 8  # so that eight characters can be read before the end of the first field


def field_ends(data: bytes, block: Array, delimiter: str, columns: int) -> Array | None:
    """(rows, columns) where the fields of a plain block end; None when it is not plain."""
    if b'"' in data or b"\r" in data or not delimiter.isascii():
        return None
    where = np.flatnonzero((block == NEWLINE) | (block == ord(delimiter)))
    if len(where) % columns:
        return None
    ends = where.reshape(-1, columns)
    marks = block[ends]
    plain = bool((marks[:, -1] == NEWLINE).all()) and not bool((marks[:, :-1] == NEWLINE).any())
    if columns == 1 and plain:
        plain = bool((np.diff(ends[:, 0], prepend=-1) > 1).all())  # an empty line is passed over, not read as a field
    return ends if plain else None


class Fields:
    """One column of a plain block."""

    def __init__(self, block: Array, words: Array, start: Array, end: Array, slow: Callable[[], Chunk]) -> None:
        self.block, self.words, self.start, self.end = block, words, start, end
        self._slow = slow

    def __len__(self) -> int:
        return len(self.start)

    def chunk(self) -> Chunk:
        """The column on its slow way."""
        return self._slow()

    def numbers(self) -> tuple[Array, bool] | None:
        """(n,) float64, NaN for an empty field, and whether any has a point; None when one is not plain."""
        first = self.block[self.start]
        minus = first == MINUS
        signed = minus | (first == PLUS)
        start = self.start + signed
        length = self.end - start
        if int(length.max()) > 17 or int(length.min()) < 0:
            return None
        point = self._point(start, length)
        after = np.maximum(length - point - 1, 0)
        digits = point + after
        if int(point.max()) > 8 or int(after.max()) > 8 or int(digits.max()) > 15:
            return None
        empty = digits == 0 if int(digits.min()) == 0 else None
        if empty is not None and bool((empty & (signed | (length > 0))).any()):
            return None
        whole, good = self._digits(start + point, point)
        part, fine = self._digits(self.end, after)
        if not (good and fine):
            return None
        power = _POWER[after]
        values = (whole * power + part) / power
        np.negative(values, out=values, where=minus)
        if empty is not None:
            values[empty] = np.nan
        return values, bool((point < length).any())

    def _point(self, start: Array, length: Array) -> Array:
        """Characters before the point, or all of them; a second point is no digit and is found later."""
        found = np.minimum(_first_point(self.words[start + len(PAD)]), length)
        late = np.flatnonzero((found == 8) & (length > 8))
        if len(late):
            behind = _first_point(self.words[start[late] + len(PAD) + 8])
            found[late] = np.minimum(8 + behind, length[late])
        return found

    def _digits(self, end: Array, length: Array) -> tuple[Array, bool]:
        """(n,) the number whose digits are the last `length` characters before `end`; False when one is no digit."""
        if not length.any():
            return np.zeros(len(end)), True
        return _eight_digits((self.words[end] ^ ZEROS) & _KEEP[length])

    def stamps(self) -> Array | None:
        """(n,) nanoseconds on the wall clock of ISO stamps of one length; None when they are not plain."""
        length = int(self.end[0] - self.start[0])
        if length not in (10, 16, 19) or bool((self.end - self.start != length).any()):
            return None
        at = self.start + len(PAD)
        month, day = self.words[at], self.words[at + 2] & _KEEP[2]  # YYYY-MM- and DD
        changes = np.flatnonzero((month[1:] != month[:-1]) | (day[1:] != day[:-1])) + 1
        heads = np.concatenate([[0], changes])
        days = _days(month[heads], day[heads])
        if days is None:
            return None
        stamps: Array = np.repeat(days, np.diff(np.append(heads, len(at))))
        if length == 10:
            return stamps
        mark = self.block[self.start + 10]
        if not bool(((mark == SPACE) | (mark == LETTER_T)).all()):
            return None
        word = self.words[at + 11] if length == 19 else (self.words[at + 8] >> U(24)) | _NO_SECONDS
        seconds = _seconds(word)
        return None if seconds is None else stamps + seconds * 1_000_000_000


def words_of(data: bytes) -> Array:
    """words[i]: the eight characters from i - 8 on, as one number."""
    padded = PAD + data + PAD * 3
    return np.ndarray(len(padded) - 7, dtype="<u8", buffer=padded, strides=(1,))


def _first_point(word: Array) -> Array:
    """(n,) int64: characters before the first point of each word, 8 when it has none."""
    other = word ^ U(0x2E2E2E2E2E2E2E2E)
    zero = (other - U(0x0101010101010101)) & ~other & _TOP
    lowest = zero & (~zero + U(1))
    place = np.frexp(lowest.astype(np.float64))[1]
    return np.where(place > 0, (place - 1) >> 3, 8).astype(np.int64)


def _eight_digits(digits: Array) -> tuple[Array, bool]:
    """(n,) float64: the number of eight digits 0 to 9, the first in the lowest byte; False when one byte is above 9."""
    if bool((((digits + U(0x7676767676767676)) | digits) & _TOP).any()):
        return digits, False
    pairs = digits * U(10) + (digits >> U(8))
    fours = (pairs & U(0x000000FF000000FF)) * U(0x000F424000000064)
    fours += ((pairs >> U(16)) & U(0x000000FF000000FF)) * U(0x0000271000000001)
    return (fours >> U(32)).astype(np.float64), True


def _days(month: Array, day: Array) -> Array | None:
    """(n,) nanoseconds of the days of "YYYY-MM-" and, in its last two bytes, "DD"; None when one does not exist."""
    if not bool(((month & _DASHES) == _DASHED).all()):
        return None
    read = [
        _eight_digits(word)
        for word in ((month ^ ZEROS) << U(32), ((month ^ ZEROS) << U(8)) & _KEEP[2], (day ^ ZEROS) & _KEEP[2])
    ]
    if not all(good for _, good in read):
        return None
    years, months, days = (number.astype(np.int64) for number, _ in read)
    if ((years < 1678) | (years > 2261) | (months < 1) | (months > 12) | (days < 1)).any():
        return None
    count = ((years - 1970) * 12 + months - 1).astype("M8[M]")
    first = count.astype("M8[D]").astype(np.int64)
    if ((count + 1).astype("M8[D]").astype(np.int64) - first < days).any():
        return None
    stamps: Array = (first + days - 1) * DAY
    return stamps


def _seconds(word: Array) -> Array | None:
    """(n,) seconds since midnight of "HH:MM:SS" in eight bytes; None when one is no such clock."""
    if not bool(((word & _COLONS) == _COLONED).all()):
        return None
    digits = (word ^ ZEROS) & ~_COLONS
    if bool((((digits + U(0x7676767676767676)) | digits) & _TOP).any()):
        return None
    pairs = digits * U(10) + (digits >> U(8))
    hour, minute, second = (((pairs >> U(shift)) & U(0xFF)).astype(np.int64) for shift in (0, 24, 48))
    if hour.max() > 23 or minute.max() > 59 or second.max() > 59:
        return None
    seconds: Array = (hour * 60 + minute) * 60 + second
    return seconds
