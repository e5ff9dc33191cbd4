"""Which forecasts of a comparison are shown: for some series and the models that lead, the best, a typical and the worst moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from ...data import Table
from ...data.series import Array
from ..forecaster import Tested
from .results import Example, Row

SERIES = 4  # of several: the two worst, the typical one and the best
MOMENTS = ("best", "typical", "worst")


def leaders(rows: Sequence[Row]) -> list[str]:
    """The best liquid and the best static model, and the seasonal naive rule or else the best rule there is."""
    able = [row for row in rows if np.isfinite(row.mae)]
    found = [next((row.model for row in able if row.kind == kind), None) for kind in ("liquid", "static")]
    rules = [row.model for row in able if row.kind == "trivial"]
    found.append("seasonal_naive" if "seasonal_naive" in rules else next(iter(rules), None))
    return [model for model in found if model is not None]


def examples(
    table: Table, k: int, backtests: Mapping[str, Tested], rows: Sequence[Row], context: int
) -> tuple[Example, ...]:
    """Of the k-th target: moments with the least, the median and the largest MAE of a model over its h steps."""
    shown = leaders(rows)
    if not shown:
        return ()
    first = backtests[shown[0]]
    number, known = first.origins[:, 0], np.isfinite(first.truth[..., k])
    whole = known.sum(axis=1) == known.sum(axis=1).max(initial=0)
    whole &= known.any(axis=1)
    errors = {model: _errors(backtests[model], k) for model in shown}
    found = []
    for one in _series(number[whole], errors[shown[0]][whole]):
        here = np.nonzero(whole & (number == one))[0]
        for model in shown:
            order = here[np.argsort(errors[model][here], kind="stable")]
            places = dict.fromkeys([order[0], order[(len(order) - 1) // 2], order[-1]])
            names = MOMENTS if len(places) == len(MOMENTS) else MOMENTS[-len(places) :]
            for n, moment in zip(places, names, strict=True):
                found.append(_example(table, k, backtests, shown, context, int(n), model, moment))
    return tuple(found)


def by_id(table: Table, k: int, backtests: Mapping[str, Sequence[Tested]]) -> dict[str, dict[str, float]]:
    """id -> model -> MAE over its forecasts, the mean over seeds; an id without one known value is left out."""
    found: dict[str, dict[str, float]] = {}
    for model, several in backtests.items():
        for number, error in _means([one.origins[:, 0] for one in several], [_errors(one, k) for one in several]):
            found.setdefault(str(table.series[number].id), {})[model] = error
    return found


def _means(numbers: Sequence[Array], errors: Sequence[Array]) -> list[tuple[int, float]]:
    number, error = np.concatenate(numbers), np.concatenate(errors)
    seen = np.isfinite(error)
    order = np.argsort(number[seen], kind="stable")
    number, error = number[seen][order], error[seen][order]
    edges = np.concatenate([[0], np.nonzero(np.diff(number))[0] + 1, [len(number)]])
    return [(int(number[a]), float(error[a:b].mean())) for a, b in pairwise(edges) if b > a]


def _errors(backtest: Tested, k: int) -> Array:
    """(N,) MAE of each forecast over its known steps, NaN without one."""
    error = np.abs(backtest.forecast[..., k] - backtest.truth[..., k])
    count = np.isfinite(error).sum(axis=1)
    found: Array = np.where(count > 0, np.nansum(error, axis=1) / np.maximum(count, 1), np.nan)
    return found


def _series(number: Array, error: Array) -> list[int]:
    """The series to show: all if there are few, else the worst two, the typical and the best."""
    if len(number) == 0:
        return []
    means = sorted(_means([number], [error]), key=lambda one: one[1])
    if len(means) <= SERIES:
        return [one for one, _ in means][::-1]
    return [means[-1][0], means[-2][0], means[len(means) // 2][0], means[0][0]]


def _example(
    table: Table,
    k: int,
    backtests: Mapping[str, Tested],
    shown: Sequence[str],
    context: int,
    n: int,
    model: str,
    moment: str,
) -> Example:
    first = backtests[shown[0]]
    number, row = first.origins[n]
    series = table.series[number]
    begin = max(0, row + 1 - context)
    times = np.concatenate([series.time[begin : row + 1], first.time[n]])
    actual = np.concatenate([series.y[begin : row + 1, k], first.truth[n, :, k]])
    forecasts = {name: backtests[name].forecast[n, :, k] for name in shown}
    bands = {name: (one[n, :, k, 0], one[n, :, k, 1]) for name in shown if (one := backtests[name].values) is not None}
    stamps = times.astype("datetime64[ns]") if times.dtype == np.int64 else times
    return Example(str(series.id), stamps, actual, int(row + 1 - begin), forecasts, model, moment, bands)
