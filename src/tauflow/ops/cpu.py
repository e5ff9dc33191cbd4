"""The C++ kernels: a cell over a whole sequence in one call, forward and backward through time, as torch operators.

An operator takes tensors only; torch sees one node, also under torch.compile and torch.export. Each has a backward operator, whose
own derivative is refused by name. Sizes and addresses go to `_core` as tuples in the order of the structs in csrc/tauflow.h.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from .. import _core
from ..cells import Cell
from ..cells.ctrnn import CTRNN
from ..cells.gated_ltc import GatedLTC
from ..errors import BackendError, StepSizeError

ACTIVATIONS = {"tanh": 0, "sigmoid": 1, "relu": 2, "lecun_tanh": 3, "identity": 4}
SOLVERS = {"exponential": 0, "semi_implicit": 1, "euler": 2}

Runner = Callable[..., tuple[Tensor, Tensor]]


def why_not(cell: Cell, keep: Tensor | None) -> str | None:
    """Why the kernels can't run this, or None."""
    if type(cell) not in _CELLS:
        return f"there is a kernel for {', '.join(kind.__name__ for kind in _CELLS)}, not for {type(cell).__name__}"
    reason = _CELLS[type(cell)][0](cell)
    if reason is not None:
        return reason
    for name, parameter in cell.named_parameters():
        if parameter.device.type != "cpu":
            return f"the kernels run on the CPU, but {name} is on {parameter.device}"
        if parameter.dtype not in (torch.float32, torch.float64):
            return f"the kernels compute in float32 and float64, but {name} is {parameter.dtype}"
    if not torch.compiler.is_compiling():
        if torch._C._functorch.peek_interpreter_stack() is not None:
            return "the kernels know backward alone, not torch.func's vmap, jvp and grad"
        if forward_ad._current_level >= 0:
            return "the kernels know backward alone, not forward-mode derivatives"
    return None


def run(cell: Cell, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    """(y, h) as reference.run gives, within rounding."""
    if x.shape[0] == 0 or x.shape[1] == 0:
        return x.new_empty(x.shape[0], x.shape[1], cell.outputs), h
    return _CELLS[type(cell)][1](cell, x, dt, keep, h)


_library = torch.library.Library("tauflow", "DEF")


def _register(name: str, schema: str, forward: Any, fake: Any, setup: Any, backward: Any) -> None:
    """Define an operator by its computation, the shapes of its outputs, and its derivative."""
    _library.define(f"{name}{schema}")
    _library.impl(name, forward, "CPU")
    torch.library.register_fake(f"tauflow::{name}", fake, lib=_library)
    torch.library.register_autograd(f"tauflow::{name}", backward, setup_context=setup, lib=_library)


def _nothing_to_save(ctx: Any, inputs: Any, output: Any) -> None: ...


def _no_second_derivative(ctx: Any, *gradients: Tensor) -> Any:
    raise BackendError("the kernels have no second derivatives: use backend='reference' where you need create_graph=True")


def _address(tensor: Tensor | None) -> int:
    return 0 if tensor is None or tensor.numel() == 0 else tensor.data_ptr()


def _contiguous(*tensors: Tensor | None) -> list[Any]:
    return [None if tensor is None else tensor.contiguous() for tensor in tensors]


def _needs_grad(*tensors: Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors)


# CTRNN and GatedLTC: one layer that drives a leak.


def _layer_why_not(cell: Cell) -> str | None:
    assert isinstance(cell, (CTRNN, GatedLTC))
    if cell.solver not in SOLVERS:
        return f"the kernel of {type(cell).__name__} has the solvers {', '.join(SOLVERS)}, not {cell.solver}"
    if cell.sigma.name not in ACTIVATIONS:
        return f"the kernel of {type(cell).__name__} has the activations {', '.join(ACTIVATIONS)}, not {cell.sigma.name}"
    return None


def _run_layer(cell: Cell, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    assert isinstance(cell, (CTRNN, GatedLTC))
    A = cell.A if isinstance(cell, GatedLTC) else None
    tensors = (x, dt, keep, h, cell.W, cell.U, cell.b, 1 / cell.tau, A)
    options = (ACTIVATIONS[cell.sigma.name], SOLVERS[cell.solver], cell.substeps)
    y, last, _ = torch.ops.tauflow.layer(*tensors, *options, _needs_grad(*tensors))
    return y, last


def _layer(
    x: Tensor,
    dt: Tensor,
    keep: Tensor | None,
    h: Tensor,
    W: Tensor,
    U: Tensor,
    b: Tensor,
    rate: Tensor,
    A: Tensor | None,
    activation: int,
    solver: int,
    substeps: int,
    save: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    x, dt, keep, h, W, U, b, rate, A = _contiguous(x, dt, keep, h, W, U, b, rate, A)
    (batch, time, inputs), units = x.shape, h.shape[1]
    y, last = x.new_empty(batch, time, units), h.new_empty(batch, units)
    saved = x.new_empty(_layer_saved(batch, time, inputs, units, substeps, x.dtype) if save else 0, dtype=torch.uint8)
    sequence = (batch, time, inputs, units, torch.get_num_threads())
    sequence += tuple(map(_address, (x, dt, keep, h, y, last, saved)))
    layer = (*map(_address, (W, U, b, rate, A)), activation, solver, substeps)
    longest = _core.layer_forward(x.dtype == torch.float64, sequence, layer)
    if solver == SOLVERS["euler"] and not longest <= 1:
        raise StepSizeError(
            f"euler was given a step of {longest:.3g} time constants, its limit is 1: use more substeps "
            f"(substeps={substeps * (int(longest) + 1)}), or solver='exponential'"
        )
    return y, last, saved


def _layer_saved(batch: int, time: int, inputs: int, units: int, substeps: int, dtype: torch.dtype) -> int:
    """Bytes that the backward pass needs."""
    sequence = (batch, time, inputs, units, *[0] * 8)
    return _core.layer_saved_bytes(dtype == torch.float64, sequence, (*[0] * 7, substeps))


def _layer_fake(
    x: Tensor,
    dt: Tensor,
    keep: Tensor | None,
    h: Tensor,
    W: Tensor,
    U: Tensor,
    b: Tensor,
    rate: Tensor,
    A: Tensor | None,
    activation: int,
    solver: int,
    substeps: int,
    save: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    (batch, time, inputs), units = x.shape, h.shape[1]
    columns = (1 + inputs + units + 3) // 4 * 4
    numbers = time * substeps * (columns + units) + columns
    saved = x.new_empty(_lanes(batch, x.dtype) * numbers * x.element_size() if save else 0, dtype=torch.uint8)
    return x.new_empty(batch, time, units), h.new_empty(batch, units), saved


def _lanes(batch: int, dtype: torch.dtype) -> int:
    """The batch rounded up to blocks of 64 bytes and perhaps one of 16: the formula of csrc/batch.h, without branches."""
    wide, narrow = (8, 2) if dtype == torch.float64 else (16, 4)
    rest = batch % wide
    full, some = (rest + wide - narrow - 1) // wide, (rest + wide - 1) // wide
    return batch - rest + wide * full + narrow * (some - full)


def _layer_setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, dt, keep, h, W, U, _, rate, A, *ctx.options, _ = inputs
    ctx.save_for_backward(dt, keep, W, U, rate, A, output[2])
    ctx.set_materialize_grads(False)


def _layer_backward(ctx: Any, g_y: Tensor | None, g_last: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
    dt, keep, W, U, rate, A, saved = ctx.saved_tensors
    gradients = torch.ops.tauflow.layer_backward(
        g_y, g_last, dt, keep, W, U, rate, A, saved, *ctx.options, ctx.needs_input_grad[0]
    )
    x, g_dt, h, g_W, g_U, b, g_rate, g_A = gradients
    return x if ctx.needs_input_grad[0] else None, g_dt, None, h, g_W, g_U, b, g_rate, None if A is None else g_A, *[None] * 4


def _layer_gradients(
    g_y: Tensor | None,
    g_last: Tensor | None,
    dt: Tensor,
    keep: Tensor | None,
    W: Tensor,
    U: Tensor,
    rate: Tensor,
    A: Tensor | None,
    saved: Tensor,
    activation: int,
    solver: int,
    substeps: int,
    of_x: bool,
) -> list[Tensor]:
    g_y, g_last, dt, keep, W, U, rate, A, saved = _contiguous(g_y, g_last, dt, keep, W, U, rate, A, saved)
    wanted = _layer_gradients_fake(g_y, g_last, dt, keep, W, U, rate, A, saved, activation, solver, substeps, of_x)
    x, g_dt, h, *of_layer = map(_address, wanted)
    sequence = (*dt.shape, U.shape[1], U.shape[0], torch.get_num_threads(), 0, _address(dt), _address(keep), 0, 0, 0, _address(saved))
    layer = (_address(W), _address(U), 0, _address(rate), _address(A), activation, solver, substeps)
    of_sequence = (_address(g_y), _address(g_last), x, g_dt, h)
    _core.layer_backward(dt.dtype == torch.float64, sequence, layer, of_sequence, tuple(of_layer))
    return wanted


def _layer_gradients_fake(
    g_y: Tensor | None,
    g_last: Tensor | None,
    dt: Tensor,
    keep: Tensor | None,
    W: Tensor,
    U: Tensor,
    rate: Tensor,
    A: Tensor | None,
    saved: Tensor,
    activation: int,
    solver: int,
    substeps: int,
    of_x: bool,
) -> list[Tensor]:
    (batch, time), (units, inputs) = dt.shape, U.shape
    x = (batch, time, inputs) if of_x else (0,)
    shapes = [x, (batch, time), (batch, units), (units, units), (units, inputs), (units,), (units,), (units if A is not None else 0,)]
    return [dt.new_empty(shape) for shape in shapes]


_LAYER = "Tensor W, Tensor U, Tensor b, Tensor rate, Tensor? A, int activation, int solver, int substeps"
_register(
    "layer",
    f"(Tensor x, Tensor dt, Tensor? keep, Tensor h, {_LAYER}, bool save) -> (Tensor, Tensor, Tensor)",
    _layer,
    _layer_fake,
    _layer_setup,
    _layer_backward,
)
_register(
    "layer_backward",
    f"(Tensor? g_y, Tensor? g_last, Tensor dt, Tensor? keep, {_LAYER.replace('Tensor b, ', '').replace(', int', ', Tensor saved, int', 1)}, bool of_x) -> Tensor[]",
    _layer_gradients,
    _layer_gradients_fake,
    _nothing_to_save,
    _no_second_derivative,
)

_CELLS: dict[type[Cell], tuple[Callable[[Cell], str | None], Runner]] = {
    CTRNN: (_layer_why_not, _run_layer),
    GatedLTC: (_layer_why_not, _run_layer),
}
