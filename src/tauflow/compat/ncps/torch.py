"""LTC and CfC with the arguments, returns and state-dict keys of `ncps.torch`, computed by tauflow's cells.

    output, hx = LTC(input_size, units)(input, hx=None, timespans=None)

    input (batch, time, features), (time, batch, features) if batch_first=False, or (time, features)
    timespans (batch, time), (batch, time, 1), (1, time) for all samples, or (time,) without a batch
    hx (batch, state), a pair (h, c) with mixed_memory, without the batch axis if the input has none

An LTC takes `ode_unfolds` semi-implicit steps, see cells/ltc.py. With explicit constraints, that is with
implicit_param_constraints=False, call `apply_weight_constraints()` after each step of the optimiser. As in ncps, a
CfC's dropout follows its second and later backbone layers, not the first; tauflow.CfC drops behind every layer.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ... import ops, validate
from ... import wirings as native
from ...cells.base import Cell
from ...errors import BackendError, ShapeError
from ...sequence import Recurrent, refuse_overflow, wide
from ...validate import packed
from .cells import ArgumentError, CfCCell, LSTMCell, LTCCell, WiredCfCCell, whole
from .wirings import FullyConnected

__all__ = ["LTC", "CfC", "CfCCell", "LTCCell", "WiredCfCCell"]

State = Tensor | tuple[Tensor, Tensor]


class StateKindError(ArgumentError, RuntimeError):
    """A pair where one state belongs, or one state for a pair; ncps raises RuntimeError."""


class StateShapeError(ShapeError, RuntimeError):
    """A state with or without a batch axis where the input says otherwise; ncps raises RuntimeError."""


class SequenceOfSteps(nn.Module):
    """What LTC and CfC share: the axes, the state and the time spans as ncps takes and returns them.

    A kernel runs the cell where it can; otherwise its own forward is called once a sample, as ncps does.
    """

    rnn_cell: Cell
    fc: nn.Module

    def __init__(
        self, input_size: int, cell: Cell, return_sequences: bool, batch_first: bool, mixed: bool, backend: str
    ) -> None:
        super().__init__()
        self.input_size, self.return_sequences, self.batch_first = input_size, return_sequences, batch_first
        self.rnn_cell, self.use_mixed, self.backend = cell, mixed, backend
        self.state_size, self.output_size, self._features = cell.state_size, cell.outputs, cell.inputs
        self._check_backend()
        if mixed:
            self.lstm = LSTMCell(cell.inputs, cell.state_size)

    def read_out(self, y: Tensor) -> Tensor:
        """What becomes of the cell's outputs."""
        return y

    def forward(
        self,
        input: Any,  # noqa: A002
        hx: Any = None,
        timespans: Any = None,
    ) -> tuple[Tensor, State]:
        if isinstance(input, PackedSequence):
            return self._packed(input, hx, timespans)
        x = validate.as_tensor(input, "input", validate.parameter_dtype(self))
        if x.ndim not in (2, 3):
            expected = "(batch, time, features)" if self.batch_first else "(time, batch, features)"
            raise ShapeError(f"input has shape {tuple(x.shape)}, expected {expected}, or (time, features)")
        batched = x.ndim == 3
        h, dt = self._state(hx, batched), self._spans(timespans, x, batched)
        x = x[None] if not batched else x if self.batch_first else x.transpose(0, 1)
        if dt is not None and dt.ndim > 1 and dt.shape[0] == 1:
            dt = dt.expand(x.shape[0], *dt.shape[1:])
        y, h = self._run(x, dt, None, h)
        if not self.return_sequences:
            y = self._last(y, torch.full((len(y),), y.shape[1] - 1, device=y.device))
        elif batched and not self.batch_first:
            y = y.transpose(0, 1)
        y = self.read_out(y)
        return (y, self._pair(h)) if batched else (y[0], self._pair(h, 0))

    def _packed(self, input: PackedSequence, hx: Any, timespans: Any) -> tuple[Any, State]:  # noqa: A002
        """Rows of different lengths, as nn.LSTM takes them; time spans are packed too, or padded."""
        dt = timespans if isinstance(timespans, PackedSequence) else self._spans(timespans, input.data, True)
        x, dt, mask = packed.unpack(input, dt)
        y, h = self._run(x, dt, mask, self._state(hx, True))
        if not self.return_sequences:
            return self.read_out(self._last(y, mask.sum(dim=1) - 1)), self._pair(h)
        return packed.pack_like(input, self.read_out(y)), self._pair(h)

    def _run(self, x: Tensor, dt: Tensor | None, mask: Tensor | None, h: Tensor | None) -> tuple[Tensor, Tensor]:
        """(y, state) of x (batch, time, features), the state in one tensor."""
        self._check_backend()
        reason = "mixed memory runs step by step" if self.use_mixed else None
        if reason is None and self.backend != "reference":
            own = isinstance(self.rnn_cell, Cell)
            reason = ops.why_not("cpu", self.rnn_cell) if own else f"rnn_cell is a {type(self.rnn_cell).__name__}"
            if reason is None:
                return Recurrent(self.rnn_cell, "cpu", zero_dt="update").forward(x, dt, mask, h)
        if self.backend == "cpu":
            raise BackendError(f"backend 'cpu' can't run this: {reason}; try backend='auto' or 'reference'")
        return self._step_by_step(x, dt, mask, h)

    def _step_by_step(
        self, x: Tensor, dt: Tensor | None, mask: Tensor | None, h: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        size, dtype = self.state_size * (2 if self.use_mixed else 1), validate.parameter_dtype(self)
        x, mask = validate.as_input(x, self._features, dtype, mask)
        gaps, ys = validate.as_gaps(dt, x, mask), []
        h = validate.as_state(h, x.new_zeros(x.shape[0], size))
        with wide(x):
            for t in range(x.shape[1]):
                states = h.chunk(2, dim=1) if self.use_mixed else (h,)
                states = self.lstm(x[:, t], states) if self.use_mixed else states
                y, after = self.rnn_cell(x[:, t], states[0], 1.0 if dt is None else gaps[:, t, None])
                new = torch.cat([after, *states[1:]], dim=1)
                h = new if mask is None else torch.where(mask[:, t, None], new, h)
                ys.append(y)
            y = torch.stack(ys, dim=1) if ys else x.new_empty(x.shape[0], 0, self.output_size)
        refuse_overflow(y, h, self)
        return y, h

    def _last(self, y: Tensor, where: Tensor) -> Tensor:
        """The output at one step of each row, (batch, outputs)."""
        if y.shape[1] == 0:
            raise ShapeError("input has no time step, so there is no last output: return_sequences=True gives none")
        return y[torch.arange(len(y), device=y.device), where]

    def _spans(self, timespans: Any, x: Tensor, batched: bool) -> Tensor | None:
        """Time spans with the batch first; (time,) and a number are for all samples."""
        if timespans is None:
            return None
        dt = validate.as_tensor(timespans, "timespans", x.dtype, x.device)
        if not isinstance(timespans, Tensor):
            dt = dt.to(x.dtype)
        if not batched:
            return dt[None] if dt.ndim > 0 else dt
        return dt if self.batch_first or dt.ndim < 2 else dt.transpose(0, 1)

    def _pair(self, h: Tensor, row: int | None = None) -> State:
        """The state as ncps returns it."""
        parts = h.chunk(2 if self.use_mixed else 1, dim=1)
        if row is not None:
            parts = tuple(part[row] for part in parts)
        return (parts[0], parts[1]) if self.use_mixed else parts[0]

    def _state(self, hx: Any, batched: bool) -> Tensor | None:
        """hx as tauflow keeps it: one tensor (batch, state)."""
        if hx is None:
            return None
        pair = isinstance(hx, (tuple, list)) and not isinstance(hx[0], (int, float))
        if self.use_mixed and not (pair and len(hx) == 2):
            raise StateKindError("with mixed_memory=True the state is a pair (h, c), but one tensor came")
        if not self.use_mixed and pair and any(isinstance(part, Tensor) for part in hx):
            raise StateKindError("without mixed memory the state is one tensor, but a pair came")
        dtype = validate.parameter_dtype(self)
        parts = [validate.as_tensor(part, "hx", dtype) for part in (hx if self.use_mixed else (hx,))]
        for part in parts:
            if part.ndim != 1 + batched:
                expected = "(batch, state)" if batched else "(state,), as the input has no batch axis"
                raise StateShapeError(f"hx has shape {tuple(part.shape)}, expected {expected}")
        h = torch.cat(parts, dim=-1)
        return h if batched else h[None]

    def _check_backend(self) -> None:
        if self.backend not in ("auto", "cpu", "reference"):
            raise BackendError(f"no backend is called {self.backend!r} here; there are auto, cpu, reference")


class LTC(SequenceOfSteps):
    """The arguments of `ncps.torch.LTC`; `units` a number or a wiring of this package, of ncps or of tauflow.

    >>> from tauflow.compat.ncps import LTC, AutoNCP
    >>> network = LTC(3, AutoNCP(units=16, output_size=2))
    >>> output, hx = network(torch.randn(4, 20, 3), timespans=torch.rand(4, 20))
    >>> output.shape, hx.shape
    (torch.Size([4, 20, 2]), torch.Size([4, 16]))
    """

    rnn_cell: LTCCell

    def __init__(
        self,
        input_size: int,
        units: Any,
        return_sequences: bool = True,
        batch_first: bool = True,
        mixed_memory: bool = False,
        input_mapping: str | None = "affine",
        output_mapping: str | None = "affine",
        ode_unfolds: int = 6,
        epsilon: float = 1e-8,
        implicit_param_constraints: bool = True,
        *,
        backend: str = "auto",
    ) -> None:
        wiring = units if is_wiring(units) else FullyConnected(whole(units, "units"))
        cell = LTCCell(
            wiring, input_size, input_mapping, output_mapping, ode_unfolds, epsilon, implicit_param_constraints
        )
        super().__init__(input_size, cell, return_sequences, batch_first, mixed_memory, backend)
        self.wiring_or_units, self._wiring = units, wiring

    @property
    def sensory_size(self) -> int:
        return self.rnn_cell.sensory_size

    @property
    def motor_size(self) -> int:
        return self.rnn_cell.motor_size

    @property
    def synapse_count(self) -> int:
        return self.rnn_cell.synapse_count

    @property
    def sensory_synapse_count(self) -> int:
        return self.rnn_cell.sensory_synapse_count


class CfC(SequenceOfSteps):
    """The arguments of `ncps.torch.CfC`; `units` a number or a wiring of this package, of ncps or of tauflow.

    >>> from tauflow.compat.ncps import CfC
    >>> output, hx = CfC(3, 16, proj_size=2, return_sequences=False)(torch.randn(4, 20, 3))
    >>> output.shape, hx.shape
    (torch.Size([4, 2]), torch.Size([4, 16]))
    >>> output, (h, c) = CfC(3, 16, mixed_memory=True)(torch.randn(4, 20, 3))  # an LSTM in front: the state is a pair
    """

    def __init__(
        self,
        input_size: int,
        units: Any,
        proj_size: int | None = None,
        return_sequences: bool = True,
        batch_first: bool = True,
        mixed_memory: bool = False,
        mode: str = "default",
        activation: str = "lecun_tanh",
        backbone_units: int | None = None,
        backbone_layers: int | None = None,
        backbone_dropout: float | None = None,
        *,
        backend: str = "auto",
    ) -> None:
        cell: CfCCell | WiredCfCCell
        backbone = {
            "backbone_units": backbone_units,
            "backbone_layers": backbone_layers,
            "backbone_dropout": backbone_dropout,
        }
        given: dict[str, Any] = {name: value for name, value in backbone.items() if value is not None}
        if not is_wiring(units):
            cell = CfCCell(input_size, whole(units, "units"), mode, activation, **given)
        elif given:
            raise ArgumentError(f"a wired CfC has no backbone, but {', '.join(given)} came")
        else:
            cell = WiredCfCCell(input_size, units, mode)
        super().__init__(input_size, cell, return_sequences, batch_first, mixed_memory, backend)
        self.wired_mode = is_wiring(units)
        if self.wired_mode:
            self.wiring = units
        self.wiring_or_units, self.proj_size = units, proj_size
        self.fc = nn.Identity() if proj_size is None else nn.Linear(self.output_size, whole(proj_size, "proj_size"))

    def read_out(self, y: Tensor) -> Tensor:
        projected: Tensor = self.fc(y)
        return projected


def is_wiring(units: Any) -> bool:
    """Whether this is a wiring of this package, of ncps or of tauflow, and not a number of units."""
    return isinstance(units, native.Wiring) or hasattr(units, "is_built")
