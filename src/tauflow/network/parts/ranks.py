"""Ranks: every column as the normal score of its rank among the training data, so heavy tails and odd units do no harm.

    u = Phi^-1(share of the training values below x), within +-2.42

    knots (n, 65)      evenly spaced quantiles of a column        scores (n, 65)      theirs; between two knots a straight line

A value that is many training values (a score of 15, a ventilator that is on) has the mean of their scores, so the line has no jumps.
A column that was never measured is itself within +-2.42; one that never changed is 0. No kernel runs it: a network with it streams by
`step`. Source: van der Waerden 1952, the scores of his test.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import ClassVar

import torch
from torch import Tensor

from .part import Part, check_count

KNOTS = 65
EVEN = [(k + 0.5) / KNOTS for k in range(KNOTS)]
NORMAL = [NormalDist().inv_cdf(share) for share in EVEN]


class Ranks(Part):
    """`measure(x)` learns the quantiles of the columns of x; NaN stays NaN.

    >>> scale = tauflow.network.Ranks(inputs=1)
    >>> scale.measure(torch.arange(1001.0)[:, None] ** 3)  # a tail that is heavy to one side
    >>> [round(x, 2) for x in scale(torch.tensor([[0.0], [500.0**3], [1e12]])).flatten().tolist()]  # least, middle, beyond all
    [-2.42, 0.0, 2.42]
    """

    name: ClassVar[str] = "ranks"
    place: ClassVar[str] = "scale"

    knots: Tensor
    scores: Tensor

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.inputs = self.outputs = check_count("inputs", inputs)
        self.register_buffer("knots", torch.tensor(NORMAL).repeat(inputs, 1))
        self.register_buffer("scores", torch.tensor(NORMAL).repeat(inputs, 1))

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
                same = (self.knots[k][:, None] == self.knots[k]).to(self.scores)
                self.scores[k] = same @ self.scores.new_tensor(NORMAL) / same.sum(dim=1)

    @property
    def mean(self) -> Tensor:
        """The middle value of each column, as the mean of a Scale: where explanations begin."""
        return self.knots[:, KNOTS // 2]

    def forward(self, x: Tensor) -> Tensor:
        columns = x.movedim(-1, 0)
        values = columns.reshape(self.inputs, -1).contiguous()  # (n, samples)
        place = torch.searchsorted(self.knots, values.detach(), right=True)
        low, high = (place - 1).clamp(min=0), place.clamp(max=KNOTS - 1)
        begin, end = self.knots.gather(1, low), self.knots.gather(1, high)
        share = (values - begin) / torch.where(end > begin, end - begin, 1)
        scores = torch.lerp(self.scores.gather(1, low), self.scores.gather(1, high), share.clamp(0, 1))
        return scores.reshape(columns.shape).movedim(0, -1)
