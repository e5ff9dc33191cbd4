"""Pooling: one vector for a sequence, from what stood at its samples; asked for at every sample, it is that of the prefix.

    last        z at the last real sample                         remembers z
    mean        sum_t z_t / samples                               remembers the sum and the count
    max         max_t z_t, feature by feature                     remembers the maximum
    attention   sum_t a_t z_t,  a_t = softmax_t(score . z_t)      remembers the largest score, both sums

    z (batch, time, n) -> (batch, time, kinds * n)        a masked sample counts nowhere

Several kinds stand side by side: kinds=("last", "mean", "max"). A running pool needs no more than what it remembers, so a
stream gives the answer of the prefix after every sample. Source of attention: Bahdanau et al. 2015, eq. 6, with one query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...ops.graph import Graph
from .part import NetworkError, Part, check_count

KINDS = ("last", "mean", "max", "attention")
LOW = -1e30  # less than any score or feature


class Pool(Part):
    """Several pools of the same samples, side by side.

    >>> pool = tauflow.network.Pool(2, kinds=("last", "mean", "max"))
    >>> z = torch.tensor([[[1.0, 5.0], [2.0, 0.0], [6.0, 1.0]]])
    >>> y, memory = pool(z, None, pool.first_memory(1), every=False)
    >>> y.tolist()  # last, mean and max, side by side
    [[[6.0, 1.0, 3.0, 2.0, 6.0, 5.0]]]
    """

    name: ClassVar[str] = "several"
    place: ClassVar[str] = "pool"
    kinds: tuple[str, ...] = ()

    def __init__(self, inputs: int, kinds: Sequence[str] = ("last", "mean", "max")) -> None:
        super().__init__()
        kinds = tuple(kinds)
        if not kinds or len(set(kinds)) < len(kinds) or any(kind not in KINDS for kind in kinds):
            raise NetworkError(f"kinds is {kinds!r}, expected some of {', '.join(KINDS)}, each once")
        self.inputs, self.kinds, self.outputs = check_count("inputs", inputs), kinds, len(kinds) * inputs
        self.sizes = [self.remembered(kind) for kind in kinds]
        self.memory = sum(self.sizes)
        if "attention" in kinds:
            self.score = nn.Linear(inputs, 1, bias=False)

    def remembered(self, kind: str) -> int:
        """How many numbers a pool keeps from one sample to the next."""
        return {"last": 0, "mean": 1, "max": 0, "attention": 2}[kind] + self.inputs

    def first_memory(self, batch: int) -> Tensor:
        """What is remembered before the first sample, (batch, memory)."""
        like = next(self.parameters(), torch.zeros(()))
        first = [torch.full((self.remembered(kind),), LOW if kind == "max" else 0.0) for kind in self.kinds]
        for kind, numbers in zip(self.kinds, first, strict=True):
            if kind == "attention":
                numbers[0] = LOW
        return torch.cat(first).to(like).expand(batch, -1)

    def forward(self, z: Tensor, mask: Tensor | None, memory: Tensor, every: bool = True) -> tuple[Tensor, Tensor]:
        """The pooled vectors of all prefixes, (batch, time, kinds * n), and what is remembered.

        every=False: of the whole alone, (batch, 1, kinds * n), which takes no more than one pass.
        """
        if z.shape[1] == 0:
            return z.new_zeros(len(z), 0, self.outputs), memory
        real = torch.ones_like(z[:, :, 0], dtype=torch.bool) if mask is None else mask
        pooled, kept = [], []
        for kind, part in zip(self.kinds, memory.split(self.sizes, dim=1), strict=True):
            y, rest = getattr(self, kind)(z, real, part, every)
            pooled.append(y)
            kept.append(rest)
        return torch.cat(pooled, dim=2), torch.cat(kept, dim=1)

    def last(self, z: Tensor, real: Tensor, memory: Tensor, every: bool) -> tuple[Tensor, Tensor]:
        """Each prefix's last real sample; what is remembered until there is one."""
        steps = torch.arange(1, z.shape[1] + 1, device=z.device)
        at = torch.where(real, steps, 0)  # 0: none yet
        at = at.cummax(dim=1).values if every else at.amax(dim=1, keepdim=True)
        y = torch.cat([memory[:, None], z], dim=1).gather(1, at[:, :, None].expand(-1, -1, z.shape[2]))
        return y, y[:, -1]

    def mean(self, z: Tensor, real: Tensor, memory: Tensor, every: bool) -> tuple[Tensor, Tensor]:
        """The sums and the count of what is real."""
        counted = torch.cat([z.new_ones(*z.shape[:2], 1), torch.where(real[:, :, None], z, 0)], dim=2)
        counted = torch.cat([memory[:, None], counted * real[:, :, None]], dim=1)
        sums = counted.cumsum(dim=1)[:, 1:] if every else counted.sum(dim=1, keepdim=True)
        return sums[..., 1:] / sums[..., :1].clamp(min=1), sums[:, -1]

    def max(self, z: Tensor, real: Tensor, memory: Tensor, every: bool) -> tuple[Tensor, Tensor]:
        """The greatest so far; zero until there is a real sample."""
        shown = torch.cat([memory[:, None], torch.where(real[:, :, None], z, LOW)], dim=1)
        most = shown.cummax(dim=1).values[:, 1:] if every else shown.amax(dim=1, keepdim=True)
        return torch.where(most > LOW, most, 0), most[:, -1]

    def attention(self, z: Tensor, real: Tensor, memory: Tensor, every: bool) -> tuple[Tensor, Tensor]:
        """Remembered: the largest score, the sum of exp(score - largest), that sum of z."""
        score = torch.where(real, self.score(z)[..., 0], LOW)
        weighted = torch.cat([z.new_ones(*z.shape[:2], 1), z], dim=2)
        before, sums = memory[:, :1], memory[:, 1:]
        if not every:
            largest = torch.maximum(before, score.amax(dim=1, keepdim=True))
            share = (score - largest).exp() * real
            sums = sums * (before - largest).exp() + (share[:, :, None] * weighted).sum(dim=1)
            y = sums[:, None]
        else:
            rising = torch.cat([before, score], dim=1).cummax(dim=1).values  # (batch, 1 + time)
            steps = []
            for t in range(z.shape[1]):
                keep, new = (rising[:, t] - rising[:, t + 1]).exp(), (score[:, t] - rising[:, t + 1]).exp()
                sums = sums * keep[:, None] + weighted[:, t] * (new * real[:, t])[:, None]
                steps.append(sums)
            y, largest = torch.stack(steps, dim=1), rising[:, -1:]
        return y[..., 1:] / y[..., :1].clamp(min=1e-30), torch.cat([largest, sums], dim=1)

    def lower(self, graph: Graph, sources: int | Sequence[int]) -> list[int]:
        """One step a kind."""
        score = [self.score.weight[0]] if "attention" in self.kinds else []
        return [
            graph.add(
                "pool",
                sources,
                self.inputs,
                score if kind == "attention" else (),
                memory=self.remembered(kind),
                how=kind,
            )
            for kind in self.kinds
        ]


class Last(Pool):
    """The last real sample.

    >>> network = tauflow.Network(3, 2, pool="last")  # one answer a sequence
    >>> x, mask = torch.randn(1, 9, 3), torch.arange(9)[None] < 5  # four samples of padding
    >>> torch.allclose(network(x, mask=mask)[0], network(x[:, :5])[0], atol=1e-6)
    True
    """

    name: ClassVar[str] = "last"

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, ("last",))


class Mean(Pool):
    """The mean over the real samples.

    >>> pool = tauflow.network.Mean(1)
    >>> z = torch.tensor([[[1.0], [2.0], [6.0]]])
    >>> pool(z, None, pool.first_memory(1))[0].flatten().tolist()  # of each prefix, as a stream gives it
    [1.0, 1.5, 3.0]
    """

    name: ClassVar[str] = "mean"

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, ("mean",))


class Max(Pool):
    """The greatest value of each feature.

    >>> pool = tauflow.network.Max(1)
    >>> z, mask = torch.tensor([[[1.0], [6.0], [2.0]]]), torch.tensor([[True, False, True]])
    >>> pool(z, mask, pool.first_memory(1))[0].flatten().tolist()  # of each prefix; what is masked does not count
    [1.0, 1.0, 2.0]
    """

    name: ClassVar[str] = "max"

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, ("max",))


class Attention(Pool):
    """A mean whose weights are learned.

    >>> network = tauflow.Network(3, 2, pool="attention")
    >>> answer, state = network(torch.randn(4, 20, 3))
    >>> answer.shape  # one a sequence
    torch.Size([4, 2])
    """

    name: ClassVar[str] = "attention"

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, ("attention",))
