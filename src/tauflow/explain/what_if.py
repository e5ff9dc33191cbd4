"""Counterfactuals: what the answer would have been, had one input been missing, or higher.

    change = f(x changed, dt) - f(x, dt)        changed: input j NaN, or multiplied by 1 + share, at some samples

A network without a `missing` part can't be told NaN: there an input is "missing" when it stands at its mean over the training data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ..drawing import Colours, Drawn
from .pictures import short
from .question import ExplanationError, question

HARDLY = 1e-3  # of the answer


@dataclass(frozen=True, eq=False)
class WhatIf(Drawn):
    """without, higher (inputs,): by how much the answer would have changed; answer: as it is."""

    names: tuple[str, ...]
    answer: float
    without: Any
    higher: Any
    share: float
    samples: int

    @property
    def pixels(self) -> tuple[int, int]:  # type: ignore[override]
        return 440, 90 + 34 * len(self.names)

    def words(self) -> str:
        """The input that counts most, in a sentence."""
        where = "the last sample" if self.samples == 1 else f"the last {self.samples:,} samples"
        if not len(self.names):
            return f"no input was known in {where}, so none can be changed"
        most = max(float(np.abs(self.without).max()), float(np.abs(self.higher).max()))
        if most < HARDLY * abs(self.answer):
            return f"had one input in {where} been missing, or {100 * self.share:.0f} % higher, the answer would hardly have changed"
        j = int(np.abs(self.without).argmax())
        k = int(np.abs(self.higher).argmax())
        return (
            f"without {self.names[j]} in {where} the answer would have been {self.answer + self.without[j]:.4g} instead of "
            f"{self.answer:.4g}; {self.names[k]} {100 * self.share:.0f} % higher, {self.answer + self.higher[k]:.4g}"
        )

    def frame(self) -> Any:
        """A line an input."""
        import pandas as pd

        return pd.DataFrame({"input": self.names, "without": self.without, f"{100 * self.share:+.0f} %": self.higher})

    def draw(self, figure: Any, colours: Colours) -> None:
        """Two dots an input on one axis: how far the answer would have moved."""
        axes = figure.add_subplot()
        rows = -np.arange(len(self.names), dtype=float)
        axes.axvline(0, color=colours["muted"], linewidth=1)
        for values, colour, label in (
            (self.without, "liquid1", "missing"), (self.higher, "static1", f"{100 * self.share:.0f} % higher")
        ):  # fmt: skip
            axes.scatter(values, rows, s=36, color=colours[colour], label=label, zorder=3)
        axes.set_yticks(rows, [short(name) for name in self.names])
        axes.tick_params("y", labelcolor=colours["ink"])
        axes.set_xlabel("change of the answer, in its unit")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)


@torch.no_grad()
def what_if(
    model: nn.Module,
    x: Any,
    dt: Any = None,
    mask: Any = None,
    *,
    static: Any = None,
    output: int = 0,
    at: int = -1,
    share: float = 0.1,
    samples: int | Sequence[int] | None = None,
) -> WhatIf:
    """Of the answer `output` at the sample `at` to one row of data, x (time, inputs): each input changed by itself.

    share: 0.1 is 10 % higher. samples: so many up to `at`, all unless given.

    >>> network = tauflow.Network(["temp", "wind"], ["load"], units=4)
    >>> network.measure(tauflow.training.Batch(torch.rand(8, 6, 2)))  # as training does
    >>> found = tauflow.explain.what_if(network, torch.rand(6, 2), share=0.1)  # a WhatIf
    >>> found.names, found.higher.shape
    (('temp', 'wind'), (2,))
    """
    asked = question(model, x, dt, mask, static, output, at)
    if not np.isfinite(share) or share == 0:
        raise ExplanationError(f"share is {share!r}, expected a number other than 0: 0.1 is 10 % higher")
    count = asked.at + 1 if samples is None else samples
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= asked.at + 1:
        raise ExplanationError(f"samples is {samples!r}, expected a whole number from 1 to {asked.at + 1}")
    where = slice(asked.at + 1 - count, asked.at + 1)
    inputs = asked.x.shape[1]
    rows = asked.x.repeat(2 * inputs + 1, 1, 1)
    for j in range(inputs):
        rows[1 + j, where, j] = _missing(asked, j)
        rows[1 + inputs + j, where, j] *= 1 + share
    answers = asked.ask(rows, asked.dt.expand(len(rows), -1), None, asked.at).numpy()
    change = answers[1:] - answers[0]
    return WhatIf(asked.names, float(answers[0]), change[:inputs], change[inputs:], float(share), count)


def _missing(asked: Any, j: int) -> float:
    if asked.knows_missing:
        return float("nan")
    if asked.mean is None:
        raise ExplanationError(
            "this model can't be told that a value is missing, and has no mean of the training data to put there: "
            "give the network missing='missing', or a scale that has measured"
        )
    return float(asked.mean[j])
