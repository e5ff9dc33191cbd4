"""Ranks: every column as the normal score of its rank among the training data, so heavy tails and odd units do no harm.

    u = Phi^-1(share of the training values below x), within +-2.42

    knots (n, 65)      evenly spaced quantiles of a column; between two of them the score is on a straight line

A value that is many training values (a score of 15, a ventilator that is on) has the middle of their scores. A column that was never
measured is itself within +-2.42; one that never changed is -1, 0 or 1: below, at or above that value. No kernel runs it: a network with
it streams by `step`. Source: van der Waerden 1952, the scores of his test.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import ClassVar, Literal

import torch
from torch import Tensor

from .part import Part, check_count

KNOTS = 65
EVEN = [(k + 0.5) / KNOTS for k in range(KNOTS)]
NORMAL = [NormalDist().inv_cdf(share) for share in EVEN]


class Ranks(Part):
    """`measure(x)` learns the quantiles of the columns of x; NaN stays NaN."""

    name: ClassVar[str] = "ranks"
    place: ClassVar[str] = "scale"

    knots: Tensor

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.inputs = self.outputs = check_count("inputs", inputs)
        self.register_buffer("knots", torch.tensor(NORMAL).repeat(inputs, 1))

    @torch.no_grad()
    def measure(self, x: Tensor) -> None:
        """Learn from x (samples, n); what is NaN does not count, a column without numbers keeps its knots."""
        even = torch.tensor(EVEN, dtype=torch.float64, device=x.device)
        for k, column in enumerate(x.double().T):
            known = column[~torch.isnan(column)]
            if len(known):
                place = even * (len(known) - 1)
                low, ordered = place.floor().long(), known.sort().values
                high = (low + 1).clamp(max=len(known) - 1)
                self.knots[k] = torch.lerp(ordered[low], ordered[high], place - low)

    def forward(self, x: Tensor) -> Tensor:
        values = x.movedim(-1, 0).flatten(1).contiguous()  # (n, samples)
        low, high = self.knots[:, :1], self.knots[:, -1:]
        # several equal knots make a step: the mean of its two ends is the score of the middle rank
        scores = (self._at(values, "left") + self._at(values, "right")) / 2
        scores = torch.where(low < high, scores, torch.sign(values - low))
        scores = torch.where(torch.isnan(values), values, scores)
        shaped: Tensor = scores.unflatten(1, x.movedim(-1, 0).shape[1:])
        return shaped.movedim(0, -1)

    def _at(self, values: Tensor, side: Literal["left", "right"]) -> Tensor:
        """Scores on the line through the knots; where several knots are equal, at the lowest or the highest of them."""
        place = torch.searchsorted(self.knots, values.detach(), side=side)
        low, high = (place - 1).clamp(min=0), place.clamp(max=KNOTS - 1)
        begin, end = self.knots.gather(1, low), self.knots.gather(1, high)
        level = self.knots.new_tensor(NORMAL)
        flat = end <= begin
        share = torch.where(flat, float(side == "left"), (values - begin) / torch.where(flat, 1, end - begin))
        return torch.lerp(level[low], level[high], share.clamp(0, 1))
