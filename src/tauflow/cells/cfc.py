"""CfC, the closed-form continuous-time network: an approximate solution of the liquid equation, without a solver.

    z = backbone([x, h])                  0 to 3 layers of sigma(W z + b)
    default   h' = f1 (1 - s) + f2 s      f1 = tanh(ff1 z), f2 = tanh(ff2 z)
    no_gate   h' = f1 + f2 s              s = sigmoid(time_a(z) dt + time_b(z))
    pure      h' = A - A exp(-dt (|w_tau| + |f|)) f,   f = ff1 z

    x (inputs)   h (units)   dt time since the last sample   ff1, ff2, time_a, time_b affine maps   w_tau, A (1, units)

The time gate s moves from f1 to f2 as the gap grows. A gap of zero is not the identity, CfC is no flow; `Recurrent`
holds the state there. Source: Hasani et al. 2022, Closed-form continuous-time neural networks, eq. 2 and 10; the modes
and the names of the parameters are those of ncps.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..activations import Activation
from ..activations import activation as find_activation
from .base import Cell, CellError, check_sizes, check_tau, column, drawn, spread_tau


class CfC(Cell):
    """`tau`, in units of dt, is how long a gap it takes to move the time gate: a number, or (shortest, longest).

    >>> cell = tauflow.CfC(inputs=3, units=8)
    >>> x, dt = torch.ones(2, 3), torch.tensor([0.1, 10.0])  # the same input after two gaps
    >>> h = cell.step(x, dt, cell.initial_state(batch=2))
    >>> h.shape, bool(torch.equal(h[0], h[1]))
    (torch.Size([2, 8]), False)
    """

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
        tau: float | tuple[float, float] = 1.0,
    ) -> None:
        super().__init__()
        check_sizes(inputs, units)
        if mode not in MODES:
            raise CellError(f"mode is {mode!r}, expected one of {', '.join(MODES)}")
        if isinstance(backbone_layers, bool) or not isinstance(backbone_layers, int) or backbone_layers < 0:
            raise CellError(f"backbone_layers is {backbone_layers!r}, expected 0, 1, 2, ...")
        if isinstance(backbone_units, bool) or not isinstance(backbone_units, int) or backbone_units < 1:
            raise CellError(f"backbone_units is {backbone_units!r}, expected a whole number >= 1")
        if not 0 <= dropout < 1:
            raise CellError(f"dropout is {dropout!r}, expected a share in [0, 1)")
        self.inputs, self.units, self.state_size, self.outputs = inputs, units, units, units
        self.mode, self.initial_tau = mode, check_tau(tau)
        sigma, layers, width = find_activation(activation), list[nn.Module](), inputs + units
        for _ in range(backbone_layers):
            layers += [nn.Linear(width, backbone_units), Nonlinearity(sigma, dropout)]
            width = backbone_units
        self.backbone = nn.Sequential(*layers)
        self.ff1 = nn.Linear(width, units)
        if mode == "pure":
            self.w_tau = nn.Parameter(torch.empty(1, units))
            self.A = nn.Parameter(torch.empty(1, units))
        else:
            self.ff2 = nn.Linear(width, units)
            self.time_a = nn.Linear(width, units)
            self.time_b = nn.Linear(width, units)
        self.reset_parameters()

    @drawn
    def reset_parameters(self) -> None:
        """Xavier weights and torch's biases, as ncps. What dt is multiplied with starts in units of 1/tau."""
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()
                nn.init.xavier_uniform_(layer.weight)
        tau = spread_tau(self.initial_tau, self.units).to(self.ff1.weight)
        if self.mode == "pure":
            nn.init.ones_(self.A)
            self.w_tau.copy_(1 / tau[None])
        else:
            self.time_a.weight.div_(tau[:, None])
            self.time_a.bias.div_(tau)

    def affine(self, name: str, z: Tensor) -> Tensor:
        """The map called `name`, (batch, width) -> (batch, units): its layer is called, so that hooks and adapters act."""
        layer, mask = getattr(self, name), self.mask(name)
        mapped: Tensor = layer(z) if mask is None else through(layer, mask, name, z)
        return mapped

    def mask(self, name: str) -> Tensor | None:
        """What the matrix of that map is multiplied with, None for nothing."""
        return None

    def weight(self, name: str) -> Tensor:
        """The matrix of that map, (units, width)."""
        weight: Tensor = getattr(self, name).weight
        mask = self.mask(name)
        return weight if mask is None else weight * mask

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        z = self.backbone(torch.cat([x, h], dim=1))
        return MODES[self.mode](self, z, column(dt))

    def gates(self, x: Tensor, dt: Tensor, h: Tensor) -> dict[str, Tensor]:
        if self.mode == "pure":
            return {}
        return {"time": time_gate(self, self.backbone(torch.cat([x, h], dim=1)), column(dt))}

    def saturation(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor | None:
        """Of f1 and f2, as much of each as the time gate lets through: 1 - tanh' = tanh^2."""
        if self.mode == "pure":
            return None
        z = self.backbone(torch.cat([x, h], dim=1))
        (f1, f2), s = branches(self, z), time_gate(self, z, column(dt))
        share = s if self.mode == "default" else s / (1 + s)
        return torch.lerp(f1.square(), f2.square(), share)

    def hull(self) -> tuple[Tensor, Tensor] | None:
        if self.mode not in BOUNDS:
            return None
        bound = torch.full_like(self.ff1.bias.detach(), BOUNDS[self.mode])
        return -bound, bound


def default(cell: CfC, z: Tensor, dt: Tensor) -> Tensor:
    """From f1 to f2."""
    return torch.lerp(*branches(cell, z), time_gate(cell, z, dt))


def no_gate(cell: CfC, z: Tensor, dt: Tensor) -> Tensor:
    """f2 is added to f1."""
    f1, f2 = branches(cell, z)
    return f1 + f2 * time_gate(cell, z, dt)


def pure(cell: CfC, z: Tensor, dt: Tensor) -> Tensor:
    """The closed form itself, eq. 2."""
    f = cell.affine("ff1", z)
    return cell.A - cell.A * torch.exp(-dt * (cell.w_tau.abs() + f.abs())) * f


def branches(cell: CfC, z: Tensor) -> tuple[Tensor, Tensor]:
    """f1 and f2, each (batch, units)."""
    return torch.tanh(cell.affine("ff1", z)), torch.tanh(cell.affine("ff2", z))


def time_gate(cell: CfC, z: Tensor, dt: Tensor) -> Tensor:
    """s in (0, 1), (batch, units)."""
    return torch.sigmoid(cell.affine("time_a", z) * dt + cell.affine("time_b", z))


MODES: dict[str, Callable[[CfC, Tensor, Tensor], Tensor]] = {"default": default, "no_gate": no_gate, "pure": pure}
BOUNDS = {"default": 1.0, "no_gate": 2.0}


def through(layer: nn.Module, mask: Tensor, name: str, z: Tensor) -> Tensor:
    """layer(z) with its matrix multiplied by `mask`, also where a hook makes this matrix anew when the layer is called."""
    if not isinstance(layer, nn.Linear) or type(layer).forward is not nn.Linear.forward or "forward" in vars(layer):
        raise CellError(
            f"{name} is {type(layer).__module__}.{type(layer).__name__}, but its matrix has to be multiplied by the mask of "
            "the wiring, which only nn.Linear allows: change the matrix by torch.nn.utils.parametrize, or take a cell without a wiring"
        )
    if not (layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks or layer._backward_pre_hooks):
        return F.linear(z, layer.weight * mask, layer.bias)
    object.__setattr__(layer, "forward", lambda z: F.linear(z, layer.weight * mask, layer.bias))
    try:
        mapped: Tensor = layer(z)
    finally:
        object.__delattr__(layer, "forward")
    return mapped


class Nonlinearity(nn.Module):
    """sigma, then dropout: one module, so that the layers of a backbone are numbered with and without dropout alike."""

    def __init__(self, sigma: Activation, dropout: float) -> None:
        super().__init__()
        self.sigma, self.dropout = sigma, dropout

    def forward(self, z: Tensor) -> Tensor:
        return F.dropout(self.sigma(z), self.dropout, self.training)
