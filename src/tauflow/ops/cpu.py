"""The C++ kernels: a cell over a whole sequence in one call, forward and backward through time.

What stands here is which cells they know, and what each kernel reads of its cell; operator.py makes torch operators of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from ..cells import Cell
from ..cells.cfc import CfC, Nonlinearity
from ..cells.ctrnn import CTRNN
from ..cells.gated_ltc import GatedLTC
from ..cells.gruode import GRUODE
from ..cells.ltc import LTC
from ..cells.wired_cfc import LayeredCfC, NcpsWiredCfC, WiredCfC
from .operator import Operator, Options

ACTIVATIONS = ("tanh", "sigmoid", "relu", "lecun_tanh", "identity")
CFC_HEADS = ("ff1", "ff2", "time_a", "time_b")
CFC_MODES = ("default", "no_gate", "pure")
SOLVERS = ("exponential", "semi_implicit", "euler")
LTC_SOLVERS = (*SOLVERS, "exponential_midpoint")


def why_not(cell: Cell, keep: Tensor | None) -> str | None:
    """Why the kernels can't run this, or None."""
    if cell.same_as() not in _CELLS:
        return f"there are kernels for {', '.join(kind.__name__ for kind in _CELLS)}, not for {type(cell).__name__}"
    for name, parameter in cell.named_parameters():
        if parameter.device.type != "cpu":
            return f"the kernels run on the CPU, but {name} is on {parameter.device}"
        if parameter.dtype not in (torch.float32, torch.float64):
            return f"the kernels compute in float32 and float64, but {name} is {parameter.dtype}"
    if not torch.compiler.is_compiling():
        if torch._C._functorch.peek_interpreter_stack() is not None:
            return "the kernels know backward alone, not vmap and the other transforms of torch.func"
        if forward_ad._current_level >= 0:
            return "the kernels know backward alone, not forward-mode derivatives"
    unsupported, _ = _CELLS[cell.same_as()]
    return unsupported(cell)


def run(cell: Cell, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    """(y, h) as reference.run gives, within rounding."""
    if x.shape[0] == 0 or x.shape[1] == 0:
        return x.new_empty(x.shape[0], x.shape[1], cell.outputs), h
    _, runner = _CELLS[cell.same_as()]
    return runner(cell, x, dt, keep, h)


# CTRNN and GatedLTC: one layer that drives a leak.


def _layer_numbers(time: int, inputs: int, units: int, options: Options) -> int:
    columns = (1 + inputs + units + 3) // 4 * 4
    return time * options[2] * (columns + units) + columns


_layer = Operator("layer", _layer_numbers)


def _run_layer(cell: CTRNN | GatedLTC, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    gate = [cell.A] if isinstance(cell, GatedLTC) else [cell.b.new_empty(0)]
    weights = [cell.W, cell.U, cell.b, 1 / cell.tau, *gate]
    options = [ACTIVATIONS.index(cell.sigma.name), SOLVERS.index(cell.solver), cell.substeps]
    return _layer(x, dt, keep, h, weights, options, 0, cell.units)


def _layer_unsupported(cell: CTRNN | GatedLTC) -> str | None:
    return _not_among("solver", cell.solver, SOLVERS) or _not_among("activation", cell.sigma.name, ACTIVATIONS)


# CfC: a backbone and its heads.


def _cfc_numbers(time: int, inputs: int, units: int, options: Options) -> int:
    layers, width, _, mode = options
    columns = [(1 + n + 3) // 4 * 4 for n in (inputs + units, *[width] * layers)]
    return (time + 1) * (sum(columns) + (1 if CFC_MODES[mode] == "pure" else 4) * units)


_cfc = Operator("cfc", _cfc_numbers)


def _run_cfc(cell: CfC, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    linear = [layer for layer in cell.backbone if isinstance(layer, nn.Linear)]
    sigma = [layer.sigma.name for layer in cell.backbone if isinstance(layer, Nonlinearity)]
    none = x.new_empty(0)
    weights = [part for layer in linear for part in (layer.weight, layer.bias)] + [none] * (6 - 2 * len(linear))
    for name in CFC_HEADS[: 1 if cell.mode == "pure" else 4]:
        layer: nn.Linear = getattr(cell, name)
        weights += [cell.weight(name), layer.bias]
    weights += [none] * 6 + [cell.w_tau, cell.A] if cell.mode == "pure" else [none, none]
    width = linear[0].out_features if linear else 0
    activation = ACTIVATIONS.index(sigma[0]) if sigma else 0
    options = [len(linear), width, activation, CFC_MODES.index(cell.mode)]
    return _cfc(x, dt, keep, h, weights, options, 0, cell.units)


def _cfc_unsupported(cell: CfC) -> str | None:
    layers = [layer for layer in cell.backbone if isinstance(layer, Nonlinearity)]
    if len(layers) > 3:
        return f"the kernel has backbones of up to 3 layers, not {len(layers)}"
    drops = [layer.dropout for layer in layers] + [layer.p for layer in cell.backbone if isinstance(layer, nn.Dropout)]
    if cell.training and any(drop > 0 for drop in drops):
        return "the kernel has no dropout; it is off after model.eval()"
    return _not_among("activation", layers[0].sigma.name, ACTIVATIONS) if layers else None


# Wired CfC: the sequence runs through one layer after the other, each of which hears the new states of the one below.


def _run_layers(
    cell: LayeredCfC, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs and last states of all layers."""
    neurons = cell.plan.layers
    if isinstance(cell, WiredCfC):
        states = [h[:, list(layer)] for layer in neurons]
    else:
        states = list(h.split([len(layer) for layer in neurons], dim=1))
    ys, lasts = [], []
    for layer, state in zip(cell.layers(), states, strict=True):
        x, last = _run_cfc(layer, x, dt, keep, state)
        ys.append(x)
        lasts.append(last)
    return ys, lasts


def _run_wired(cell: WiredCfC, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    ys, lasts = _run_layers(cell, x, dt, keep, h)
    last = torch.cat(lasts, dim=1)[:, cell.order]
    if cell.plan.layers[-1] == tuple(range(cell.outputs)):
        return ys[-1], last
    return torch.cat(ys, dim=2)[:, :, cell.order[: cell.outputs]], last


def _run_ncps_wired(cell: NcpsWiredCfC, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    ys, lasts = _run_layers(cell, x, dt, keep, h)
    return ys[-1], torch.cat(lasts, dim=1)


def _all_supported(cell: Cell) -> None:
    return None


# GRUODE.


def _gruode_numbers(time: int, inputs: int, units: int, options: Options) -> int:
    columns = (1 + inputs + units + 3) // 4 * 4
    return (time * options[1] + 1) * (2 * columns + 3 * units)


_gruode = Operator("gruode", _gruode_numbers)


def _run_gruode(cell: GRUODE, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    options = [SOLVERS.index(cell.solver), cell.substeps]
    return _gruode(x, dt, keep, h, [cell.W, cell.U, cell.b], options, 0, cell.units)


def _gruode_unsupported(cell: GRUODE) -> str | None:
    return _not_among("solver", cell.solver, SOLVERS)


# LTC: conductance synapses.


def _ltc_numbers(time: int, inputs: int, units: int, options: Options) -> int:
    return time * units


_ltc = Operator("ltc", _ltc_numbers)


def _run_ltc(cell: LTC, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    gleak = cell.positive(cell.gleak)
    weights = [
        *(cell.positive(cell.sensory_w), cell.sensory_sigma, cell.sensory_mu, cell.sensory_erev),
        cell.sensory_sparsity_mask > 0,
        *(cell.positive(cell.w), cell.sigma, cell.mu, cell.erev),
        cell.sparsity_mask > 0,
        *(gleak * cell.vleak, gleak + cell.epsilon, 1 / cell.positive(cell.cm)),
    ]
    options = [LTC_SOLVERS.index(cell.solver), cell.substeps]
    y, last = _ltc(cell.sense(x), dt, keep, h, weights, options, 0, cell.outputs)
    return cell.read(y), last


def _ltc_unsupported(cell: LTC) -> str | None:
    return _not_among("solver", cell.solver, LTC_SOLVERS)


def _not_among(what: str, name: str, known: Sequence[str]) -> str | None:
    return None if name in known else f"the kernel has no {what} {name}; it has {', '.join(known)}"


_CELLS: dict[type[Cell], tuple[Callable[[Any], str | None], Callable[..., tuple[Tensor, Tensor]]]] = {
    CTRNN: (_layer_unsupported, _run_layer),
    GatedLTC: (_layer_unsupported, _run_layer),
    CfC: (_cfc_unsupported, _run_cfc),
    WiredCfC: (_all_supported, _run_wired),
    NcpsWiredCfC: (_all_supported, _run_ncps_wired),
    GRUODE: (_gruode_unsupported, _run_gruode),
    LTC: (_ltc_unsupported, _run_ltc),
}
