"""Prices of one market: read from a table, checked, or the European Central Bank's, which are shipped.

    time (T,) hours since 1970, strictly rising      close (T,) > 0      high, low (T,) or None, high >= low > 0

Nothing is resampled: a weekend is a long gap between two rows. A table that runs from new to old, a price that is not positive, a high
below its low, a stamp that comes twice and a price that is missing are refused by the row that shows it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data import read_table
from ...datasets import ecb_rates
from ...errors import DataError

Array = NDArray[Any]
FEWEST = 400  # rows; of fewer, a fifth to test on says nothing
HOUR = 3_600_000_000_000  # nanoseconds


@dataclass(frozen=True, eq=False)
class Prices:
    """One market; `name` is what a page calls it."""

    name: str
    time: Array
    close: Array
    high: Array | None = None
    low: Array | None = None

    def __post_init__(self) -> None:
        if len(self.close) < FEWEST:
            raise DataError(
                f"{self.name} has {len(self.close)} rows, expected at least {FEWEST}: a fifth of them is tested"
            )
        for what in ("close", "high", "low"):
            values = getattr(self, what)
            if values is None:
                continue
            wrong = ~np.isfinite(values)
            if wrong.any():
                raise DataError(f"{what} is missing at {self.stamp(wrong)}; leave such rows out of the table")
            wrong = values <= 0
            if wrong.any():
                value = values[wrong][0]
                raise DataError(
                    f"{what} is {value:g} at {self.stamp(wrong)}, expected prices > 0: returns are logarithms"
                )
        if self.high is not None and self.low is not None:
            wrong = self.high < self.low
            if wrong.any():
                raise DataError(
                    f"high is {self.high[wrong][0]:g} below low, {self.low[wrong][0]:g}, at {self.stamp(wrong)}; were the "
                    "columns taken for each other?"
                )
        if not (np.diff(np.log(self.close)) != 0).any():
            raise DataError(f"{self.name} never moves: close is {self.close[0]:g} in all rows")

    def stamp(self, wrong: Array) -> str:
        """The first of these rows, as people write its time."""
        return str(self.stamps[wrong][0]).replace("T", " ")

    @property
    def stamps(self) -> Array:
        """The times as dates, to the minute."""
        return np.asarray(np.rint(self.time * 60).astype("M8[m]"))

    @property
    def step(self) -> float:
        """The typical gap in hours."""
        return float(np.median(np.diff(self.time)))


def read_prices(
    path: str | os.PathLike[str],
    *,
    time: str | None = None,
    price: str = "close",
    high: str | None = None,
    low: str | None = None,
    sort: bool = False,
) -> Prices:
    """The prices of a CSV or Parquet file; sort: put its rows in order of time instead of refusing a file that steps back."""
    if (high is None) != (low is None):
        raise DataError("high and low belong together: name both columns, or neither")
    past = () if high is None or low is None else (high, low)
    try:
        table = read_table(path, time=time, target=price, past=past, unsorted="sort" if sort else "error")
    except DataError as wrong:
        if "step back in time" not in str(wrong):
            raise
        found = str(wrong).partition(";")[0]
        raise DataError(
            f"{found}: prices are expected from old to new, and such a file often runs from new to old; --sort puts it in order"
        ) from None
    if table.schema.kind != "timestamp":
        raise DataError(
            f"{table.schema.time} holds plain numbers, expected dates or times: weekends and hours of the day count"
        )
    if len(table.series) != 1:
        raise DataError(f"the table holds {len(table.series)} series, expected the prices of one market")
    one = table.series[0]
    columns = [one.past[:, k] for k in range(len(past))]
    name = os.path.basename(os.fspath(path)).partition(".")[0]
    return Prices(name, one.time / HOUR, one.y[:, 0], *columns)


def shipped(currency: str = "USD") -> Prices:
    """Daily reference rates of the European Central Bank: units of a currency for one euro, 1999 to 2025."""
    frame = ecb_rates()
    if currency not in frame.columns or currency == "ds":
        known = ", ".join(name for name in frame.columns if name != "ds")
        raise DataError(f"no currency is called {currency!r}, expected one of {known}")
    frame = frame[["ds", currency]].dropna()
    hours = frame["ds"].to_numpy().astype("M8[h]").astype(np.float64)
    return Prices(f"EUR/{currency}", hours, frame[currency].to_numpy())
