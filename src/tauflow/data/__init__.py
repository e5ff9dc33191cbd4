"""Tables in, series out. Data frames stop here; pandas, narwhals and pyarrow are imported where they are needed."""

from __future__ import annotations

from tauflow.data.check import Check, check
from tauflow.data.facts import ColumnFacts, Facts
from tauflow.data.series import Schema, Series, Table
from tauflow.data.table import read_table

__all__ = ["Check", "ColumnFacts", "Facts", "Schema", "Series", "Table", "check", "read_table"]
