"""How a forecaster's networks learn: starts and rates are tried, the best is taken, weighed on validation, and learned anew on all rows.

    1  the linear base is fitted; it answers training windows by maps that have not learned from them
    2  short runs of each start and rate; the one with the least validation loss is taken
    3  one run of it, which keeps the round that is best on validation
    4  the answer is a mean of last value, seasonal value, base and networks, put together on validation; what it gains over the better
       of the first three is believed as far as two standard errors allow
    5  the network is learned anew on all rows, validation included, for as many rounds; what the weights are stays

A time limit shortens 3 and 5, so that each is a whole run of its schedule. No row after those of `fit` is looked at.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
import torch

from ...data.series import Array
from ...errors import StateOverflowError, TrainingError
from ...training import Callback, History
from ...training import fit as train
from ...training.callbacks import Step
from ...windows.windows import Windows, mostly_full
from ..bands import Honest, newest
from ..linear import LinearBase
from ..linear.choice import mixture, trust
from ..network import AllWindows, ForecastNet, WindowObjective, WindowSource, tensors
from ..settings import Settings
from .blend import Blend, built
from .plans import PLANS, RATES, Way
from .starts import STARTS, Started, started, thinned

MOST_WINDOWS, JUDGED = 60_000, 2000
WEIGHT_DECAY = 0.1
SHARE = 0.4  # of the time that is left goes to the run that is judged, as much to the one that learns anew


@dataclass(frozen=True)
class Rows:
    """What may be learned from: windows before native time `at`, those to judge by after it, and all of them."""

    training: Windows
    judging: Windows
    every: Windows
    at: float


@dataclass(frozen=True, eq=False)
class Learned:
    """What came of it: the predictor, the history of the run that was judged, and a line for each thing that was chosen."""

    blend: Blend
    history: History
    notes: tuple[str, ...]
    honest: tuple[Honest, Honest] | None = None  # training and validation, for bands


@dataclass
class Learner:
    """See the module; `learn` does all of it."""

    settings: Settings
    options: Mapping[str, Any]
    rows: Rows
    progress: Literal["auto"] | bool = False
    callbacks: Sequence[Callback] = ()
    checkpoint: str | os.PathLike[str] | None = None
    resume: bool = True
    deadline: float = np.inf  # of perf_counter
    _judged: Started | None = field(default=None, repr=False)

    def learn(self) -> Learned:
        plan, rows = PLANS[self.settings.presets], self.rows
        base = LinearBase(rows.training.encoder, self.settings.context)
        base.fit(rows.training, rows.judging)
        learning = started(mostly_full(thinned(rows.training, MOST_WINDOWS)), base, rows.at)
        judging = started(thinned(rows.judging, JUDGED), base, rows.at)
        start, rate, pace, trials = self._tried(learning, judging, plan.trial)
        ways = [replace(way, start=way.start or start, cell=way.cell or self.settings.cell) for way in plan.ways]
        ways = list(dict.fromkeys(ways))
        epochs = max(1, round(self.settings.epochs * plan.rounds))
        networks, histories = [], []
        for number, way in enumerate(ways):
            share = SHARE / len(ways) if plan.anew else 1 / len(ways)
            fits = (self.deadline - perf_counter()) * share / max(pace, 1e-9) if np.isfinite(self.deadline) else epochs
            rounds = int(np.clip(fits, 1, epochs))
            if number and fits < 1:
                break
            network, history = self._run(
                way, rate, rounds, learning, judging, self.checkpoint if number == 0 else None, number == 0
            )
            networks.append(network)
            histories.append(history)
            if history.stopped in ("interrupted", "callback", "time"):
                break
        used = ways[: len(networks)]
        weights, told = self._weighed(networks, used, judging)
        honest = self._honest(base, networks, used, weights, learning) if self.settings.bands is not None else None
        notes = [*base.notes, *trials, *histories[0].notes, *told]
        whole = all(history.stopped in ("finished", "early") for history in histories)
        if plan.anew and whole:
            networks = self._anew(base, used, rate, histories, networks, weights)
            notes.append(
                f"learned anew on all rows, validation included: {', '.join(str(h.best_epoch) for h in histories)} rounds"
            )
        base.forget()
        for network in networks:
            network.eval()
        return Learned(Blend(base, networks, used, weights), histories[0], tuple(notes), honest)

    def _tried(self, learning: Started, judging: Started, rounds: int) -> tuple[str, float, float, list[str]]:
        """(start, rate, seconds a round, notes) of the best of the short runs; without any the better start and the first rate."""
        settings = self.settings
        losses = {name: _loss(judging, answers) for name, answers in judging.answers.items()}
        asked = [settings.start] if settings.start != "auto" else ["linear", "seasonal"]
        same = np.array_equal(judging.answers["linear"], judging.answers["seasonal"])
        starts = asked[:1] if same else asked
        rates = list(RATES) if settings.lr is None else [settings.lr]
        ways = [(start, rate) for start in starts for rate in (rates if start == starts[0] else rates[:1])]
        told = ", ".join(f"{name} {losses[name]:.4g}" for name in STARTS)
        if rounds == 0 or len(ways) == 1:
            start = min(starts, key=lambda name: losses[name])
            return start, rates[0], 0.0, [f"validation error of the starts, scaled: {told}; taken: {start}"]
        began, found = perf_counter(), {}
        for start, rate in ways:
            try:
                _, history = self._run(
                    Way(settings.cell, start), rate, min(rounds, settings.epochs), learning, judging, None, False
                )
            except (TrainingError, StateOverflowError):
                continue
            found[start, rate] = min(history.validation, default=np.inf)
            if history.stopped in ("interrupted", "callback", "time"):
                break
        pace = (perf_counter() - began) / max(1, len(found) * min(rounds, settings.epochs))
        if not found:
            return starts[0], rates[-1], pace, []
        start, rate = min(found, key=lambda way: found[way])
        shown = ", ".join(f"{name} at {one:g} {loss:.4g}" for (name, one), loss in found.items())
        return start, rate, pace, [f"validation error, scaled, of the starts: {told}; of short runs from them: {shown}"]

    def _run(
        self,
        way: Way,
        rate: float,
        epochs: int,
        learning: Started,
        judging: Started | None,
        checkpoint: str | os.PathLike[str] | None,
        told: bool,
    ) -> tuple[ForecastNet, History]:
        """One network, trained; with windows to judge by it keeps its best round."""
        settings = self.settings
        network = built(settings, self.options, learning.windows.encoder, way)
        batch_size = min(settings.batch_size, max(8, len(learning.windows) // 16))
        source = WindowSource(
            learning.windows,
            learning.answers[way.start],
            batch_size,
            settings.steps_for(len(learning.windows)),
            settings.seed + way.seed,
        )
        budget = max(self.deadline - perf_counter(), 0.1) if np.isfinite(self.deadline) else None
        history = train(
            network,
            source,
            objective=WindowObjective(settings.loss),
            validation=None if judging is None else AllWindows(judging.windows, judging.answers[way.start]),
            epochs=epochs,
            optimizer="adamw",
            lr=rate,
            weight_decay=WEIGHT_DECAY,
            schedule="one_cycle",
            patience=settings.patience if judging is not None else None,
            seed=settings.seed + way.seed,
            progress=self.progress if told else False,
            callbacks=self.callbacks if told else [_Quiet(self.callbacks)],
            checkpoint=checkpoint,
            resume=self.resume,
            time_budget=budget,
        )
        return network, history

    def _weighed(
        self, networks: Sequence[ForecastNet], ways: Sequence[Way], judging: Started
    ) -> tuple[Array, list[str]]:
        """Weights (members, targets), and what they mean in words."""
        members = [judging.answers[name] for name in STARTS]
        members += [answered(network, judging, way.start) for network, way in zip(networks, ways, strict=True)]
        names = [*STARTS, *(way.cell if len(ways) == 1 else f"{way.cell} on {way.start} ({way.seed})" for way in ways)]
        truth = truths(judging.windows)
        weights = np.zeros((len(members), truth.shape[2]))
        notes = []
        for target, name in enumerate(judging.windows.encoder.schema.targets):
            weights[:, target] = weighed(np.stack([one[:, :, target] for one in members]), truth[:, :, target])
            parts = [f"{w:.2f} {member}" for w, member in zip(weights[:, target], names, strict=True) if w]
            notes.append(f"{name!r} is answered by {' + '.join(parts)}")
        return weights, notes

    def _honest(
        self, base: LinearBase, networks: Sequence[ForecastNet], ways: Sequence[Way], weights: Array, learning: Started
    ) -> tuple[Honest, Honest]:
        """Of training windows the first network's start, of validation windows the whole answer: neither learned from them."""
        judging = started(newest(self.rows.judging), base, self.rows.at)
        answers = np.zeros((len(judging.windows), *judging.answers["last"].shape[1:]))
        for name, weight in zip(STARTS, weights, strict=False):
            answers += weight * judging.answers[name]
        for network, way, weight in zip(networks, ways, weights[len(STARTS) :], strict=True):
            if weight.any():
                answers += weight * answered(network, judging, way.start)
        return Honest(learning.windows, learning.answers[ways[0].start]), Honest(judging.windows, answers)

    def _anew(
        self,
        base: LinearBase,
        ways: Sequence[Way],
        rate: float,
        histories: Sequence[History],
        networks: list[ForecastNet],
        weights: Array,
    ) -> list[ForecastNet]:
        """The networks that count, learned anew on every row."""
        every = started(mostly_full(thinned(self.rows.every, MOST_WINDOWS)), base, self.rows.at)
        found = []
        for number, (way, history, network) in enumerate(zip(ways, histories, networks, strict=True)):
            if not weights[len(STARTS) + number].any():
                found.append(network)
                continue
            place = None if self.checkpoint is None or number else Path(f"{os.fspath(self.checkpoint)}.all")
            again, ended = self._run(way, rate, history.best_epoch or 1, every, None, place, False)
            found.append(again if ended.stopped == "finished" else network)
        return found


class _Quiet(Callback):
    """Short runs tell the callbacks of their steps, which may stop them, and not of their rounds."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self.callbacks = callbacks

    def on_step(self, step: Step) -> bool:
        asked = [one.on_step(step) for one in self.callbacks]  # all are told before one may stop
        return any(asked)


@torch.no_grad()
def answered(network: ForecastNet, of: Started, start: str) -> Array:
    """The network's answers (N, h, targets)."""
    network.eval()
    found = []
    for part in np.array_split(np.arange(len(of.windows)), max(1, -(-len(of.windows) // 512))):
        batch = tensors(of.windows.batch(part), of.answers[start][part])
        found.append(network(batch.x, batch.dt, batch.mask, batch.query, batch.start).numpy())
    return np.concatenate(found)


def truths(windows: Windows) -> Array:
    """(N, h, targets) scaled, with NaN."""
    parts = np.array_split(np.arange(len(windows)), max(1, -(-len(windows) // 512)))
    return np.concatenate([windows.batch(part)["target"] for part in parts])


def weighed(answers: Array, truth: Array) -> Array:
    """(members,) weights of answers (members, n, h) to one target (n, h): the starts stand first."""
    weights = np.zeros(len(answers))
    known = np.isfinite(truth)
    if not known.any():
        weights[0] = 1.0
        return weights
    errors = np.where(known, np.abs(answers - truth), 0.0)
    plain = int(errors[: len(STARTS)].sum(axis=(1, 2)).argmin())
    for place, weight in mixture(answers, truth).items():
        weights[place] = weight
    mean = np.tensordot(weights, answers, axes=1)
    gain = errors[plain] - np.where(known, np.abs(mean - truth), 0.0)
    kept = trust(gain.sum(axis=1), known.sum(axis=1))
    weights *= kept
    weights[plain] += 1 - kept
    return weights


def _loss(of: Started, answers: Array) -> float:
    return float(np.nanmean(np.abs(answers - truths(of.windows))))
