"""N-HiTS: layers that read the past at coarse and fine rates, each taking off what the one before explained.

    for each block, coarse first:   z = MLP(pool(past));   past <- past - backcast(z);   y <- y + interpolate(knots(z))

Past and answers are taken less the last value, and each target passes by itself through the same weights. Source: Challu et al. 2023.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ....windows.encoder import Encoder
from .past import past

RATES = (8, 4, 1)  # rows pooled into one, and steps between knots


class Block(nn.Module):
    """One rate; `units` wide."""

    def __init__(self, context: int, h: int, rate: int, units: int) -> None:
        super().__init__()
        self.rate, self.h = min(rate, context), h
        knots = max(1, -(-h // rate))
        self.body = nn.Sequential(
            nn.Linear(-(-context // self.rate), units), nn.ReLU(), nn.Linear(units, units), nn.ReLU()
        )
        self.back, self.ahead = nn.Linear(units, context), nn.Linear(units, knots)
        for last in (self.back, self.ahead):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Past (B, context) -> what it explains of it, and its part of the answer (B, h)."""
        z = self.body(F.max_pool1d(y[:, None], self.rate, ceil_mode=True)[:, 0])
        ahead = F.interpolate(self.ahead(z)[:, None], size=self.h, mode="linear", align_corners=False)[:, 0]
        return self.back(z), ahead


class NHits(nn.Module):
    """Three blocks."""

    def __init__(self, encoder: Encoder, context: int, units: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.blocks = nn.ModuleList(Block(context, encoder.h, rate, units) for rate in RATES)

    def forward(self, x: Tensor, mask: Tensor, query: Tensor) -> Tensor:
        y = past(x, self.encoder)
        shape = y.shape[:2]
        last = y[:, :, -1:]
        rest = (y - last).flatten(0, 1)
        answer = torch.zeros(len(rest), self.encoder.h, dtype=rest.dtype, device=rest.device)
        for block in self.blocks:
            explained, part = block(rest)
            rest, answer = rest - explained, answer + part
        ahead: Tensor = last + answer.unflatten(0, shape)
        return ahead.transpose(1, 2)
