"""LTC, the liquid time-constant network of conductance synapses.

    cm_j dv_j/dt = gleak_j (vleak_j - v_j) + sum_i g_ij (erev_ij - v_j) + sum_i g^s_ij (erev^s_ij - v_j)
    g_ij   = w_ij   sigmoid(sigma_ij   (v_i - mu_ij))      from neuron i to neuron j
    g^s_ij = w^s_ij sigmoid(sigma^s_ij (u_i - mu^s_ij))    from input i to neuron j,  u = input_w x + input_b
    y_k    = output_w_k v_k + output_b_k                   the motor neurons, k = 0 .. outputs-1

    v (units)      the neurons' potentials: the state h          cm  (units)   capacitance
    g              conductance, how open a synapse is            mu, sigma     where and how steeply it opens
    erev           where a synapse pulls, its sign the polarity  gleak, vleak  how strongly a leak pulls, and where to

As a leak: drive = (gleak vleak + sum g erev) / cm, rate = (gleak + sum g) / cm. The time constant 1/rate is liquid:
it shortens as synapses open. cm, gleak and w are positive, softplus of what is learned. The state stays in the hull
of vleak and of the erev of its synapses for every dt >= 0. Names are those of ncps, and `init="ncps",
solver="semi_implicit", substeps=6` gives its numbers. Sources: Lechner et al. 2020, Methods; Hasani et al. 2021.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import wirings
from ..solvers import BOUNDED
from ..wirings import Wiring
from .base import CellError, LeakCell, check_solver, check_tau, drawn, spread_tau

SMALLEST = 1e-12  # conductance or capacitance
NCPS_RANGES = {
    "gleak": (0.001, 1.0),
    "vleak": (-0.2, 0.2),
    "cm": (0.4, 0.6),
    "sigma": (3.0, 8.0),
    "mu": (0.3, 0.8),
    "w": (0.001, 1.0),
    "sensory_sigma": (3.0, 8.0),
    "sensory_mu": (0.3, 0.8),
    "sensory_w": (0.001, 1.0),
}
SHARES = {"leak": 0.1, "sensory": 0.5, "synapses": 0.4}  # of a neuron's conductance at half-open synapses


class LTC(LeakCell):
    """`units` a number for a dense network, or a Wiring; `memory`, or `tau` as (shortest, longest), in units of dt.

    epsilon: a conductance to zero that ncps adds (1e-8) so as not to divide by it; nothing here needs it.

    >>> wiring = tauflow.wirings.auto_ncp(inputs=3, units=16, outputs=2)
    >>> cell = tauflow.LTC(3, wiring)  # or tauflow.LTC(3, 16): everyone listens to everyone
    >>> y, h = cell.take(torch.randn(4, 3), torch.rand(4), cell.initial_state(batch=4))
    >>> y.shape, h.shape  # shown are the motor neurons
    (torch.Size([4, 2]), torch.Size([4, 16]))
    """

    name = "ltc"

    w: Tensor
    sigma: Tensor
    mu: Tensor
    erev: Tensor
    sensory_w: Tensor
    sensory_sigma: Tensor
    sensory_mu: Tensor
    sensory_erev: Tensor
    sparsity_mask: Tensor
    sensory_sparsity_mask: Tensor

    def __init__(
        self,
        inputs: int,
        units: int | Wiring,
        memory: float = 30.0,
        tau: float | tuple[float, float] | None = None,
        init: str = "memory",
        solver: str = "exponential_midpoint",
        substeps: int = 1,
        epsilon: float = 0.0,
    ) -> None:
        super().__init__()
        wiring = units if isinstance(units, Wiring) else wirings.dense(inputs, units)
        wiring.check_inputs(inputs)
        check_solver(solver, substeps)
        if init not in INITIALISATIONS:
            raise CellError(f"init is {init!r}, expected one of {', '.join(INITIALISATIONS)}")
        if not 0 < memory < float("inf"):
            raise CellError(f"memory is {memory!r}, expected a positive number of steps")
        self.inputs, self.wiring, self.init = wiring.inputs, wiring, init
        self.units, self.state_size, self.outputs = wiring.units, wiring.units, wiring.outputs
        self.initial_tau = (min(0.1, memory), memory) if tau is None else check_tau(tau)
        self.solver, self.substeps, self.epsilon = solver, substeps, epsilon
        for prefix, matrix in (("", wiring.synapses), ("sensory_", wiring.sensory)):
            for name in ("w", "sigma", "mu", "erev"):
                self.register_parameter(prefix + name, nn.Parameter(torch.empty(matrix.shape)))
            self.register_buffer(prefix + "sparsity_mask", torch.empty(matrix.shape))
        self.gleak = nn.Parameter(torch.empty(wiring.units))
        self.vleak = nn.Parameter(torch.empty(wiring.units))
        self.cm = nn.Parameter(torch.empty(wiring.units))
        self.input_w = nn.Parameter(torch.empty(wiring.inputs))
        self.input_b = nn.Parameter(torch.empty(wiring.inputs))
        self.output_w = nn.Parameter(torch.empty(wiring.outputs))
        self.output_b = nn.Parameter(torch.empty(wiring.outputs))
        self.reset_parameters()

    @drawn
    def reset_parameters(self) -> None:
        """As `remember` or `as_ncps` say; polarities come from the wiring, the affine maps are 1 x + 0."""
        for prefix, matrix in (("", self.wiring.synapses), ("sensory_", self.wiring.sensory)):
            polarity = torch.from_numpy(matrix.copy())
            getattr(self, prefix + "sparsity_mask").copy_(polarity.abs())
            getattr(self, prefix + "erev").copy_(polarity)
        for weight, bias in ((self.input_w, self.input_b), (self.output_w, self.output_b)):
            nn.init.ones_(weight)
            nn.init.zeros_(bias)
        INITIALISATIONS[self.init](self)

    def positive(self, raw: Tensor) -> Tensor:
        """The positive quantity behind a learned one; the floor is where softplus would round to zero."""
        return F.softplus(raw).clamp(min=SMALLEST)

    def sense(self, x: Tensor) -> Tensor:
        """The inputs as the sensory synapses see them, (batch, inputs)."""
        return x * self.input_w + self.input_b

    def project(self, x: Tensor) -> Tensor:
        """Current and conductance of the sensory synapses, which stand still during a step: (batch, 2 units)."""
        u = self.sense(x)[:, :, None]  # (batch, inputs, 1)
        open_ = torch.sigmoid(self.sensory_sigma * (u - self.sensory_mu))
        g = self.positive(self.sensory_w) * self.sensory_sparsity_mask * open_  # (batch, inputs, units)
        return torch.cat([(g * self.sensory_erev).sum(dim=1), g.sum(dim=1)], dim=1)

    def pull(self, u: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """(current, conductance) of leak and synapses, each (batch, units): cm dv/dt = current - conductance v."""
        sensory_current, sensory_conductance = u.chunk(2, dim=1)
        open_ = torch.sigmoid(self.sigma * (h[:, :, None] - self.mu))
        g = self.positive(self.w) * self.sparsity_mask * open_  # (batch, source, target)
        gleak = self.positive(self.gleak)
        current = gleak * self.vleak + (g * self.erev).sum(dim=1) + sensory_current
        return current, gleak + g.sum(dim=1) + sensory_conductance + self.epsilon

    def leak(self, u: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        current, conductance = self.pull(u, h)
        cm = self.positive(self.cm)
        return current / cm, conductance / cm

    def saturation(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        """Of a neuron's synapses, each as much as it conducts when it is open."""
        u, v = self.sense(x)[:, :, None], h[:, :, None]
        opening = torch.cat(
            [
                torch.sigmoid(self.sensory_sigma * (u - self.sensory_mu)),
                torch.sigmoid(self.sigma * (v - self.mu)),
            ],
            dim=1,
        )
        w = torch.cat(
            [self.positive(self.sensory_w) * self.sensory_sparsity_mask, self.positive(self.w) * self.sparsity_mask]
        )
        flat = 1 - 4 * opening * (1 - opening)  # (batch, source, target)
        return (flat * w).sum(dim=1) / w.sum(dim=0).clamp(min=SMALLEST)

    def output(self, h: Tensor) -> Tensor:
        return self.read(h[:, : self.outputs])

    def read(self, v: Tensor) -> Tensor:
        """What the motor neurons (batch, ..., outputs) show."""
        return v * self.output_w + self.output_b

    def hull(self) -> tuple[Tensor, Tensor] | None:
        if self.solver not in BOUNDED:
            return None
        low = high = self.vleak.detach()
        for erev, mask in ((self.erev, self.sparsity_mask), (self.sensory_erev, self.sensory_sparsity_mask)):
            low = torch.minimum(low, torch.where(mask > 0, erev.detach(), torch.inf).amin(dim=0))
            high = torch.maximum(high, torch.where(mask > 0, erev.detach(), -torch.inf).amax(dim=0))
        return (low.clamp(max=0), high.clamp(min=0)) if self.epsilon > 0 else (low, high)

    def time_constants(self) -> Tensor:
        """1/rate with every synapse half open."""
        with torch.no_grad():
            return self.positive(self.cm) / self.half_open()

    def half_open(self) -> Tensor:
        """Each neuron's conductance with every synapse half open, (units,)."""
        synapses = (self.positive(self.w) * self.sparsity_mask).sum(dim=0)
        sensory = (self.positive(self.sensory_w) * self.sensory_sparsity_mask).sum(dim=0)
        return self.positive(self.gleak) + (synapses + sensory) / 2


def remember(cell: LTC) -> None:
    """Scale by fan-in, so that a state's trace is about 1/e after `memory` steps, whatever the number of neurons.

    A disturbance of neuron j decays like exp(-t rate_j) while it feeds back through the synapses. mu is symmetric about
    zero, where standardised inputs and the states lie, so a synapse is half open on average, and with n_j synapses of
    mean weight 2 s / n_j their conductances add up to the share s, not to n_j. The shares of leak, sensory and other
    synapses add up to one, so rate_j = 1 / cm_j: cm_j = tau_j (the sum of the shares that neuron j has). The feedback,
    sum_i g_ij' (erev_ij - v_j) / cm_j with g' = w sigma s (1 - s), partly cancels since polarities are mixed, and is
    slower than the decay. tau is spread evenly in the logarithm within each layer, from a tenth of a step, so that some
    neurons follow the input, to `memory`: the slowest ones carry the trace, exp(-memory / tau) = 1/e.
    """
    for prefix, mask, share in (
        ("", cell.sparsity_mask, SHARES["synapses"]),
        ("sensory_", cell.sensory_sparsity_mask, SHARES["sensory"]),
    ):
        fan_in = mask.sum(dim=0).clamp(min=1)
        w = nn.init.uniform_(getattr(cell, prefix + "w"), 0.5, 1.5)
        w.copy_(inverse_softplus(w * 2 * share / fan_in))
        nn.init.uniform_(getattr(cell, prefix + "sigma"), 3.0, 8.0)
        nn.init.uniform_(getattr(cell, prefix + "mu"), -1.0, 1.0)
    cell.gleak.fill_(SHARES["leak"]).copy_(inverse_softplus(cell.gleak))
    nn.init.uniform_(cell.vleak, -0.2, 0.2)
    for layer in cell.wiring.layers:
        cell.cm[list(layer)] = spread_tau(cell.initial_tau, len(layer)).to(cell.cm)
    cell.cm.copy_(inverse_softplus(cell.cm * cell.half_open()))


def as_ncps(cell: LTC) -> None:
    """The ranges of ncps for what stands before the softplus, drawn in its order; the state forgets within a step."""
    for name, (low, high) in NCPS_RANGES.items():
        parameter = getattr(cell, name)
        parameter.copy_(torch.rand_like(parameter) * (high - low) + low)


def inverse_softplus(positive: Tensor) -> Tensor:
    """x with softplus(x) = positive."""
    return positive + torch.log(-torch.expm1(-positive))


INITIALISATIONS = {"memory": remember, "ncps": as_ncps}
