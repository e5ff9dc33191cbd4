"""GatedLTC: the liquid time constant of equation 1, with one layer for f.

    dh/dt = -(1/tau + f) h + f A,     f = sigma(W h + U x + b) >= 0

    tau (units)  the slowest time constant; the effective one, tau / (1 + tau f), depends on input and state
    A (units)    where a driven neuron goes: the state stays within [min(0, A), max(0, A)] for every dt >= 0

One matrix product a step instead of a sigmoid per synapse (see ltc.py). f must not be negative: with a signed f the
rate can vanish and the bound is lost, so signed activations are refused.
Source: Hasani et al. 2021, Liquid Time-constant Networks, eq. 1.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..activations import ActivationError, flatness
from ..activations import activation as find_activation
from ..solvers import BOUNDED
from .base import LeakCell, check_sizes, check_solver, check_tau, drawn, spread_tau
from .ctrnn import LOG_TAU

# sigma >= 0 and its inverse: the bias at which a gate rests
INVERSE: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.logit,
    "softplus": lambda f: f.expm1().log(),
    "relu": torch.clone,
}


class GatedLTC(LeakCell):
    """The LTC with a one-layer gate; `tau` a number, or (shortest, longest) to spread it over the neurons.

    >>> cell = tauflow.GatedLTC(inputs=3, units=8)
    >>> h = cell.step(1e6 * torch.randn(2, 3), torch.tensor([0.1, 1e6]), cell.initial_state(batch=2))
    >>> low, high = cell.hull()
    >>> bool(((low <= h) & (h <= high)).all())  # whatever the input, however long the gap
    True
    """

    name = "gated_ltc"

    def __init__(
        self,
        inputs: int,
        units: int,
        activation: str = "sigmoid",
        tau: float | tuple[float, float] = (1.0, 30.0),
        solver: str = "exponential",
        substeps: int = 1,
    ) -> None:
        super().__init__()
        check_sizes(inputs, units)
        check_solver(solver, substeps)
        self.inputs, self.units, self.state_size, self.outputs = inputs, units, units, units
        self.sigma, self.initial_tau = find_activation(activation), check_tau(tau)
        if activation not in INVERSE:
            raise ActivationError(
                f"{activation} can be negative, but the gate f must be >= 0: try {', '.join(INVERSE)}"
            )
        self.solver, self.substeps = solver, substeps
        self.W = nn.Parameter(torch.empty(units, units))
        self.U = nn.Parameter(torch.empty(units, inputs))
        self.b = nn.Parameter(torch.empty(units))
        self.A = nn.Parameter(torch.empty(units))
        self.log_tau = nn.Parameter(torch.empty(units))
        self.reset_parameters()

    @drawn
    def reset_parameters(self) -> None:
        """The bias makes a resting gate as slow as tau, f(b) = 1/tau: each neuron remembers for about tau / 2."""
        tau = spread_tau(self.initial_tau, self.units).to(self.W)
        self.log_tau.copy_(tau.log())
        nn.init.uniform_(self.W, -(self.units**-0.5), self.units**-0.5)
        nn.init.uniform_(self.U, -(self.inputs**-0.5), self.inputs**-0.5)
        gate = (1 / tau).clamp(max=0.5)
        self.b.copy_(INVERSE[self.sigma.name](gate))
        nn.init.uniform_(self.A, 0.5, 1.5)
        self.A[1::2].neg_()

    @property
    def tau(self) -> Tensor:
        """The time constants of a closed gate, (units,), positive by construction."""
        return self.log_tau.clamp(-LOG_TAU, LOG_TAU).exp()

    def preactivation(self, u: Tensor, h: Tensor) -> Tensor:
        """W h + U x + b, (batch, units)."""
        return F.linear(h, self.W) + F.linear(u, self.U, self.b)

    def leak(self, u: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        f = self.sigma(self.preactivation(u, h))
        return f * self.A, 1 / self.tau + f

    def gates(self, x: Tensor, dt: Tensor, h: Tensor) -> dict[str, Tensor]:
        return {"f": self.sigma(self.preactivation(x, h))}

    def saturation(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        return flatness(self.sigma, self.preactivation(x, h))

    def hull(self) -> tuple[Tensor, Tensor] | None:
        if self.solver not in BOUNDED:
            return None
        A = self.A.detach()
        return A.clamp(max=0), A.clamp(min=0)

    def time_constants(self) -> Tensor:
        return self.tau.detach()
