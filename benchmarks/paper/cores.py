"""Cores that only the tables need: torch's own layers, which see no time, and a Transformer over whole sequences.

tauflow's own `transformer` answers a stream from its last samples and pays for a window at every one; in this one a sample sees all that
came before, and its position counts from the first. Source: Vaswani et al. 2017.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tauflow.network.parts.windowed import positions


class Whole(nn.Module):
    """A core that reads a sequence from its beginning, and so has no state."""

    state_size = 0

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, units

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 0)


class Timeless(Whole):
    """nn.LSTM, nn.GRU or nn.RNN; dt is not looked at."""

    def __init__(self, layer: type[nn.LSTM] | type[nn.GRU] | type[nn.RNN], inputs: int, units: int) -> None:
        super().__init__(inputs, units)
        self.layer = layer(inputs, units, batch_first=True)

    def forward(self, u: Tensor, dt: Tensor, mask: Tensor | None, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.layer(u)[0], state


class Transformer(Whole):
    """Two causal encoder layers, four heads, sines of the position added to [x, log(1 + dt)]; `mapped` by a linear layer at their end."""

    def __init__(self, inputs: int, units: int, mapped: bool = False) -> None:
        super().__init__(inputs, units)
        self.entry = nn.Linear(inputs + 1, units)
        self.last = nn.Linear(units, units) if mapped else nn.Identity()
        layer = nn.TransformerEncoderLayer(units, 4, 4 * units, dropout=0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, u: Tensor, dt: Tensor, mask: Tensor | None, state: Tensor) -> tuple[Tensor, Tensor]:
        steps = u.shape[1]
        z = self.entry(torch.cat([u, dt.log1p()[..., None]], dim=2)) + positions(
            torch.arange(steps).to(u), self.outputs
        )
        later = nn.Transformer.generate_square_subsequent_mask(steps)
        return self.last(self.encoder(z, mask=later, is_causal=True)), state
