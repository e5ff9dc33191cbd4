"""Which lag forecasts best: each lag and the last value alone, tried on the training part.

Looked at are up to 2,000 origins a series and about 100,000 in all, evenly spread, at least 20 a series. The same origins give the
error that MASE divides by, per id and target.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..data.series import Array, Series
from ..errors import DataError
from .encoder import Encoder
from .queries import anchor_values
from .rows import rows_of

MOST, MOST_IN_ALL, LEAST = 2000, 100_000, 20  # origins
PART = 1024  # origins tried at a time


def ranked(encoder: Encoder, known: list[Series]) -> dict[str, Any]:
    """The fields `ranking` and `error` of the encoder, from series that hold the training part alone."""
    tried = [series for series in known if series.id in encoder.targets and len(series) > 1]
    if not tried:
        raise DataError("the training part has no known target, expected numbers in the target column")
    lags, targets = len(encoder.lags) + 1, len(encoder.schema.targets)
    total, count = np.zeros((targets, lags)), np.zeros((targets, lags))
    for _, error, seen in _trials(encoder, tried):
        good = seen & np.isfinite(error)
        total += np.where(good, error, 0.0).sum(axis=(0, 1))
        count += good.sum(axis=(0, 1))
    mean = np.where(count > 0, total / np.maximum(count, 1), np.inf)
    ranking = tuple(tuple(np.argsort(row, kind="stable").tolist()) for row in mean)
    total, count = np.zeros((2, len(tried), targets))
    best = [order[0] for order in ranking]
    for number, error, _ in _trials(replace(encoder, ranking=ranking), tried):
        chosen = error[:, :, np.arange(targets), best]  # (N, h, targets)
        good = np.isfinite(chosen)
        np.add.at(total, number, np.where(good, chosen, 0.0).sum(axis=1))
        np.add.at(count, number, good.sum(axis=1))
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return {"ranking": ranking, "error": {series.id: means[n] for n, series in enumerate(tried)}}


def _trials(encoder: Encoder, tried: list[Series]) -> Iterator[tuple[Array, Array, Array]]:
    """(series number (N,), |anchor - truth| with NaN, was the anchor known), both (N, h, targets, lags + 1), part by part."""
    rows = rows_of(tried, replace(encoder, ranking=()), np.float64)
    most = max(LEAST, min(MOST, MOST_IN_ALL // len(tried)))
    picked = [np.unique(np.linspace(0, len(series) - 2, most).astype(int)) for series in tried]
    number = np.repeat(np.arange(len(tried)), [len(one) for one in picked])
    origin = rows.start[number] + np.concatenate(picked)
    for part in range(0, len(number), PART):
        here = slice(part, part + PART)
        n, o = number[here], origin[here]
        time = encoder.moments.ahead(rows.time[o], encoder.h)
        row, found = rows.nearest(n[:, None], time, 0.499 * encoder.step)
        truth = np.where(found[..., None], rows.z[row], np.nan)
        anchors, seen = anchor_values(encoder, rows, n, o, time)
        yield n, np.abs(anchors - truth[..., None]), seen
