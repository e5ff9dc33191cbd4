"""The C++ kernels: a cell over a whole sequence in one call, forward and backward through time, as torch operators.

torch sees one operator a cell, also under torch.compile and torch.export, and one for its gradients, whose own
derivative is refused by name. Sizes and addresses go to `_core` as tuples, ordered as the structs in csrc/tauflow.h.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from .. import _core
from ..cells import Cell
from ..cells.cfc import CfC, Nonlinearity
from ..cells.ctrnn import CTRNN
from ..cells.gated_ltc import GatedLTC
from ..cells.gruode import GRUODE
from ..cells.ltc import LTC
from ..cells.wired_cfc import LayeredCfC, NcpsWiredCfC, WiredCfC
from ..errors import BackendError, StepSizeError

ACTIVATIONS = ("tanh", "sigmoid", "relu", "lecun_tanh", "identity")
CFC_HEADS = ("ff1", "ff2", "time_a", "time_b")
CFC_MODES = ("default", "no_gate", "pure")
SOLVERS = ("exponential", "semi_implicit", "euler")
LTC_SOLVERS = (*SOLVERS, "exponential_midpoint")

Weights = list[
    Tensor
]  # what a kernel reads beside x, dt and h, in the order of its struct; whole numbers have no gradient
Options = list[int]  # what follows the weights in the struct


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


_library = torch.library.Library("tauflow", "DEF")


class _Operator:
    """One kernel as `torch.ops.tauflow.<name>` and `<name>_backward`.

    numbers(time, inputs, units, options): how many numbers of each lane the backward pass needs, as in C++.
    """

    def __init__(self, name: str, numbers: Callable[[int, int, int, Options], int]) -> None:
        self.numbers = numbers
        self.forward = getattr(_core, f"{name}_forward")
        self.backward = getattr(_core, f"{name}_backward")
        sequence = "Tensor x, Tensor dt, Tensor? keep, Tensor h, Tensor[] weights"
        rest = "int[] options, int first, int outputs"  # y is state[first : first + outputs]
        _library.define(f"{name}({sequence}, {rest}, bool save) -> (Tensor, Tensor, Tensor)")
        _library.define(
            f"{name}_backward(Tensor? y, Tensor? last, {sequence}, Tensor saved, {rest}, bool of_x) -> Tensor[]"
        )
        _library.impl(name, self.run, "CPU")
        _library.impl(f"{name}_backward", self.gradients, "CPU")
        torch.library.register_fake(f"tauflow::{name}", self.outputs, lib=_library)
        torch.library.register_fake(f"tauflow::{name}_backward", self.wanted, lib=_library)
        self.operator = getattr(torch.ops.tauflow, name).default
        self.operator_backward = getattr(torch.ops.tauflow, f"{name}_backward").default
        torch.library.register_autograd(f"tauflow::{name}", self.chain, setup_context=_keep_for_backward, lib=_library)
        torch.library.register_autograd(
            f"tauflow::{name}_backward", _no_second_derivative, setup_context=_keep_nothing, lib=_library
        )

    def __call__(
        self,
        x: Tensor,
        dt: Tensor,
        keep: Tensor | None,
        h: Tensor,
        weights: Weights,
        options: Options,
        first: int,
        outputs: int,
    ) -> tuple[Tensor, Tensor]:
        save = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (x, dt, h, *weights))
        if _is_traced(x):
            y, last, _ = self.operator(x, dt, keep, h, weights, options, first, outputs, save)
        elif save:
            y, last = _Eager.apply(self, x, dt, keep, h, options, first, outputs, *weights)  # type: ignore[no-untyped-call]
        else:
            y, last, _ = self.run(x, dt, keep, h, weights, options, first, outputs, False)
        return y, last

    def outputs(
        self,
        x: Tensor,
        dt: Tensor,
        keep: Tensor | None,
        h: Tensor,
        weights: Weights,
        options: Options,
        first: int,
        outputs: int,
        save: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Memory for the outputs, the last state, and what backward needs."""
        batch, time, inputs = x.shape
        saved = (
            x.element_size() * _lanes(batch, x.dtype) * self.numbers(time, inputs, h.shape[1], options) if save else 0
        )
        return x.new_empty(batch, time, outputs), h.new_empty(h.shape), x.new_empty(saved, dtype=torch.uint8)

    def run(
        self,
        x: Tensor,
        dt: Tensor,
        keep: Tensor | None,
        h: Tensor,
        weights: Weights,
        options: Options,
        first: int,
        outputs: int,
        save: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        x, dt, keep, h, *weights = _contiguous(x, dt, keep, h, *weights)
        y, last, saved = self.outputs(x, dt, keep, h, weights, options, first, outputs, save)
        if x.shape[0] == 0 or x.shape[1] == 0:  # nothing to run, and the kernels do not look
            return y, last.copy_(h), saved
        sequence = _sequence(x, dt, keep, h, first, outputs, y, last, saved)
        longest = self.forward(x.dtype == torch.float64, sequence, _addresses(*weights) + tuple(options))
        _refuse_long_steps(longest)
        return y, last, saved

    def chain(self, ctx: Any, y: Tensor | None, last: Tensor | None, _: None) -> tuple[Any, ...]:
        x, dt, keep, h, saved, *weights = ctx.saved_tensors
        of_x = ctx.needs_input_grad[0]
        found = self.operator_backward(y, last, x, dt, keep, h, weights, saved, *ctx.options, of_x)
        gradients = [gradient if gradient.numel() else None for gradient in found]
        return *gradients[:2], None, gradients[2], gradients[3:], None, None, None, None

    def wanted(
        self,
        y: Tensor | None,
        last: Tensor | None,
        x: Tensor,
        dt: Tensor,
        keep: Tensor | None,
        h: Tensor,
        weights: Weights,
        saved: Tensor,
        options: Options,
        first: int,
        outputs: int,
        of_x: bool,
    ) -> list[Tensor]:
        """Memory for the gradients of x, dt, h and the weights; empty for those that have none."""
        has_gradient = [of_x, True, True, *(weight.is_floating_point() for weight in weights)]
        return [
            x.new_empty(tensor.shape if has else 0)
            for tensor, has in zip((x, dt, h, *weights), has_gradient, strict=True)
        ]

    def gradients(
        self,
        y: Tensor | None,
        last: Tensor | None,
        x: Tensor,
        dt: Tensor,
        keep: Tensor | None,
        h: Tensor,
        weights: Weights,
        saved: Tensor,
        options: Options,
        first: int,
        outputs: int,
        of_x: bool,
    ) -> list[Tensor]:
        y, last, x, dt, keep, h, *weights = _contiguous(y, last, x, dt, keep, h, *weights)
        wanted = self.wanted(y, last, x, dt, keep, h, weights, saved, options, first, outputs, of_x)
        if x.shape[0] == 0 or x.shape[1] == 0:
            for gradient in wanted:
                gradient.zero_()
            if last is not None:
                wanted[2].copy_(last)
            return wanted
        sequence = _sequence(x, dt, keep, h, first, outputs, None, None, saved)
        cell = _addresses(*weights) + tuple(options)
        of_sequence = _addresses(y, last, *wanted[:3])
        self.backward(x.dtype == torch.float64, sequence, cell, of_sequence, _addresses(*wanted[3:]))
        return wanted


def _is_traced(x: Tensor) -> bool:
    """Whether someone watches the operators: torch.compile, torch.export, a fake tensor, a dispatch mode."""
    return torch.compiler.is_compiling() or type(x) is not Tensor or torch._C._len_torch_dispatch_stack() > 0


class _Eager(torch.autograd.Function):
    """The same without the dispatcher, which asks for 150 microseconds a step: as long as a small kernel runs."""

    @staticmethod
    def forward(
        ctx: Any,
        operator: _Operator,
        x: Tensor,
        dt: Tensor,
        keep: Tensor | None,
        h: Tensor,
        options: Options,
        first: int,
        outputs: int,
        *weights: Tensor,
    ) -> tuple[Tensor, Tensor]:
        y, last, saved = operator.run(x, dt, keep, h, list(weights), options, first, outputs, True)
        ctx.operator, ctx.options = operator, [options, first, outputs]
        ctx.save_for_backward(x, dt, keep, h, saved, *weights)
        ctx.set_materialize_grads(False)
        return y, last

    @staticmethod
    def backward(ctx: Any, y: Tensor | None, last: Tensor | None) -> tuple[Any, ...]:
        x, dt, keep, h, saved, *weights = ctx.saved_tensors
        # Under create_graph the operator answers, which refuses a second derivative where one is asked for.
        gradients = ctx.operator.operator_backward if torch.is_grad_enabled() else ctx.operator.gradients
        found = gradients(y, last, x, dt, keep, h, weights, saved, *ctx.options, ctx.needs_input_grad[1])
        of_x, of_dt, of_h, *of_weights = [gradient if gradient.numel() else None for gradient in found]
        return None, of_x, of_dt, None, of_h, None, None, None, *of_weights


def _keep_for_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, dt, keep, h, weights, *ctx.options, _ = inputs
    ctx.save_for_backward(x, dt, keep, h, output[2], *weights)
    ctx.set_materialize_grads(False)


def _refuse_long_steps(longest: float) -> None:
    """As solvers.euler, the one solver for which a kernel gives the longest of its steps in time constants."""
    if not longest <= 1:
        raise StepSizeError(
            f"euler was given a step of {longest:.3g} time constants, its limit is 1: use more substeps "
            f"(substeps={int(longest) + 1}), or solver='exponential'"
        )


def _keep_nothing(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None: ...


def _no_second_derivative(ctx: Any, *gradients: Any) -> Any:
    raise BackendError("the kernels have no second derivatives: use backend='reference' for create_graph=True")


def _lanes(batch: int, dtype: torch.dtype) -> int:
    """The batch rounded up to blocks of 64 bytes and perhaps one of 16, as in csrc/batch.h; without a branch."""
    wide, narrow = (8, 2) if dtype == torch.float64 else (16, 4)
    rest = batch % wide
    full, some = (rest + wide - narrow - 1) // wide, (rest + wide - 1) // wide
    return batch - rest + wide * full + narrow * (some - full)


def _contiguous(*tensors: Tensor | None) -> list[Any]:
    return [None if tensor is None else tensor.contiguous() for tensor in tensors]


def _addresses(*tensors: Tensor | None) -> tuple[int, ...]:
    return tuple(0 if tensor is None or tensor.numel() == 0 else tensor.data_ptr() for tensor in tensors)


def _sequence(
    x: Tensor,
    dt: Tensor,
    keep: Tensor | None,
    h: Tensor,
    first: int,
    outputs: int,
    y: Tensor | None,
    last: Tensor | None,
    saved: Tensor,
) -> tuple[int, ...]:
    """The numbers of csrc/tauflow.h's Sequence."""
    sizes = (*x.shape, h.shape[1], first, outputs, torch.get_num_threads())
    return sizes + _addresses(x, dt, keep, h, y, last, saved)


# CTRNN and GatedLTC: one layer that drives a leak.


def _layer_numbers(time: int, inputs: int, units: int, options: Options) -> int:
    columns = (1 + inputs + units + 3) // 4 * 4
    return time * options[2] * (columns + units) + columns


_layer = _Operator("layer", _layer_numbers)


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


_cfc = _Operator("cfc", _cfc_numbers)


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


_gruode = _Operator("gruode", _gruode_numbers)


def _run_gruode(cell: GRUODE, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    options = [SOLVERS.index(cell.solver), cell.substeps]
    return _gruode(x, dt, keep, h, [cell.W, cell.U, cell.b], options, 0, cell.units)


def _gruode_unsupported(cell: GRUODE) -> str | None:
    return _not_among("solver", cell.solver, SOLVERS)


# LTC: conductance synapses.


def _ltc_numbers(time: int, inputs: int, units: int, options: Options) -> int:
    return time * units


_ltc = _Operator("ltc", _ltc_numbers)


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
