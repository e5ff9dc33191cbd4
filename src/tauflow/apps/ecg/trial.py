"""Trials: models learned without a patient and judged on him.

beats   each patient in turn is left out; of the whole MIT-BIH database, de Chazal's learning patients teach and his others judge
alarm   patients are dealt to four groups by how many ventricular beats they have; a network is taught without two groups, another
        without one. A group is judged by the network without it alone, at the level that is best for the networks without it and
        another group on that other group's patients: no answer, level or scale has seen the patients that it is judged on.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import Network
from ...errors import DataError
from . import alarm, committee
from .alarm import judged_at
from .beats import Beats, beats
from .events import Counts, of_beats
from .judged import Judged, Result, curve_of
from .records import Record, divided
from .samples import RATE, Samples, samples

Told = Callable[[str], None]
GROUPS = 4
CONDITIONS: dict[str, dict[str, float]] = {
    "180 Hz": {"rate": 180}, "45 Hz": {"rate": 45}, "90 Hz": {"rate": 90}, "360 Hz": {"rate": 360},
    "30 % lost": {"rate": 180, "lost": 0.3}, "50 % lost": {"rate": 180, "lost": 0.5},
    "360 Hz, 30 % lost": {"rate": 360, "lost": 0.3}, "360 Hz, 50 % lost": {"rate": 360, "lost": 0.5},
}  # fmt: skip
TRUST = np.concatenate(
    [[0.01, 0.02, 0.05], np.arange(0.1, 0.95, 0.1), [0.95, 0.98, 0.99]]
)  # probabilities of the curve of beats


def trial_of_beats(
    records: Sequence[Record],
    models: Sequence[str],
    seeds: Sequence[int],
    source: str,
    told: Told = print,
    **how: Any,
) -> Judged:
    """Every model, without the patients that it is judged on."""
    division = divided(records)
    if division is None and len(records) < 2:
        raise DataError(
            "one patient alone: to judge a model, another must be left out; give a folder of records, at least two"
        )
    everyone = {record.name: beats(record) for record in records}
    if division is None:
        folds = [([p for p in everyone.values() if p.name != name], [everyone[name]]) for name in everyone]
        protocol = "each patient left out in turn"
    else:
        learning, testing = ([everyone[record.name] for record in part] for part in division)
        folds, protocol = [(learning, testing)], "de Chazal's division of patients"
    judged = Judged("beats", source, protocol, records={record.name: record for record in records})
    for model in models:
        for seed in seeds if model in committee.CORES else seeds[:1]:
            counts, answers, cost = [], [], []
            for learned_from, left in folds:
                made = committee.learn(model, learned_from, seed, **how)
                cost.append((made.seconds, made.parameters))
                for p in left:
                    answer = made.answer(p)
                    counts.append(of_beats(p.name, answer >= made.threshold, p.y, p.at, p.hours))
                    answers.append((p, answer))
            seconds, size = float(np.mean([c for c, _ in cost])), cost[0][1]
            judged.results.append(Result(model, seed, "R given", tuple(counts), size, seconds))
            if seed == seeds[0]:
                judged.curves[model] = curve_of(answers, TRUST.tolist(), _said, made.threshold)
            told(
                f"{model}, seed {seed}: F1 {judged.results[-1].figure('f1'):.3f}, {seconds:.1f} s of CPU a patient left out"
            )
    return judged


def _said(p: Beats, answer: Any, level: float) -> Counts:
    return of_beats(p.name, answer >= level, p.y, p.at, p.hours)


def groups(records: Sequence[Record], count: int = GROUPS) -> list[list[str]]:
    """Names of patients, dealt to and fro by how many ventricular beats they have."""
    order = sorted(records, key=lambda record: -int(record.ventricular.sum()))
    dealt: list[list[str]] = [[] for _ in range(count)]
    for k, record in enumerate(order):
        lap, place = divmod(k, count)
        dealt[place if lap % 2 == 0 else count - 1 - place].append(record.name)
    return dealt


def trial_of_alarms(
    records: Sequence[Record],
    models: Sequence[str],
    seeds: Sequence[int],
    source: str,
    told: Told = print,
    settings: alarm.Settings | None = None,
    minutes: float | None = None,
    conditions: Sequence[str] = (),
) -> tuple[Judged, Network | None]:
    """Every model under every condition, and the first liquid one of the first seed from all patients, its level built in."""
    if len(records) < 3:
        raise DataError(
            f"there are {len(records)} patients: an alarm learns from some, is set by others "
            "and judged by yet others; give 3 at least"
        )
    everyone = {record.name: samples(record) for record in records}
    dealt = groups(records, min(GROUPS, len(records)))
    asked = {name: CONDITIONS[name] for name in conditions or CONDITIONS}
    troubled = {
        name: {r.name: everyone[r.name] if how == {"rate": RATE} else samples(r, how["rate"], how.get("lost", 0.0)) for r in records}
        for name, how in asked.items()
    }  # fmt: skip
    protocol = f"{len(dealt)} groups of patients, one judged, the level from the others"
    judged, kept = Judged("alarm", source, protocol, records={record.name: record for record in records}), None
    seconds: list[float] = []  # that each network of a model took

    @functools.cache
    def network(name: str, seed: int, without: frozenset[int]) -> tuple[Network, float]:
        """And the seconds that it took: a model with the front beside it shares the networks of the one without."""
        began = time.process_time()
        rest = [p for k, names in enumerate(dealt) if k not in without for p in (everyone[name] for name in names)]
        return alarm.learn(name, rest, seed, settings, minutes=minutes), time.process_time() - began

    def teach(model: str, seed: int, *without: int) -> Network | None:
        name = model.removesuffix(alarm.TOGETHER)
        if name not in alarm.NETWORKS:
            return None
        made, took = network(name, seed, frozenset(without))
        seconds.append(took)
        return alarm.with_front(made) if model != name else made

    for model in models:
        for seed in seeds[:1] if model == "front" else seeds:
            seconds, alone = list[float](), list[Network | None]()
            pairs: dict[tuple[int, int], Network | None] = {}
            for a in range(len(dealt)):
                alone.append(teach(model, seed, a))
                pairs |= {(a, b): teach(model, seed, a, b) for b in range(a)}
            level = []
            for a in range(len(dealt)):
                held = [
                    (pairs[max(a, b), min(a, b)], everyone[n]) for b, names in enumerate(dealt) if b != a for n in names
                ]
                level.append(alarm.chosen(held))
            first = alone[0]
            cost: dict[str, Any] = {"parameters": 0, "seconds": 0.0}
            if first is not None:
                size = sum(p.numel() for p in first.parameters())
                cost = {"parameters": size, "seconds": float(np.mean(seconds)), "microseconds": microseconds(first)}
            for condition, patients in troubled.items():
                answers = [
                    (patients[name], alarm.asked(alone[a], patients[name]) - level[a]) for a, names in enumerate(dealt) for name in names
                ]  # fmt: skip
                counts = tuple(judged_at(p, odds) for p, odds in answers)
                judged.results.append(Result(model, seed, condition, counts, **cost))
                if condition == judged.first and seed == seeds[0]:
                    judged.curves[model] = curve_of(answers, alarm.LEVELS.tolist(), judged_at, alarm.BEGINS)
            done = judged.of(model)[-1]
            taught = f", {len(seconds)} networks in {done.seconds:.0f} s of CPU each" if seconds else ""
            told(f"{model}, seed {seed}: F1 {done.figure('f1'):.3f}{taught}")
            if kept is None and done.kind == "liquid":
                final = teach(model, seed)
                held = [(alone[a], everyone[name]) for a, names in enumerate(dealt) for name in names]
                kept = None if final is None else alarm.shifted(final, alarm.chosen(held))
    return judged, kept


def microseconds(net: Network, calls: int = 4000) -> float:
    """CPU time of one raw sample, front and whole network, streamed; the least of five rounds; NaN where no kernel runs it."""
    from .watch import Alarm

    heard = Alarm(net)
    if heard.stream.backend != "cpu":
        return math.nan
    x = np.sin(np.arange(calls) / 7).tolist()
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for one in x:
            heard.probability(one, 1 / RATE)
        rounds.append((time.process_time() - began) / calls * 1e6)
    return min(rounds)


__all__ = ["CONDITIONS", "Samples", "groups", "microseconds", "trial_of_alarms", "trial_of_beats"]
