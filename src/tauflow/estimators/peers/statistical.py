"""AutoETS and AutoTheta of statsforecast: one model a series and target, chosen on the training part.

They know no time but the count of rows: a missing value is carried forward, a gap is no gap, the season is the shortest of the
table's that has up to 24 strides. Chosen once, by the last `LEARNED` rows before the validation part; at each origin the states run
over the rows up to it with the parameters as they are, which is what an operator does. Nothing but statsforecast is imported here.
Sources: Hyndman et al. 2008 (ETS); Fiorucci et al. 2016 (theta).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...data.series import Array
from ...errors import MissingExtraError
from ...training import Callback
from ...windows.calendar import seasons
from ...windows.windows import Windows
from ..settings import Settings

LEARNED, LONGEST = 1000, 24
CLASSES = {"auto_ets": "AutoETS", "auto_theta": "AutoTheta"}


class Statistical:
    """A model a series and target."""

    def __init__(self, name: str) -> None:
        try:
            import statsforecast.models as found
        except ImportError:
            raise MissingExtraError(f'{name} needs statsforecast: pip install "tauflow[baselines]"') from None
        self.name, self.make = name, getattr(found, CLASSES[name])
        self.models: dict[tuple[str, int], Any] = {}
        self.season, self.parameters = 1, 0
        self.notes: tuple[str, ...] = ()

    def fit(self, training: Windows, judging: Windows, settings: Settings, callbacks: Sequence[Callback]) -> None:
        encoder, rows = training.encoder, training.rows
        periods = settings.season if settings.season is not None else seasons(encoder.calendar, encoder.stride)
        self.season = next((round(one) for one in periods if 1 < round(one) <= LONGEST), 1)
        notes = []
        for number in np.unique(training.origins[:, 0]).tolist():
            name, begin = training.table.series[number].id, int(rows.start[number])
            end = begin + int(training.origins[training.origins[:, 0] == number, 1].max()) + encoder.h + 1
            for target in range(rows.z.shape[1]):
                past = self._past(rows.z[begin:end, target])
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self.models[name, target] = self.make(season_length=self.season).fit(past)
        if np.isnan(rows.z).any() or len(np.unique(np.diff(rows.time))) > 1:
            notes.append(f"{self.name} counts rows: missing values were carried forward, and gaps were not told to it")
        self.notes = tuple(notes)

    def predict(self, windows: Windows, index: Array) -> Array:
        """(B, h, targets)."""
        rows, h = windows.rows, windows.encoder.h
        out = np.zeros((len(index), h, rows.z.shape[1]))
        for k, (number, row) in enumerate(windows.origins[index]):
            begin = int(rows.start[number])
            for target in range(rows.z.shape[1]):
                model = self.models.get((windows.table.series[number].id, target))
                past = self._past(rows.z[begin : begin + row + 1, target])
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = past[-1] if model is None else model.forward(y=past, h=h)["mean"]
                out[k, :, target] = np.nan_to_num(found, nan=float(past[-1]))
        return out

    def _past(self, z: Array) -> Array:
        """The last rows without holes; it begins at a whole number of seasons, so that the phase is always the same."""
        known = np.isfinite(z)
        place = np.maximum.accumulate(np.where(known, np.arange(len(z)), -1))
        first = int(np.argmax(known)) if known.any() else 0
        filled = np.where(place >= 0, z[place.clip(0)], z[first] if known.any() else 0.0)
        begin = max(0, len(filled) - LEARNED)
        begin = -(-begin // self.season) * self.season
        return np.asarray(filled[begin:], np.float64)


def build(settings: Settings) -> Statistical:
    return Statistical(settings.cell)
