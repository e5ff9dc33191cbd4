"""The bands of a fitted forecaster: what came since it was fitted counts too, and then each question has its values.

A forecaster is known here by what it can do: look at windows, and answer them in scaled units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from ...data import Table
from ...data.series import Array
from ...windows.windows import Windows, window_set, windows
from .bands import PART, Bands, newest
from .calibration import Course


class Model(Protocol):
    """What bands need of a forecaster."""

    @property
    def context(self) -> int: ...
    @property
    def reach(self) -> int: ...
    def scaled(self, batch: dict[str, Array]) -> Array: ...


def course_of(bands: Bands, model: Model, table: Table, now: float | None = None) -> Course:
    """Scales and scores as of any time up to `now` (native), from the rows of a table after the fit."""
    late = [series for series in table.series if len(series) and series.time[-1] > bands.until]
    if not late:
        return Course(bands.calibration)
    found = windows(table, bands.encoder, model.context, start=_after(bands.until, table), reach=model.reach)
    if now is not None:
        at = found.rows.time[found.rows.start[found.origins[:, 0]] + found.origins[:, 1]]
        found = replace(found, origins=found.origins[at <= now])
    if not len(found):
        return Course(bands.calibration)
    found = newest(found)
    index = np.arange(len(found))
    answers = [model.scaled(found.batch(part)) for part in np.array_split(index, -(-len(index) // PART))]
    return Course(bands.calibration, bands.scored(found, index, np.concatenate(answers)))


def values_at(
    bands: Bands,
    model: Model,
    table: Table,
    origins: Array,
    time: Array,
    p: Sequence[float],
    now: float | None = None,
) -> Array:
    """Scaled values (series, k, targets, probabilities) at native times `time` (series, k) after the origins (series, 2).

    Rows after native time `now` calibrate nothing; None is the end of the table.
    """
    course = course_of(bands, model, table, now)
    found = window_set(table, bands.encoder, model.context, origins, model.reach)
    parts = np.array_split(np.arange(len(origins)), -(-len(origins) // PART))
    return np.concatenate([_values(bands, model, course, found, part, time[part], p) for part in parts])


def _values(
    bands: Bands, model: Model, course: Course, found: Windows, part: Array, time: Array, p: Sequence[float]
) -> Array:
    batch = found.batch(part, time)
    return bands.values(course, found, part, batch, model.scaled(batch), p)


def values_of(bands: Bands, model: Model, found: Windows, chosen: Array, answers: Array, p: Sequence[float]) -> Array:
    """Scaled values (n, h, targets, probabilities) of some windows with their scaled answers (n, h, targets), each by what was known."""
    first = found.rows.time[found.rows.start[found.origins[chosen, 0]] + found.origins[chosen, 1]]
    own = bands.scored(found, chosen, answers)
    new = own.at > bands.until
    earlier = course_of(bands, model, found.table, first.min()).newer
    tested = replace(own, number=own.number[new], at=own.at[new], time=own.time[new], z=own.z[new])
    course = Course(bands.calibration, tested if earlier is None else earlier.joined(tested))
    parts = np.array_split(np.arange(len(chosen)), -(-len(chosen) // PART))
    return np.concatenate(
        [bands.values(course, found, chosen[part], found.batch(chosen[part]), answers[part], p) for part in parts]
    )


def _after(until: float, table: Table) -> float:
    whole = all(series.time.dtype == np.int64 for series in table.series)
    return int(until) + 1 if whole else float(np.nextafter(until, np.inf))
