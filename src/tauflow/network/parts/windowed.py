"""Cores without a state of their own, for comparison: they read the last samples, which the network's state holds for them.

    window_mlp    y_t = W2 sigma(W1 [z_t, ..., z_{t-k+1}] + b1) + b2           the last `steps` samples side by side
    tcn           residual blocks of two causal convolutions, dilated by 1, 2, 4, ...
    transformer   causal encoder layers over the last `steps` samples, sines of the age of a sample added to it

    z = [x, log(1 + dt)]        state: the last samples (steps - 1, inputs + 1) and how many of them are real

The contract is that of `Recurrent`: a masked sample takes no place in the window, chunks give what the whole gives.
Sources: Bai et al. 2018 (TCN), Vaswani et al. 2017 (Transformer).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ... import validate
from ...errors import ShapeError
from ...sequence import refuse_overflow
from .part import NetworkError, Part, check_count

MOST_BLOCKS, MOST_LAYERS = 20, 64  # of a TCN, of a Transformer


class Windowed(Part, ABC):
    """A core that sees the last `steps` samples. Subclasses write `look`."""

    place: ClassVar[str] = "core"

    def __init__(self, inputs: int, units: int, steps: int) -> None:
        super().__init__()
        self.inputs, self.outputs, self.units = check_count("inputs", inputs), check_count("units", units), units
        self.steps, self.width = check_count("steps", steps, least=1), inputs + 1
        self.state_size = (steps - 1) * (self.width + 1)

    @abstractmethod
    def look(self, z: Tensor, real: Tensor) -> Tensor:
        """y (batch, time, outputs) of z (batch, steps - 1 + time, width), which is zero where `real` is False."""

    def initial_state(self, batch: int) -> Tensor:
        """No samples yet, (batch, state)."""
        return next(self.parameters()).new_zeros(batch, self.state_size)

    def forward(
        self, x: Tensor, dt: Any = None, mask: Tensor | None = None, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As Recurrent."""
        x, mask = validate.as_input(x, self.inputs, validate.parameter_dtype(self), mask)
        dt = validate.as_gaps(dt, x, mask)
        h = validate.as_state(state, self.initial_state(len(x))).unflatten(1, (self.steps - 1, self.width + 1))
        z = torch.cat([x, torch.log1p(dt)[..., None], torch.ones_like(dt)[..., None]], dim=2)
        order = None if mask is None else torch.argsort(~mask, dim=1, stable=True)  # real samples first, in their order
        if mask is not None and order is not None:
            z = (z * mask[:, :, None]).gather(1, order[:, :, None].expand_as(z))
        z = torch.cat([h, z], dim=1)  # (batch, steps - 1 + time, width + 1)
        y = self.look(z[..., :-1], z[..., -1] > 0) if x.shape[1] else x.new_zeros(len(x), 0, self.outputs)
        refuse_overflow(y, y[:, -1] if y.shape[1] else h.flatten(1), self)
        if mask is None or order is None:
            return y, z[:, z.shape[1] - (self.steps - 1) :].flatten(1)
        count = mask.sum(dim=1)
        kept = count[:, None] + torch.arange(self.steps - 1, device=x.device)
        state = z.gather(1, kept[:, :, None].expand(-1, -1, z.shape[2])).flatten(1)
        at = (mask.long().cumsum(dim=1) - 1).clamp(min=0)
        return y.gather(1, at[:, :, None].expand(-1, -1, y.shape[2])), state


class WindowMLP(Windowed):
    """A dense network on the last samples, with one hidden layer.

    >>> core = tauflow.network.WindowMLP(3, units=8, steps=4)
    >>> y, state = core(torch.randn(2, 20, 3), torch.rand(2, 20))
    >>> y.shape, state.shape  # the last 3 samples, each 3 inputs, log(1 + dt), and 1 if there was one
    (torch.Size([2, 20, 8]), torch.Size([2, 15]))
    """

    name: ClassVar[str] = "window_mlp"

    def __init__(self, inputs: int, units: int, steps: int = 4) -> None:
        super().__init__(inputs, units, steps)
        self.hidden, self.last = nn.Linear(steps * self.width, units), nn.Linear(units, units)

    def look(self, z: Tensor, real: Tensor) -> Tensor:
        windows = z.unfold(1, self.steps, 1).flatten(2)
        return F.silu(self.last(F.silu(self.hidden(windows))))


class TCN(Windowed):
    """Blocks of two causal convolutions of kernel 3, dilated by 1, 2, 4, ...: four of them see 61 samples.

    >>> network = tauflow.Network(3, 1, {"name": "tcn", "blocks": 3}, 16)
    >>> network.core.steps  # so many samples it sees
    29
    """

    name: ClassVar[str] = "tcn"

    def __init__(self, inputs: int, units: int, blocks: int = 4) -> None:
        if check_count("blocks", blocks) > MOST_BLOCKS:
            raise NetworkError(f"blocks is {blocks}, expected at most {MOST_BLOCKS}, which see 4 million samples")
        dilations = [2**block for block in range(blocks)]
        super().__init__(inputs, units, 1 + 4 * sum(dilations))
        self.entry = nn.Conv1d(self.width, units, 1)
        self.blocks = nn.ModuleList(
            nn.ModuleList(nn.Conv1d(units, units, 3, dilation=dilation) for _ in range(2)) for dilation in dilations
        )

    def look(self, z: Tensor, real: Tensor) -> Tensor:
        block: Any
        shown = real[:, None].to(z)  # before the first sample there is nothing: zeros in every layer
        u = self.entry(z.transpose(1, 2)) * shown
        for block in self.blocks:
            inner = u
            for convolution in block:
                inner = torch.relu(convolution(F.pad(inner, (2 * convolution.dilation[0], 0)))) * shown
            u = u + inner
        y: Tensor = u.transpose(1, 2)[:, self.steps - 1 :]
        return y


class Transformer(Windowed):
    """Causal encoder layers of four heads over the last samples.

    >>> network = tauflow.Network(3, 1, {"name": "transformer", "steps": 16, "layers": 1}, 8)
    >>> answer, state = network(torch.randn(2, 20, 3), torch.rand(2, 20))
    >>> answer.shape
    torch.Size([2, 20, 1])
    """

    name: ClassVar[str] = "transformer"

    def __init__(self, inputs: int, units: int, steps: int = 64, layers: int = 2, dropout: float = 0.1) -> None:
        super().__init__(inputs, units, steps)
        if units % 4:
            raise ShapeError(f"units is {units}, expected a multiple of 4, the heads of a transformer")
        if check_count("layers", layers) > MOST_LAYERS:
            raise NetworkError(f"layers is {layers}, expected at most {MOST_LAYERS}")
        self.entry = nn.Linear(self.width, units)
        layer = nn.TransformerEncoderLayer(units, 4, 4 * units, dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def look(self, z: Tensor, real: Tensor) -> Tensor:
        windows = self.entry(z).unfold(1, self.steps, 1).transpose(2, 3)  # (batch, n, steps, units)
        known = real.unfold(1, self.steps, 1)
        batch, n = windows.shape[:2]
        age = torch.arange(self.steps - 1, -1, -1, device=z.device, dtype=z.dtype)
        u: Tensor = windows.flatten(0, 1) + positions(age, self.units)
        hidden = ~known.flatten(0, 1)
        hidden[:, -1] = False  # a window sees at least its own sample
        if not len(u):
            return u.new_zeros(batch, n, self.units)
        *layers, last = self.encoder.layers
        for layer in layers:
            u = layer(u, src_key_padding_mask=hidden)
        y: Tensor = _at_the_end(last, u, hidden).unflatten(0, (batch, n))
        return y


def _at_the_end(layer: Any, u: Tensor, hidden: Tensor) -> Tensor:
    """What a layer that norms first makes of the last sample, (batch, units): nobody asks for the others."""
    z, own = layer.norm1(u), u[:, -1:]
    seen, _ = layer.self_attn(z[:, -1:], z, z, key_padding_mask=hidden, need_weights=False)
    own = own + layer.dropout1(seen)
    y: Tensor = own + layer.dropout2(layer.linear2(layer.dropout(layer.activation(layer.linear1(layer.norm2(own))))))
    return y[:, 0]


def positions(age: Tensor, width: int) -> Tensor:
    """Sines and cosines of ages (steps), (steps, width)."""
    rates = torch.exp(torch.arange(0, width, 2, device=age.device) * (-math.log(10_000.0) / width)).to(age)
    angles = age[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
