"""Bands: of each question the values below which the truth lies with the probabilities asked for.

    value(p) = the y whose score is s(id, now) Q_p(u_k)          `shapes`: scores; `calibration`: s, Q, u

The shape is learned from training windows, by forecasts of them that had not learned from them; the scores are those of the validation
part, by forecasts that had not learned from it either, and of every row after the fit whose truth is known at the origin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ...data.series import Array
from ...errors import DataError
from ...windows.encoder import Encoder
from ...windows.windows import Windows
from ..settings import Kind
from .calibration import MOST_SCORES, NEWEST, Calibration, Course, Scored, calibrated
from .net import FEWEST, MOST, Lessons, ShapeNet, learned
from .shapes import SHAPES, Shape
from .sight import sight

PART = 512
FEW = 100  # validation windows
FEWEST_EACH = 5  # of an id


@dataclass(frozen=True, eq=False)
class Honest:
    """Windows, and scaled forecasts (N, h, targets) of them that did not learn from them."""

    windows: Windows
    answers: Array


@dataclass(frozen=True, eq=False)
class Bands:
    """`network` None: every question has the same shape. sizes (targets,): the mean absolute error of training, scaled."""

    kind: Kind
    encoder: Encoder
    network: ShapeNet | None
    sizes: Array
    ids: tuple[str, ...]
    until: float  # native time: rows after it are new
    calibration: Calibration

    @classmethod
    def learn(cls, kind: Kind, training: Honest, judging: Honest, seed: int, until: float) -> Bands | None:
        """From honest forecasts of training windows (the shape) and of validation windows (how wide it has to be).

        None where no truth of a validation window is known: nothing says how wide.
        """
        encoder = training.windows.encoder
        shape = SHAPES[kind]
        if shape.whole:
            _refuse_parts(training.windows)
        lessons, sizes = _lessons(shape, training)
        few = len(training.windows) < FEWEST or min(len(one.truth) for one in lessons) < FEWEST
        network = None if few else learned(shape, lessons, sizes, seed)
        ids = tuple(encoder.targets)
        blank = Calibration(np.ones((encoder.h, len(sizes))), np.zeros((0, encoder.h, len(sizes))), *np.ones((2, 1, 1)))
        bands = cls(kind, encoder, network, sizes, ids, until, blank)
        found = bands.scored(judging.windows, np.arange(len(judging.windows)), judging.answers)
        if not np.isfinite(found.z).any():
            return None
        kept = calibrated(found, len(ids), most_of(encoder, len(ids)))
        return cls(kind, encoder, network, sizes, ids, until, kept)

    @property
    def shape(self) -> Shape:
        return SHAPES[self.kind]

    def doubts(self, probabilities: Sequence[float]) -> list[str]:
        """Notes where they rest on little, or a quantile lies beyond what so many scores can tell."""
        count = len(self.calibration.u)
        notes = [] if count >= FEW else [f"bands rest on {count} forecasts of the validation part: take them as rough"]
        if far := [one for one in probabilities if (count + 1) * min(one, 1 - one) < 1]:
            said = ", ".join(f"{one:.6g}" for one in far)
            notes.append(
                f"{count} forecasts of the validation part can't tell quantiles of {said}: the farthest score stands for them"
            )
        return notes

    def scored(self, found: Windows, index: Array, answers: Array) -> Scored:
        """The scores of forecasts (n, h, targets) of some windows, in the windows' table."""
        number = self.numbers([series.id for series in found.table.series])[found.origins[index, 0]]
        at = found.rows.time[found.rows.start[found.origins[index, 0]] + found.origins[index, 1]]
        z, time = np.empty(answers.shape), []
        for part in _parts(len(index)):
            batch = found.batch(index[part])
            time.append(batch["time"])
            z[part] = self.score(found, index[part], batch, answers[part], batch["target"].astype(float))
        return Scored(number, at, np.concatenate(time), z)

    def score(self, found: Windows, index: Array, batch: dict[str, Array], forecast: Array, truth: Array) -> Array:
        """The scores (B, k, targets) of scaled truths beside scaled forecasts."""
        numbers, unit = self.described(batch, forecast), self.units(found, index)
        return self.shape.score(unit.of(truth), unit.of(forecast), numbers)

    def described(self, batch: dict[str, Array], forecast: Array) -> Array:
        """What the shape is of each question, (B, h, targets, numbers)."""
        found = [self._described(batch, forecast, target) for target in range(len(self.sizes))]
        return np.stack(found, axis=2)

    @torch.no_grad()
    def _described(self, batch: dict[str, Array], forecast: Array, target: int) -> Array:
        if self.network is None:
            raw = torch.zeros(*forecast.shape[:2], self.shape.raws)
        else:
            raw = self.network(torch.from_numpy(sight(self.encoder, batch, forecast, target)))
        return self.shape.described(raw).double().numpy()

    def values(
        self, course: Course, found: Windows, index: Array, batch: dict[str, Array], forecast: Array, p: Sequence[float]
    ) -> Array:
        """Scaled values (B, k, targets, probabilities) of questions of some windows, with forecasts (B, k, targets) of them."""
        number = self.numbers([series.id for series in found.table.series])[found.origins[index, 0]]
        at = found.rows.time[found.rows.start[found.origins[index, 0]] + found.origins[index, 1]]
        offset = self.encoder.moments.offset(at[:, None], batch["time"])
        z = course.quantiles(number, at, offset, np.asarray(p))
        numbers, unit = self.described(batch, forecast), self.units(found, index)
        return self.drawn(z, numbers, forecast, unit, p)

    def drawn(self, z: Array, numbers: Array, forecast: Array, unit: Unit, p: Sequence[float]) -> Array:
        """Scaled values of scores z (B, k, targets, probabilities)."""
        out = np.empty(z.shape)
        for place, probability in enumerate(p):
            value = self.shape.value(z[..., place], unit.of(forecast), numbers)
            if self.shape.whole:
                value = np.floor(value) if probability < 0.5 else np.ceil(value)
            out[..., place] = unit.back(value)
        return out

    def rounded(self, values: Array) -> Array:
        """Values in the units of the table: of counts, whole numbers to the last bit."""
        return np.rint(values) if self.shape.whole else values

    def numbers(self, names: Sequence[str]) -> Array:
        """The numbers of ids by name; -1 where one was not learned from."""
        known = {name: k for k, name in enumerate(self.ids)}
        return np.array([known.get(name, -1) for name in names], int)

    def units(self, found: Windows, index: Array) -> Unit:
        """What scores are in: sizes, or of counts the table's own units."""
        if not self.shape.whole:
            return Unit(0.0, self.sizes)
        rows = [found.table.series[number] for number in found.origins[index, 0]]
        scales = [self.encoder.scale_of(series) for series in rows]
        center, scale = (np.stack([getattr(one, name) for one in scales])[:, None] for name in ("center", "scale"))
        return Unit(-center / scale, 1 / scale)


@dataclass(frozen=True)
class Unit:
    """(scaled - zero) / size is what the shape works in."""

    zero: Array | float
    size: Array

    def of(self, scaled: Array) -> Array:
        return np.asarray((scaled - self.zero) / self.size)

    def back(self, value: Array) -> Array:
        return np.asarray(value * self.size + self.zero)


def _lessons(shape: Shape, training: Honest) -> tuple[list[Lessons], Array]:
    """Of each target the questions with a known truth, and the size of its errors."""
    encoder = training.windows.encoder
    targets = len(encoder.schema.targets)
    most = max(FEWEST, MOST // (encoder.h * targets))
    chosen = np.unique(np.linspace(0, len(training.windows) - 1, min(most, len(training.windows))).astype(int))
    found: list[list[Lessons]] = [[] for _ in range(targets)]
    for part in _parts(len(chosen)):
        batch, answers = training.windows.batch(chosen[part]), training.answers[chosen[part]]
        scales = [encoder.scale_of(training.windows.table.series[n]) for n in training.windows.origins[chosen[part], 0]]
        for target in range(targets):
            truth, forecast = batch["target"][..., target].astype(float), answers[..., target].astype(float)
            if shape.whole:
                center, scale = (
                    np.array([getattr(one, name)[target] for one in scales])[:, None] for name in ("center", "scale")
                )
                truth, forecast = np.rint(truth * scale + center), forecast * scale + center
            known = np.isfinite(truth)
            found[target].append(Lessons(sight(encoder, batch, answers, target)[known], truth[known], forecast[known]))
    lessons = [
        Lessons(*(np.concatenate([getattr(one, name) for one in parts]) for name in ("sight", "truth", "forecast")))
        for parts in found
    ]
    if shape.whole:
        return lessons, np.ones(targets)
    errors = [np.abs(one.truth - one.forecast) for one in lessons]
    return lessons, np.array([max(float(error.mean()), 1e-6) if len(error) else 1.0 for error in errors])


def newest(windows: Windows) -> Windows:
    """The newest windows of each id, as many as a calibration keeps."""
    number = windows.origins[:, 0]
    names = np.unique(number)
    each = most_of(windows.encoder, len(names)) // max(len(names), 1)
    keep = [np.nonzero(number == one)[0][-max(min(NEWEST, each), FEWEST_EACH) :] for one in names]
    return replace(windows, origins=windows.origins[np.concatenate(keep)]) if keep else windows


def most_of(encoder: Encoder, ids: int) -> int:
    """How many origins a calibration of so many ids keeps."""
    return min(NEWEST * ids, max(NEWEST, MOST_SCORES // (encoder.h * len(encoder.schema.targets))))


def _refuse_parts(training: Windows) -> None:
    for series in training.table.series:
        known = series.y[np.isfinite(series.y)]
        if (wrong := known[(known < 0) | (known != np.rint(known))]).size:
            raise DataError(
                f"bands is 'counts', but a target holds {wrong[0]:g}, expected whole numbers from 0 on: use bands='conformal'"
            )


def _parts(count: int) -> Iterator[slice]:
    for first in range(0, count, PART):
        yield slice(first, min(first + PART, count))


def honest_of(found: Windows, predict: Callable[[dict[str, Array]], Array]) -> Honest:
    """Forecasts by a function of a batch."""
    parts = [predict(found.batch(np.arange(part.start, part.stop))) for part in _parts(len(found))]
    return Honest(found, np.concatenate(parts))
