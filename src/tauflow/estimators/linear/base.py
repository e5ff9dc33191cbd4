"""The linear base: one linear map of what is known for each step and target, solved in closed form.

    f(k) = last + w_k . columns           columns: see `features.py`; a moment between two steps takes the nearest one's

w_k is a mean of ridge regressions (`choice.py`) that validation puts together: with few or many lags, with calendar and anchors or without,
drawn towards the last value or the best seasonal one. A mean of linear maps is one, so it costs one. Then it is solved anew on all rows,
validation included. A step that is never known in training is answered as the nearest that is, and `notes` says so.

Within `fit` the base also answers its own training windows honestly: cut into folds of time, each fold by the map of the others, so that a
network on top learns from errors as they will be.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ...data.series import Array
from ...errors import DataError
from ...windows.encoder import Encoder
from ...windows.windows import Windows
from .choice import NAIVE, PENALTIES, Candidate, designs, drawn, mixture, trust
from .equations import solve
from .features import Layout, features
from .problem import Problem

REACH, LEAST_REACH = 336, 3  # lags, at most and at least
FOLDS = 4
TRIED_STEPS = 6  # of the horizon, while candidates are tried
JUDGED = 2000  # validation windows, at most
MOST, WORK, LEAST = 12_000, 600_000, 2000  # training windows: at most; times steps and targets; at least


class LinearBase:
    """weights (h, columns, targets). `reach` is how many lags it reads; `folds` are kept until `forget`."""

    def __init__(self, encoder: Encoder, context: int, reach: int = REACH, weights: Array | None = None) -> None:
        self.layout = Layout(encoder, context, reach)
        self.weights = weights
        self.notes: tuple[str, ...] = ()
        self.folds: list[Array] = []  # the maps of all folds but one, then that of all of them
        self.cuts: Array = np.zeros(0)  # native times at which the second fold, the third, ... begin

    @property
    def reach(self) -> int:
        """How many strides back the history has to go."""
        return self.layout.reach

    @property
    def parameters(self) -> int:
        return 0 if self.weights is None else int(np.count_nonzero(self.weights))

    def fit(self, training: Windows, judging: Windows) -> None:
        """Choose on the judging windows, which come after the training windows in time; then solve on both."""
        longest = int(np.diff(training.rows.start).max())
        encoder = self.layout.encoder
        layout = self.layout = Layout(encoder, self.layout.context, int(np.clip(longest // 4, LEAST_REACH, REACH)))
        training, judging = (replace(one, reach=layout.reach) for one in (training, judging))
        targets = len(encoder.schema.targets)
        most = int(np.clip(WORK // (encoder.h * targets), LEAST, MOST))
        when = _when(training)
        self.cuts = np.quantile(when, np.arange(1, FOLDS) / FOLDS)
        picked = _spread(len(training), most)
        fold = np.searchsorted(self.cuts, when[picked], side="right")
        judged = _spread(len(judging), JUDGED)
        batches = [_batch(training, picked[fold == number]) for number in range(FOLDS)]
        batches = [batch for batch in batches if len(batch["target"])]
        batches.append(_batch(judging, judged))
        density = (len(judging) / len(judged)) / (len(training) / len(picked))
        share = [1.0] * (len(batches) - 1) + [density]
        maps = np.zeros((FOLDS + 2, encoder.h, layout.width, targets))
        for target in range(targets):
            anchor = layout.anchors(target).start + encoder.base[target]
            problem = Problem(layout, batches, target, anchor, share)
            steps, like = self._known(problem.known(), target)
            mixed = self._choose(problem, steps)
            for step in steps:
                maps[:, step, :, target] = _solved(problem, step, mixed)
            maps[..., target] = maps[..., target][:, like]
        self.weights, self.folds = maps[-1], list(maps[:-1])

    def _known(self, known: Array, target: int) -> tuple[list[int], Array]:
        """(the steps that are ever known in training, per step the nearest of them)."""
        name, steps, h = self.layout.encoder.schema.targets[target], np.nonzero(known)[0], self.layout.encoder.h
        if len(steps) == 0:
            raise DataError(
                f"{name!r} is never known 1 to {h} steps after a row with a value, so ridge has nothing to learn "
                "from: use a larger h"
            )
        like = np.asarray(steps[np.abs(np.arange(h)[:, None] - steps).argmin(axis=1)])
        if len(steps) < h:
            missing = ", ".join(f"{k + 1} (as {like[k] + 1})" for k in np.nonzero(known == 0)[0])
            self.notes += (
                f"ridge: {name!r} is never known in training at these steps, answered as the nearest that is: {missing}",
            )
        return steps.tolist(), like

    def _choose(self, problem: Problem, steps: list[int]) -> dict[Candidate, float]:
        """The candidates to take the mean of, tried on some steps of the horizon."""
        tried = [steps[n] for n in _spread(len(steps), TRIED_STEPS)]
        judge = len(problem.parts) - 1
        plans = designs(self.layout.reach, self.layout.cross > 0)
        candidates = [
            *NAIVE,
            *(Candidate(*plan, penalty, kind) for plan in plans for penalty in PENALTIES for kind in (0, 1)),
        ]
        answers = np.empty((len(candidates), len(problem.parts[judge].last), len(tried)), np.float32)
        for n, step in enumerate(tried):
            sums = problem.sums(step)
            learned = sum(sums[1:judge], sums[0])
            maps = [_naive_maps(problem, step)]
            for groups, lags in plans:
                found = solve([learned] * len(PENALTIES), problem.columns(groups, lags), PENALTIES)
                maps.append(problem.plain(found, step).swapaxes(1, 2).reshape(-1, self.layout.width))
            answers[:, :, n] = problem.answers(judge, step, np.concatenate(maps)).T
        truth = problem.parts[judge].y[:, tried]
        chosen = mixture(answers, truth)
        mean = np.asarray(sum(weight * answers[place] for place, weight in chosen.items()))
        weights = {candidates[place]: weight for place, weight in chosen.items()}
        plain = int(np.nanmean(np.abs(answers[: len(NAIVE)] - truth), axis=(1, 2)).argmin())
        kept = min(_trust(answers[plain], mean, truth), self._held(problem, tried, weights, plain))
        return drawn(weights, NAIVE[plain], kept)

    def _held(self, problem: Problem, tried: list[int], weights: dict[Candidate, float], plain: int) -> float:
        """How much of the gain over a naive answer to believe, by the folds of training, each answered by the map of the others."""
        folds = range(len(problem.parts) - 1)
        naive, mean = [], []
        for step in tried:
            maps = _solved(problem, step, weights)
            plainly = _naive_maps(problem, step)[plain]
            found = [problem.answers(fold, step, np.stack([plainly, maps[fold]])) for fold in folds]
            naive.append(np.concatenate([one[:, 0] for one in found]))
            mean.append(np.concatenate([one[:, 1] for one in found]))
        truth = np.concatenate([problem.parts[fold].y[:, tried] for fold in folds])
        return _trust(np.stack(naive, axis=1), np.stack(mean, axis=1), truth)

    def forget(self) -> None:
        """Let the folds go, and the lags that no target reads."""
        self.folds = []
        if self.weights is None:
            return
        where = self.layout.groups["lags"]
        used = np.nonzero(np.abs(self.weights[:, where]).sum(axis=(0, 2)))[0]
        reach = max(int(used.max(initial=0)) + 2, LEAST_REACH)
        kept = np.delete(self.weights, np.arange(where.start + reach - 1, where.stop), axis=1)
        self.weights = np.ascontiguousarray(kept)  # as a file brings them back: a sum depends on the order in memory
        self.layout = Layout(self.layout.encoder, self.layout.context, reach)

    def predict(self, batch: dict[str, Array]) -> Array:
        """(B, h, targets)."""
        if self.weights is None:
            raise RuntimeError("LinearBase.predict before fit")
        return self._apply(self.weights, batch)

    def honest(self, batch: dict[str, Array], when: Array, at: float = np.inf) -> Array:
        """(B, h, targets): windows whose origins stand at native times `when` (B,), each by a map that has not learned from it.

        A training window by the map of the other folds; from time `at` on, where validation begins, by that of all folds.
        """
        fold = np.where(when < at, np.searchsorted(self.cuts, when, side="right"), len(self.folds) - 1)
        out = np.empty((*batch["query"].shape[:2], len(self.layout.encoder.schema.targets)))
        for number in np.unique(fold):
            here = fold == number
            out[here] = self._apply(self.folds[number], {name: values[here] for name, values in batch.items()})
        return out

    def _apply(self, weights: Array, batch: dict[str, Array]) -> Array:
        shared, targets = self.layout.shared, weights.shape[2]
        out = np.empty((*batch["query"].shape[:2], targets))
        for target in range(targets):
            seen = features(self.layout, batch, target)
            map_ = torch.from_numpy(np.ascontiguousarray(weights[:, :, target]))
            if seen.step.shape[1] == len(map_) and (seen.step == np.arange(len(map_))).all():
                left = torch.from_numpy(seen.shared).double() @ map_[:, :shared].T
                right = torch.einsum("bhq,hq->bh", torch.from_numpy(seen.own).double(), map_[:, shared:])
            else:
                each = map_[torch.from_numpy(seen.step)]  # (B, h, F)
                left = torch.einsum("bs,bhs->bh", torch.from_numpy(seen.shared).double(), each[:, :, :shared])
                right = torch.einsum("bhq,bhq->bh", torch.from_numpy(seen.own).double(), each[:, :, shared:])
            out[:, :, target] = seen.last[:, None] + (left + right).numpy()
        return out


def _solved(problem: Problem, step: int, mixed: dict[Candidate, float]) -> Array:
    """(folds + 2, F) plain weights at a step: without each fold, of all folds, of all parts."""
    sums = problem.sums(step)
    parts = len(sums) - 1
    learned = sum(sums[1:parts], sums[0])
    each = [learned - one for one in sums[:parts]]
    each += [learned] * (FOLDS - parts)
    each += [learned, learned + sums[parts]]
    out = np.zeros((len(each), problem.layout.width))
    for (groups, lags, penalty), weights in _by_design(mixed).items():
        solved = (
            solve(each, problem.columns(groups, lags), [penalty] * len(each))
            if groups
            else torch.zeros(len(each), problem.layout.width, 2, dtype=torch.float64)
        )
        out += problem.plain(solved, step) @ weights
    return out


def _naive_maps(problem: Problem, step: int) -> Array:
    """(2, F) the maps of `NAIVE`: the last value, and the anchor."""
    nothing = torch.zeros(1, problem.layout.width, 2, dtype=torch.float64)
    return np.asarray(problem.plain(nothing, step)[0].T)


def _trust(naive: Array, mean: Array, truth: Array) -> float:
    """`trust` of the gain of one answer (n, steps) over another."""
    known = np.isfinite(truth)
    gain = np.where(known, np.abs(naive - truth) - np.abs(mean - truth), 0.0)
    return trust(gain.sum(axis=1), known.sum(axis=1))


def _by_design(mixed: dict[Candidate, float]) -> dict[tuple[tuple[str, ...], int, float], Array]:
    """Candidates that differ only in what they are drawn towards are solved together: (weight of the one, of the other)."""
    found: dict[tuple[tuple[str, ...], int, float], Array] = {}
    for one, weight in mixed.items():
        found.setdefault((one.groups, one.lags, one.penalty), np.zeros(2))[one.towards] += weight
    return found


def _batch(windows: Windows, index: Array) -> dict[str, Array]:
    """The batch of many windows, made in pieces; of the context only the rows that the base reads."""
    pieces = (
        [windows.batch(part) for part in np.array_split(index, -(-len(index) // 1000))]
        if len(index)
        else [windows.batch(index)]
    )
    return {
        name: np.concatenate([piece[name] for piece in pieces]) for name in ("x", "query", "target", "history", "age")
    }


def _spread(count: int, most: int) -> Array:
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))


def _when(windows: Windows) -> Array:
    row = windows.rows.start[windows.origins[:, 0]] + windows.origins[:, 1]
    return np.asarray(windows.rows.time[row], np.float64)
