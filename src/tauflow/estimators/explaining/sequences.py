"""An answer to a sequence explained: what each channel, static column and the gaps did to it, piece by piece of time.

As usual: a channel at its mean over the training sequences, even gaps of the usual length, static columns at their mean. The whole
model is asked, its simple answers too, so the shares are of the answer that it gives. What was not measured stays so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from ...data.sequences import Array, Sequences
from ...errors import DataError
from ...explain import Explanation, ExplanationError, Ranking, Shares, Story, WhatIf
from ...explain.shares import ordered, shared
from ...network import core as cores
from ..sequences.model import Model, encode, features_of

PIECES = 24  # of a sequence, each at most so many parts; shorter ones sample by sample

Finish = Callable[[Array], Array]  # (rows, outputs) of the model -> (rows,) the number that is explained


@dataclass(frozen=True, eq=False)
class Asked:
    """One sequence, the number of its answer that is asked for, and the row (of a label at every row)."""

    model: Model
    one: Sequences
    finish: Finish
    at: int

    @property
    def names(self) -> tuple[str, ...]:
        return named(self.model, self.one)

    def answers(self, found: Sequences) -> Array:
        """(n,): of sequences as long as the one."""
        rows = self.finish(self.model(found))
        return rows.reshape(len(found), -1)[:, self.at] if self.model.form.every else rows

    def many(self, values: Array, gaps: Array, static: Array | None) -> Sequences:
        """values (n, time, channels), gaps (n, time), static (n, s)."""
        times = None
        if self.one.times is not None:
            times = tuple(self.one.times[0][0] - gaps[0, 0] + np.cumsum(gaps, axis=1))
        return replace(self.one, values=tuple(values), times=times, static=static, ids=None, stamps=None)


def explained(
    model: Model,
    one: Sequences,
    finish: Finish,
    *,
    output: str,
    subject: str,
    at: int | None,
    over_time: Array | None,
    seed: int,
) -> Shares:
    """See `Classifier.explain`. over_time (time,): the answers after each sample, where they are known."""
    model.form.check(one)
    time = len(one.values[0])
    if at is not None and not model.form.every:
        raise ExplanationError(f"at is {at!r}, but the model gives one answer a sequence: leave it out")
    place = time - 1 if at is None else at
    if isinstance(place, bool) or not isinstance(place, int) or not -time <= place < time:
        raise ExplanationError(f"at is {at!r}, expected a whole number from {-time} to {time - 1}")
    asked = Asked(model, one, finish, place % time)
    values, gaps = one.values[0], model.form.gaps(one)[0]
    static = None if one.static is None else one.static[0]
    usual, even, middle = usual_of(model), np.full(time, model.form.gap), _static_usual(model, static)
    piece = np.minimum(np.arange(time) * min(PIECES, time) // time, PIECES - 1)
    channels, names = values.shape[1], [*asked.names]
    cells = [(k, p) for k in range(channels) for p in np.unique(piece).tolist()]
    cells += [(channels, p) for p in np.unique(piece).tolist()] if one.times is not None else []
    names += ["gaps"] if one.times is not None else []
    fixed = len(names)
    if static is not None and middle is not None:
        names += list(one.static_names or [f"static {k}" for k in range(len(static))])
        cells += [(fixed + k, 0) for k in range(len(static))]
    group, part = (np.array(column) for column in zip(*cells, strict=True))

    def ask(shown: Array) -> Array:
        """Of coalitions (n, cells)."""
        x = np.where(np.isnan(values), values, np.broadcast_to(usual, values.shape))[None].repeat(len(shown), axis=0)
        dt = even[None].repeat(len(shown), axis=0)
        given = (
            None
            if static is None
            else np.broadcast_to(static if middle is None else middle, (len(shown), len(static))).copy()
        )
        for number, (column, p) in enumerate(cells):
            here = shown[:, number]
            if column < channels:
                x[np.ix_(here, piece == p, np.array([column]))] = values[piece == p, column][None, :, None]
            elif column < fixed:
                dt[np.ix_(here, piece == p)] = gaps[piece == p]
            elif given is not None and static is not None:
                given[here, column - fixed] = static[column - fixed]
        return asked.answers(
            asked.many(x, dt if one.times is not None else gaps[None].repeat(len(shown), axis=0), given)
        )

    share, spread, base, answer = shared(ask, group, seed=seed)
    total = np.array([share[group == k].sum() for k in range(len(names))])
    told = _story(asked, share, group, part, piece, names, fixed, (base, answer), gaps, over_time, output)
    return ordered(
        tuple(names), total, spread, subject=subject, about="what it says of a sequence that stays at the mean", base=base,
        answer=answer, story=told, what_if=_what_if(asked, values, gaps, static, usual),
    )  # fmt: skip


def usual_of(model: Model) -> Array:
    """(channels,): the means over the training sequences, as the first member's scale has measured them."""
    form, network = model.form, model.committee.networks()[0]
    if network.scale is None:
        raise ExplanationError("the members have no scale, so the mean of the training sequences is not known")
    mean = network.scale.mean.double().numpy()
    usual: Array = mean[: form.channels] if form.patch == 1 else mean.reshape(form.channels, form.patch).mean(axis=1)
    return usual


def _static_usual(model: Model, static: Array | None) -> Array | None:
    if static is None or model.scaling is None:
        return None
    return model.scaling.mean[len(model.scaling.mean) - len(static) :]


def named(model: Model, found: Sequences) -> tuple[str, ...]:
    names = model.form.names or found.names
    return tuple(str(name) for name in names) if names else tuple(f"channel {k}" for k in range(found.channels))


def _story(
    asked: Asked, share: Array, group: Array, part: Array, piece: Array, names: list[str], fixed: int, ends: tuple[float, float],
    gaps: Array, over_time: Array | None, output: str,
) -> Story:  # fmt: skip
    """A piece's share is spread evenly over its samples; static columns count to the sample whose answer it is."""
    values = asked.one.values[0]
    time, channels = values.shape
    sizes = np.bincount(piece)
    moved = np.zeros((time, len(names)))
    for k in range(len(share)):
        if group[k] < fixed:
            here = piece == part[k]
            moved[here, group[k]] = share[k] / sizes[part[k]]
        else:
            moved[asked.at, group[k]] += share[k]
    gap = moved[:, channels] if fixed > channels else np.zeros(time)
    kept = [k for k in range(len(names)) if k < channels or k >= fixed]
    seen = np.full((time, len(names)), np.nan)
    seen[:, :channels] = values
    clock = np.arange(time, dtype=float) if asked.one.times is None else asked.one.times[0].astype(np.float64)
    why = Explanation(
        tuple(names[k] for k in kept), clock - clock[0], seen[:, kept], moved[:, kept], gap, *ends,
        float(share.sum()) - (ends[1] - ends[0]), 0, asked.at,
    )  # fmt: skip
    answer = np.full(time, np.nan) if over_time is None else over_time.astype(np.float64).copy()
    answer[asked.at] = ends[1]
    return Story(why, output, answer, None, _tau(asked, gaps), "")


@torch.no_grad()
def _tau(asked: Asked, gaps: Array) -> Array | None:
    """Of the first member's neurons at each sample; None where its cell reads both ways or has no such."""
    model, network = asked.model, asked.model.committee.networks()[0]
    if cores.layers_of(network.core) is None:
        return None
    features = features_of(model.form, asked.one, "summaries" in model.lines and not model.form.every)
    data = encode(model.form, asked.one, features, model.scaling)
    static = None if data.static is None else torch.from_numpy(data.static)
    record = network.trace(torch.from_numpy(data.xs[0])[None], torch.from_numpy(data.dts[0])[None], static=static)
    if record.tau is None:
        return None
    tau = record.tau[0].double().numpy()
    return np.repeat(tau, model.form.patch, axis=0)[: len(gaps)]


def _what_if(asked: Asked, values: Array, gaps: Array, static: Array | None, usual: Array) -> WhatIf:
    """Each channel missing (at its mean, where the model knows no missing value), or a tenth higher, throughout."""
    form = asked.model.form
    edited = [values]
    for channel in range(values.shape[1]):
        without, higher = values.copy(), values.copy()
        without[:, channel] = np.nan if form.missing[channel] else usual[channel]
        higher[:, channel] *= 1.1
        edited += [without, higher]
    given = None if static is None else np.broadcast_to(static, (len(edited), len(static)))
    answers = asked.answers(asked.many(np.stack(edited), np.broadcast_to(gaps, (len(edited), len(gaps))), given))
    change = (answers[1:] - answers[0]).reshape(-1, 2)
    return WhatIf(asked.names, float(answers[0]), change[:, 0], change[:, 1], 0.1, len(values))


def ranked(model: Model, found: Sequences, judge: Callable[[Array], float], *, rounds: int, seed: int) -> Ranking:
    """See `Classifier.ranking`. A channel's course comes whole from another sequence; of another length, by its place in it."""
    if len(found) < 2:
        raise DataError("X holds one sequence, expected two at least: channels are exchanged between them")
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
        raise ExplanationError(f"rounds is {rounds!r}, expected a whole number >= 1")
    made, base = np.random.default_rng(seed), judge(model(found))
    statics = 0 if found.static is None else found.static.shape[1]
    grown = np.zeros((rounds, found.channels + statics))
    for number in range(rounds):
        order = made.permutation(len(found))
        other = np.empty(len(order), dtype=np.int64)
        other[order] = np.roll(order, 1)
        for k in range(found.channels):
            values = tuple(
                _with_course(one, found.values[int(from_)], k) for one, from_ in zip(found.values, other, strict=True)
            )
            grown[number, k] = judge(model(replace(found, values=values))) - base
        for k in range(statics):
            static = np.array(found.static)
            static[:, k] = static[other, k]
            grown[number, found.channels + k] = judge(model(replace(found, static=static))) - base
    names = (*named(model, found), *(found.static_names or [f"static {k}" for k in range(statics)]))
    mean = grown.mean(axis=0)
    order = np.argsort(-mean, kind="stable")
    spread = grown.std(axis=0, ddof=1) if rounds > 1 else np.zeros(len(mean))
    return Ranking(tuple(names[k] for k in order), mean[order], spread[order], base, rounds)


def _with_course(one: Array, other: Array, channel: int) -> Array:
    values = one.copy()
    place = np.rint(np.linspace(0, len(other) - 1, len(one))).astype(int)
    course = other[place, channel]
    values[:, channel] = course
    return values
