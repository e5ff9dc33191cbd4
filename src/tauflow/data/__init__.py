"""Tables in, series out. Data frames stop here; pandas, narwhals and pyarrow are imported where they are needed."""

from __future__ import annotations

from .check import Check, check
from .facts import ColumnFacts, Facts
from .long_tables import LongTable, read_sequences
from .read.table import read_table
from .read.times.moments import parse_times
from .reading import Reading
from .sequences import Sequences, as_sequences
from .series import Schema, Series, Table

__all__ = [
    "Check",
    "ColumnFacts",
    "Facts",
    "LongTable",
    "Reading",
    "Schema",
    "Sequences",
    "Series",
    "Table",
    "as_sequences",
    "check",
    "parse_times",
    "read_sequences",
    "read_table",
]
