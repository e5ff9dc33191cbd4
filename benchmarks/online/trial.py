"""One model with one seed on one stream and shift: its errors while frozen, while it learns on, and when it is trained anew.

The errors are those of forecasts as they were made, in units of the scale that the frozen model learned, averaged over targets:

    before     from the first row that comes to the shift
    soon       the 200 rows after the shift
    then       the rows after these, to the end: has the error come back?

"anew" was trained from scratch on all rows up to 200 after the shift; "always" on rows that had the shift all along, as if there were a
past to learn it from.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from tauflow import Forecaster
from tauflow.estimators.reading import shown_times

from .sets import Stream, cut, joined

SOON = 200
WAYS: dict[str, dict[str, Any]] = {"readout": {"weights": "readout"}, "all": {"weights": "all"}}


@dataclass(frozen=True)
class Row:
    """Errors per part of the stream; `seconds` of CPU for all rows of it; curve: the mean error of every 50 rows."""

    set: str
    shift: str
    model: str
    way: str
    seed: int
    before: float | None  # None where it was not there yet
    soon: float
    then: float
    seconds: float
    curve: tuple[float | None, ...]


def rows(
    name: str, stream: Stream, cell: str, seed: int, ways: dict[str, dict[str, Any]] = WAYS, **settings: Any
) -> list[Row]:
    """All shifts and ways of one model with one seed."""
    model = Forecaster(cell, h=stream.h, seed=seed, **settings).fit(stream.known, progress=False)
    found = []
    for shift in ("none", *stream.shifts):
        coming = stream.shifted(shift)
        frozen_told = False
        for way, given in ways.items():
            if way == "all" and cell == "ridge":
                continue
            began = time.process_time()
            told = model.online(**given).replay(coming)
            seconds = time.process_time() - began
            if not frozen_told:
                found.append(_row(name, shift, cell, "frozen", seed, stream, _errors(told, model, "frozen"), 0.0))
                frozen_told = True
            found.append(_row(name, shift, cell, way, seed, stream, _errors(told, model, "online"), seconds))
        for way, table in (("anew", stream.together(shift, stream.at + SOON)), ("always", stream.always(shift))):
            if shift == "none" and way == "always":
                continue
            began = time.process_time()
            other = Forecaster(cell, h=stream.h, seed=seed, **settings).fit(table, progress=False)
            seconds = time.process_time() - began
            told = other.online(joined(stream.known, cut(coming, 0, stream.at)), weights=None).replay(
                cut(coming, stream.at, 10**9)
            )
            found.append(_row(name, shift, cell, way, seed, stream, _errors(told, model, "online"), seconds))
    return found


def _errors(told: Any, model: Forecaster, way: str) -> Any:
    """The mean absolute error of every moment, over targets in units of the frozen model's scale, by time."""
    schema, scale = model.encoder.schema, next(iter(model.encoder.targets.values())).scale  # type: ignore[union-attr]
    parts = [(told[f"{target}-{way}"] - told[target]).abs() / scale[k] for k, target in enumerate(schema.targets)]
    return (sum(parts) / len(parts)).groupby(told[schema.time]).mean()


def _row(name: str, shift: str, cell: str, way: str, seed: int, stream: Stream, errors: Any, seconds: float) -> Row:
    series, at = stream.coming.series[0], stream.at
    times = np.asarray(shown_times(series.time, stream.coming.schema))
    values = np.full(len(times), np.nan)
    values[np.searchsorted(times, np.asarray(errors.index))] = errors.to_numpy()
    before, soon, then = (_mean(part) for part in (values[:at], values[at : at + SOON], values[at + SOON :]))
    if soon is None or then is None:
        raise ValueError(f"{name}, {way}: no forecast after the shift has a truth")
    curve = tuple(_mean(part) for part in np.array_split(values, len(values) // 50))
    return Row(name, shift, cell, way, seed, before, soon, then, seconds, curve)


def _mean(values: Any) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
