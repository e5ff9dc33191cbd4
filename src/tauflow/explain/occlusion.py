"""Exact occlusion: what the answer would have been had a sample not been there, and time gone on.

    effect_t = f(all samples) - f(without sample t, its gap added to that of the next)

Nothing is approximated and no baseline is needed: a network of gaps can be asked just so. Without the sample whose answer
is asked, that is the answer after the sample before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..drawing import Colours, Drawn
from .pictures import strokes
from .question import ExplanationError, question
from .words import number

AT_ONCE = 256  # rows side by side

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Occlusion(Drawn):
    """effect (samples,): by how much each sample raised the answer; zero for samples after the one that was asked."""

    time: Array
    effect: Array
    answer: float

    pixels = (560, 220)

    @property
    def sentence(self) -> str:
        """The sample that counts the most."""
        most = int(np.abs(self.effect).argmax())
        when, without = number(float(self.time[most])), number(self.answer - float(self.effect[most]), 4)
        return f"without the sample at {when} the answer would be {without} instead of {number(self.answer, 4)}"

    def draw(self, figure: Any, colours: Colours) -> None:
        """A stroke a sample: up where it raised the answer, down where it lowered it."""
        axes = figure.add_subplot()
        for sign, colour in ((1, "liquid1"), (-1, "static1")):
            which = np.sign(self.effect) == sign
            strokes(axes, self.time[which], 0, self.effect[which], colours[colour], 1.8)
        axes.axhline(0, color=colours["grid"], linewidth=0.8)
        axes.set_xlabel("time, in the unit of the stamps")
        axes.set_ylabel("what the sample did to the answer")

    def frame(self) -> Any:
        """A line a sample."""
        import pandas as pd

        return pd.DataFrame({"time": self.time, "effect": self.effect})


@torch.no_grad()
def occlusion(
    model: nn.Module, x: Any, dt: Any = None, mask: Any = None, *, static: Any = None, output: int = 0, at: int = -1
) -> Occlusion:
    """Of the answer `output` at the sample `at` to one row of data, x (time, inputs), every sample left out once.

    >>> cell = tauflow.CTRNN(1, 1, activation="identity", tau=1.0)
    >>> _ = cell.W.data.zero_(), cell.U.data.fill_(1.0), cell.b.data.zero_()
    >>> found = tauflow.explain.occlusion(cell, torch.tensor([[0.0], [1.0], [0.0]]), at=2)  # an Occlusion
    >>> found.effect.round(3).tolist()
    [-0.086, 0.233, -0.4]
    """
    asked = question(model, x, dt, mask, static, output, at)
    if asked.at == 0:
        raise ExplanationError(
            "the answer to the first sample rests on it alone: nothing would remain if it were left out"
        )
    answer = float(asked.ask(asked.x[None], asked.dt[None], None, asked.at))
    effect = torch.zeros(len(asked.x), dtype=torch.float64)
    for left_out in torch.arange(asked.at).split(AT_ONCE):
        rows = torch.arange(len(left_out))
        gaps = asked.dt.repeat(len(left_out), 1)
        gaps[rows, left_out + 1] += asked.dt[left_out]
        real = torch.ones(gaps.shape, dtype=torch.bool)
        real[rows, left_out] = False
        effect[left_out] = answer - asked.ask(asked.x.repeat(len(left_out), 1, 1), gaps, real, asked.at)
    effect[asked.at] = answer - asked.ask(asked.x[None], asked.dt[None], None, asked.at - 1)[0]
    return Occlusion(asked.dt.cumsum(dim=0).numpy(), effect.numpy(), answer)
