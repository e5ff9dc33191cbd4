"""Files that are no text table, refused by name: what it is, and the command that makes a CSV of it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from ...errors import DataError

_FORMATS = (
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", "read_excel({name!r})"),
    (b"ARROW1", "a Feather file", "read_feather({name!r})"),
    (b"\x89HDF", "an HDF5 file", "read_hdf({name!r})"),
    (b"ORC", "an ORC file", "read_orc({name!r})"),
    (b"\x80\x04", "a pickle", ""),
    (b"\x80\x05", "a pickle", ""),
    (b"\x93NUMPY", "a NumPy file", ""),
    (b"SQLite format 3", "an SQLite database", ""),
    (b"%PDF", "a PDF", ""),
)


def refuse_other_formats(head: bytes, name: str) -> None:
    for mark, what, reader in _FORMATS:
        if head.startswith(mark):
            way = as_csv(reader, name) if reader else "save the table as CSV"
            raise DataError(f"{name} is {what}; {way}")
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        raise DataError(f"{name} is packed with zstd; unpack it first: unzstd {shlex.quote(name)}")


def as_csv(reader: str, name: str) -> str:
    """The line to type that writes the table as CSV."""
    call = reader.format(name=name)
    made = f"{Path(name).name.split('.')[0] or 'table'}.csv"
    program = f"import pandas; pandas.{call}.to_csv({made!r}, index=False)"
    return f"make it a CSV first: python -c {shlex.quote(program)}"


def refuse_other_texts(head: bytes, name: str) -> None:
    """JSON, markup and other texts that are no table of fields."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"[{", b"[[")) or re.match(rb'\[\s*[{\[]|\{\s*"', start):
        lines = not start.startswith(b"[") and b"}\n{" in start.replace(b"\r", b"")
        raise DataError(
            f"{name} is JSON; {as_csv('read_json({name!r}, lines=True)' if lines else 'read_json({name!r})', name)}"
        )
    if re.match(rb"(?i)<(?:!doctype|html|\?xml)", start):
        raise DataError(f"{name} is a web page or XML, not a table; was the link to the file itself?")
    if re.match(rb"(?i)(?:#[^\n]*\n|\s)*@(?:relation|problemname|attribute|data)\b", start):
        raise DataError(
            f"{name} is a .tsf, .ts or .arff file; read it with its own reader (sktime has one) and give the frame"
        )
