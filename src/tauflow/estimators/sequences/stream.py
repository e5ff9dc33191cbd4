"""A sequence as it comes: the answer after every sample, the numbers that the whole model gives for what came so far.

A patch that is not full yet is filled up with the sample that came last, as `Form.steps` does; the members go back to where they were
before it once the next sample is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...data.sequences import Array
from ...errors import DataError, NonFiniteError, ShapeError, TauflowError, TimeError
from .beside.summaries import Running
from .form import window_features
from .model import Model


class SequenceStream:
    """`answer = stream(x, dt)`; `reset()` begins a new sequence."""

    def __init__(self, model: Model, static: Array | None, finish: Callable[[Array], Array]) -> None:
        self.model, self.finish = model, finish
        form = model.form
        self.static = np.zeros(0) if static is None else static
        if self.static.shape != (form.static,):
            raise DataError(
                f"static has shape {self.static.shape}, but the model was fitted with {form.static} numbers"
            )
        given = None if model.scaling is None else model.scaling(self.static[None])
        self.members = model.committee.stream(static=given)
        self.reset()

    def reset(self) -> None:
        """Back to before the first sample."""
        self.members.reset()
        self.kept = self.members.state
        self.patch: list[Array] = []
        self.since, self.clock = 0.0, 0.0
        self.past: list[tuple[float, Array]] = []
        self.running = Running(self.model.form.channels)

    def __call__(self, x: Any, dt: float | None = None) -> Array:
        """x (channels,), NaN where nothing was measured; dt the time since the sample before, the median gap unless given."""
        form = self.model.form
        sample = np.asarray(x, dtype=np.float64)
        if sample.shape != (form.channels,):
            raise ShapeError(f"x has shape {sample.shape}, expected ({form.channels},), a number a channel")
        unknown = np.isnan(sample) & ~np.array(form.missing)
        if unknown.any() or np.isinf(sample).any():
            raise NonFiniteError(
                f"x is {sample.tolist()}: channel {int(np.argmax(unknown | np.isinf(sample)))} was always measured in fit"
            )
        gap = (form.gap if form.uneven else 1.0) if dt is None else float(dt)
        if not 0 <= gap < np.inf:
            raise TimeError(f"dt is {dt!r}, expected the time since the sample before, >= 0")
        self.patch.append(sample)
        self.since, self.clock = self.since + gap, self.clock + gap
        if form.patch > 1:
            self.members.state = self.kept
        z = self.members(self._step(sample), self.since)
        if len(self.patch) == form.patch:
            self.kept, self.patch, self.since = self.members.state if form.patch > 1 else self.kept, [], 0.0
        said = {"network": z}
        if "summaries" in self.model.lines:
            self.running.add(sample, self.clock)
            features = np.concatenate([self.running.features(), self.static])
            said["summaries"] = self.model.lines["summaries"](features[None])[0]
        return self.finish(self.model.blend(said))

    def _step(self, sample: Array) -> Array:
        """What the members read now: the patch so far, or the row with its windows."""
        form = self.model.form
        if not form.windows:
            read: Array = form.steps(np.stack(self.patch), np.zeros(len(self.patch)))[0]
            return read
        oldest = self.clock - max(form.windows)
        self.past = [(t, x) for t, x in self.past if t >= oldest] + [(self.clock, sample)]
        values, clock = np.stack([x for _, x in self.past]), np.array([t for t, _ in self.past])
        return np.concatenate([sample, *(one[-1] for one in window_features(values, clock, form.windows))])


def start(model: Model, static: Array | None, finish: Callable[[Array], Array]) -> SequenceStream:
    """A stream of a causal model."""
    if not model.form.causal:
        raise TauflowError(
            "this model reads the whole sequence before it answers, so it can't stream: fit it with causal=True"
        )
    return SequenceStream(model, static, finish)
