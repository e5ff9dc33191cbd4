"""What `Classifier` and `Regressor` share: reading X and y, learning, answers in the form of the question, files, streams."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np

from ... import cells
from ...data.long_tables import LongTable, read_sequences
from ...data.sequences import Array, Layout, Sequences, as_sequences, is_ragged
from ...data.series import Schema
from ...errors import DataError, ShapeError
from ...explain import ExplanationError, Ranking, Shares
from ...training import History
from .beside.folds import folds
from .contract import Contract
from .form import learn_form, whole
from .learning import Learned, learn
from .members import Recipe
from .model import BESIDE, Model
from .stream import start

READING = ("duplicates", "unsorted", "time_unit", "zone", "dayfirst", "decimal", "delimiter")


class SequenceEstimator(Contract):
    """Its parameters are those of `Classifier` and `Regressor`, which say what they mean."""

    cell: str
    units: int
    causal: bool
    members: int
    beside: Any
    patch: Any
    tau: Any
    encoder: Any
    dropout: float
    epochs: int | None
    batch_size: int
    lr: float | None
    weight_decay: float
    patience: int | None
    validation: float
    time_limit: float | None
    layout: Layout | None
    seed: int
    options: Mapping[str, Any] | None

    model_: Model
    histories_: tuple[History, ...]
    validation_: dict[str, float]
    notes_: tuple[str, ...]
    schema_: Schema | None
    target_: str | None

    # ---- learning

    def fit(
        self,
        X: Any,
        y: Any = None,
        groups: Any = None,
        *,
        times: Any = None,
        static: Any = None,
        id: str | None = None,  # noqa: A002
        time: str | None = None,
        target: str | None = None,
        channels: Any = None,
        progress: Literal["auto"] | bool = False,
        **reading: Any,
    ) -> Self:
        """Learn from sequences X and their y.

        X        (n, time), (n, time, channels), a list of (time_i, channels) arrays or frames, of (values, times) pairs, or a long
                 table: a file or a frame, with id=, time=, target=, and static= the names of columns that are one value an id;
                 or what `read_sequences` made of one
        y        one a sequence, or one at every row: (n, time), a list of (time_i,). Of a table it is the column `target`
        groups   (n,), or a column of the table: sequences of one group (a patient, a machine) are held out together
        times    stamps beside arrays; static (n, columns) numbers beside arrays
        channels the columns of a table that are read; all others unless given. `reading` goes to `read_table`
        Raises DataError, ShapeError and their like, with the sequence that is meant.
        """
        self._refuse_idle(reading, id, time, target, channels)
        if id is not None:
            by = groups if isinstance(groups, str) else None
            X = read_sequences(
                X, id=id, time=time, target=target, channels=channels, static=static or (), groups=by, **reading
            )
        if isinstance(X, LongTable):
            found, self.schema_, self.target_, notes = X.sequences, X.schema, X.target, X.notes
            y = X.labels if y is None else y
            groups = X.groups if groups is None or isinstance(groups, str) else groups
        else:
            found, self.schema_, self.target_, notes = self._sequences(X, times, static), None, None, ()
        if y is None:
            raise DataError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None: fit(X, y), or "
                "fit(table, id=..., target=...)"
            )
        every = self._every(found, y)
        targets = self._learn_targets(y, found, every)
        self._see_features(found)
        form = learn_form(found, every, bool(self.causal), whole("patch", self.patch, 1, "auto"))
        recipe = self._recipe()
        spread = targets if self.kind == "classifier" and not every else None
        held = folds(len(found), whole("members", self.members, 1), self._share(), recipe.seed, spread, groups)
        weights, correct = self._weights(targets)
        learned = learn(
            form,
            found,
            targets,
            recipe,
            held,
            self.members,
            self._beside(),
            weights,
            correct,
            progress,
            self.time_limit,
        )
        self.model_, self.histories_, self.validation_ = learned.model, learned.histories, learned.validation
        self.notes_ = (*notes, *learned.notes)
        self._choose(learned)
        return self

    @abstractmethod
    def _learn_targets(self, y: Any, found: Sequences, every: bool) -> Any:
        """y as the model learns it, and what is remembered of it."""

    @abstractmethod
    def _weights(self, targets: Any) -> tuple[Array | None, bool]:
        """What a sample of each class counts, and whether probabilities are put back to how often classes come."""

    @abstractmethod
    def _head(self) -> tuple[dict[str, Any], int]:
        """The head of a member, and its outputs."""

    def _choose(self, learned: Learned) -> None:
        """What is chosen on held-out answers once the model stands."""

    def _recipe(self) -> Recipe:
        """The parameters, checked."""
        if not isinstance(self.cell, str):
            raise DataError(f"cell is {self.cell!r}, expected a name: {', '.join(cells.names())}")
        cells.get(self.cell)
        for name, value, most in (("dropout", self.dropout, 1.0), ("weight_decay", self.weight_decay, np.inf)):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < most:
                raise DataError(
                    f"{name} is {value!r}, expected a number from 0 up" + (" to below 1" if most == 1 else "")
                )
        for name, limit in (("lr", self.lr), ("time_limit", self.time_limit)):
            if limit is not None and not 0 < limit < np.inf:
                raise DataError(f"{name} is {limit!r}, expected a number > 0, or None")
        head, outputs = self._head()
        return Recipe(
            self.cell, whole("units", self.units, 1), dict(self.options or {}), self._tau(), self.encoder, float(self.dropout),
            None if self.epochs is None else whole("epochs", self.epochs, 1), whole("batch_size", self.batch_size, 1), self.lr,
            float(self.weight_decay), None if self.patience is None else whole("patience", self.patience, 1), head, outputs,
            whole("seed", self.seed, 0),
        )  # fmt: skip

    def _tau(self) -> Any:
        if self.tau in ("auto", None):
            return self.tau
        try:
            shortest, longest = (float(edge) for edge in self.tau)
        except (TypeError, ValueError):
            shortest, longest = 0.0, 0.0
        if not 0 < shortest <= longest < np.inf:
            raise DataError(
                f"tau is {self.tau!r}, expected 'auto' or (shortest, longest) in the unit of the times, as (1.0, 48.0)"
            )
        return shortest, longest

    def _share(self) -> float:
        if isinstance(self.validation, bool) or not 0 < float(self.validation) <= 0.5:
            raise DataError(
                f"validation is {self.validation!r}, expected the share that a member holds out, above 0 up to 0.5"
            )
        return float(self.validation)

    def _beside(self) -> tuple[str, ...]:
        given = BESIDE if self.beside == "auto" else () if self.beside is None else self.beside
        given = (given,) if isinstance(given, str) else tuple(given)
        if any(one not in BESIDE for one in given):
            raise DataError(f"beside is {self.beside!r}, expected 'auto', None, or some of {', '.join(BESIDE)}")
        return given

    # ---- reading

    def _refuse_idle(self, reading: Mapping[str, Any], id: Any, time: Any, target: Any, channels: Any) -> None:  # noqa: A002
        """A keyword that would not be looked at."""
        unknown = [name for name in reading if name not in READING]
        if unknown:
            raise DataError(f"fit() knows no argument {unknown[0]!r}")
        named = {"time": time, "target": target, "channels": channels, **reading}
        idle = [name for name, value in named.items() if value is not None]
        if id is None and idle:
            raise DataError(
                f"{idle[0]}= belongs to a long table, which needs id= too: the column that says which sequence a row is of"
            )

    def _sequences(self, X: Any, times: Any, static: Any) -> Sequences:
        if isinstance(X, Sequences):
            if times is not None or static is not None:
                raise DataError(
                    "X is a Sequences, which holds its times and static columns: leave times= and static= away"
                )
            return X
        return as_sequences(X, layout=self.layout, times=times, static=static)

    def _asked(self, X: Any, times: Any, static: Any, reading: Mapping[str, Any]) -> Sequences:
        """The sequences of a question to a fitted model."""
        self._check_is_fitted()
        schema = self.schema_
        table = schema is not None and not isinstance(X, Sequences) and not is_ragged(X)
        if reading and not table:
            raise DataError(f"{next(iter(reading))}= belongs to a long table, but this is none")
        if table:
            if times is not None or static is not None:
                raise DataError("times= and static= stand in a long table's own columns: leave them away")
            found = read_sequences(X, schema=schema, **reading).sequences
        else:
            found = self._sequences(X, times, static)
        if (found.kind == "rectangle") != (self.model_.form.kind == "rectangle") and found.kind != "table":
            raise DataError(
                f"X is {'a rectangle (n, time)' if found.kind == 'rectangle' else 'no rectangle'}, but the model was fitted with "
                f"{'one' if self.model_.form.kind == 'rectangle' else 'sequences (n, time, channels)'}: give it the same kind"
            )
        self._check_features(found)
        return found

    def _every(self, found: Sequences, y: Any) -> bool:
        """Whether y has a target at every row; its numbers of targets must fit."""
        parts = list(y) if is_ragged(y) else None
        if parts is not None and len(parts) == len(found):
            for number, (one, row) in enumerate(zip(found.values, parts, strict=True)):
                if len(row) != len(one):
                    raise ShapeError(f"y[{number}] has {len(row)} targets, but its sequence has {len(one)} samples")
            return True
        shape = np.asarray(y).shape if parts is None else (len(parts),)
        if len(shape) == 0:
            raise ShapeError(f"y should be a 1d array, got an array of shape {shape} instead: one target a sequence")
        if shape[0] != len(found):
            raise ShapeError(f"Found input variables with inconsistent numbers of samples: [{len(found)}, {shape[0]}]")
        same = bool((found.lengths == shape[1]).all()) if len(shape) > 1 else False
        return len(shape) == 3 or (same and self._rows_of_targets(found))

    def _rows_of_targets(self, found: Sequences) -> bool:
        """Whether y (n, time) means a target at every row."""
        return found.kind != "rectangle" or len(found.values[0]) > 1

    # ---- answers

    def _formed(self, rows: Array, found: Sequences) -> Any:
        """Answers (rows, ...) in the form of the question: a row a sequence, or one for each of its samples."""
        every = self.model_.form.every
        names: Any = None if found.ids is None else self._columns(rows)
        if found.ids is not None and found.stamps is not None:
            import pandas as pd

            key = str(self.schema_.id) if self.schema_ is not None else "id"
            index: Any = pd.Index(found.ids, name=key)
            if every:
                clock = str(self.schema_.time) if self.schema_ is not None else "time"
                ids = np.repeat(np.arange(len(found)), found.lengths)
                stamps = np.concatenate(found.stamps)
                stamp: Any = pd.to_datetime(stamps) if stamps.dtype == np.int64 else stamps
                index = pd.MultiIndex.from_arrays([[found.ids[k] for k in ids], stamp], names=[key, clock])
            return pd.DataFrame(rows, index=index, columns=names) if rows.ndim == 2 else pd.Series(rows, index=index)
        if not every:
            return rows
        parts = np.split(rows, np.cumsum(found.lengths)[:-1])
        return np.stack(parts) if len(set(found.lengths.tolist())) == 1 else parts

    def _columns(self, rows: Array) -> Sequence[Any] | None:
        return None

    def _truths(self, X: Any, y: Any, found: Sequences, reading: Mapping[str, Any]) -> Array:
        """The right answers of a question, as rows."""
        if y is None and self.schema_ is not None and self.target_ is not None and not isinstance(X, Sequences):
            table = read_sequences(X, schema=self.schema_, target=self.target_, **reading)
            y = table.labels
        if y is None:
            raise DataError("score needs y, the right answers")
        if self.model_.form.every:
            rows = [np.asarray(one) for one in y]
            if [len(one) for one in rows] != found.lengths.tolist():
                raise ShapeError("y has not a target for every row of X")
            return np.concatenate(rows)
        truth = np.asarray(y)
        if len(truth) != len(found):
            raise ShapeError(
                f"Found input variables with inconsistent numbers of samples: [{len(found)}, {len(truth)}]"
            )
        return truth

    # ---- why

    def explain(
        self,
        X: Any,
        *,
        row: int = 0,
        target: Any = None,
        at: int | None = None,
        times: Any = None,
        static: Any = None,
        seed: int = 0,
        **reading: Any,
    ) -> Shares:
        """Why is the answer to sequence `row` what it is: the share of each channel, static column and of the gaps, in the unit of the
        answer; together they are the difference from the answer to a sequence that stays at the mean.

        target   of a classifier the class whose probability is explained, the answer unless given; of a regressor the number of the
                 column of y. at: the sample whose label it is, where every row has one; the last unless given
        """
        from ..explaining import sequence_explained

        found = self._asked(X, times, static, reading)
        if isinstance(row, bool) or not isinstance(row, int) or not -len(found) <= row < len(found):
            raise ExplanationError(f"row is {row!r}, expected a whole number from {-len(found)} to {len(found) - 1}")
        one = found.part([row % len(found)])
        output, finish = self._output(target, one, at)
        name = one.ids[0] if one.ids is not None else f"sequence {row % len(found)}"
        courses = None
        if self.model_.form.every:
            courses = finish(self.model_(one))
        elif self.model_.form.causal:
            courses = self._over_time(one, finish)
        return sequence_explained(
            self.model_, one, finish, output=output, subject=f"{output} of {name}", at=at, over_time=courses, seed=seed
        )

    def ranking(
        self,
        X: Any,
        y: Any = None,
        *,
        rounds: int = 5,
        times: Any = None,
        static: Any = None,
        seed: int = 0,
        **reading: Any,
    ) -> Ranking:
        """Which channels and static columns the answers need: by how much the loss grows when one comes whole from another sequence.

        The loss is -log p of the right class, or the mean absolute error in the units of y. Give sequences that `fit` has not seen.
        """
        from ..explaining import sequence_ranked

        found = self._asked(X, times, static, reading)
        truth = self._truths(X, y, found, reading)
        return sequence_ranked(self.model_, found, self._judge(truth), rounds=rounds, seed=seed)

    @abstractmethod
    def _output(self, target: Any, one: Sequences, at: int | None) -> tuple[str, Callable[[Array], Array]]:
        """What is explained, in words, and how it follows from the model's rows."""

    @abstractmethod
    def _judge(self, truth: Array) -> Callable[[Array], float]:
        """The loss of the model's rows."""

    def _over_time(self, one: Sequences, finish: Callable[[Array], Array]) -> Array:
        """The answer after every sample of one sequence."""
        stream = start(self.model_, None if one.static is None else one.static[0], lambda z: finish(z[None])[0])
        gaps = self.model_.form.gaps(one)[0].tolist()
        return np.array([float(stream(x, dt)) for x, dt in zip(one.values[0], gaps, strict=True)])

    # ---- files and streams

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file: parameters, scales and weights, no code and no data."""
        from .storage import save

        self._check_is_fitted()
        save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model file written by `save`; raises ModelFileError on anything else."""
        from .storage import load

        return load(cls, path)

    def summary(self) -> str:
        """A line a part of a member: what it is, how wide, how many parameters; and what counts how much."""
        self._check_is_fitted()
        network = self.model_.committee.networks()[0]
        told = ", ".join(f"{name} {w:.3g}" for name, w in self.model_.blend.weights.items())
        return f"{len(self.model_.committee.members)} members of\n{network.summary()}\nweights: {told}"
