"""What every forecast is compared with: the last value, the value one season ago, and ridge regression on the same window.

Each sees what the networks see (a batch of `Windows`) and answers in scaled units.

    Persistence     f(t) = the last known value
    SeasonalNaive   f(t) = the value one lag before t; the lag with the smallest error on the training part
    Ridge           f at step k = w_k . [context's values, its last row, query, time of day x weekday of the query],
                    min sum (y - f)^2 + penalty |w|^2; the penalty is chosen on validation
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..data.encoder import Encoder
from ..data.scaling import TARGET_CLIP
from ..data.series import Array
from ..data.windows import Windows
from .network import AllWindows, anchor_columns

PENALTIES = (1e0, 1e1, 1e2, 1e3, 1e4)
MOST_WINDOWS = 40_000


class Persistence:
    """The last known value, for ever."""

    def __init__(self, encoder: Encoder) -> None:
        last = len(encoder.lags)
        self.columns = [
            column - base + last for column, base in zip(anchor_columns(encoder), encoder.base, strict=True)
        ]

    def predict(self, batch: dict[str, Array]) -> Array:
        """(B, h, targets)."""
        return batch["query"][:, :, self.columns]


class SeasonalNaive(Persistence):
    """The value one season ago; the last value where the data shows no season."""

    def __init__(self, encoder: Encoder) -> None:
        self.columns = anchor_columns(encoder)


class Ridge:
    """One linear model per step of the horizon; weights (h, features, targets). A query between steps takes the nearest step's."""

    def __init__(self, encoder: Encoder, weights: Array | None = None) -> None:
        schema = encoder.schema
        self.h, self.observed = encoder.h, len(schema.targets) + len(schema.past) + len(schema.future)
        self.days = (
            (2, 10) if encoder.calendar.day and encoder.calendar.week else (2, 2)
        )  # where a query holds its day waves
        self.weights = weights

    @property
    def parameters(self) -> int:
        return 0 if self.weights is None else int(self.weights.size)

    def fit(self, train: Windows, validation: Windows) -> None:
        """Solve the normal equations of every step for each penalty; keep the penalty with the least validation MAE."""
        grams, moments = self._equations(train)
        best = np.inf
        for penalty in PENALTIES:
            ridge = penalty * torch.eye(grams.shape[1], dtype=torch.float64)
            weights = torch.linalg.solve(grams + ridge, moments).numpy()
            error = self._error(weights, validation)
            if error < best:
                best, self.weights = error, weights

    def predict(self, batch: dict[str, Array]) -> Array:
        """(B, h, targets)."""
        if self.weights is None:
            raise RuntimeError("Ridge.predict before fit")
        return self._apply(self.weights, batch)

    def _apply(self, weights: Array, batch: dict[str, Array]) -> Array:
        step = (
            np.rint(batch["query"][:, :, 0] * self.h).astype(int).clip(1, self.h) - 1
        )  # the query's first feature is offset / h
        out = np.empty((*step.shape, weights.shape[2]))
        for k in range(self.h):
            here = step == k
            if here.any():
                rows, columns = np.nonzero(here)
                out[here] = self._features(batch, rows, columns) @ weights[k]
        return out

    def _equations(self, train: Windows) -> tuple[Tensor, Tensor]:
        """Per step, sum f f^T (h, features, features) and sum f y^T (h, features, targets); torch keeps to one thread."""
        sums: list[tuple[Tensor, Tensor] | None] = [None] * self.h
        index = np.unique(np.linspace(0, len(train) - 1, min(len(train), MOST_WINDOWS)).astype(int))
        for part in np.array_split(index, -(-len(index) // 2000)):
            batch = train.batch(part)
            for k in range(self.h):
                rows = np.nonzero(np.isfinite(batch["target"][:, k]).all(axis=1))[0]
                f = torch.from_numpy(self._features(batch, rows, np.full(len(rows), k)))
                y = torch.from_numpy(batch["target"][rows, k].clip(-TARGET_CLIP, TARGET_CLIP)).double()
                before = sums[k] or (0.0, 0.0)
                sums[k] = (before[0] + f.T @ f, before[1] + f.T @ y)
        known = [pair for pair in sums if pair is not None]
        return torch.stack([gram for gram, _ in known]), torch.stack([moment for _, moment in known])

    def _error(self, weights: Array, windows: Windows) -> float:
        total, count = 0.0, 0
        chosen = np.linspace(0, len(windows) - 1, min(len(windows), AllWindows.most)).astype(int)
        for part in np.array_split(chosen, -(-len(chosen) // 500)):
            batch = windows.batch(part)
            error = np.abs(self._apply(weights, batch) - batch["target"])
            known = np.isfinite(error)
            total, count = total + float(error[known].sum()), count + int(known.sum())
        return total / max(count, 1)

    def features(self, batch: dict[str, Array]) -> int:
        """How many features a batch of windows gives."""
        return int(self._features(batch, np.zeros(1, int), np.zeros(1, int)).shape[1])

    def _features(self, batch: dict[str, Array], rows: Array, columns: Array) -> Array:
        """(n, features): the context's values, its last row whole, the query, waves of the day x weekday, and a one."""
        history = batch["x"][rows, :, : self.observed].reshape(len(rows), -1)
        query = batch["query"][rows, columns]
        start, end = self.days
        clock = (query[:, start:end, None] * query[:, None, end : end + 7]).reshape(len(rows), -1)
        return np.concatenate(
            [history, batch["x"][rows, -1], query, clock, np.ones((len(rows), 1))], axis=1, dtype=np.float64
        )
