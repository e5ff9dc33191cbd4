"""A path, a pipe or a frame to a source of columns: what a file is, is told by its first bytes and not by its name.

Plain text, or one text packed with gzip, bzip2, xz or zip. What can be opened only once (a pipe, standard input) is
read whole into memory; a file is read again. Other formats are refused by name, with a command that makes a CSV.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import shlex
import stat
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

from ...errors import DataError
from .formats import as_csv, refuse_other_formats
from .frames import FrameSource, frame_source, parquet_source
from .text import TextSource

Reopen = Callable[[], AbstractContextManager[IO[bytes]]]
STDIN = "-"


def open_source(source: Any, delimiter: str | None = None) -> TextSource | FrameSource:
    """A path by what is in the file, "-" as standard input, anything else as a frame."""
    if not isinstance(source, str | os.PathLike):
        return frame_source(source)
    path = Path(source)
    name = path.name or str(path)
    reopen: Reopen = lambda: path.open("rb")  # noqa: E731
    if address := re.match(r"([a-z]{3,5}):/+(.+)", str(source)):
        raise DataError(
            f"{address[1]}://{address[2]} is an address; load it down first: curl -LO {address[1]}://{address[2]}"
        )
    try:
        if str(source) == STDIN:
            name, reopen = "standard input", _in_memory(_standard_input())
        elif not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            name, reopen = f"the pipe {path}", _in_memory(path.read_bytes())
        with reopen() as file:
            head = file.read(16)
    except OSError as error:
        raise DataError(f"{source} can't be opened: {error.strerror}") from None
    if head.startswith(b"PAR1"):
        return parquet_source(name, reopen)
    refuse_other_formats(head, name)
    if path.suffix in (".parquet", ".pq"):
        raise DataError(f"{path.name} is not a Parquet file, whatever its name says")
    return TextSource(name, _unpacked(head, name, reopen), delimiter)


def _in_memory(data: bytes) -> Reopen:
    return lambda: io.BytesIO(data)


def _standard_input() -> bytes:
    if sys.stdin is None or sys.stdin.isatty():
        raise DataError("- is standard input, and no table is piped into it: cat table.csv | tauflow check -")
    return sys.stdin.buffer.read()


def _unpacked(head: bytes, name: str, reopen: Reopen) -> Reopen:
    """How to open the text that is packed in a file."""
    if head.startswith(b"\x1f\x8b"):
        return partial(_through, reopen, lambda file: gzip.GzipFile(fileobj=file))
    if head.startswith(b"BZh"):
        return partial(_through, reopen, bz2.BZ2File)
    if head.startswith(b"\xfd7zXZ\0"):
        return partial(_through, reopen, lzma.LZMAFile)
    if head.startswith(b"PK\x03\x04"):
        return _member(name, reopen)
    return reopen


@contextmanager
def _through(reopen: Callable[[], AbstractContextManager[Any]], unpack: Callable[[Any], Any]) -> Iterator[IO[bytes]]:
    with reopen() as file, unpack(file) as text:
        yield text


def _member(name: str, reopen: Reopen) -> Reopen:
    """The one file of a zip archive."""
    try:
        with reopen() as file, zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError):
        raise DataError(f"{name} is a zip archive or an Excel workbook, and damaged; save the table as CSV") from None
    names = [entry.filename for entry in entries]
    if any(one.startswith(("xl/", "[Content_Types]")) for one in names):
        raise DataError(f"{name} is an Excel workbook; {as_csv('read_excel({name!r})', name)}")
    if "mimetype" in names:
        raise DataError(f"{name} is an OpenDocument file; save the table as CSV")
    files = [e for e in entries if not e.is_dir() and not e.filename.startswith("__MACOSX/")]
    if len(files) != 1:
        shown = ", ".join(repr(entry.filename) for entry in files[:5]) + (", ..." if len(files) > 5 else "")
        raise DataError(
            f"{name} is a zip archive of {len(files)} files ({shown}); unpack it and give one: unzip {shlex.quote(name)}"
        )
    if files[0].flag_bits & 1:
        raise DataError(f"{name} is a zip archive with a password; unpack it first: unzip {shlex.quote(name)}")
    return partial(_through, partial(_through, reopen, zipfile.ZipFile), lambda archive: archive.open(files[0]))
