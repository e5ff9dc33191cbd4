"""The C++ kernels: a cell over a whole sequence in one call, forward and backward through time.

What stands here is which cells they know, and what each kernel reads of its cell; door.py says whether the cell still
is what its class makes of it, operator.py makes torch operators of the kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..cells import Cell
from ..cells.cfc import CfC, Nonlinearity
from ..cells.ctrnn import CTRNN
from ..cells.gated_ltc import GatedLTC
from ..cells.gruode import GRUODE
from ..cells.ltc import LTC
from ..cells.made import one_thread_after_a_fork
from ..cells.wired_cfc import LayeredCfC, NcpsWiredCfC, WiredCfC
from ..errors import BackendError
from . import door
from .operator import Operator, Options, Shapes, Weights, fits, unfit_sequence

ACTIVATIONS = ("tanh", "sigmoid", "relu", "lecun_tanh", "identity")
CFC_HEADS = ("ff1", "ff2", "time_a", "time_b")
CFC_MODES = ("default", "no_gate", "pure")
SOLVERS = ("exponential", "semi_implicit", "euler")
LTC_SOLVERS = (*SOLVERS, "exponential_midpoint")


class Call(NamedTuple):
    """One call of a kernel: all that it reads beside the sequence and the state. A layered cell is several calls."""

    operator: Operator
    weights: Weights
    options: Options
    inputs: int
    units: int
    outputs: int  # the first ones of the units

    def __call__(self, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.operator(x, dt, keep, h, self.weights, self.options, 0, self.outputs)

    def unfit(self) -> str | None:
        """Which address would not be what the kernel takes it for, or None."""
        return self.operator.unfit(self.weights, self.inputs, self.units, self.options)


class Kernel(NamedTuple):
    """How the kernels run a class of cells."""

    altered: Callable[[Any], str | None]  # what of the cell's layers and options the kernel does not know
    read: Callable[[Any], list[Call]]
    run: Callable[..., tuple[Tensor, Tensor]]  # (cell, calls, x, dt, keep, h) -> (y, last state)


def why_not(cell: Cell, keep: Tensor | None = None) -> str | None:
    """Why the kernels can't run this, or None."""
    calls = read(cell)
    return calls if isinstance(calls, str) else None


def kind_of(cell: Cell) -> type[Cell] | None:
    """The class whose kernel runs the cell, if it is unchanged; None where there is no kernel."""
    kind = cell.same_as()
    return kind if kind in _CELLS else next((base for base in _CELLS if base is type(cell).home), None)


def read(cell: Cell) -> list[Call] | str:
    """What the kernels read of the cell as it is now, or why they can't run it."""
    kind = kind_of(cell)
    if kind is None:
        return f"there are kernels for {', '.join(kind.__name__ for kind in _CELLS)}, not for {type(cell).__name__}"
    kernel = _CELLS[kind]
    reason = door.recorded() or door.changed(cell) or kernel.altered(cell)
    if reason is not None:
        return reason
    try:
        with one_thread_after_a_fork():
            calls = kernel.read(cell)
    except (AttributeError, RuntimeError, TypeError) as error:
        return f"its parameters do not fit together: {error}"
    units = sum(call.units for call in calls)
    if units != cell.state_size:
        return f"its state has {cell.state_size} numbers, its weights are of {units} neurons"
    return next((reason for call in calls if (reason := call.unfit()) is not None), calls)


def ready(cell: Cell, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> list[Call] | str:
    """As `read`, for this sequence and this state."""
    calls = read(cell)
    if isinstance(calls, str):
        return calls
    return unfit_sequence(x, dt, keep, h, calls[0].inputs, cell.state_size, calls[0].weights[0].dtype) or calls


def over(calls: list[Call], cell: Cell, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    """(y, h) as reference.run gives, within rounding, of what `ready` gave."""
    if x.shape[0] == 0 or x.shape[1] == 0:
        return x.new_empty(x.shape[0], x.shape[1], cell.outputs), h
    return _CELLS[kind_of(cell) or type(cell)].run(cell, calls, x, dt, keep, h)


def run(cell: Cell, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    """As reference.run, on the kernels or not at all."""
    calls = ready(cell, x, dt, keep, h)
    if isinstance(calls, str):
        raise BackendError(f"the kernels can't run this: {calls}")
    return over(calls, cell, x, dt, keep, h)


def _alone(
    cell: Cell, calls: list[Call], x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor
) -> tuple[Tensor, Tensor]:
    """A cell that is one call."""
    return calls[0](x, dt, keep, h)


def _of_the_equation(cell: Any, solvers: Sequence[str]) -> str | None:
    if type(cell.substeps) is not int or cell.substeps < 1:
        return f"substeps is {cell.substeps!r}, expected a whole number >= 1"
    return _not_among("solver", cell.solver, solvers)


def _not_among(what: str, name: str, known: Sequence[str]) -> str | None:
    return None if name in known else f"the kernel has no {what} {name}; it has {', '.join(known)}"


# CTRNN and GatedLTC: one layer that drives a leak.


def _layer_numbers(time: int, inputs: int, units: int, options: Options) -> int:
    columns = (1 + inputs + units + 3) // 4 * 4
    return time * options[2] * (columns + units) + columns


def _layer_shapes(inputs: int, units: int, options: Options) -> Shapes:
    n = (units,)
    return {"W": (units, units), "U": (units, inputs), "b": n, "1/tau": n, "A?": n}


_layer = Operator("layer", _layer_numbers, _layer_shapes)


def _read_layer(cell: CTRNN | GatedLTC) -> list[Call]:
    gate = cell.A if isinstance(cell, GatedLTC) else cell.b.new_empty(0)
    options = [ACTIVATIONS.index(cell.sigma.name), SOLVERS.index(cell.solver), cell.substeps]
    weights = [cell.W, cell.U, cell.b, 1 / cell.tau, gate]
    return [Call(_layer, weights, options, cell.inputs, cell.units, cell.outputs)]


def _layer_altered(cell: CTRNN | GatedLTC) -> str | None:
    return _of_the_equation(cell, SOLVERS) or door.unknown("activation", cell.sigma, ACTIVATIONS)


# CfC: a backbone and its heads.


def _cfc_numbers(time: int, inputs: int, units: int, options: Options) -> int:
    layers, width, _, mode = options
    columns = [(1 + n + 3) // 4 * 4 for n in (inputs + units, *[width] * layers)]
    return (time + 1) * (sum(columns) + (1 if CFC_MODES[mode] == "pure" else 4) * units)


def _cfc_shapes(inputs: int, units: int, options: Options) -> Shapes:
    layers, width, _, mode = options
    pure, shapes, below = CFC_MODES[mode] == "pure", Shapes(), inputs + units
    for layer in range(3):
        shapes[f"backbone.{2 * layer}.weight"] = (width, below) if layer < layers else (0,)
        shapes[f"backbone.{2 * layer}.bias"] = (width,) if layer < layers else (0,)
        below = width if layer < layers else below
    for head in CFC_HEADS:
        there = head == "ff1" or not pure
        shapes[f"{head}.weight"] = (units, below) if there else (0,)
        shapes[f"{head}.bias"] = (units,) if there else (0,)
    return {**shapes, "w_tau": (1, units) if pure else (0,), "A": (1, units) if pure else (0,)}


_cfc = Operator("cfc", _cfc_numbers, _cfc_shapes)


def _backbone(cell: CfC) -> tuple[list[nn.Linear], list[Nonlinearity]]:
    layers = [layer for layer in cell.backbone if not isinstance(layer, nn.Dropout)]
    return layers[::2], layers[1::2]  # type: ignore[return-value]


def _read_cfc(cell: CfC) -> list[Call]:
    linear, sigma = _backbone(cell)
    none = cell.ff1.bias.new_empty(0)
    weights = [part for layer in linear for part in (layer.weight, layer.bias)] + [none] * (6 - 2 * len(linear))
    for name in CFC_HEADS[: 1 if cell.mode == "pure" else 4]:
        layer: nn.Linear = getattr(cell, name)
        weights += [cell.weight(name), layer.bias]
    weights += [none] * 6 + [cell.w_tau, cell.A] if cell.mode == "pure" else [none, none]
    width = linear[0].weight.shape[0] if linear else 0
    activation = ACTIVATIONS.index(sigma[0].sigma.name) if sigma else 0
    options = [len(linear), width, activation, CFC_MODES.index(cell.mode)]
    return [Call(_cfc, weights, options, cell.inputs, cell.units, cell.outputs)]


def _cfc_altered(cell: CfC) -> str | None:
    layers = cell._modules
    if reason := _not_among("mode", cell.mode, CFC_MODES) or door.altered(
        "backbone", layers["backbone"], nn.Sequential
    ):
        return reason
    for head in CFC_HEADS[: 1 if cell.mode == "pure" else 4]:
        if reason := door.altered(head, layers.get(head), nn.Linear):
            return reason
    return _backbone_altered(cell.backbone)


def _backbone_altered(backbone: nn.Sequential) -> str | None:
    place, first = 0, None
    for name, layer in backbone._modules.items():
        called = f"backbone.{name}"
        if isinstance(layer, nn.Dropout):
            reason = door.altered(called, layer, nn.Dropout) or _drops(layer, layer.p)
        elif place % 2 == 0:
            reason, place = door.altered(called, layer, nn.Linear), place + 1
        else:
            first = first or layer
            reason, place = _sigma_altered(called, layer, first), place + 1
        if reason is not None:
            return reason
    if place % 2:
        return "the backbone ends with an affine map, the kernel has an activation behind each"
    return f"the kernel has backbones of up to 3 layers, not {place // 2}" if place > 6 else None


def _sigma_altered(called: str, layer: Any, first: Any) -> str | None:
    if reason := door.altered(called, layer, Nonlinearity) or door.unknown(called, layer.sigma, ACTIVATIONS):
        return reason
    if layer.sigma.name != first.sigma.name:
        return f"{called} is {layer.sigma.name}, the kernel has one activation for all layers, {first.sigma.name}"
    return _drops(layer, layer.dropout)


def _drops(layer: nn.Module, share: float) -> str | None:
    return "the kernel has no dropout; it is off after model.eval()" if layer.training and share > 0 else None


# Wired CfC: the sequence runs through one layer after the other, each of which hears the new states of the one below.


def _read_layers(cell: LayeredCfC) -> list[Call]:
    return [call for layer in cell.layers() for call in _read_cfc(layer)]


def _layers_altered(cell: LayeredCfC) -> str | None:
    layers, below = cell.layers(), cell.inputs
    if [layer.units for layer in layers] != [len(neurons) for neurons in cell.plan.layers]:
        return f"its layers are of {[layer.units for layer in layers]} neurons, its wiring is {cell.plan.layers}"
    for number, layer in enumerate(layers):
        if kind_of(layer) is not CfC:
            return f"layer_{number} is {type(layer).__name__}, the kernel knows CfC there"
        if reason := door.changed(layer) or _cfc_altered(layer):
            return f"layer_{number}: {reason}"
        if layer.inputs != below:
            return f"layer_{number} takes {layer.inputs} inputs, but gets {below}"
        below = layer.units
    return None


def _run_layers(
    cell: LayeredCfC, calls: list[Call], x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs and last states of all layers."""
    neurons = cell.plan.layers
    if isinstance(cell, WiredCfC):
        states = [h[:, list(layer)] for layer in neurons]
    else:
        states = list(h.split([len(layer) for layer in neurons], dim=1))
    ys, lasts = [], []
    for call, state in zip(calls, states, strict=True):
        x, last = call(x, dt, keep, state)
        ys.append(x)
        lasts.append(last)
    return ys, lasts


def _run_wired(
    cell: WiredCfC, calls: list[Call], x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor
) -> tuple[Tensor, Tensor]:
    ys, lasts = _run_layers(cell, calls, x, dt, keep, h)
    last = torch.cat(lasts, dim=1)[:, cell.order]
    if cell.plan.layers[-1] == tuple(range(cell.outputs)):
        return ys[-1], last
    return torch.cat(ys, dim=2)[:, :, cell.order[: cell.outputs]], last


def _run_ncps_wired(
    cell: NcpsWiredCfC, calls: list[Call], x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor
) -> tuple[Tensor, Tensor]:
    ys, lasts = _run_layers(cell, calls, x, dt, keep, h)
    return ys[-1], torch.cat(lasts, dim=1)


# GRUODE.


def _gruode_numbers(time: int, inputs: int, units: int, options: Options) -> int:
    columns = (1 + inputs + units + 3) // 4 * 4
    return (time * options[1] + 1) * (2 * columns + 3 * units)


def _gruode_shapes(inputs: int, units: int, options: Options) -> Shapes:
    return {"W": (3 * units, units), "U": (3 * units, inputs), "b": (3 * units,)}


_gruode = Operator("gruode", _gruode_numbers, _gruode_shapes)


def _read_gruode(cell: GRUODE) -> list[Call]:
    options = [SOLVERS.index(cell.solver), cell.substeps]
    return [Call(_gruode, [cell.W, cell.U, cell.b], options, cell.inputs, cell.units, cell.outputs)]


def _gruode_altered(cell: GRUODE) -> str | None:
    return _of_the_equation(cell, SOLVERS)


# LTC: conductance synapses. A mask multiplies the conductance, whatever its numbers; where it is zero there is no synapse.


def _ltc_numbers(time: int, inputs: int, units: int, options: Options) -> int:
    return time * units


def _ltc_shapes(inputs: int, units: int, options: Options) -> Shapes:
    names, n = ("w", "sigma", "mu", "erev", "sparsity_mask"), (units,)
    sensory = dict.fromkeys([f"sensory_{name}" for name in names], (inputs, units))
    synapses = dict.fromkeys(names, (units, units))
    return {**sensory, **synapses, "gleak * vleak": n, "gleak + epsilon": n, "1/cm": n}


_ltc = Operator("ltc", _ltc_numbers, _ltc_shapes)


def _read_ltc(cell: LTC) -> list[Call]:
    gleak, seen, mask = cell.positive(cell.gleak), cell.sensory_sparsity_mask, cell.sparsity_mask
    weights = [
        *(cell.positive(cell.sensory_w) * seen, cell.sensory_sigma, cell.sensory_mu, cell.sensory_erev, seen != 0),
        *(cell.positive(cell.w) * mask, cell.sigma, cell.mu, cell.erev, mask != 0),
        *(gleak * cell.vleak, gleak + cell.epsilon, 1 / cell.positive(cell.cm)),
    ]
    options = [LTC_SOLVERS.index(cell.solver), cell.substeps]
    return [Call(_ltc, weights, options, cell.inputs, cell.units, cell.outputs)]


def _run_ltc(
    cell: LTC, calls: list[Call], x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor
) -> tuple[Tensor, Tensor]:
    y, last = calls[0](cell.sense(x), dt, keep, h)
    return cell.read(y), last


def _ltc_altered(cell: LTC) -> str | None:
    if cell.outputs > cell.units:
        return f"{cell.outputs} outputs are asked of {cell.units} neurons"
    for side, size in (("input", cell.inputs), ("output", cell.outputs)):
        for letter in (
            "w",
            "b",
        ):  # over a whole sequence, other shapes would broadcast in another way than over a sample
            factor = getattr(cell, f"{side}_{letter}")
            if factor is not None and not fits(factor, (size,), cell.cm.dtype, watched=True):
                return f"{side}_{letter} is not a vector of {size} numbers, {cell.cm.dtype}, on the CPU"
    return _of_the_equation(cell, LTC_SOLVERS)


_CELLS: dict[type[Cell], Kernel] = {
    CTRNN: Kernel(_layer_altered, _read_layer, _alone),
    GatedLTC: Kernel(_layer_altered, _read_layer, _alone),
    CfC: Kernel(_cfc_altered, _read_cfc, _alone),
    WiredCfC: Kernel(_layers_altered, _read_layers, _run_wired),
    NcpsWiredCfC: Kernel(_layers_altered, _read_layers, _run_ncps_wired),
    GRUODE: Kernel(_gruode_altered, _read_gruode, _alone),
    LTC: Kernel(_ltc_altered, _read_ltc, _run_ltc),
}
