"""TCN: causal convolutions, each reaching twice as far back as the one before, around which the signal passes unchanged.

    u <- u + W_2 relu(W_1 * u),   * a convolution of 3 taps, 2^k rows apart;   s = u at the origin

As many layers as reach over the context. It is not told how much time lies between rows. Source: Bai et al. 2018.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from ....windows.encoder import Encoder
from .head import Answering


class Convolutions(nn.Module):
    """x (B, context, inputs), mask -> (B, units)."""

    def __init__(self, inputs: int, units: int, context: int) -> None:
        super().__init__()
        layers = next(n for n in range(1, 20) if 2 * (2**n - 1) + 1 >= context)
        self.enter = nn.Linear(inputs, units)
        self.layers = nn.ModuleList(nn.Conv1d(units, units, 3, dilation=2**k) for k in range(layers))
        self.mixing = nn.ModuleList(nn.Conv1d(units, units, 1) for _ in range(layers))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        u: Tensor = (self.enter(x) * mask[:, :, None]).transpose(1, 2)
        for k, (layer, mix) in enumerate(zip(self.layers, self.mixing, strict=True)):
            u = u + mix(F.relu(layer(F.pad(u, (2 * 2**k, 0)))))
        return u[:, :, -1]


def tcn(encoder: Encoder, context: int, units: int) -> nn.Module:
    return Answering(Convolutions(encoder.inputs, units, context), units, encoder)
