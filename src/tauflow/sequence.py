"""Cells over time: `Recurrent` runs one over a batch of sequences, `Stack` puts several on top of each other,
`Bidirectional` reads both ways.

    x (batch, time, inputs)    dt (batch, time) time since the previous real sample of that row
    y (batch, time, outputs)   mask (batch, time) True = real    state (batch, state)

A masked step and a gap of zero leave the state bit-identical. What stands under the mask, NaN included, changes
nothing. A row's numbers do not depend on the other rows of its batch.
"""

from __future__ import annotations

import copy
from typing import Literal

import torch
from torch import Tensor, nn

from . import ops, validate
from .cells import Cell
from .errors import ShapeError, StateOverflowError, TauflowError
from .ops import stream as streams


class Recurrent(nn.Module):
    """`Recurrent(cell)(x, dt, mask, state) -> (y, state)`; `step` gives the same numbers one sample at a time.

    backend: "auto" for the fastest that can, or one of `ops.BACKENDS`, which then runs or raises.
    zero_dt: what a cell that jumps even at dt = 0 (CfC, the static cells) does there: "hold" the state, or "update" it.
    """

    def __init__(self, cell: Cell, backend: str = "auto", zero_dt: Literal["hold", "update"] = "hold") -> None:
        super().__init__()
        if not isinstance(cell, Cell):
            raise TauflowError(f"Recurrent needs a cell, got {type(cell).__name__}: try Recurrent(tauflow.CfC(8, 32))")
        if zero_dt not in ("hold", "update"):
            raise TauflowError(f"zero_dt is {zero_dt!r}, expected 'hold' or 'update'")
        self.cell, self.backend, self.zero_dt = cell, backend, zero_dt

    @property
    def inputs(self) -> int:
        return self.cell.inputs

    @property
    def outputs(self) -> int:
        return self.cell.outputs

    @property
    def state_size(self) -> int:
        return self.cell.state_size

    def initial_state(self, batch: int) -> Tensor:
        """The state before the first sample, (batch, state)."""
        return self.cell.initial_state(batch)

    def forward(
        self,
        x: Tensor,
        dt: Tensor | float | None = None,
        mask: Tensor | None = None,
        state: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Outputs (batch, time, outputs) and the last state (batch, state).

        Raises ShapeError, DtypeError, TimeError (negative, NaN or infinite dt), NonFiniteError (NaN in an unmasked x)
        and StateOverflowError (an unbounded state left its number type); each names the sample and the step.
        """
        dtype = validate.parameter_dtype(self.cell)
        if x.ndim == 3:
            mask = validate.as_mask(mask, x.shape[0], x.shape[1])
        x = validate.as_input(x, self.cell.inputs, dtype, mask)
        dt = validate.as_gaps(dt, x, mask)
        h = validate.as_state(state, self.initial_state(x.shape[0]))
        with torch.autocast(x.device.type, enabled=False):
            y, h = ops.run(self.cell, x, dt, self._keep(dt, mask), h, self.backend)
        _refuse_overflow(y, h)
        return y, h

    def step(self, x: Tensor, dt: Tensor | float | None = None, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One sample: x (batch, inputs), dt (batch,) or a number -> y (batch, outputs) and the state (batch, state)."""
        if x.ndim != 2:
            raise ShapeError(f"x has shape {tuple(x.shape)}, expected (batch, inputs) for one step")
        if isinstance(dt, Tensor) and dt.ndim == 1:
            dt = dt[:, None]
        y, state = self.forward(x[:, None], dt, None, state)
        return y[:, 0], state

    def stream(self, backend: str | None = None) -> streams.Stream:
        """The network as it is now, run sample by sample: `y = stream(x, dt)`; see `ops.stream.Stream`.

        backend: that of the network unless given; "cpu" runs on the kernels or raises BackendError.
        """
        still = copy.deepcopy(self).eval()
        return streams.start(still, [still], backend)

    def _keep(self, dt: Tensor, mask: Tensor | None) -> Tensor | None:
        """Which steps move the state, (batch, time); None for all."""
        if mask is not None and validate.is_true(mask.all()):
            mask = None
        if self.cell.flow or self.zero_dt == "update":
            return mask
        moves = dt.detach() > 0
        if mask is None and validate.is_true(moves.all()):
            return None
        return moves if mask is None else mask & moves


class Stack(nn.Module):
    """Layers on top of each other: layer 2 reads the outputs of layer 1 at the same sample.

        dh1/dt = -h1/tau1 + sigma(W1 h1 + U1 x + b1),   dh2/dt = -h2/tau2 + sigma(W2 h2 + U2 h1 + b2)

    `Stack(CTRNN(3, 16), CTRNN(16, 8))`. The state is the layers' states side by side; the output is the last layer's.
    """

    def __init__(self, *layers: Cell | Recurrent) -> None:
        super().__init__()
        if not layers:
            raise TauflowError("Stack needs at least one layer: try Stack(tauflow.CTRNN(3, 16), tauflow.CTRNN(16, 8))")
        self.layers = nn.ModuleList(layer if isinstance(layer, Recurrent) else Recurrent(layer) for layer in layers)
        for number, (below, above) in enumerate(zip(self._layers(), self._layers()[1:], strict=False), start=2):
            if above.inputs != below.outputs:
                raise ShapeError(
                    f"layer {number} takes {above.inputs} inputs, but layer {number - 1} gives {below.outputs}"
                )
        self.inputs, self.outputs = self._layers()[0].inputs, self._layers()[-1].outputs
        self.state_size = sum(layer.state_size for layer in self._layers())

    def _layers(self) -> list[Recurrent]:
        return [layer for layer in self.layers if isinstance(layer, Recurrent)]

    def initial_state(self, batch: int) -> Tensor:
        """The state before the first sample, (batch, state)."""
        return torch.cat([layer.initial_state(batch) for layer in self._layers()], dim=1)

    def forward(
        self,
        x: Tensor,
        dt: Tensor | float | None = None,
        mask: Tensor | None = None,
        state: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As Recurrent."""
        validate.parameter_dtype(self)
        if x.ndim != 3:
            raise ShapeError(f"x has shape {tuple(x.shape)}, expected (batch, time, inputs)")
        h = validate.as_state(state, self.initial_state(x.shape[0]))
        states = []
        for layer, part in zip(
            self._layers(), h.split([layer.state_size for layer in self._layers()], dim=1), strict=True
        ):
            x, part = layer(x, dt, mask, part)
            states.append(part)
        return x, torch.cat(states, dim=1)

    def step(self, x: Tensor, dt: Tensor | float | None = None, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One sample, as Recurrent.step."""
        if x.ndim != 2:
            raise ShapeError(f"x has shape {tuple(x.shape)}, expected (batch, inputs) for one step")
        if isinstance(dt, Tensor) and dt.ndim == 1:
            dt = dt[:, None]
        y, state = self.forward(x[:, None], dt, None, state)
        return y[:, 0], state

    def stream(self, backend: str | None = None) -> streams.Stream:
        """As Recurrent; the state is the layers' states side by side."""
        still = copy.deepcopy(self).eval()
        return streams.start(still, still._layers(), backend)


class Bidirectional(nn.Module):
    """One cell reads forward in time, another backward: y is both outputs side by side, state both states.

    Backward, the gap before a sample is the time to the real sample that follows it; before the last one, which has
    none, it is the first sample's dt. Not causal, so there is no `step`.
    """

    def __init__(self, forward_cell: Cell, backward_cell: Cell, backend: str = "auto") -> None:
        super().__init__()
        self.ahead, self.back = Recurrent(forward_cell, backend), Recurrent(backward_cell, backend)
        if self.ahead.inputs != self.back.inputs:
            raise ShapeError(f"the cells take {self.ahead.inputs} and {self.back.inputs} inputs, expected the same")
        self.inputs, self.outputs = self.ahead.inputs, self.ahead.outputs + self.back.outputs
        self.state_size = self.ahead.state_size + self.back.state_size

    def initial_state(self, batch: int) -> Tensor:
        """Both states before the first sample, (batch, state)."""
        return torch.cat([self.ahead.initial_state(batch), self.back.initial_state(batch)], dim=1)

    def forward(
        self,
        x: Tensor,
        dt: Tensor | float | None = None,
        mask: Tensor | None = None,
        state: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As Recurrent; the state is [forward at the last sample, backward at the first]."""
        dtype = validate.parameter_dtype(self)
        if x.ndim == 3:
            mask = validate.as_mask(mask, x.shape[0], x.shape[1])
        x = validate.as_input(x, self.inputs, dtype, mask)
        dt = validate.as_gaps(dt, x, mask)
        h = validate.as_state(state, self.initial_state(x.shape[0]))
        ahead, back = h.split([self.ahead.state_size, self.back.state_size], dim=1)
        y, ahead = self.ahead(x, dt, mask, ahead)
        mirrored = None if mask is None else mask.flip(1)
        z, back = self.back(x.flip(1), _reversed_gaps(dt, mask), mirrored, back)
        return torch.cat([y, z.flip(1)], dim=2), torch.cat([ahead, back], dim=1)

    def step(self, x: Tensor, dt: Tensor | float | None = None, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        raise TauflowError("Bidirectional reads the future, so it has no step: stream a Recurrent instead")

    def stream(self, backend: str | None = None) -> streams.Stream:
        raise TauflowError("Bidirectional reads the future, so it can't stream: stream a Recurrent instead")


def _reversed_gaps(dt: Tensor, mask: Tensor | None) -> Tensor:
    """Gaps (batch, time) of the sequence read backward: each real sample gets the dt of the real sample after it."""
    batch, time = dt.shape
    if time == 0:
        return dt
    real = torch.ones_like(dt, dtype=torch.bool) if mask is None else mask
    position = torch.arange(time, device=dt.device).expand(batch, time)
    # seen[:, i] = where the last real sample among the reversed ones 0..i stands in reversed order, -1 for none
    seen = torch.where(real.flip(1), position, -1).cummax(dim=1).values
    before = torch.cat([torch.full_like(seen[:, :1], -1), seen[:, :-1]], dim=1)
    first = torch.where(real, position, time - 1).amin(dim=1, keepdim=True)  # where the first real sample stands
    gaps = dt.flip(1).gather(1, before.clamp(min=0))
    return torch.where(before >= 0, gaps, dt.gather(1, first))


def _refuse_overflow(y: Tensor, h: Tensor) -> None:
    if validate.is_true(torch.maximum(validate.largest(y), validate.largest(h)) < float("inf")):
        return
    if not validate.is_true(~torch.isfinite(y.detach()).all() | ~torch.isfinite(h.detach()).all()):
        return  # values can't be looked at here
    bad = (~torch.isfinite(y)).any(dim=2).nonzero()
    row, step = (
        bad[bad[:, 1].argmin()].tolist()
        if len(bad)
        else (int((~torch.isfinite(h)).any(dim=1).nonzero()[0, 0]), y.shape[1] - 1)
    )
    raise StateOverflowError(
        f"the state of sample {row} left the range of {y.dtype} at step {step}: an unbounded activation whose "
        "recurrent weights are too large for its time constants (see tauflow.certify); try activation='tanh', or smaller weights"
    )
