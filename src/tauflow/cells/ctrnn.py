"""CTRNN, the liquid network of the primer: START HERE.

    dh/dt = -h / tau + sigma(W h + U x + b)

    x (inputs)   what is measured                 W (units, units)   who listens to whom
    h (units)    the neurons' states              U (units, inputs)  who listens to which input
    tau (units)  time constants, in units of dt   b (units)          how easily a neuron fires

A neuron forgets with its own time constant tau and is driven by sigma. As a leak: drive = sigma(W h + U x + b),
rate = 1/tau. With tau = 1 and learn_tau=False it is the primer's first form, dh/dt = -h + sigma(...). With a bounded
sigma the state stays within tau * [min sigma, max sigma], whatever the input and however long the gap.
Source: Funahashi and Nakamura 1993, eq. 1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..activations import activation as find_activation
from ..activations import flatness
from ..solvers import BOUNDED
from .base import LeakCell, check_sizes, check_solver, check_tau, drawn, spread_tau

LOG_TAU = 13.8  # tau stays within exp(+-13.8), one millionth to one million units of dt


class CTRNN(LeakCell):
    """The continuous-time recurrent network; `tau` a number, or (shortest, longest) to spread it over the neurons.

    >>> cell = tauflow.CTRNN(inputs=3, units=4, tau=(1.0, 8.0))
    >>> [round(tau, 2) for tau in cell.time_constants().tolist()]  # in units of dt
    [1.0, 2.0, 4.0, 8.0]
    >>> h = cell.step(torch.randn(2, 3), torch.tensor([0.1, 1000.0]), cell.initial_state(batch=2))
    >>> low, high = cell.hull()
    >>> bool(((low <= h) & (h <= high)).all())  # however long the gap
    True
    """

    name = "ctrnn"

    def __init__(
        self,
        inputs: int,
        units: int,
        activation: str = "tanh",
        tau: float | tuple[float, float] = (1.0, 10.0),
        learn_tau: bool = True,
        solver: str = "exponential",
        substeps: int = 1,
    ) -> None:
        super().__init__()
        check_sizes(inputs, units)
        check_solver(solver, substeps)
        self.inputs, self.units, self.state_size, self.outputs = inputs, units, units, units
        self.sigma, self.initial_tau = find_activation(activation), check_tau(tau)
        self.solver, self.substeps = solver, substeps
        self.W = nn.Parameter(torch.empty(units, units))
        self.U = nn.Parameter(torch.empty(units, inputs))
        self.b = nn.Parameter(torch.empty(units))
        self.log_tau = nn.Parameter(torch.empty(units), requires_grad=learn_tau)
        self.reset_parameters()

    @drawn
    def reset_parameters(self) -> None:
        """W is scaled by fan-in and by the senders' tau, since a state is as large as its tau."""
        tau = spread_tau(self.initial_tau, self.units).to(self.W)
        self.log_tau.copy_(tau.log())
        nn.init.uniform_(self.W, -(self.units**-0.5), self.units**-0.5).div_(tau)
        nn.init.uniform_(self.U, -(self.inputs**-0.5), self.inputs**-0.5)
        nn.init.zeros_(self.b)

    @property
    def tau(self) -> Tensor:
        """The time constants, (units,), positive by construction."""
        return self.log_tau.clamp(-LOG_TAU, LOG_TAU).exp()

    def leak(self, u: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        drive = self.sigma(F.linear(h, self.W) + F.linear(u, self.U, self.b))
        return drive, (1 / self.tau).expand_as(h)

    def saturation(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        return flatness(self.sigma, F.linear(h, self.W) + F.linear(x, self.U, self.b))

    def hull(self) -> tuple[Tensor, Tensor] | None:
        if self.solver not in BOUNDED or not self.sigma.bounded:
            return None
        rate = 1 / self.tau.detach()  # divided by it as in a step, so that both round alike
        return torch.full_like(rate, self.sigma.low) / rate, torch.full_like(rate, self.sigma.high) / rate

    def time_constants(self) -> Tensor:
        return self.tau.detach()
