"""What every forecast is compared with: the last value, the value one season ago, and ridge regression on the same window.

Each sees what the networks see (a batch of `Windows`) and answers in scaled units.

    Persistence     f(t) = the last known value
    SeasonalNaive   f(t) = the value one lag before t; the lag with the smallest error on the training part
    Ridge           f at step k = the seasonal naive's answer + w_k . [context's values, its last row, query, time of day x
                    weekday of the query], min sum (y - f)^2 + penalty |w|^2; the penalty is chosen on validation. A step that
                    is never known in training is answered as the nearest one that is, and `notes` says so
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..data.series import Array
from ..errors import DataError
from ..windows.encoder import Encoder
from ..windows.scaling import TARGET_CLIP
from ..windows.windows import Windows
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
        self.h, self.observed = encoder.h, encoder.numbers
        self.days = (
            (2, 10) if encoder.calendar.day and encoder.calendar.week else (2, 2)
        )  # where a query holds its day waves
        self.weights = weights
        self.targets, self.anchors = encoder.schema.targets, anchor_columns(encoder)
        self.notes: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        return 0 if self.weights is None else int(self.weights.size)

    def fit(self, train: Windows, validation: Windows) -> None:
        """Solve the normal equations of every step for each penalty; keep the penalty with the least validation MAE."""
        grams, moments, known = self._equations(train)
        like = [self._like(target, known[:, target]) for target in range(len(self.targets))]  # per target, per step
        best = np.inf
        for penalty in PENALTIES:
            ridge = penalty * torch.eye(grams[0].shape[1], dtype=torch.float64)
            solved = [torch.linalg.solve(gram + ridge, moments).numpy() for gram in grams]
            every = solved if len(solved) > 1 else solved * len(like)
            weights = np.stack([every[n][steps, :, n] for n, steps in enumerate(like)], axis=2)
            error = self._error(weights, validation)
            if error < best:
                best, self.weights = error, weights

    def _like(self, target: int, known: Array) -> Array:
        """(h,) per step the nearest one that is known in training, itself where it is."""
        name, steps = self.targets[target], np.nonzero(known)[0]
        if len(steps) == 0:
            raise DataError(
                f"{name!r} is never known 1 to {self.h} steps after a row with a value, so ridge has nothing to learn "
                "from: use a larger h"
            )
        like = np.asarray(steps[np.abs(np.arange(self.h)[:, None] - steps).argmin(axis=1)])
        if len(steps) < self.h:
            missing = ", ".join(f"{k + 1} (as {like[k] + 1})" for k in np.nonzero(~known)[0])
            self.notes += (
                f"ridge: {name!r} is never known in training at these steps, answered as the nearest that is: {missing}",
            )
        return like

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
        return out + batch["query"][:, :, self.anchors]

    def _equations(self, train: Windows) -> tuple[list[Tensor], Tensor, Array]:
        """Per step: sum f f^T (h, features, features), sum f y^T (h, features, targets), which targets were ever known (h, targets).

        The first is one for all targets, or one for each if some were known where others were not. Torch keeps to one thread.
        """
        width, targets = self.features(train.batch(np.array([0]))), len(self.targets)
        shared = torch.zeros(self.h, width, width, dtype=torch.float64)
        own: dict[int, Tensor] = {}  # what a target's rows add to `shared`, where others are missing
        moments = torch.zeros(self.h, width, targets, dtype=torch.float64)
        ever = np.zeros((self.h, targets), bool)
        index = np.unique(np.linspace(0, len(train) - 1, min(len(train), MOST_WINDOWS)).astype(int))
        for part in np.array_split(index, -(-len(index) // 2000)):
            batch = train.batch(part)
            for k in range(self.h):
                known: Array = np.isfinite(batch["target"][:, k])
                ever[k] |= known.any(axis=0)
                whole = np.asarray(known.all(axis=1))
                f, y = self._pair(batch, np.nonzero(whole)[0], k)
                shared[k] += f.T @ f
                moments[k] += f.T @ y
                for target in np.nonzero((known & ~whole[:, None]).any(axis=0))[0].tolist():
                    f, y = self._pair(batch, np.nonzero(known[:, target] & ~whole)[0], k)
                    own.setdefault(target, torch.zeros_like(shared))[k] += f.T @ f
                    moments[k, :, target] += f.T @ y[:, target]
        if not own:
            return [shared], moments, ever
        return [shared + own[target] if target in own else shared for target in range(targets)], moments, ever

    def _pair(self, batch: dict[str, Array], rows: Array, k: int) -> tuple[Tensor, Tensor]:
        """(features, what the seasonal naive leaves of the targets) of some windows at a step."""
        f = torch.from_numpy(self._features(batch, rows, np.full(len(rows), k)))
        y = batch["target"][rows, k].clip(-TARGET_CLIP, TARGET_CLIP) - batch["query"][rows, k][:, self.anchors]
        return f, torch.from_numpy(y).double()

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
        return len(self._features(batch, np.zeros(1, int), np.zeros(1, int))[0])

    def _features(self, batch: dict[str, Array], rows: Array, columns: Array) -> Array:
        """(n, features): the context's values, its last row whole, the query, waves of the day x weekday, and a one."""
        history = batch["x"][rows, :, : self.observed]
        history = history.reshape(len(rows), history.shape[1] * history.shape[2])
        query = batch["query"][rows, columns]
        start, end = self.days
        clock = query[:, start:end, None] * query[:, None, end : end + 7]
        clock = clock.reshape(len(rows), clock.shape[1] * clock.shape[2])
        return np.concatenate(
            [history, batch["x"][rows, -1], query, clock, np.ones((len(rows), 1))], axis=1, dtype=np.float64
        )
