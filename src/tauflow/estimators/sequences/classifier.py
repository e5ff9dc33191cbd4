"""Classifier: a label for a sequence, or at every row of it, with probabilities that can be believed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from ...data.sequences import Array, Layout, Sequences
from ...errors import DataError, NonFiniteError, ShapeError
from ...explain import ExplanationError
from .base import SequenceEstimator
from .contract import conversion_warning
from .learning import Learned, class_weights
from .stream import SequenceStream, start


class Classifier(SequenceEstimator):
    """`Classifier("cfc").fit(X, y)`, `predict_proba(X)`; a committee of liquid networks, weighed against simple answers.

    cell, units   the cell of the members and its size; `options` are more of the cell's own arguments
    causal        an answer depends on the past alone: for `stream()` and `over_time`; otherwise members read both ways
    members       networks, each learned without a part of its own, on which all are judged and calibrated
    beside        simple answers to be weighed against: "auto" for "summaries" and "shapes" (not causal), None, or one of them
    patch         samples that make one step; "auto": about 48 steps of long, even, complete sequences, else 1
    tau           time constants, (shortest, longest) in the unit of the times; "auto": from the median gap to a sequence's length
    encoder       a part of `Network` in front of the cell: "auto" (a dense layer where inputs are many), None, "convolution", ...
    class_weight  "auto": rare classes count more in the loss, probabilities are put back to how often classes come;
                  "balanced" or {label: weight}: as scikit-learn, the answers are those of a world of these weights; None
    threshold     of two classes: the probability of the second from which it is the answer; "f1": the best F1 on what was held out;
                  {"recall": 0.9}: the highest that finds so many there. None: the more probable class
    dropout, weight_decay, epochs, batch_size, lr, patience   of the training; epochs None: about 300 updates
    validation    the share that each member holds out, spread evenly over the classes, groups kept together
    time_limit    seconds that the members may learn together
    layout        "ntc" or "nct" where X is three-dimensional or a list; see `tauflow.data.as_sequences`
    seed          the same seed gives the same numbers

    classes_, notes_ (what was seen and found), validation_ (the accuracy of each part on what was held out), model_

    >>> x = [np.sin((1 + k % 2) * np.arange(12.0)) for k in range(20)]
    >>> labels = np.array(["slow", "fast"])[np.arange(20) % 2]
    >>> model = tauflow.Classifier("cfc", units=4, members=1, epochs=2).fit(x, labels)
    >>> model.classes_.tolist(), model.predict_proba(x[:2]).shape
    (['fast', 'slow'], (2, 2))
    """

    kind: ClassVar[str] = "classifier"
    _estimator_type = "classifier"
    classes_: Array
    threshold_: float | None

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
        class_weight: Any = "auto",
        threshold: Any = None,
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
        self.class_weight, self.threshold = class_weight, threshold
        self.dropout, self.weight_decay, self.epochs, self.batch_size = dropout, weight_decay, epochs, batch_size
        self.lr, self.patience, self.validation, self.time_limit = lr, patience, validation, time_limit
        self.layout, self.seed, self.options = layout, seed, options

    def predict_proba(self, X: Any, *, times: Any = None, static: Any = None, **reading: Any) -> Any:
        """The probability of each class, in the order of `classes_`: (n, classes); at every row where the labels were so.

        Of a long table a frame, indexed by id (and time); of sequences of unequal length with a label a row a list.
        """
        found = self._asked(X, times, static, reading)
        return self._formed(np.exp(self.model_(found)), found)

    def predict(self, X: Any, *, times: Any = None, static: Any = None, **reading: Any) -> Any:
        """The labels, in the form of `predict_proba`."""
        found = self._asked(X, times, static, reading)
        return self._formed(self._labels(self.model_(found)), found)

    def predict_table(self, X: Any, **reading: Any) -> Any:
        """Of a long table the label and the probabilities in one frame: id, (time,) label, a column `p(class)` for each."""
        found = self._asked(X, None, None, reading)
        log_p = self.model_(found)
        frame = self._formed(np.exp(log_p), found)
        frame.columns = [f"p({name})" for name in frame.columns]
        frame.insert(0, self.target_ or "label", self._labels(log_p))
        return frame.reset_index()

    def over_time(self, X: Any, *, times: Any = None, static: Any = None, **reading: Any) -> list[Array]:
        """The probabilities after every sample of each sequence, (time_i, classes): what `predict_proba` says of each prefix."""
        found = self._asked(X, times, static, reading)
        self.model_.form.check(found)
        gaps, answers = self.model_.form.gaps(found), []
        for number, values in enumerate(found.values):
            stream = self._stream(None if found.static is None else found.static[number])
            answers.append(np.stack([stream(x, dt) for x, dt in zip(values, gaps[number].tolist(), strict=True)]))
        return answers

    def stream(self, static: Any = None) -> SequenceStream:
        """A sequence as it comes: `p = stream(x, dt)`, probabilities (classes,) after every sample; `stream.reset()` begins anew.

        The numbers are those of `predict_proba` of what came so far. dt: the time since the sample before, the median gap unless given.
        """
        self._check_is_fitted()
        return self._stream(None if static is None else np.asarray(static, dtype=np.float64))

    def score(self, X: Any, y: Any = None, *, times: Any = None, static: Any = None, **reading: Any) -> float:
        """The share of labels that are right."""
        found = self._asked(X, times, static, reading)
        truth = self._truths(X, y, found, reading)
        return float((self._labels(self.model_(found)) == truth).mean())

    def _output(self, target: Any, one: Sequences, at: int | None) -> tuple[str, Callable[[Array], Array]]:
        names = self.classes_.tolist()
        if target is None:
            rows = self.model_(one)
            labels = self._labels(rows)
            place = -1 if at is None or not -len(labels) <= at < len(labels) else at
            target = labels[place].item() if hasattr(labels[place], "item") else labels[place]
        if target not in names:
            raise ExplanationError(f"target is {target!r}, expected a class: {', '.join(map(repr, names[:8]))}")
        number = names.index(target)
        return f"p({target})", lambda log_p: np.exp(log_p[:, number])

    def _judge(self, truth: Array) -> Callable[[Array], float]:
        place = np.searchsorted(self.classes_, truth).clip(max=len(self.classes_) - 1)
        if (self.classes_[place] != truth).any():
            raise DataError("y holds a class that fit has not seen, so its probability is not known")
        return lambda log_p: float(-log_p[np.arange(len(place)), place].clip(min=-50).mean())

    def _stream(self, static: Array | None) -> SequenceStream:
        return start(self.model_, static, np.exp)

    def _labels(self, log_p: Array) -> Array:
        sure = self.threshold_
        chosen = log_p.argmax(axis=1) if sure is None else (np.exp(log_p[:, 1]) >= sure).astype(int)
        labels: Array = self.classes_[chosen]
        return labels

    def _columns(self, rows: Array) -> Any:
        return list(self.classes_) if rows.ndim == 2 else None

    def _learn_targets(self, y: Any, found: Sequences, every: bool) -> Any:
        rows = [np.asarray(one) for one in y] if every else None
        flat = np.concatenate(rows) if rows is not None else column(y)
        check_labels(flat)
        self.classes_, codes = np.unique(flat, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(
                f"y has one class alone, {self.classes_.tolist()}: a classifier needs samples of two classes or more"
            )
        if rows is None:
            return codes
        return list(np.split(codes, np.cumsum([len(one) for one in rows])[:-1]))

    def _weights(self, targets: Any) -> tuple[Array | None, bool]:
        flat = np.concatenate(targets) if isinstance(targets, list) else targets
        return class_weights(self.class_weight, flat, self.classes_.tolist()), self.class_weight == "auto"

    def _head(self) -> tuple[dict[str, Any], int]:
        asked: Any = self.class_weight
        if isinstance(asked, dict):
            asked = [float(asked.get(name, 1.0)) for name in self.classes_.tolist()]
        elif asked == "auto":
            asked = "balanced"
        return {"name": "classes", **({} if asked is None else {"weight": asked})}, len(self.classes_)

    def _choose(self, learned: Learned) -> None:
        self.threshold_ = chosen_threshold(self.threshold, learned, self.classes_)


def chosen_threshold(asked: Any, learned: Learned, classes: Array) -> float | None:
    """The probability of the second class from which it is the answer."""
    if asked is None:
        return None
    if len(classes) != 2:
        raise DataError(f"threshold is {asked!r}, but there are {len(classes)} classes: a threshold is for two")
    if isinstance(asked, (int, float)) and not isinstance(asked, bool) and 0 < asked < 1:
        return float(asked)
    recall = asked.get("recall") if isinstance(asked, dict) and set(asked) == {"recall"} else None
    if asked != "f1" and not (isinstance(recall, (int, float)) and 0 < recall <= 1):
        raise DataError(f"threshold is {asked!r}, expected a probability, 'f1' or {{'recall': 0.9}}")
    true = learned.truth == 1
    if not true.any():
        raise DataError("threshold can't be chosen: no held-out sequence is of the second class; give a probability")
    p = np.exp(learned.held[:, 1])
    order = np.argsort(-p)
    hits = np.cumsum(true[order])
    if asked == "f1":
        best = int((2 * hits / (np.arange(1, len(p) + 1) + true.sum())).argmax())
    else:
        best = int(np.argmax(hits >= float(recall or 0) * true.sum() - 1e-9))
    after = p[order][best + 1] if best + 1 < len(p) else 0.0
    return float((p[order][best] + after) / 2) or float(p[order][best])


def column(y: Any) -> Array:
    """One label a sequence, (n,); a column (n, 1) is taken with a warning."""
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples,), for "
            "example using ravel().",
            conversion_warning(),
            stacklevel=5,
        )
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise ShapeError(f"y should be a 1d array, got an array of shape {labels.shape} instead: one label a sequence")
    return labels


def check_labels(labels: Array) -> None:
    """Refuse what names no classes: numbers between whole ones, NaN, infinity."""
    if labels.dtype.kind == "c":
        raise DataError("Complex data not supported: y holds complex numbers")
    if labels.dtype == object and any(one is None or one != one for one in labels.tolist()):
        raise NonFiniteError("Input y contains NaN: every sequence needs its label")
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all():
            raise NonFiniteError("Input y contains NaN or infinity: every sequence needs its label")
        if (labels != np.rint(labels)).any():
            raise DataError(
                "Unknown label type: continuous. y holds numbers between whole ones, which are no classes: use Regressor, or bin them"
            )
