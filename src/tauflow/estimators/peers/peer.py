"""A peer as a table of results sees it: `fit` and `tested`, as of a `Forecaster`, on the same windows of the same rows.

What is learned of the table (step, scales, seasons) is learned by the same `learn` from the rows before the validation part, and the
truth is that of the same windows, so that only the model differs. A model is a class with

    fit(training, judging, settings, tell)      from the windows before the validation part, judged by those in it
    predict(windows, index) -> (B, h, targets)  scaled, at the steps 1..h after the origins; only rows up to an origin are looked at
    parameters, notes
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

import numpy as np

from ...data import Table
from ...data.series import Array
from ...errors import DataError, NotFittedError
from ...training import Callback, History
from ...windows.encoder import Encoder
from ...windows.learn import learn
from ...windows.scaling import Scale
from ...windows.windows import Windows, answered, divided, windows
from ..forecaster import Tested, _validation_start
from ..settings import ForecastError, Settings
from ..tables import categories_of, recoded
from .names import HOME

PART = 512


class Model(Protocol):
    """What a file of this folder has to offer."""

    notes: tuple[str, ...]
    parameters: int

    def fit(
        self, training: Windows, judging: Windows, settings: Settings, callbacks: Sequence[Callback]
    ) -> History | None: ...

    def predict(self, windows: Windows, index: Array) -> Array: ...


class Peer:
    """`Peer(settings).fit(table).tested(table, start)`: a Tested, as `Forecaster.tested` gives it."""

    def __init__(self, settings: Settings) -> None:
        if settings.strategy != "direct":
            raise ForecastError(
                f"strategy is {settings.strategy!r}, but {settings.cell} answers all steps at once: use 'direct'"
            )
        self.settings = settings
        self.encoder: Encoder | None = None
        self.history: History | None = None
        self.notes: tuple[str, ...] = ()
        self.model: Model = import_module(f".{HOME[settings.cell]}", __package__).build(settings)

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        return self.model.parameters

    def fit(self, table: Table, callbacks: Sequence[Callback] = ()) -> Peer:
        """Learn from the rows of a table."""
        settings = self.settings
        table = recoded(table, categories_of(table))
        start = _validation_start(table, settings.validation)
        self.encoder = learn(table, settings.h, start, settings.season)
        training, judging = (answered(part) for part in divided(table, self.encoder, settings.context, start))
        if len(training) < 8 or len(judging) < 1:
            raise DataError(
                f"{settings.cell} has {len(training)} windows to learn from and {len(judging)} to be judged by, expected 8 and 1: "
                "use a longer table or a smaller h"
            )
        self.history = self.model.fit(training, judging, settings, callbacks)
        self.notes = self.model.notes
        return self

    def tested(self, table: Table, start: float | None, end: float | None = None, most: int = 4000) -> Tested:
        """Forecasts from every origin between two native times beside what came, as `Forecaster.tested`."""
        if self.encoder is None:
            raise NotFittedError("this peer is not fitted: call fit(table) first")
        table = recoded(table, self.encoder.schema.categories)
        found = windows(table, self.encoder, self.settings.context, start=start, end=end)
        if len(found) == 0:
            raise DataError("the test part has no origin with known values after it, expected more than h rows")
        chosen = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).astype(int))
        times, truths, forecasts = [], [], []
        for part in np.array_split(chosen, -(-len(chosen) // PART)):
            batch = found.batch(part)
            scale = _scale(self.encoder, table, found.origins[part])
            times.append(batch["time"])
            truths.append(scale.invert(batch["target"].astype(float)))
            forecasts.append(scale.invert(np.asarray(self.model.predict(found, part), float)))
        time, truth, forecast = (np.concatenate(parts) for parts in (times, truths, forecasts))
        return Tested(found.origins[chosen], time, truth, forecast, self.encoder)


def _scale(encoder: Encoder, table: Table, origins: Array) -> Scale:
    """Of each origin's series, (N, 1, targets)."""
    scales = [encoder.scale_of(table.series[number]) for number in origins[:, 0]]
    center, scale = (np.stack([getattr(one, name) for one in scales])[:, None] for name in ("center", "scale"))
    return Scale(center, scale)
