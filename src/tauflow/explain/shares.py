"""Shares: how much each part of what a model saw moved one answer, in the unit of the answer; together they are its whole change.

    phi_p = mean over orders of [f(p and all before it as they were) - f(all before p as they were)]
    sum_p phi_p = f(as it was) - f(as usual) = answer - base, in every order

A part is as it was, or as usual: at its mean, at an even gap. Cells (a column at a sample) are the smallest parts; an order takes column
after column, each from its oldest or its newest cell on, so that what a model is shown always has a beginning and an end. Up to four
columns come in every order, more in random ones, each with its reverse; `spread` is the standard error of that choice. Sources: Shapley
1953; Owen 1977, values of games with unions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..drawing import Colours, Drawn
from .pictures import short
from .question import ExplanationError
from .story import Story
from .what_if import WhatIf
from .words import number

Array = NDArray[np.float64]
Ask = Callable[[NDArray[np.bool_]], Array]  # (n, cells), True: as it was -> (n,) answers
FEW, PAIRS = 4, 6
AT_ONCE = 512
SHOWN = 9


@dataclass(frozen=True, eq=False)
class Shares(Drawn):
    """share, spread (parts,) in the unit of the answer, largest first; they add up to answer - base within `error`.

    subject   what was asked, "volume, 3 h after 2018-09-30 23:00"       about    what the base is, in words
    story     the same over time, on one axis                            what_if  had it been missing, or higher
    """

    subject: str
    about: str
    names: tuple[str, ...]
    share: Array
    spread: Array
    base: float
    answer: float
    story: Story | None = None
    what_if: WhatIf | None = None

    @property
    def pixels(self) -> tuple[int, int]:  # type: ignore[override]
        return 440, 110 + 30 * min(len(self.names), SHOWN + 1)

    @property
    def error(self) -> float:
        """What the shares miss of the change."""
        return float(self.share.sum()) - (self.answer - self.base)

    @property
    def sentence(self) -> str:
        """The answer, where it starts from, and what moved it the most."""
        change = self.answer - self.base
        away = f"{number(abs(change))} {'above' if change > 0 else 'below'}" if change else "just"
        whole = float(np.abs(self.share).sum()) or 1.0
        led = [k for k in range(len(self.names)) if abs(self.share[k]) > 0.02 * whole][:4]
        said = ", ".join(f"{self.names[k]} ({self.share[k]:+.3g})" for k in led)
        start = f"{self.subject} is {number(self.answer, 4)}: {away} {self.about} ({number(self.base, 4)})"
        return f"{start}. It was moved by {said}" if said else f"{start}. Nothing moved it"

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """The sentences, each with what it is about."""
        found = [("answer", self.sentence)]
        if self.story is not None:
            found.append(("when", self.story.why.words(self.story.unit)))
        if self.what_if is not None:
            found.append(("what if", self.what_if.words()))
        return tuple(found)

    def frame(self) -> Any:
        """A line a part."""
        import pandas as pd

        return pd.DataFrame({"part": self.names, "share": self.share, "spread": self.spread})

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        parts = zip(self.names, self.share.tolist(), self.spread.tolist(), strict=True)
        found: dict[str, Any] = {
            "subject": self.subject, "answer": self.answer, "base": self.base, "about_the_base": self.about, "error": self.error,
            "shares": {name: {"share": share, "spread": spread} for name, share, spread in parts},
            "sentences": dict(self.lines),
        }  # fmt: skip
        if self.what_if is not None:
            columns = {"without": self.what_if.without, "higher": self.what_if.higher}
            found["what_if"] = {
                n: dict(zip(self.what_if.names, np.asarray(v).tolist(), strict=True)) for n, v in columns.items()
            }
        if self.story is not None:
            why = self.story.why
            moved = {n: why.attribution[:, j].tolist() for j, n in enumerate(why.names)} | {"gap": why.gap.tolist()}
            found["over_time"] = {"time": why.time.tolist(), **moved}
        return found

    def draw(self, figure: Any, colours: Colours) -> None:
        """From the base to the answer, a bar a part: to the right raised it, to the left lowered it."""
        axes = figure.add_subplot()
        names, sizes = list(self.names[:SHOWN]), self.share[:SHOWN].tolist()
        if len(self.names) > SHOWN:
            names.append(f"{len(self.names) - SHOWN} others")
            sizes.append(float(self.share[SHOWN:].sum()))
        at = self.base
        for row, size in enumerate(sizes):
            axes.barh(-row, size, left=at, height=0.6, color=colours["liquid1" if size >= 0 else "static1"])
            axes.plot([at + size] * 2, [-row - 0.3, -row - 0.7], color=colours["muted"], linewidth=1)
            end = max(at, at + size)
            axes.annotate(
                f"{size:+.3g}", (end, -row), (4, 0), textcoords="offset points", va="center", color=colours["ink"]
            )
            at += size
        for place, colour in ((self.base, "muted"), (self.answer, "ink")):
            axes.axvline(place, color=colours[colour], linewidth=1, linestyle=(0, (3, 3)))
        axes.set_yticks([-row for row in range(len(names))], [short(name) for name in names])
        axes.tick_params("y", labelcolor=colours["ink"])
        axes.grid(False)
        axes.margins(x=0.14)
        axes.set_title(f"from {number(self.base)} (as usual) to {number(self.answer)}: blue up, orange down")
        axes.set_xlabel("the answer, in its unit")


def ordered(names: Sequence[str], share: Array, spread: Array, **rest: Any) -> Shares:
    """Shares with the largest first."""
    order = np.argsort(-np.abs(share), kind="stable")
    return Shares(names=tuple(names[k] for k in order), share=share[order], spread=spread[order], **rest)


def shared(ask: Ask, group: NDArray[np.int64], *, seed: int = 0) -> tuple[Array, Array, float, float]:
    """(of each cell its share (cells,), the standard error of each group's (groups,), base, answer).

    group (cells,): the column of each cell, from 0, its cells in the order of time.
    """
    cells, count = len(group), int(group.max(initial=-1)) + 1
    ends = _asked(ask, np.stack([np.zeros(cells, dtype=bool), np.ones(cells, dtype=bool)]))
    if not np.isfinite(ends).all():
        raise ExplanationError(f"the answer is {ends[1]}, and as usual {ends[0]}: expected finite numbers")
    if count == 0:
        return np.zeros(0), np.zeros(0), float(ends[0]), float(ends[1])
    orders, exact = _orders(count, seed)
    found = np.zeros((len(orders), cells))
    for place, (columns, onward) in enumerate(orders):
        each = [np.flatnonzero(group == column)[:: 1 if onward else -1] for column in columns]
        order = np.concatenate(each)
        shown = np.tril(np.ones((cells - 1, cells), dtype=bool))
        rows = np.zeros_like(shown)
        rows[:, order] = shown
        answers = np.concatenate([ends[:1], _asked(ask, rows), ends[1:]])
        found[place, order] = np.diff(answers)
    of_groups = np.stack([found[:, group == column].sum(axis=1) for column in range(count)], axis=1)
    pairs = of_groups.reshape(-1, 2, count).mean(axis=1) if len(orders) > 1 else of_groups
    spread = np.zeros(count) if exact else pairs.std(axis=0, ddof=1) / len(pairs) ** 0.5
    return found.mean(axis=0), spread, float(ends[0]), float(ends[1])


def _orders(count: int, seed: int) -> tuple[list[tuple[tuple[int, ...], bool]], bool]:
    """(columns in an order, onward in time?) and their reverse, one after the other; whether these are all orders."""
    if count <= FEW:
        half = [one for one in permutations(range(count)) if one <= one[::-1]]
    else:
        made = np.random.default_rng(seed)
        half = [tuple(made.permutation(count).tolist()) for _ in range(PAIRS)]
    both = [((one, number % 2 == 0), (one[::-1], number % 2 == 1)) for number, one in enumerate(half)]
    return [each for pair in both for each in pair], count <= FEW


def _asked(ask: Ask, rows: NDArray[np.bool_]) -> Array:
    parts = [ask(rows[k : k + AT_ONCE]) for k in range(0, len(rows), AT_ONCE)]
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)
