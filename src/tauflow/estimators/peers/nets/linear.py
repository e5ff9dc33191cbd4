"""NLinear and DLinear: one linear map from the targets' past to all steps, the same for each target.

    NLinear    y = last + W (past - last)
    DLinear    y = W_t trend + W_s (past - trend),   trend: the mean of 25 rows around each, the ends repeated

Both begin as what is known to work: the last value. Source: Zeng et al. 2023.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ....windows.encoder import Encoder
from .past import past

WINDOW = 25


class NLinear(nn.Module):
    """`units` is not used: the context and the horizon are the size."""

    def __init__(self, encoder: Encoder, context: int, units: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.W = nn.Linear(context, encoder.h)
        nn.init.zeros_(self.W.weight)
        nn.init.zeros_(self.W.bias)

    def forward(self, x: Tensor, mask: Tensor, query: Tensor) -> Tensor:
        y = past(x, self.encoder)
        last = y[:, :, -1:]
        ahead: Tensor = last + self.W(y - last)
        return ahead.transpose(1, 2)


class DLinear(nn.Module):
    """As NLinear, with trend and remainder apart."""

    def __init__(self, encoder: Encoder, context: int, units: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.trend, self.rest = nn.Linear(context, encoder.h), nn.Linear(context, encoder.h)
        for one in (self.trend, self.rest):
            nn.init.zeros_(one.weight)
            nn.init.zeros_(one.bias)
            with torch.no_grad():
                one.weight[:, -1] = 1.0

    def forward(self, x: Tensor, mask: Tensor, query: Tensor) -> Tensor:
        y = past(x, self.encoder)
        side = WINDOW // 2
        padded = torch.cat([y[:, :, :1].expand(-1, -1, side), y, y[:, :, -1:].expand(-1, -1, side)], dim=2)
        trend = F.avg_pool1d(padded, WINDOW, stride=1)
        ahead: Tensor = self.trend(trend) + self.rest(y - trend)
        return ahead.transpose(1, 2)
