"""The result of a backtest: a row for each window and one over all, and every forecast beside its truth. Plain numbers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from ... import metrics
from ...data.series import Array
from ...drawing.canvas import Drawn
from ..bands.asked import ends_of
from ..metrics import mae, rmse

GRID = tuple(round(0.05 * k, 2) for k in range(1, 20))  # the quantiles that CRPS and pinball are taken from


@dataclass(frozen=True)
class Scores:
    """One target and window (`window` None: all of them); errors and widths in the units of the target, NaN where there is no band."""

    target: str
    window: int | None
    cutoff: str
    values: int
    mae: float
    rmse: float
    coverage: float  # 0..1
    width: float
    interval_score: float
    crps: float
    pinball: float


@dataclass(frozen=True, eq=False)
class Course:
    """Every forecast: its window (n,), id, time, truth and forecast (n, targets), values (n, targets, probabilities)."""

    window: Array
    id: Array
    time: Array
    truth: Array
    forecast: Array
    values: Array | None


@dataclass(frozen=True, eq=False)
class Backtest(Drawn):
    """`rows`: a `Scores` for each target and window, the one over all windows first; `frame()`: every forecast, in Nixtla's layout."""

    cell: str
    h: int
    step_size: int
    level: float | None  # of the band that is scored
    fits: int
    targets: tuple[str, ...]
    cutoffs: tuple[str, ...]
    rows: tuple[Scores, ...]
    course: Course
    probabilities: tuple[float, ...]
    notes: tuple[str, ...]
    data: pd.DataFrame

    picture: ClassVar[str] = "backtest.windows"
    pixels = (880, 440)

    def frame(self) -> pd.DataFrame:
        """One row an id, time and cut-off: the truth under the target's name, the forecast under the model's, and its bands."""
        return self.data.copy()

    def to_frame(self) -> pd.DataFrame:
        """The scores, a row for each target and window."""
        return pd.DataFrame([asdict(row) for row in self.rows])

    def to_dict(self) -> dict[str, Any]:
        """The scores as JSON values; NaN becomes None."""
        about = {name: getattr(self, name) for name in ("cell", "h", "step_size", "level", "fits")}
        rows = [{name: _number(value) for name, value in asdict(row).items()} for row in self.rows]
        return {
            "verdict": self.sentence,
            **about,
            "cutoffs": list(self.cutoffs),
            "rows": rows,
            "notes": list(self.notes),
        }

    @property
    def sentence(self) -> str:
        """What was found, in one sentence."""
        told = []
        for row in (row for row in self.rows if row.window is None):
            band = ""
            if self.level is not None and np.isfinite(row.coverage):
                band = f", and its {self.level:g} % band held {100 * row.coverage:.1f} %"
            told.append(f"{row.target}: MAE {row.mae:.4g}{band}")
        windows = f"{len(self.cutoffs)} cut-off{'s' if len(self.cutoffs) > 1 else ''}"
        return f"{self.cell.replace('_', ' ')} at {windows}, {'; '.join(told)}."

    def band(self, target: int) -> tuple[Array, Array] | None:
        """(low, high) of every forecast of a target, (n,) each; None without bands."""
        if self.course.values is None or self.level is None:
            return None
        place = [self.probabilities.index(one) for one in ends_of(self.level)]
        return self.course.values[:, target, place[0]], self.course.values[:, target, place[1]]

    def save(self, path: str | os.PathLike[str], command: str = "") -> None:
        """Write the page: the table, the windows, each id, every number; whole or not at all. `command`: what made it."""
        from ...report.backtest import backtest_page

        backtest_page(self, path, command)


def scored(
    course: Course, k: int, target: str, cutoffs: Sequence[str], level: float | None, probabilities: Sequence[float]
) -> list[Scores]:
    """Over all windows, then each."""
    everything = np.ones(len(course.window), bool)
    parts = [(None, "", everything)] + [(n + 1, cut, course.window == n) for n, cut in enumerate(cutoffs)]
    found = []
    for window, cut, here in parts:
        truth, forecast = course.truth[here, k], course.forecast[here, k]
        band = [float("nan")] * 5
        if course.values is not None and here.any():
            values = course.values[here, k]
            place = [probabilities.index(one) for one in GRID]
            band[3:] = [metrics.crps(values[:, place], truth, GRID), metrics.pinball(values[:, place], truth, GRID)]
            if level is not None:
                low, high = (values[:, probabilities.index(one)] for one in ends_of(level))
                band[:3] = [
                    metrics.covered(low, high, truth), metrics.width(low, high, truth), metrics.interval_score(low, high, truth, level)
                ]  # fmt: skip
        known = int(np.isfinite(truth).sum())
        found.append(Scores(target, window, cut, known, mae(truth, forecast), rmse(truth, forecast), *band))
    return found


def _number(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
