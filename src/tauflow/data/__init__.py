"""Tables in, series out. Data frames stop here; pandas, narwhals and pyarrow are imported where they are needed."""

from __future__ import annotations

from .check import Check, check
from .facts import ColumnFacts, Facts
from .read.table import read_table
from .series import Schema, Series, Table

__all__ = ["Check", "ColumnFacts", "Facts", "Schema", "Series", "Table", "check", "read_table"]
