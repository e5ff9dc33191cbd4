"""The table of a comparison: its columns, what they mean, and the same numbers as text everywhere.

The terminal and the page both print these rows. All numbers of one column have the same number of decimals, chosen so
that the smallest shows four digits; a spread over seeds stands behind its mean as "171.2 ± 1.3".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

NOTHING = "–"


class Row(Protocol):
    """One model of a comparison; errors in the units of the target, or scaled (mase)."""

    @property
    def model(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def mae(self) -> float: ...
    @property
    def mae_std(self) -> float: ...
    @property
    def rmse(self) -> float: ...
    @property
    def rmse_std(self) -> float: ...
    @property
    def mase(self) -> float: ...
    @property
    def mase_std(self) -> float: ...
    @property
    def seeds(self) -> int: ...
    @property
    def parameters(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def microseconds(self) -> float | None: ...
    @property
    def coverage(self) -> float: ...
    @property
    def width(self) -> float: ...
    @property
    def interval_score(self) -> float: ...
    @property
    def crps(self) -> float: ...
    @property
    def pinball(self) -> float: ...


@dataclass(frozen=True)
class Column:
    """`texts` turns all rows into the column's cells at once, so that they agree on the decimals."""

    title: str
    meaning: str
    texts: Callable[[Sequence[Row]], list[str]]
    is_number: bool = True
    optional: bool = False  # left out where no row has it


def decimals(values: Iterable[float | None], digits: int = 4) -> int:
    """How many decimals show `digits` digits of the smallest value that is not 0."""
    sizes = [abs(v) for v in values if v is not None and math.isfinite(v) and v != 0]
    return min(max(digits - 1 - math.floor(math.log10(min(sizes))), 0), 8) if sizes else 0


def number(value: float | None, places: int) -> str:
    return NOTHING if value is None or not math.isfinite(value) else f"{value:,.{places}f}"


def _means(mean: Callable[[Row], float], std: Callable[[Row], float]) -> Callable[[Sequence[Row]], list[str]]:
    def texts(rows: Sequence[Row]) -> list[str]:
        places = decimals(mean(row) for row in rows)
        return [_with_spread(mean(row), std(row), row.seeds, places) for row in rows]

    return texts


def _with_spread(mean: float, std: float, seeds: int, places: int) -> str:
    shown = math.isfinite(mean) and (seeds > 1 or math.isfinite(std))
    return number(mean, places) + (f" ± {number(std, places)}" if shown else "")


def _even(value: Callable[[Row], float]) -> Callable[[Sequence[Row]], list[str]]:
    """With as many decimals as show four digits of the smallest."""
    return lambda rows: [number(value(row), decimals(value(one) for one in rows)) for row in rows]


def _plain(value: Callable[[Row], float | None], places: int) -> Callable[[Sequence[Row]], list[str]]:
    return lambda rows: [number(value(row), places) for row in rows]


COLUMNS = (
    Column(
        "model", "The network's cell, or the rule that makes the forecast.", lambda rows: [r.label for r in rows], False
    ),
    Column(
        "kind",
        "liquid: a continuous-time cell that is told how much time has passed. static: a model without a clock of its "
        "own. trivial: a rule that learns nothing; a model that can't beat it has not learned.",
        lambda rows: [r.kind for r in rows],
        False,
    ),
    Column(
        "MAE",
        "Mean absolute error over all forecast steps of the test part, in the units of the target. Lower is better; "
        "the rows are sorted by it. On the page, a full bar is the error of the seasonal naive rule. Several targets have no unit "
        "in common: together they are sorted by the mean of their MASE.",
        _means(lambda r: r.mae, lambda r: r.mae_std),
    ),
    Column(
        "RMSE",
        "Root of the mean squared error, in the units of the target: large misses count more than in the MAE.",
        _means(lambda r: r.rmse, lambda r: r.rmse_std),
    ),
    Column(
        "MASE",
        "MAE divided by that of the better of two naive rules, last season or last value, on the training part: below "
        "1 beats them.",
        _means(lambda r: r.mase, lambda r: r.mase_std),
    ),
    Column(
        "coverage",
        "The share of values of the test part within the model's 90 % band: as near to 90 % as possible. – means a model without "
        "bands.",
        lambda rows: [f"{100 * r.coverage:.1f} %" if math.isfinite(r.coverage) else NOTHING for r in rows],
        optional=True,
    ),
    Column(
        "width",
        "The mean width of the 90 % band, in the units of the target: narrower is better where the coverage is right.",
        _even(lambda r: r.width),
        optional=True,
    ),
    Column(
        "interval",
        "The interval score of the 90 % band (Winkler 1972): its width, and 20 times how far each miss lay outside. Lower is better.",
        _even(lambda r: r.interval_score),
        optional=True,
    ),
    Column(
        "CRPS",
        "How far the whole forecast distribution lies from what came, in the units of the target; of a single number it is the MAE.",
        _even(lambda r: r.crps),
        optional=True,
    ),
    Column(
        "pinball",
        "The mean quantile loss at .05, .10, ..., .95, in the units of the target. Lower is better.",
        _even(lambda r: r.pinball),
        optional=True,
    ),
    Column(
        "parameters",
        "Numbers that were learned. To be fair, networks are compared at about equal counts.",
        _plain(lambda r: r.parameters, 0),
    ),
    Column("train s", "Seconds of CPU time to train the model once, on one core.", _plain(lambda r: r.seconds, 1)),
    Column(
        "µs/step",
        "Microseconds of the network from one new row to all steps of its forecast, when rows arrive one by one: the cell's "
        "stream and the layers around it. – means that the model has no such step.",
        _plain(lambda r: r.microseconds, 1),
    ),
)


def error(rows: Sequence[Row]) -> Callable[[Row], float]:
    """What the rows are judged by: their MAE; the MASE where they are of several targets and have no unit in common."""
    return (lambda row: row.mae) if any(math.isfinite(row.mae) for row in rows) else (lambda row: row.mase)


def best(rows: Sequence[Row], kind: str | None = None) -> Row | None:
    """The row of the lowest finite error, of one kind or of all."""
    value = error(rows)
    able = [row for row in rows if math.isfinite(value(row)) and kind in (None, row.kind)]
    return min(able, key=value, default=None)
