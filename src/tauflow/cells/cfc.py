"""CfC, the closed-form continuous-time network: an approximate solution of the liquid equation, no solver at all.

    z = backbone([x, h])                  0 to 3 layers of sigma(W z + b)
    default   h' = f1 (1 - s) + f2 s      f1 = tanh(ff1 z), f2 = tanh(ff2 z)
    no_gate   h' = f1 + f2 s              s = sigmoid(time_a(z) dt + time_b(z))
    pure      h' = A - A exp(-dt (|w_tau| + |f|)) f,   f = ff1 z

    x (inputs), h (units), dt the time since the last sample; ff1, ff2, time_a, time_b are affine maps of z

The time gate s moves from f1 to f2 as the gap grows. A gap of zero is not the identity (CfC is no flow); `Recurrent`
holds the state there. Source: Hasani et al. 2022, Closed-form continuous-time neural networks, eq. 2 and 10; the
names of the parameters and the modes are those of ncps.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..activations import Activation
from ..activations import activation as find_activation
from .base import Cell, CellError, check_sizes, spread_tau


class CfC(Cell):
    name = "cfc"

    def __init__(
        self,
        inputs: int,
        units: int,
        mode: str = "default",
        backbone_layers: int = 1,
        backbone_units: int = 128,
        activation: str = "lecun_tanh",
        dropout: float = 0.0,
        tau=1.0,
        init: str = "time",
    ) -> None:
        super().__init__()
        self.inputs, self.units, self.state_size, self.outputs = inputs, units, units, units
        self.update = MODES[mode]
        sigma = find_activation(activation)
        layers, width = [], inputs + units
        for _ in range(backbone_layers):
            layers += [nn.Linear(width, backbone_units), Nonlinearity(sigma, dropout)]
            width = backbone_units
        self.backbone = nn.Sequential(*layers)
        self.ff1 = nn.Linear(width, units)
        if mode == "pure":
            self.w_tau = nn.Parameter(torch.empty(1, units))
            self.A = nn.Parameter(torch.empty(1, units))
        else:
            self.ff2, self.time_a, self.time_b = (nn.Linear(width, units) for _ in range(3))
        self.mode = mode
        for p in self.parameters():
            if p.dim() == 2: nn.init.xavier_uniform_(p)
        v = init
        if v != "ncps":
          with torch.no_grad():
            t = spread_tau(tau, units)
            if mode == "pure":
                self.A.fill_(1.0); self.w_tau.copy_(1/t)
                if "p2" in v: self.w_tau.zero_()
                if "p3" in v:
                    self.A.uniform_(.5,1.5); self.A[:,::2].neg_()
            else:
                if "a" in v: self.time_a.bias.copy_(-1/t)
                if "w" in v: self.time_a.weight.div_(t[:,None])
                if "o" in v: nn.init.orthogonal_(self.backbone[0].weight)
                if "i" in v:
                    # memory: ff2 carries h
                    pass
                if "b" in v:
                    nn.init.zeros_(self.time_b.bias)
            if "z" in v:
                for m in self.modules():
                    if isinstance(m, nn.Linear) and m is not getattr(self,"time_a",None): nn.init.zeros_(m.bias)

    def linear(self, name: str, z: Tensor) -> Tensor:
        return getattr(self, name)(z)

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        z = self.backbone(torch.cat([x, h], dim=1))
        return self.update(self, z, dt[:, None])


def default(cell, z, dt):
    f1, f2, s = gated(cell, z, dt)
    return torch.lerp(f1, f2, s)

def no_gate(cell, z, dt):
    f1, f2, s = gated(cell, z, dt)
    return f1 + f2 * s

def pure(cell, z, dt):
    f = cell.linear("ff1", z)
    return cell.A - cell.A * torch.exp(-dt * (cell.w_tau.abs() + f.abs())) * f

def gated(cell, z, dt):
    f1, f2 = torch.tanh(cell.linear("ff1", z)), torch.tanh(cell.linear("ff2", z))
    return f1, f2, torch.sigmoid(cell.linear("time_a", z) * dt + cell.linear("time_b", z))

MODES = {"default": default, "no_gate": no_gate, "pure": pure}


class Nonlinearity(nn.Module):
    def __init__(self, sigma: Activation, dropout: float) -> None:
        super().__init__()
        self.sigma, self.dropout = sigma, dropout

    def forward(self, z: Tensor) -> Tensor:
        return F.dropout(self.sigma(z), self.dropout, self.training)
