"""LightGBM on lags: one boosted model a target, which is asked about each step; nothing but lightgbm is imported here.

    features    the targets' and other numbers' values in the context, the query (offset, calendar, what is known ahead, anchors)
    target      the value less the best seasonal or last value, as trees can't go beyond what they saw

Up to `MOST` pairs of origin and step are learned from, evenly spread; rounds stop when the validation windows' error does.
Source: Ke et al. 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...data.series import Array
from ...errors import MissingExtraError
from ...training import Callback
from ...windows.encoder import Encoder
from ...windows.scaling import TARGET_CLIP
from ...windows.windows import Windows
from ..network import anchor_columns
from ..settings import Settings

MOST, JUDGED = 100_000, 20_000  # pairs
ROUNDS, WAIT, RATE = 400, 30, 0.05


class Trees:
    """A booster a target."""

    def __init__(self) -> None:
        try:
            import lightgbm
        except ImportError:
            raise MissingExtraError('lightgbm needs lightgbm: pip install "tauflow[baselines]"') from None
        self.lightgbm = lightgbm
        self.boosters: list[Any] = []
        self.parameters = 0
        self.notes: tuple[str, ...] = ()

    def fit(self, training: Windows, judging: Windows, settings: Settings, callbacks: Sequence[Callback]) -> None:
        objective = {"mae": "l1", "mse": "l2", "huber": "huber"}[settings.loss]
        given = {
            "objective": objective, "learning_rate": RATE, "num_threads": 1, "seed": settings.seed, "deterministic": True,
            "force_row_wise": True, "verbose": -1, "metric": "l1",
        }  # fmt: skip
        (f, y), (g, z) = (self._pairs(part, most) for part, most in ((training, MOST), (judging, JUDGED)))
        for target in range(y.shape[1]):
            known, judged = np.isfinite(y[:, target]), np.isfinite(z[:, target])
            data = self.lightgbm.Dataset(f[known], y[known, target], free_raw_data=False)
            check = self.lightgbm.Dataset(g[judged], z[judged, target], reference=data)
            stop = self.lightgbm.early_stopping(WAIT, verbose=False)
            self.boosters.append(self.lightgbm.train(given, data, ROUNDS, valid_sets=[check], callbacks=[stop]))
        self.parameters = sum(int(one.num_trees()) * 31 for one in self.boosters)

    def predict(self, windows: Windows, index: Array) -> Array:
        """(B, h, targets)."""
        batch = windows.batch(index, windows.encoder.moments.ahead(_origin_times(windows, index), windows.encoder.h))
        f = _features(windows.encoder, batch)
        shape = (len(index), windows.encoder.h)
        found = np.stack([one.predict(f, num_threads=1).reshape(shape) for one in self.boosters], axis=2)
        return np.asarray(found + batch["query"][:, :, anchor_columns(windows.encoder)])

    def _pairs(self, windows: Windows, most: int) -> tuple[Array, Array]:
        """(features, what the anchor lacks) of pairs of origin and step."""
        count = min(len(windows), max(1, most // windows.encoder.h))
        chosen = np.unique(np.linspace(0, len(windows) - 1, count).astype(int))
        features, targets = [], []
        for part in np.array_split(chosen, -(-len(chosen) // 512)):
            batch = windows.batch(part)
            features.append(_features(windows.encoder, batch))
            anchors = batch["query"][:, :, anchor_columns(windows.encoder)]
            lacks = batch["target"].clip(-TARGET_CLIP, TARGET_CLIP) - anchors
            targets.append(lacks.reshape(-1, lacks.shape[2]))
        return np.concatenate(features), np.concatenate(targets)


def _features(encoder: Encoder, batch: dict[str, Array]) -> Array:
    """(B h, features) float32."""
    past = batch["x"][:, :, : encoder.numbers]
    past = past.reshape(len(past), -1)
    query = batch["query"]
    return np.concatenate([np.repeat(past, query.shape[1], axis=0), query.reshape(-1, query.shape[2])], axis=1)


def _origin_times(windows: Windows, index: Array) -> Array:
    rows = windows.rows
    return np.asarray(rows.time[rows.start[windows.origins[index, 0]] + windows.origins[index, 1]])


def build(settings: Settings) -> Trees:
    return Trees()
