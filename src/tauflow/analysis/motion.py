"""A model as a map of its state, in float64: what every analysis here looks at.

    h_t = step(u_t, dt_t, h_(t-1))          J_t = d h_t / d h_(t-1)          dh/dt = flow(u, h) of leaks

    u (time, width)   what the core reads: the input itself, or what a Network's scale, missing, waves and encoder make of it
    dt (time,)        in the core's own unit; a Network counts in periods
    h (state,)        the core's states, layer beside layer

It works on a copy: the model that it is given stays as it is. What Missing carries and what a pool keeps is no part of h.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

from .. import validate
from ..cells import Cell, LeakCell
from ..errors import ShapeError
from ..network import Network
from ..network import core as cores
from ..ops.record import states_of
from ..sequence import Recurrent, copy_of
from . import jacobians
from .proof.certificate import AnalysisError

HELD = 2**20  # numbers of a run that are kept at once
MOST = 2**24  # numbers of a block of Jacobians with what they are made of


@dataclass(frozen=True, eq=False)
class Row:
    """The real samples of one row: u (time, width), dt (time,) in the core's unit, gaps (time,) in the user's."""

    u: Tensor
    dt: Tensor
    gaps: Tensor


class Motion:
    """`Motion(model)` of a Network, a Recurrent, a Stack of cells or a cell.

    >>> motion = tauflow.analysis.Motion(tauflow.CTRNN(1, 2))
    >>> row = motion.read(torch.zeros(5, 1), dt=0.5)  # a Row
    >>> tuple(motion.states(row).shape)
    (5, 2)
    """

    def __init__(self, model: nn.Module) -> None:
        given = Recurrent(model) if isinstance(model, Cell) else model
        self.model = copy_of(given).double().eval().requires_grad_(False)
        self.network = self.model if isinstance(self.model, Network) else None
        self.period = 1.0 if self.network is None else float(self.network.period)
        layers = cores.layers_of(self.model if self.network is None else self.network.core)
        if layers is None:
            raise AnalysisError(
                f"a {type(given if self.network is None else self.network.core).__name__} has no single state that a sample "
                "moves on: give a Network, a Recurrent, a Stack of cells, or a cell"
            )
        self.layers = layers
        self.sizes = [layer.state_size for layer in layers]
        self.state_size = sum(self.sizes)

    @property
    def leaks(self) -> list[LeakCell] | None:
        """The cells, if each of them is a leak."""
        found = [layer.cell for layer in self.layers if isinstance(layer.cell, LeakCell)]
        return found if len(found) == len(self.layers) else None

    def initial_state(self) -> Tensor:
        """The state before the first sample, (state,)."""
        return torch.cat([layer.initial_state(1)[0] for layer in self.layers])

    @torch.no_grad()
    def read(self, x: Any, dt: Any = None, mask: Any = None) -> Row:
        """One row of data, x (time, inputs), dt (time,) or a number, mask (time,), as the core reads it."""
        x = torch.as_tensor(x).double()
        if x.ndim != 2:
            raise ShapeError(f"x has shape {tuple(x.shape)}, expected one row of data, (time, inputs)")
        if dt is not None and not isinstance(dt, (int, float)):
            dt = torch.as_tensor(dt).double()[None]
        real = None if mask is None else torch.as_tensor(mask)[None]
        if self.network is None:
            u, real = validate.as_input(x[None], self.layers[0].inputs, torch.float64, real)
            t = validate.as_gaps(dt, u, real, None)
        else:
            checked, t, real = self.network._checked(x[None], dt, real)
            u, _ = self.network.encode(checked, t, real, checked.new_zeros(1, self.network.sizes[0]))
        if real is not None:
            u, t = u[real][None], t[real][None]
        return Row(u[0], t[0], t[0] * self.period)

    def step(self, u: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        """One sample: u (batch, width), dt (batch,), h (batch, state) -> (batch, state)."""
        found = []
        for layer, before in zip(self.layers, h.split(self.sizes, dim=1), strict=True):
            after = layer.cell.step(u, dt, before)
            if not layer.cell.flow and layer.zero_dt == "hold":
                after = torch.where(dt[:, None] > 0, after, before)
            found.append(after)
            u = layer.cell.output(after)
        return torch.cat(found, dim=1)

    def flow(self, u: Tensor, h: Tensor) -> Tensor:
        """dh/dt of leaks in the core's unit of time, (batch, state)."""
        if self.leaks is None:
            raise AnalysisError(
                "dh/dt is that of leaks (CTRNN, LTC, GatedLTC, GRUODE); this core has a cell without one"
            )
        found = []
        for cell, state in zip(self.leaks, h.split(self.sizes, dim=1), strict=True):
            drive, rate = cell.leak(cell.project(u), state)
            found.append(drive - rate * state)
            u = cell.output(state)
        return torch.cat(found, dim=1)

    @torch.no_grad()
    def states(self, row: Row, first: Tensor | None = None) -> Tensor:
        """The states after every sample of a row, (time, state)."""
        h, below, found = self.initial_state() if first is None else first, row.u[None], []
        for layer, part in zip(self.layers, h[None].split(self.sizes, dim=1), strict=True):
            states = states_of(layer, below, row.dt[None], None, part)
            found.append(states[0])
            below = layer.cell.output(states[0])[None]
        return torch.cat(found, dim=1)

    @torch.no_grad()
    def held(self, u: Tensor, dt: Tensor, h: Tensor, steps: int) -> Tensor:
        """The states after so many steps of an input that stands still: u (batch, width), dt (batch,), h (batch, state)."""
        while steps > 0:
            some = min(steps, max(1, HELD // h.numel()))
            below, parts, ends = u[:, None].expand(-1, some, -1), h.split(self.sizes, dim=1), list[Tensor]()
            t = dt[:, None].expand(-1, some)
            for layer, part in zip(self.layers, parts, strict=True):
                states = states_of(layer, below, t, None, part)
                ends.append(states[:, -1])
                below = layer.cell.output(states.flatten(0, 1)).unflatten(0, states.shape[:2])
            h, steps = torch.cat(ends, dim=1), steps - some
        return h

    def jacobians(self, u: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        """d step / d h at each sample, (batch, state, state): by the cell's equation, or by automatic differentiation."""
        if len(self.layers) == 1 and jacobians.known(self.layers[0].cell):
            found = jacobians.step_jacobian(self.layers[0].cell, u, dt, h)
            if found is not None:
                return found
        return derivative(lambda v, t, s: self.step(v[None], t[None], s[None])[0], u, dt, h)

    def flow_jacobians(self, u: Tensor, h: Tensor) -> Tensor:
        """d flow / d h at each sample, (batch, state, state)."""
        if len(self.layers) == 1 and jacobians.known(self.layers[0].cell):
            return jacobians.flow_jacobian(self.layers[0].cell, u, h)
        return derivative(lambda v, s: self.flow(v[None], s[None])[0], u, h)


def derivative(function: Callable[..., Tensor], *arguments: Tensor) -> Tensor:
    """By the last argument, sample by sample, in blocks that fit into memory: (batch, n, n)."""
    size = arguments[-1].shape[1]
    many = max(4, min(512, MOST // size**3))
    by_state = vmap(jacrev(function, argnums=len(arguments) - 1))
    blocks = zip(*(argument.split(many) for argument in arguments), strict=True)
    return torch.cat([by_state(*block).detach() for block in blocks])
