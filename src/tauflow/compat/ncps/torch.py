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

import numpy as np
import torch
from torch import Tensor, nn

from ...cells import cfc, ltc
from ...cells.base import Cell
from ...cells.mixed_memory import MixedMemory
from ...cells.wired_cfc import Connected, NcpsWiredCfC
from ...errors import ShapeError, TauflowError
from ...sequence import Recurrent
from ...wirings import Wiring
from .wirings import FullyConnected, as_wiring

State = Tensor | tuple[Tensor, Tensor]
MAPPINGS = {"affine": ("w", "b"), "linear": ("w",), None: ()}  # which parameters a mapping of inputs or outputs has


class ArgumentError(TauflowError, ValueError):
    """An argument that ncps does not know, or a combination that it refuses."""


class Sizes:
    """The sizes of a wired cell by the names of ncps."""

    inputs: int
    wired: Wiring

    @property
    def sensory_size(self) -> int:
        return self.inputs

    @property
    def motor_size(self) -> int:
        return self.wired.outputs

    @property
    def output_size(self) -> int:
        return self.wired.outputs

    @property
    def synapse_count(self) -> int:
        return self.wired.synapse_count

    @property
    def sensory_synapse_count(self) -> int:
        return self.wired.sensory_synapse_count


class LTCCell(Sizes, ltc.LTC):
    """One step: (inputs, states, elapsed_time) -> (outputs, states)."""

    name = ""

    def __init__(
        self,
        wiring: Any,
        in_features: int | None = None,
        input_mapping: str | None = "affine",
        output_mapping: str | None = "affine",
        ode_unfolds: int = 6,
        epsilon: float = 1e-8,
        implicit_param_constraints: bool = False,
    ) -> None:
        wired = build(wiring, in_features)
        super().__init__(
            wired.inputs, wired, init="ncps", solver="semi_implicit", substeps=ode_unfolds, epsilon=epsilon
        )
        self.wired = wired
        self.make_positive_fn = nn.Softplus() if implicit_param_constraints else nn.Identity()
        self._implicit_param_constraints = implicit_param_constraints
        self._wiring = wiring
        for side, mapping in (("input", input_mapping), ("output", output_mapping)):
            if mapping not in MAPPINGS:
                raise ArgumentError(f"{side}_mapping is {mapping!r}, expected 'affine', 'linear' or None")
            for letter in {"w", "b"}.difference(MAPPINGS[mapping]):
                setattr(self, f"{side}_{letter}", None)
        for name in LTC_ORDER:  # the order of ncps, by which an optimiser's state is saved; there masks are parameters
            value = getattr(self, name)
            delattr(self, name)
            fixed = name.endswith("sparsity_mask")
            self.register_parameter(name, nn.Parameter(value, requires_grad=False) if fixed else value)

    def positive(self, raw: Tensor) -> Tensor:
        positive: Tensor = self.make_positive_fn(raw)
        return positive

    def sense(self, x: Tensor) -> Tensor:
        return _map(x, self.input_w, self.input_b)

    def read(self, v: Tensor) -> Tensor:
        return _map(v, self.output_w, self.output_b)

    def same_as(self) -> type[Cell]:
        return ltc.LTC if self._implicit_param_constraints else type(self)

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        # The semi-implicit step without a division by cm, which explicit constraints can set to zero.
        u, cm, dt = self.project(x), self.positive(self.cm), dt[:, None] / self.substeps
        for _ in range(self.substeps):
            current, conductance = self.pull(u, h)
            h = h + dt * (current - conductance * h) / (cm + dt * conductance)
        return h

    def hull(self) -> tuple[Tensor, Tensor] | None:
        return super().hull() if self._implicit_param_constraints else None  # a negative w knows no bound

    def apply_weight_constraints(self) -> None:
        """Set negative w, sensory_w, cm and gleak to zero; nothing to do with implicit constraints."""
        if not self._implicit_param_constraints:
            with torch.no_grad():
                for parameter in (self.w, self.sensory_w, self.cm, self.gleak):
                    parameter.clamp_(min=0)

    def take(self, x: Tensor, dt: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        y, new = self(x, h, dt)  # the arguments of ncps, so that a subclass's own forward acts
        return y, new

    def forward(  # type: ignore[override]
        self, inputs: Tensor, states: Tensor, elapsed_time: Tensor | float = 1.0
    ) -> tuple[Tensor, Tensor]:
        new = self.step(inputs, _gaps(elapsed_time, inputs), states)
        return self.output(new), new


LTC_ORDER = (
    *("gleak", "vleak", "cm", "sigma", "mu", "w", "erev"),
    *("sensory_sigma", "sensory_mu", "sensory_w", "sensory_erev", "sparsity_mask", "sensory_sparsity_mask"),
    *("input_w", "input_b", "output_w", "output_b"),
)


class CfCCell(cfc.CfC):
    """One step: (input, hx, ts) -> (output, state), which are the same."""

    name = ""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        mode: str = "default",
        backbone_activation: str = "lecun_tanh",
        backbone_units: int = 128,
        backbone_layers: int = 1,
        backbone_dropout: float = 0.0,
        sparsity_mask: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, mode, backbone_layers, max(backbone_units, 1), backbone_activation)
        self.input_size, self.hidden_size = input_size, hidden_size
        self.sparsity_mask = None
        if sparsity_mask is not None:  # (inputs + units, units) as ncps takes it, transposed as it keeps it
            mask = torch.from_numpy(np.abs(np.asarray(sparsity_mask)).T.copy()).to(self.ff1.weight)
            self.sparsity_mask = nn.Parameter(mask, requires_grad=False)
            for name in ("w_tau", "A") if mode == "pure" else ():  # behind the mask, as in ncps
                value = getattr(self, name)
                delattr(self, name)
                self.register_parameter(name, value)
        if backbone_dropout > 0:
            layers = list(self.backbone)
            for i in range(len(layers), 2, -2):  # behind every activation but the first, and numbered so
                layers.insert(i, nn.Dropout(backbone_dropout))
            self.backbone = nn.Sequential(*layers)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Xavier for every matrix, w_tau and A among them; biases stay as torch drew them."""
        for parameter in self.parameters():
            if parameter.ndim == 2 and parameter.requires_grad:
                nn.init.xavier_uniform_(parameter)

    def same_as(self) -> type[Cell]:
        return cfc.CfC

    def mask(self, name: str) -> Tensor | None:
        return self.sparsity_mask if name in ("ff1", "ff2") else None

    def take(self, x: Tensor, dt: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        y, new = self(x, h, dt)  # the arguments of ncps, so that a subclass's own forward acts
        return y, new

    def forward(  # type: ignore[override]
        self,
        input: Tensor,  # noqa: A002
        hx: Tensor,
        ts: Tensor | float,
    ) -> tuple[Tensor, Tensor]:
        new = self.step(input, _gaps(ts, input), hx)
        return new, new


class WiredCfCCell(Sizes, NcpsWiredCfC):
    """One step: (input, hx, timespans) -> (output of the last layer, state)."""

    name = ""

    def __init__(self, input_size: int | None, wiring: Any, mode: str = "default") -> None:
        wired = build(wiring, input_size)
        super().__init__(wired.inputs, wired, mode)
        self.wired, self._wiring = wired, wiring
        self.layer_sizes = [len(layer) for layer in wired.layers]
        self.num_layers = len(wired.layers)

    def make_layer(self, inputs: int, units: int, mode: str, tau: Any) -> CfCCell:
        return CfCCell(inputs, units, mode, backbone_layers=0, sparsity_mask=np.ones((inputs + units, units)))

    def same_as(self) -> type[Cell]:
        return NcpsWiredCfC

    def mask_layer(self, layer: Any, below: Connected, within: Connected) -> None:
        layer.sparsity_mask.copy_(torch.from_numpy(np.concatenate([below, np.ones_like(within)]).T))

    def take(self, x: Tensor, dt: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        y, new = self(x, h, dt)  # the arguments of ncps, so that a subclass's own forward acts
        return y, new

    def forward(  # type: ignore[override]
        self,
        input: Tensor,  # noqa: A002
        hx: Tensor,
        timespans: Tensor | float,
    ) -> tuple[Tensor, Tensor]:
        new = self.step(input, _gaps(timespans, input), hx)
        return self.output(new), new


class LSTMCell(MixedMemory):
    """The memory in front of a cell; the cell itself is kept by the network, under rnn_cell."""

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        del self.cell
        object.__setattr__(self, "cell", cell)  # known, but not a submodule: its weights have one name

    def take(self, x: Tensor, dt: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h, c = self.remember(x, h)
        y, h = self.cell.take(x, dt, h)
        return y, torch.cat([h, c], dim=1)


class SequenceOfSteps(nn.Module):
    """What LTC and CfC share: the axes, the state and the time spans as ncps takes and returns them."""

    rnn_cell: Cell
    fc: nn.Module

    def __init__(self, input_size: int, cell: Cell, return_sequences: bool, batch_first: bool, mixed: bool) -> None:
        super().__init__()
        self.input_size, self.return_sequences, self.batch_first = input_size, return_sequences, batch_first
        self.rnn_cell, self.use_mixed = cell, mixed
        if mixed:
            self.lstm = LSTMCell(cell)

    @property
    def state_size(self) -> int:
        return self.rnn_cell.state_size

    @property
    def output_size(self) -> int:
        return self.rnn_cell.outputs

    def read_out(self, y: Tensor) -> Tensor:
        """What becomes of the cell's outputs."""
        return y

    def forward(
        self,
        input: Tensor,  # noqa: A002
        hx: State | None = None,
        timespans: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        batched, h = input.ndim == 3, self._state(hx, input.ndim == 3)
        x = input if batched else input[None]
        dt = timespans if batched or timespans is None else timespans[None]
        if batched and not self.batch_first:
            x, dt = x.transpose(0, 1), None if dt is None else dt.transpose(0, 1)
        if dt is not None and dt.ndim > 1 and dt.shape[0] == 1:
            dt = dt.expand(x.shape[0], *dt.shape[1:])
        y, h = Recurrent(self.lstm if self.use_mixed else self.rnn_cell, zero_dt="update")(x, dt, None, h)
        if not self.return_sequences:
            y = y[:, -1]
        elif batched and not self.batch_first:
            y = y.transpose(0, 1)
        y, parts = self.read_out(y), h.chunk(2 if self.use_mixed else 1, dim=1)
        if not batched:
            y, parts = y[0], tuple(part[0] for part in parts)
        return y, (parts[0], parts[1]) if self.use_mixed else parts[0]

    def _state(self, hx: State | None, batched: bool) -> Tensor | None:
        """hx as tauflow keeps it: one tensor (batch, state)."""
        if hx is None:
            return None
        if self.use_mixed and (isinstance(hx, Tensor) or len(hx) != 2):
            raise ArgumentError("with mixed_memory=True the state is a pair (h, c), but one tensor came")
        if not self.use_mixed and not isinstance(hx, Tensor):
            raise ArgumentError("without mixed memory the state is one tensor, but a pair came")
        parts = (hx,) if isinstance(hx, Tensor) else hx
        for part in parts:
            if part.ndim != 1 + batched:
                expected = "(batch, state)" if batched else "(state,), as the input has no batch axis"
                raise ShapeError(f"hx has shape {tuple(part.shape)}, expected {expected}")
        h = torch.cat(parts, dim=-1)
        return h if batched else h[None]


class LTC(SequenceOfSteps):
    """The arguments of `ncps.torch.LTC`; `units` a number or a wiring of this package, of ncps or of tauflow."""

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
    ) -> None:
        wiring = FullyConnected(units) if isinstance(units, int) else units
        cell = LTCCell(
            wiring, input_size, input_mapping, output_mapping, ode_unfolds, epsilon, implicit_param_constraints
        )
        super().__init__(input_size, cell, return_sequences, batch_first, mixed_memory)
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
    """The arguments of `ncps.torch.CfC`; `units` a number or a wiring of this package, of ncps or of tauflow."""

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
    ) -> None:
        cell: CfCCell | WiredCfCCell
        backbone = {
            "backbone_units": backbone_units,
            "backbone_layers": backbone_layers,
            "backbone_dropout": backbone_dropout,
        }
        given: dict[str, Any] = {name: value for name, value in backbone.items() if value is not None}
        if isinstance(units, int):
            cell = CfCCell(input_size, units, mode, activation, **given)
        elif given:
            raise ArgumentError(f"a wired CfC has no backbone, but {', '.join(given)} came")
        else:
            cell = WiredCfCCell(input_size, units, mode)
        super().__init__(input_size, cell, return_sequences, batch_first, mixed_memory)
        self.wiring_or_units, self.proj_size = units, proj_size
        self.fc = nn.Identity() if proj_size is None else nn.Linear(self.output_size, proj_size)

    def read_out(self, y: Tensor) -> Tensor:
        projected: Tensor = self.fc(y)
        return projected


def build(wiring: Any, inputs: int | None) -> Wiring:
    """tauflow's wiring for this number of inputs."""
    if inputs is not None and callable(ready := getattr(wiring, "build", None)):
        ready(inputs)
    return as_wiring(wiring)


def _map(values: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    values = values if weight is None else values * weight
    return values if bias is None else values + bias


def _gaps(elapsed: Tensor | float, x: Tensor) -> Tensor:
    """Time spans per sample, (batch,), from a number, (), (batch,) or (batch, 1)."""
    dt = torch.as_tensor(elapsed, dtype=x.dtype, device=x.device)
    if dt.shape not in ((), (1,), (1, 1), (x.shape[0],), (x.shape[0], 1)):
        raise ShapeError(f"time spans have shape {tuple(dt.shape)}, expected a number or ({x.shape[0]},)")
    return dt.reshape(-1).expand(x.shape[0])
