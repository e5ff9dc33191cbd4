"""Regressor: a number, or several, for a sequence, or at every row of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from ... import metrics
from ...data.sequences import Array, Layout, Sequences
from ...errors import DataError, NonFiniteError, ShapeError
from ...explain import ExplanationError
from .base import SequenceEstimator
from .contract import conversion_warning
from .stream import SequenceStream, start


class Regressor(SequenceEstimator):
    """`Regressor("cfc").fit(X, y)`, `predict(X)`: y (n,) a number a sequence, (n, columns) several, or one at every row.

    loss    of the members: "mse", "mae" or "huber", of y in units of its spread
    every   y (n, time) beside X (n, time, channels) is one number at every row with True, several a sequence with False; None asks
            where both are possible
    The other parameters are those of `Classifier`.

    >>> x = [np.full(8, k / 20) for k in range(20)]
    >>> model = tauflow.Regressor("cfc", units=4, members=1, epochs=2).fit(x, np.arange(20.0))
    >>> model.predict(x[:2]).shape
    (2,)
    """

    kind: ClassVar[str] = "regressor"
    _estimator_type = "regressor"

    def __init__(
        self,
        cell: str = "cfc",
        units: int = 32,
        *,
        causal: bool = False,
        members: int = 3,
        beside: Any = "auto",
        patch: int | Literal["auto"] = "auto",
        tau: Any = "auto",
        encoder: Any = "auto",
        loss: str = "mse",
        every: bool | None = None,
        dropout: float = 0.2,
        weight_decay: float = 0.01,
        epochs: int | None = None,
        batch_size: int = 32,
        lr: float | None = None,
        patience: int | None = None,
        validation: float = 0.2,
        time_limit: float | None = None,
        layout: Layout | None = None,
        seed: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.cell, self.units, self.causal, self.members = cell, units, causal, members
        self.beside, self.patch, self.tau, self.encoder = beside, patch, tau, encoder
        self.loss, self.every = loss, every
        self.dropout, self.weight_decay, self.epochs, self.batch_size = dropout, weight_decay, epochs, batch_size
        self.lr, self.patience, self.validation, self.time_limit = lr, patience, validation, time_limit
        self.layout, self.seed, self.options = layout, seed, options

    def predict(self, X: Any, *, times: Any = None, static: Any = None, **reading: Any) -> Any:
        """The numbers, (n,) or (n, columns), in the units of y; at every row where y was so. Of a long table a frame."""
        found = self._asked(X, times, static, reading)
        return self._formed(self._units(self.model_(found)), found)

    def over_time(self, X: Any, *, times: Any = None, static: Any = None, **reading: Any) -> list[Array]:
        """The answer after every sample of each sequence: what `predict` says of each prefix."""
        found = self._asked(X, times, static, reading)
        self.model_.form.check(found)
        gaps, answers = self.model_.form.gaps(found), []
        for number, values in enumerate(found.values):
            stream = self.stream(None if found.static is None else found.static[number])
            answers.append(np.stack([stream(x, dt) for x, dt in zip(values, gaps[number].tolist(), strict=True)]))
        return answers

    def stream(self, static: Any = None) -> SequenceStream:
        """A sequence as it comes: `y = stream(x, dt)` after every sample, the numbers of `predict` of what came so far."""
        self._check_is_fitted()
        given = None if static is None else np.asarray(static, dtype=np.float64)
        return start(self.model_, given, lambda z: self._units(z[None])[0])

    def score(self, X: Any, y: Any = None, *, times: Any = None, static: Any = None, **reading: Any) -> float:
        """R2: 1 - squared error / squared distance of y from its mean, the mean over columns."""
        found = self._asked(X, times, static, reading)
        truth = self._truths(X, y, found, reading).astype(np.float64)
        said = self._units(self.model_(found))
        return metrics.r2(said.reshape(len(said), -1), truth.reshape(len(truth), -1))

    def _output(self, target: Any, one: Sequences, at: int | None) -> tuple[str, Callable[[Array], Array]]:
        columns, number = len(self.mean_), 0 if target is None else target
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < columns:
            raise ExplanationError(f"target is {target!r}, expected the number of a column of y, 0 to {columns - 1}")
        name = "y" if columns == 1 else f"y{number}"
        return name, lambda z: (z * self.width_ + self.mean_)[:, number]

    def _judge(self, truth: Array) -> Callable[[Array], float]:
        wanted = np.asarray(truth, dtype=np.float64).reshape(len(truth), -1)
        return lambda z: float(np.abs(z * self.width_ + self.mean_ - wanted).mean())

    def _units(self, z: Array) -> Array:
        values: Array = z * self.width_ + self.mean_
        return values if self.many_ else values[..., 0]

    def _rows_of_targets(self, found: Sequences) -> bool:
        if self.every is None and found.kind != "rectangle":
            raise DataError(
                f"y (n, {found.lengths[0]}) could be a number at every row or {found.lengths[0]} of a sequence: say every=True or False"
            )
        return bool(self.every)

    def _learn_targets(self, y: Any, found: Sequences, every: bool) -> Any:
        rows = [numbers(one) for one in y] if every else [numbers(y, warn=True)]
        self.many_ = rows[0].ndim == 2
        flat = np.concatenate([one.reshape(len(one), -1) for one in rows])
        self.mean_, width = flat.mean(axis=0), flat.std(axis=0)
        self.width_ = np.where(width > 1e-12 * np.maximum(np.abs(self.mean_), 1e-30), width, 1.0)
        scaled = (flat - self.mean_) / self.width_
        return list(np.split(scaled, np.cumsum([len(one) for one in rows])[:-1])) if every else scaled

    def _weights(self, targets: Any) -> tuple[Array | None, bool]:
        return None, False

    def _head(self) -> tuple[dict[str, Any], int]:
        if self.loss not in ("mse", "mae", "huber"):
            raise DataError(f"loss is {self.loss!r}, expected 'mse', 'mae' or 'huber'")
        return {"name": "values", "loss": self.loss}, len(self.mean_)

    mean_: Array
    width_: Array
    many_: bool


def numbers(y: Any, warn: bool = False) -> Array:
    """y as float64, (n,) or (n, columns); a column (n, 1) is taken as (n,) with a warning."""
    values = np.asarray(y)
    if values.dtype.kind == "c":
        raise DataError("Complex data not supported: y holds complex numbers")
    try:
        values = values.astype(np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"y holds what is no number, such as {values.ravel()[0]!r}: use Classifier for labels"
        ) from None
    if warn and values.ndim == 2 and values.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples,), for "
            "example using ravel().",
            conversion_warning(),
            stacklevel=5,
        )
        values = values[:, 0]
    if values.ndim not in (1, 2):
        raise ShapeError(f"y has shape {values.shape}, expected (n,) or (n, columns)")
    if not np.isfinite(values).all():
        raise NonFiniteError("Input y contains NaN or infinity: every sequence needs its number")
    return values
