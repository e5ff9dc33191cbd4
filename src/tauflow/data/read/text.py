"""A text table (CSV and its relatives) read in blocks: bounded memory, every row's structure verified.

UTF-8 with or without a byte-order mark, UTF-16 and UTF-32 with one; LF, CRLF or CR line ends. Bytes that are not
UTF-8, NUL bytes, unclosed quotes and rows with another number of fields are refused by line.
"""

from __future__ import annotations

import codecs
import lzma
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import islice
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..reading import Decimal
from .chunk import WIDEST, Chunk
from .dialect import NEWLINE, QUOTE, RETURN, Dialect, QuoteError, RaggedError, sniff, structure, tokens_of
from .formats import refuse_other_texts
from .plain import Fields, field_ends, words_of

Array = NDArray[Any]
BLOCK = 1 << 20  # bytes read at a time
LONGEST_LINE = 1 << 24
SAMPLE = 1 << 16
_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
          (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig"))  # fmt: skip


class Sink(Protocol):
    """What takes a column's chunks in the order of the rows."""

    def feed(self, chunk: Chunk | Fields) -> None: ...


class TextSource:
    """Columns of a text file by name."""

    def __init__(
        self, label: str, reopen: Callable[[], AbstractContextManager[IO[bytes]]], delimiter: str | None = None
    ) -> None:
        self.label = label
        self._reopen = reopen
        self._line = 1  # of the block that is read
        head = b""
        for block in islice(self._blocks(SAMPLE), 2):  # the second may be a last line without its end
            head += block
            self._line += block.count(b"\n")
        if not head.strip():
            raise DataError(f"{self.label} is empty")
        refuse_other_texts(head, self.label)
        try:
            self.dialect: Dialect = sniff(head, delimiter)
        except QuoteError as error:
            raise DataError(f"{self.label}, line {_line(head, error.position)}: {error}") from None
        except DataError as error:
            raise DataError(f"{self.label}: {error}") from None
        self.names = tuple(name or f"column {k + 1}" for k, name in enumerate(self.dialect.header))
        self._sample = head[self.dialect.body :]
        self._first_line = 1 + head[: self.dialect.body].count(b"\n")
        self._lines: list[tuple[int, int, Array | None]] = []  # per block: first row, its line, or all lines with gaps
        self._rows = 0

    @property
    def dots_unclear(self) -> bool:
        return self.dialect.delimiter == ";"

    @property
    def decimal(self) -> Decimal | None:
        return self.dialect.decimal

    def repeated(self) -> set[str]:
        """Names that the header has more than once."""
        return {name for name, count in Counter(self.names).items() if count > 1}

    def sample(self) -> dict[str, Chunk]:
        """The first rows of every column, to tell stamps from numbers."""
        if not self._sample:
            return {name: Chunk(np.empty(0, dtype="S1"), str) for name in self.names}
        _, chunks = self._parse(self._sample, self._first_line, None)
        return {name: chunk for name, chunk in zip(self.names, chunks, strict=True) if isinstance(chunk, Chunk)}

    def read(self, sinks: Mapping[str, Sink]) -> int:
        """Feed the named columns, all rows; returns how many rows there are."""
        place = {name: k for k, name in enumerate(self.names)}
        columns = [place[name] for name in sinks]
        self._lines.clear()
        self._rows = 0
        self._line, line, skip = 1, self._first_line, self.dialect.body
        for block in self._blocks(BLOCK):
            body, skip = block[skip:], 0
            lines, chunks = self._parse(body, line, columns) if body else (0, [])
            for sink, chunk in zip(sinks.values(), chunks, strict=False):
                if len(chunk):
                    sink.feed(chunk)
            line += lines
            self._line = line
        return self._rows

    def where(self, row: int) -> str:
        """'line 17' for row 15 under a header line."""
        for first, line, lines in reversed(self._lines):
            if row >= first:
                return f"line {line + row - first if lines is None else int(lines[row - first])}"
        return f"row {row}"

    def _parse(self, data: bytes, line: int, columns: list[int] | None) -> tuple[int, Sequence[Chunk | Fields]]:
        """How many lines, and the chunks of some columns; of all, with long texts cut, when `columns` is None."""
        block = np.frombuffer(data, dtype=np.uint8)
        ends = field_ends(data, block, self.dialect.delimiter, len(self.names)) if columns is not None else None
        if ends is None:
            return data.count(b"\n"), self._parse_slowly(data, block, line, columns)
        self._lines.append((self._rows, line, None))
        self._rows += len(ends)
        words = words_of(data)

        def fields(k: int) -> Fields:
            end = np.ascontiguousarray(ends[:, k])
            start = ends[:, k - 1] + 1 if k else np.concatenate([[0], ends[:-1, -1] + 1])
            slow = partial(self._chunk, block, start, end, k, lambda i: f"line {line + i}", False)
            return Fields(block, words, start, end, slow)

        return len(ends), [fields(k) for k in columns or []]

    def _parse_slowly(self, data: bytes, block: Array, line: int, columns: list[int] | None) -> list[Chunk]:
        try:
            fields = structure(block, self.dialect.delimiter, len(self.names))
        except (QuoteError, RaggedError) as error:
            at = line + data[: error.position].count(b"\n")
            raise DataError(f"{self.label}, line {at}: {error}") from None
        starts = fields.start[:, 0]
        lines = line + np.searchsorted(np.flatnonzero(block == NEWLINE), starts)
        if len(lines):
            plain = int(lines[-1] - lines[0]) == len(lines) - 1  # no empty line, no line end in quotes
            self._lines.append((self._rows, int(lines[0]), None if plain else lines.astype(np.int32)))
            self._rows += len(lines)

        def where(i: int) -> str:
            return f"line {int(lines[i])}"

        return [
            self._chunk(block, fields.start[:, k], fields.end[:, k], k, where, columns is None)
            for k in (range(len(self.names)) if columns is None else columns)
        ]

    def _chunk(self, block: Array, start: Array, end: Array, k: int, where: Callable[[int], str], cut: bool) -> Chunk:
        tokens, longest = tokens_of(block, start, end, WIDEST)
        if longest >= 0 and not cut:
            raise DataError(f"{where(longest)}: column '{self.names[k]}' has a field of more than {WIDEST} bytes")
        return Chunk(tokens, where)

    def _blocks(self, size: int) -> Iterator[bytes]:
        """Whole lines of UTF-8 with LF ends, at least one line and about `size` bytes at a time.

        Who takes them counts their lines into `_line`, so that a message about the next block can name its own.
        """
        rest = b""
        carriage = False  # the file ends its lines with CR alone
        for number, data in enumerate(self._decoded(size)):
            if number == 0:
                carriage = b"\n" not in data and b"\r" in data.rstrip(b"\r")
            data = rest + (data.replace(b"\r", b"\n") if carriage else data)
            cut = _last_line_end(data)
            if cut == 0 and len(data) > LONGEST_LINE:
                raise DataError(f"{self.label}, line {self._line}: a line or an open quote of {len(data):,} bytes")
            rest = data[cut:]
            if cut:
                block = data[:cut]
                self._check_bytes(block, self._line)
                yield block
        if rest:
            if rest.count(b'"') % 2:
                at = self._line + rest[: rest.rindex(b'"')].count(b"\n")
                raise DataError(
                    f"{self.label}: a quote in or after line {self._line} never closes (last quote: line {at})"
                )
            self._check_bytes(rest, self._line)
            yield rest + b"\n"

    def _check_bytes(self, data: bytes, line: int) -> None:
        if b"\0" in data:
            at = line + data[: data.index(b"\0")].count(b"\n")
            raise DataError(
                f"{self.label}, line {at}: a NUL byte; is this UTF-16 without a byte-order mark, or a damaged file?"
            )
        if data.isascii() and b"\r" not in data:
            return
        if data.count(b"\r") != data.count(b"\r\n"):
            at = line + data[: _lone_return(data)].count(b"\n")
            raise DataError(f"{self.label}, line {at}: a carriage return inside a line; line ends are mixed")
        try:
            data.decode()
        except UnicodeDecodeError as error:
            at = line + data[: error.start].count(b"\n")
            raise DataError(
                f"{self.label}, line {at}: byte 0x{data[error.start]:02x} is not UTF-8; "
                f"convert the file first: iconv -f WINDOWS-1252 -t UTF-8"
            ) from None

    def _decoded(self, size: int) -> Iterator[bytes]:
        """The file's bytes as UTF-8 without a byte-order mark."""
        try:
            with self._reopen() as file:
                head = file.read(4)
                encoding = next((name for mark, name in _MARKS if head.startswith(mark)), None)
                decoder = codecs.getincrementaldecoder(encoding)() if encoding and encoding != "utf-8-sig" else None
                data = head.removeprefix(codecs.BOM_UTF8) + file.read(size)
                while data:
                    yield decoder.decode(data).encode() if decoder else data
                    data = file.read(size)
                if decoder:
                    decoder.decode(b"", final=True)  # raises when a character is cut off
        except UnicodeDecodeError as error:
            raise DataError(f"{self.label} starts like {error.encoding}, but is not: {error.reason}") from None
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            raise DataError(f"{self.label} can't be read: {error}") from None


def _line(data: bytes, position: int) -> int:
    return data[:position].count(b"\n") + 1


def _last_line_end(data: bytes) -> int:
    """Bytes up to and with the last line end outside quotes; 0 when there is none."""
    if b'"' not in data:
        return data.rfind(b"\n") + 1
    block = np.frombuffer(data, dtype=np.uint8)
    outside = ~np.bitwise_xor.accumulate(block == QUOTE)
    ends = np.flatnonzero((block == NEWLINE) & outside)
    return int(ends[-1]) + 1 if len(ends) else 0


def _lone_return(data: bytes) -> int:
    block = np.frombuffer(data, dtype=np.uint8)
    at = np.flatnonzero(block[:-1] == RETURN)
    lone = at[block[at + 1] != NEWLINE]
    return int(lone[0]) if len(lone) else len(data)
