"""The step cells of `ncps.torch`: LTCCell, CfCCell, WiredCfCCell, and the LSTMCell in front of them with mixed memory.

`forward` is that of ncps, (inputs, state, time span) -> (output, state), and runs `step`, tauflow's arithmetic. A kernel answers
for exactly these classes with nothing replaced: what a subclass or an instance overrides runs instead of it.
"""

from __future__ import annotations

from operator import index
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...cells import cfc, ltc
from ...cells.base import Cell, drawn
from ...cells.wired_cfc import Connected, NcpsWiredCfC
from ...errors import ShapeError, TauflowError
from ...wirings import Wiring
from .wirings import as_wiring

MAPPINGS = {"affine": ("w", "b"), "linear": ("w",), None: ()}  # which parameters a mapping of inputs or outputs has


class ArgumentError(TauflowError, ValueError):
    """An argument that ncps does not know, or a combination that it refuses."""


def untouched(cell: Cell, kind: type[Cell]) -> bool:
    """Whether the cell is of exactly this class, and no method was replaced on the instance: then a kernel may answer for it."""
    return type(cell) is kind and not any(callable(getattr(kind, name, None)) for name in vars(cell))


def whole(value: Any, name: str) -> int:
    """A size as Python's int, from whatever counts as one (NumPy's integers do)."""
    try:
        if not isinstance(value, bool):
            return index(value)
    except TypeError:
        pass
    raise ArgumentError(f"{name} is {value!r}, expected a whole number >= 1")


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
    """One step: (inputs, states, elapsed_time) -> (outputs, states).

    >>> from tauflow.compat.ncps import AutoNCP, LTCCell
    >>> cell = LTCCell(AutoNCP(units=16, output_size=2), in_features=3)
    >>> output, state = cell(torch.randn(4, 3), torch.zeros(4, 16), elapsed_time=0.5)
    >>> output.shape, state.shape
    (torch.Size([4, 2]), torch.Size([4, 16]))
    """

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
        wired, unfolds = build(wiring, in_features), whole(ode_unfolds, "ode_unfolds")
        super().__init__(wired.inputs, wired, init="ncps", solver="semi_implicit", substeps=unfolds, epsilon=epsilon)
        self.wired = wired
        self.make_positive_fn = nn.Softplus() if implicit_param_constraints else nn.Identity()
        self._implicit_param_constraints = implicit_param_constraints
        self._wiring, self._input_mapping, self._output_mapping = wiring, input_mapping, output_mapping
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
        return ltc.LTC if self._implicit_param_constraints and untouched(self, LTCCell) else type(self)

    @property
    def _ode_unfolds(self) -> int:
        return self.substeps

    @_ode_unfolds.setter
    def _ode_unfolds(self, unfolds: Any) -> None:
        self.substeps = whole(unfolds, "_ode_unfolds")

    @property
    def _epsilon(self) -> float:
        return self.epsilon

    @_epsilon.setter
    def _epsilon(self, epsilon: float) -> None:
        self.epsilon = epsilon

    @property
    def _params(self) -> MappingProxyType[str, nn.Parameter]:
        """The parameters by name, to look at; one is replaced by setting the attribute of that name."""
        return MappingProxyType({name: value for name, value in self._parameters.items() if value is not None})

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
        return took(self, x, dt, h)

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
    """One step: (input, hx, ts) -> (output, state), which are the same.

    >>> from tauflow.compat.ncps import CfCCell
    >>> output, state = CfCCell(input_size=3, hidden_size=8)(torch.randn(4, 3), torch.zeros(4, 8), ts=0.5)
    >>> output.shape, output is state
    (torch.Size([4, 8]), True)
    """

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
        input_size, hidden_size = whole(input_size, "input_size"), whole(hidden_size, "hidden_size")
        depth, width = whole(backbone_layers, "backbone_layers"), max(whole(backbone_units, "backbone_units"), 1)
        super().__init__(input_size, hidden_size, mode, depth, width, backbone_activation)
        self.input_size, self.hidden_size, self.backbone_layers = input_size, hidden_size, depth
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

    def init_weights(self) -> None:
        """The same by the name of ncps."""
        self.reset_parameters()

    @drawn
    def reset_parameters(self) -> None:
        """Xavier for every matrix, w_tau and A among them; biases stay as torch drew them."""
        for parameter in self.parameters():
            if parameter.ndim == 2 and parameter.requires_grad:
                nn.init.xavier_uniform_(parameter)

    def same_as(self) -> type[Cell]:
        return cfc.CfC if untouched(self, CfCCell) else type(self)

    def mask(self, name: str) -> Tensor | None:
        return self.sparsity_mask if name in ("ff1", "ff2") else None

    def take(self, x: Tensor, dt: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return took(self, x, dt, h)

    def forward(  # type: ignore[override]
        self,
        input: Tensor,  # noqa: A002
        hx: Tensor,
        ts: Tensor | float,
    ) -> tuple[Tensor, Tensor]:
        new = self.step(input, _gaps(ts, input), hx)
        return new, new


class WiredCfCCell(Sizes, NcpsWiredCfC):
    """One step: (input, hx, timespans) -> (output of the last layer, state).

    >>> from tauflow.compat.ncps import AutoNCP, WiredCfCCell
    >>> cell = WiredCfCCell(input_size=3, wiring=AutoNCP(units=16, output_size=2))
    >>> output, state = cell(torch.randn(4, 3), torch.zeros(4, 16), timespans=0.5)
    >>> output.shape, state.shape, cell.layer_sizes
    (torch.Size([4, 2]), torch.Size([4, 16]), [9, 5, 2])
    """

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
        own = untouched(self, WiredCfCCell) and all(untouched(layer, CfCCell) for layer in self.layers())
        return NcpsWiredCfC if own else type(self)

    def layers(self) -> list[Any]:
        return [getattr(self, f"layer_{number}") for number in range(len(self.plan.layers))]

    @property
    def _layers(self) -> tuple[Any, ...]:
        """layer_0, layer_1, ..., to look at; one is replaced by setting the attribute of that name."""
        return tuple(self.layers())

    def advance(self, x: Tensor, dt: Tensor, states: list[Tensor]) -> list[Tensor]:
        news: list[Tensor] = []
        for layer, h in zip(self.layers(), states, strict=True):
            x, _ = took(layer, x, dt, h)  # its forward, which may be a user's
            news.append(x)
        return news

    def mask_layer(self, layer: Any, below: Connected, within: Connected) -> None:
        layer.sparsity_mask.copy_(torch.from_numpy(np.concatenate([below, np.ones_like(within)]).T))

    def take(self, x: Tensor, dt: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return took(self, x, dt, h)

    def forward(  # type: ignore[override]
        self,
        input: Tensor,  # noqa: A002
        hx: Tensor,
        timespans: Tensor | float,
    ) -> tuple[Tensor, Tensor]:
        new = self.step(input, _gaps(timespans, input), hx)
        return self.output(new), new


class LSTMCell(nn.Module):
    """The memory in front of a cell: (input, (h, c)) -> (h, c), the equations of cells/mixed_memory.py."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.input_map = nn.Linear(input_size, 4 * hidden_size)
        self.recurrent_map = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.init_weights()

    def init_weights(self) -> None:
        nn.init.xavier_uniform_(self.input_map.weight)
        nn.init.uniform_(self.input_map.bias, -0.1, 0.1)
        nn.init.orthogonal_(self.recurrent_map.weight)

    def forward(self, inputs: Tensor, states: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = states
        i, ig, fg, og = (self.input_map(inputs) + self.recurrent_map(h)).chunk(4, dim=1)
        c = c * torch.sigmoid(fg + 1) + torch.tanh(i) * torch.sigmoid(ig)
        return torch.tanh(c) * torch.sigmoid(og), c


def build(wiring: Any, inputs: int | None) -> Wiring:
    """tauflow's wiring for this number of inputs."""
    if not isinstance(wiring, Wiring) and not hasattr(wiring, "is_built"):
        raise ArgumentError(f"the wiring is {wiring!r}, expected one of this package, of ncps or of tauflow")
    if isinstance(wiring, Wiring) and inputs is not None:
        wiring.check_inputs(whole(inputs, "input_size"))
    elif inputs is not None:
        wiring.build(whole(inputs, "input_size"))
    return as_wiring(wiring)


def _map(values: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    values = values if weight is None else values * weight
    return values if bias is None else values + bias


def took(cell: nn.Module, x: Tensor, dt: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """(y, new state) by the cell's own forward, which has the arguments of ncps."""
    y, new = cell(x, h, dt[:, None])
    return y, new


def _gaps(elapsed: Tensor | float, x: Tensor) -> Tensor:
    """Time spans per sample, (batch,), from a number, (), (batch,) or (batch, 1)."""
    dt = torch.as_tensor(elapsed, dtype=x.dtype, device=x.device)
    if dt.shape not in ((), (1,), (1, 1), (x.shape[0],), (x.shape[0], 1)):
        raise ShapeError(f"time spans have shape {tuple(dt.shape)}, expected a number or ({x.shape[0]},)")
    return dt.reshape(-1).expand(x.shape[0])
