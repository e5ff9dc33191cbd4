"""A small transformer: two layers of attention over the rows of the context, which are told their place; s = what the origin's row gathers.

It sees rows, not times. Source: Vaswani et al. 2017, with the norm before each part.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ....windows.encoder import Encoder
from .head import Answering

LAYERS, HEADS = 2, 4


class Attention(nn.Module):
    """x (B, context, inputs), mask -> (B, width)."""

    def __init__(self, inputs: int, width: int, context: int) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, width)
        self.place = nn.Parameter(0.02 * torch.randn(context, width))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, HEADS, 2 * width, dropout=0.0, batch_first=True, norm_first=True)
            for _ in range(LAYERS)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        u: Tensor = self.enter(x) + self.place
        hidden = None if bool(mask.all()) else ~mask
        for layer in self.layers:
            u = layer(u, src_key_padding_mask=hidden)
        return u[:, -1]


def transformer(encoder: Encoder, context: int, units: int) -> nn.Module:
    width = max(HEADS, HEADS * round(units / HEADS))
    return Answering(Attention(encoder.inputs, width, context), width, encoder)
