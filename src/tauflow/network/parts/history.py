"""History: what each column was like so far, beside what Missing says of it. NaN says "not measured now".

    u = [what Missing says, r, |r|]       3 + 9 + 9 numbers a feature
    r = normal scores of [last, mean, least, greatest, first, deviation, last - first, time since, count] among whole training records

    x (batch, time, n)      state [last, time since, first, count, sum, sum of squares (both of x - first), least, greatest], n each

Of what was measured alone; the r of a feature that was not measured yet are 0, but for the count. |r| says how far from the middle it is,
whichever way: both ends of a blood value are bad. No kernel runs it: a network with it streams by `step`.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from .missing import Missing
from .part import Part, check_count
from .ranks import Ranks

TOLD = 9
TINY, LARGE = 1e-6, 1e30


class History(Part):
    """Summaries that grow with the record, for readouts that see the input; `measure` learns their ranks.

    >>> tauflow.network.History(inputs=3).outputs  # 21 numbers a feature
    63
    """

    name: ClassVar[str] = "history"
    place: ClassVar[str] = "missing"

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.inputs, self.outputs = check_count("inputs", inputs), (3 + 2 * TOLD) * inputs
        self.memory = 8 * inputs
        self.now, self.ranks = Missing(inputs), Ranks(TOLD * inputs)

    @torch.no_grad()
    def measure(self, *records: tuple[Tensor, Tensor, Tensor]) -> None:
        """Learn the ranks from whole records, each (x, dt, mask) of several; of what was never measured the count alone."""
        ends = []
        for x, dt, mask in records:
            _, told, known, _ = self.so_far(x, dt, mask, x.new_zeros(len(x), self.memory))
            at = (mask * torch.arange(1, x.shape[1] + 1, device=x.device)).amax(dim=1)
            ends.append(torch.where(known, told, torch.nan)[at > 0, at[at > 0] - 1])
        self.ranks.measure(torch.cat(ends))

    def forward(self, x: Tensor, dt: Tensor, mask: Tensor | None, memory: Tensor) -> tuple[Tensor, Tensor]:
        """(u, memory): x (batch, time, n) with NaN where not measured, dt (batch, time), memory (batch, 8 n)."""
        u, told, known, memory = self.so_far(x, dt, mask, memory)
        scores = torch.where(known, self.ranks(told), 0)
        return torch.cat([u, scores, scores.abs()], dim=2), memory

    def so_far(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, memory: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What Missing says, the nine of each feature (batch, time, 9 n), whether they are known, and the memory."""
        n = self.inputs
        carried, *before = memory.split([2 * n, n, n, n, n, n, n], dim=1)
        first, count, total, square, least, greatest = (part[:, None] for part in before)
        u, carried = self.now(x, dt, mask, carried)
        last, known, since = u[..., :n], u[..., n : 2 * n] > 0, torch.expm1(u[..., 2 * n :])
        counts = count + known.to(x).cumsum(dim=1)
        some, over = counts > 0, counts.clamp(min=1)
        firsts = first + torch.where(known & (counts == 1), x, 0).cumsum(dim=1)
        far = torch.where(known, x - firsts, 0)
        totals, squares = total + far.cumsum(dim=1), square + far.square().cumsum(dim=1)
        mean = totals / over
        deviation = ((squares / over - mean.square()).clamp(min=0) + TINY).sqrt()
        low = torch.cat([torch.where(count > 0, least, LARGE), torch.where(known, x, LARGE)], dim=1)
        high = torch.cat([torch.where(count > 0, greatest, -LARGE), torch.where(known, x, -LARGE)], dim=1)
        low = torch.where(some, low.cummin(dim=1).values[:, 1:], 0)
        high = torch.where(some, high.cummax(dim=1).values[:, 1:], 0)
        told = [last, firsts + mean, low, high, firsts, deviation, last - firsts, since, counts]
        if x.shape[1]:
            kept = (firsts, counts, totals, squares, low, high)
            memory = torch.cat([carried, *(part[:, -1] for part in kept)], dim=1)
        return u, torch.cat(told, dim=2), torch.cat([*[some] * (TOLD - 1), torch.ones_like(some)], dim=2), memory
