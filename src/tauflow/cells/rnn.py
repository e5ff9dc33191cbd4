"""The static recurrent networks, for comparison: RNN, LSTM and GRU as in torch, and a GRU that decays over dt.

    RNN        h' = tanh(W h + U x + b)                                             Elman 1990
    LSTM       i, f, g, o = gates;  c' = f c + i g;  h' = o tanh(c')                Hochreiter and Schmidhuber 1997
    GRU        h' = (1 - z) n + z h                                                 Cho et al. 2014
    DecayGRU   h is first multiplied by exp(-dt / tau), tau learned per neuron      Che et al. 2018, GRU-D eq. 4

They know nothing of continuous time, so each gets log(1 + dt) as one more input. The state of LSTM is [h, c].
Parameters are torch's own (weight_ih, weight_hh, bias_ih, bias_hh), so a whole sequence runs on torch's fused kernels.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..solvers import LONGEST_DECAY
from .base import Cell, check_sizes, check_tau, column, drawn, spread_tau
from .ctrnn import LOG_TAU


class StaticCell(Cell):
    """What the four share: torch's parameters and its initialisation."""

    liquid = False
    rows: ClassVar[int]  # of the weights, for each neuron

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        check_sizes(inputs, units)
        self.inputs, self.units, self.state_size, self.outputs = inputs, units, units, units
        self.weight_ih = nn.Parameter(torch.empty(self.rows * units, inputs + 1))
        self.weight_hh = nn.Parameter(torch.empty(self.rows * units, units))
        self.bias_ih = nn.Parameter(torch.empty(self.rows * units))
        self.bias_hh = nn.Parameter(torch.empty(self.rows * units))
        self.reset_weights()

    def reset_parameters(self) -> None:
        self.reset_weights()

    @drawn
    def reset_weights(self) -> None:
        """torch's own: uniform within 1/sqrt(units)."""
        for weight in (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh):
            nn.init.uniform_(weight, -(self.units**-0.5), self.units**-0.5)

    def weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def sums(self, x: Tensor, dt: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """What the gates get from the input and from the state, each (batch, rows * units)."""
        seen = torch.cat([x, torch.log1p(column(dt))], dim=1)
        return F.linear(seen, self.weight_ih, self.bias_ih), F.linear(h, self.weight_hh, self.bias_hh)

    def unit_hull(self) -> tuple[Tensor, Tensor]:
        one = torch.ones(self.state_size, dtype=self.bias_ih.dtype, device=self.bias_ih.device)
        return -one, one


def with_gap(x: Tensor, dt: Tensor) -> Tensor:
    """x with log(1 + dt) behind its last feature: (..., inputs), (...) -> (..., inputs + 1)."""
    return torch.cat([x, torch.log1p(dt).unsqueeze(-1)], dim=-1)


class RNN(StaticCell):
    """The plain recurrent network with tanh.

    >>> cell = tauflow.RNN(inputs=3, units=8)
    >>> cell.weight_ih.shape  # log(1 + dt) is the fourth input
    torch.Size([8, 4])
    >>> y, state = tauflow.Recurrent(cell)(torch.randn(2, 20, 3), torch.rand(2, 20))
    >>> y.shape, cell.liquid
    (torch.Size([2, 20, 8]), False)
    """

    name = "rnn"
    rows = 1

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        u, w = self.sums(x, dt, h)
        return torch.tanh(u + w)

    def saturation(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        return self.step(x, dt, h).square()

    def hull(self) -> tuple[Tensor, Tensor]:
        return self.unit_hull()


class LSTM(StaticCell):
    """Long short-term memory.

    >>> cell = tauflow.LSTM(inputs=3, units=8)
    >>> cell.state_size, cell.outputs  # the state is [h, c], shown is h
    (16, 8)
    >>> sorted(cell.gates(torch.randn(1, 3), torch.ones(1), cell.initial_state(batch=1)))
    ['forget', 'input', 'output']
    """

    name = "lstm"
    rows = 4

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, units)
        self.state_size = 2 * units

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        h, c = h.chunk(2, dim=1)
        u, w = self.sums(x, dt, h)
        i, f, g, o = (u + w).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.cat([torch.sigmoid(o) * torch.tanh(c), c], dim=1)

    def gates(self, x: Tensor, dt: Tensor, h: Tensor) -> dict[str, Tensor]:
        u, w = self.sums(x, dt, h[:, : self.units])
        i, f, _, o = (u + w).chunk(4, dim=1)
        return {"input": torch.sigmoid(i), "forget": torch.sigmoid(f), "output": torch.sigmoid(o)}

    def output(self, h: Tensor) -> Tensor:
        return h[:, : self.units]


class GRU(StaticCell):
    """The gated recurrent unit.

    >>> cell = tauflow.GRU(inputs=3, units=8)
    >>> h = cell.step(torch.randn(4, 3), torch.rand(4), cell.initial_state(batch=4))
    >>> h.shape, bool((h.abs() <= 1).all())
    (torch.Size([4, 8]), True)
    """

    name = "gru"
    rows = 3

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        (u_r, u_z, u_n), (w_r, w_z, w_n) = (part.chunk(3, dim=1) for part in self.sums(x, dt, h))
        n = torch.tanh(u_n + torch.sigmoid(u_r + w_r) * w_n)
        return torch.lerp(n, h, torch.sigmoid(u_z + w_z))

    def gates(self, x: Tensor, dt: Tensor, h: Tensor) -> dict[str, Tensor]:
        (u_r, u_z, _), (w_r, w_z, _) = (part.chunk(3, dim=1) for part in self.sums(x, dt, h))
        return {"reset": torch.sigmoid(u_r + w_r), "update": torch.sigmoid(u_z + w_z)}

    def hull(self) -> tuple[Tensor, Tensor]:
        return self.unit_hull()


class DecayGRU(GRU):
    """The GRU whose state decays exponentially over the gap.

    >>> cell = tauflow.cells.DecayGRU(inputs=3, units=2, tau=(1.0, 100.0))
    >>> [round(left, 3) for left in cell.decayed(torch.tensor([5.0]), torch.ones(1, 2))[0].tolist()]  # after a gap of 5
    [0.007, 0.951]
    """

    name = "gru_decay"

    def __init__(self, inputs: int, units: int, tau: float | tuple[float, float] = (1.0, 100.0)) -> None:
        super().__init__(inputs, units)
        self.initial_tau = check_tau(tau)
        self.log_tau = nn.Parameter(torch.empty(units))
        self.reset_tau()

    def reset_parameters(self) -> None:
        self.reset_weights()
        self.reset_tau()

    @drawn
    def reset_tau(self) -> None:
        """tau spread evenly in the logarithm."""
        self.log_tau.copy_(spread_tau(self.initial_tau, self.units).log())

    @property
    def tau(self) -> Tensor:
        """The time constants of the decay, (units,)."""
        return self.log_tau.clamp(-LOG_TAU, LOG_TAU).exp()

    def decayed(self, dt: Tensor, h: Tensor) -> Tensor:
        """What is left of h after the gap."""
        return h * torch.exp(-(column(dt) * (1 / self.tau)).clamp(max=LONGEST_DECAY))

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        return super().step(x, dt, self.decayed(dt, h))

    def gates(self, x: Tensor, dt: Tensor, h: Tensor) -> dict[str, Tensor]:
        return super().gates(x, dt, self.decayed(dt, h))

    def time_constants(self) -> Tensor:
        return self.tau.detach()
