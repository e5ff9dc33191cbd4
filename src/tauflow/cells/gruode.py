"""GRUODE: the gated recurrent unit as a differential equation.

    dh/dt = (1 - z) (g - h)
    r = sigmoid(W_r h + U_r x + b_r)     z = sigmoid(W_z h + U_z x + b_z)     g = tanh(W_g (r h) + U_g x + b_g)

As a leak: rate = 1 - z, drive = (1 - z) g, so the state stays in [-1, 1]. The gate z says how slowly: 1 - z is at most
one per unit of dt. Source: De Brouwer et al. 2019, GRU-ODE-Bayes, eq. 3-4.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..solvers import BOUNDED
from .base import LeakCell, check_sizes, check_solver, drawn

SLOWEST = 1e-12  # a rate above zero, where sigmoid underflows


class GRUODE(LeakCell):
    """The GRU in continuous time; rows of W, U and b in the order r, z, g.

    >>> cell = tauflow.GRUODE(inputs=3, units=8)
    >>> h = cell.step(torch.randn(2, 3), torch.tensor([0.5, 1e6]), cell.initial_state(batch=2))
    >>> h.shape, bool((h.abs() <= 1).all())  # however long the gap
    (torch.Size([2, 8]), True)
    """

    name = "gruode"

    def __init__(self, inputs: int, units: int, solver: str = "exponential", substeps: int = 1) -> None:
        super().__init__()
        check_sizes(inputs, units)
        check_solver(solver, substeps)
        self.inputs, self.units, self.state_size, self.outputs = inputs, units, units, units
        self.solver, self.substeps = solver, substeps
        self.W = nn.Parameter(torch.empty(3 * units, units))
        self.U = nn.Parameter(torch.empty(3 * units, inputs))
        self.b = nn.Parameter(torch.empty(3 * units))
        self.reset_parameters()

    @drawn
    def reset_parameters(self) -> None:
        """As torch's GRU, the bias of z spread over 1..4 so that neurons start with time constants of 4 to 50 dt."""
        nn.init.uniform_(self.W, -(self.units**-0.5), self.units**-0.5)
        nn.init.uniform_(self.U, -(self.inputs**-0.5), self.inputs**-0.5)
        nn.init.zeros_(self.b)
        self.b[self.units : 2 * self.units].copy_(torch.linspace(1.0, 4.0, self.units))

    def project(self, x: Tensor) -> Tensor:
        return F.linear(x, self.U, self.b)

    def leak(self, u: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        W_rz, W_g = self.W.split([2 * self.units, self.units])
        u_rz, u_g = u.split([2 * self.units, self.units], dim=1)
        r, z = (F.linear(h, W_rz) + u_rz).chunk(2, dim=1)
        g = torch.tanh(F.linear(torch.sigmoid(r) * h, W_g) + u_g)
        rate = torch.sigmoid(-z).clamp(min=SLOWEST)  # 1 - sigmoid(z), without the cancellation
        return rate * g, rate

    def gates(self, x: Tensor, dt: Tensor, h: Tensor) -> dict[str, Tensor]:
        rows = F.linear(h, self.W[: 2 * self.units]) + F.linear(x, self.U, self.b)[:, : 2 * self.units]
        r, z = torch.sigmoid(rows).chunk(2, dim=1)
        return {"reset": r, "update": z}

    def saturation(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        """Of g, the tanh."""
        drive, rate = self.leak(self.project(x), h)
        return (drive / rate).square()

    def hull(self) -> tuple[Tensor, Tensor] | None:
        if self.solver not in BOUNDED:
            return None
        one = torch.ones(self.units, dtype=self.W.dtype, device=self.W.device)
        return -one, one
