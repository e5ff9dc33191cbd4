"""How a kernel becomes a torch operator: one for a cell over a whole sequence, and one for its gradients.

torch sees these two, also under torch.compile and torch.export; the derivative of the second is refused by name. Sizes
and addresses go to `_core` as tuples, ordered as the structs in csrc/tauflow.h.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .. import _core
from ..errors import BackendError, ShapeError, StepSizeError
from . import rows

Weights = list[Tensor]  # beside x, dt and h, in the order of the cell's struct; whole numbers have no gradient
Options = list[int]  # what follows the weights in the struct
Shapes = dict[str, tuple[int, ...]]  # of the weights, by name; those of a name in "mask" are bool

DTYPES = (torch.float32, torch.float64)
PLAIN = (Tensor, nn.Parameter)  # of another class, a tensor may have no memory of its own

_library = torch.library.Library("tauflow", "DEF")


class Operator:
    """One kernel as `torch.ops.tauflow.<name>` and `<name>_backward`.

    numbers(time, inputs, units, options): how many numbers of each lane the backward pass needs, as in C++.
    shapes(inputs, units, options): those of the weights. `_core` gets addresses, so nothing else may reach it.
    """

    def __init__(
        self,
        name: str,
        numbers: Callable[[int, int, int, Options], int],
        shapes: Callable[[int, int, Options], Shapes],
    ) -> None:
        self.name, self.shapes = name, shapes
        self.asked: dict[tuple[Any, ...], list[tuple[str, tuple[int, ...], torch.dtype]]] = {}
        self.numbers = numbers
        self.forward = getattr(_core, f"{name}_forward")
        self.backward = getattr(_core, f"{name}_backward")
        sequence = "Tensor x, Tensor dt, Tensor? keep, Tensor h, Tensor[] weights"
        rest = "int[] options, int first, int outputs"  # y is state[first : first + outputs]
        _library.define(f"{name}({sequence}, {rest}, bool save) -> (Tensor, Tensor, Tensor)")
        _library.define(
            f"{name}_backward(Tensor? y, Tensor? last, {sequence}, Tensor saved, {rest}, bool of_x) -> Tensor[]"
        )
        _library.impl(name, self.checked_run, "CPU")
        _library.impl(f"{name}_backward", self.checked_gradients, "CPU")
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
        if is_watched(x):
            y, last, _ = self.operator(x, dt, keep, h, weights, options, first, outputs, save)
        elif save:
            y, last = _Eager.apply(self, x, dt, keep, h, options, first, outputs, *weights)  # type: ignore[no-untyped-call]
        else:
            y, last, _ = self.run(x, dt, keep, h, weights, options, first, outputs, False)
        return y, last

    def unfit(self, weights: Weights, inputs: int, units: int, options: Options) -> str | None:
        """Which of the weights the kernel would misread, or None. Empty ones are absent ones, where one may be."""
        dtype, watched = weights[0].dtype, is_watched(weights[0])
        if dtype not in DTYPES:
            return f"the kernels compute in float32 and float64, but a weight is {dtype}"
        for weight, (name, shape, kind) in zip(weights, self.expected(inputs, units, options, dtype), strict=True):
            if not fits(weight, shape, kind, watched) and (name[-1] != "?" or weight.shape != (0,)):
                return f"{name} is {describe(weight)}, the kernel reads {shape}, {kind}, on the CPU"
        return None

    def expected(
        self, inputs: int, units: int, options: Options, dtype: torch.dtype
    ) -> list[tuple[str, tuple[int, ...], torch.dtype]]:
        """Names, shapes and number types of the weights; looked up where the same was asked before."""
        key = (inputs, units, *options, dtype)
        if (known := self.asked.get(key)) is not None:
            return known
        shapes = self.shapes(inputs, units, options)
        found = [(name, shape, torch.bool if "mask" in name else dtype) for name, shape in shapes.items()]
        if not torch.compiler.is_compiling():
            self.asked = {key: found} if len(self.asked) > 99 else {**self.asked, key: found}
        return found

    def refuse_unfit(
        self,
        x: Tensor,
        dt: Tensor,
        keep: Tensor | None,
        h: Tensor,
        weights: Weights,
        options: Options,
        first: int,
        outputs: int,
    ) -> None:
        """For whoever calls the operator itself: a graph that was exported, or by hand."""
        inputs, units = x.shape[-1], h.shape[-1]
        reason = unfit_sequence(x, dt, keep, h, inputs, units, weights[0].dtype)
        reason = reason or self.unfit(weights, inputs, units, options)
        if reason is None and not 0 <= first <= first + outputs <= units:
            reason = f"outputs {first} to {first + outputs} are asked of {units} neurons"
        if reason is not None:
            raise ShapeError(f"tauflow::{self.name} can't run this: {reason}")

    def checked_run(self, *arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
        self.refuse_unfit(*arguments[:-1])
        return self.run(*arguments)

    def checked_gradients(self, y: Tensor | None, last: Tensor | None, *arguments: Any) -> list[Tensor]:
        x, dt, keep, h, weights, saved, options, first, outputs, _ = arguments
        self.refuse_unfit(x, dt, keep, h, weights, options, first, outputs)
        like_y, like_last, like_saved = self.outputs(x, dt, keep, h, weights, options, first, outputs, True)
        for name, came, like in (("y", y, like_y), ("last", last, like_last), ("saved", saved, like_saved)):
            if came is not None and not fits(came, tuple(like.shape), like.dtype, is_watched(x)):
                raise ShapeError(f"tauflow::{self.name}_backward can't run this: {name} is {describe(came)}")
        return self.gradients(y, last, *arguments)

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
        x, dt, keep, h, *weights = contiguous(x, dt, keep, h, *weights)
        y, last, saved = self.outputs(x, dt, keep, h, weights, options, first, outputs, save)
        if x.shape[0] == 0 or x.shape[1] == 0:  # nothing to run, and the kernels do not look
            return y, last.copy_(h), saved
        if save:
            _clear_rest(saved, x)
        sequence = _sequence(x, dt, keep, h, first, outputs, y, last, saved)
        longest = self.forward(x.dtype == torch.float64, sequence, addresses(*weights) + tuple(options))
        refuse_long_steps(longest)
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
        y, last, x, dt, keep, h, *weights = contiguous(y, last, x, dt, keep, h, *weights)
        wanted = self.wanted(y, last, x, dt, keep, h, weights, saved, options, first, outputs, of_x)
        if x.shape[0] == 0 or x.shape[1] == 0:
            for gradient in wanted:
                gradient.zero_()
            if last is not None:
                wanted[2].copy_(last)
            return wanted
        sequence = _sequence(x, dt, keep, h, first, outputs, None, None, saved)
        cell = addresses(*weights) + tuple(options)
        of_sequence = addresses(y, last, *wanted[:3])
        self.backward(x.dtype == torch.float64, sequence, cell, of_sequence, addresses(*wanted[3:]))
        return wanted


def is_watched(x: Tensor) -> bool:
    """Whether someone watches the operators: torch.compile, torch.export, a fake tensor, a dispatch mode."""
    return torch.compiler.is_compiling() or type(x) not in PLAIN or torch._C._len_torch_dispatch_stack() > 0


def fits(tensor: Tensor, shape: tuple[int, ...], dtype: torch.dtype, watched: bool) -> bool:
    """Whether an address of the tensor is one of so many numbers of this kind; behind a watcher it may be of any class."""
    if type(tensor) not in PLAIN and not (watched and isinstance(tensor, Tensor)):
        return False
    plain = tensor.is_cpu and tensor.layout is torch.strided
    return plain and tensor.shape == shape and tensor.dtype is dtype


def unfit_sequence(
    x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor, inputs: int, units: int, dtype: torch.dtype
) -> str | None:
    """Which of these a kernel would misread, or None."""
    watched, steps = is_watched(x), tuple(x.shape[:2])
    expected = [("x", x, (*steps, inputs), dtype), ("dt", dt, steps, dtype), ("h", h, (*steps[:1], units), dtype)]
    if keep is not None:
        expected.append(("keep", keep, steps, torch.bool))
    for name, tensor, shape, kind in expected:
        if len(steps) != 2 or not fits(tensor, shape, kind, watched):
            return f"{name} is {describe(tensor)}, the kernel reads {shape}, {kind}, on the CPU"
    return None


def describe(tensor: Any) -> str:
    if not isinstance(tensor, Tensor):
        return type(tensor).__name__
    kind = "" if type(tensor) in PLAIN else f"a {type(tensor).__name__}, "
    layout = "" if tensor.layout is torch.strided else f", {tensor.layout}"
    return f"{kind}{tuple(tensor.shape)}, {tensor.dtype}, on {tensor.device}{layout}"


class _Eager(torch.autograd.Function):
    """The same without the dispatcher, which asks for 150 microseconds a step: as long as a small kernel runs."""

    @staticmethod
    def forward(
        ctx: Any,
        operator: Operator,
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
        rest = (x, dt, keep, h, weights, saved, *ctx.options, ctx.needs_input_grad[1])
        found = rows.each(lambda y, last: gradients(y, last, *rest), y, last)
        of_x, of_dt, of_h, *of_weights = [gradient if gradient.numel() else None for gradient in found]
        return None, of_x, of_dt, None, of_h, None, None, None, *of_weights


def _keep_for_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, dt, keep, h, weights, *ctx.options, _ = inputs
    ctx.save_for_backward(x, dt, keep, h, output[2], *weights)
    ctx.set_materialize_grads(False)


def refuse_long_steps(longest: float) -> None:
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


def _clear_rest(saved: Tensor, x: Tensor) -> None:
    """Zeros behind the last block of 16 bytes that holds a sample: a narrow instruction set writes no lanes there."""
    lanes, narrow = _lanes(x.shape[0], x.dtype), 16 // x.element_size()
    written = -(-x.shape[0] // narrow) * narrow
    if written < lanes:
        saved[saved.shape[0] // lanes * written :].zero_()


def contiguous(*tensors: Tensor | None) -> list[Any]:
    """In one piece of memory, where the numbers stand as they are: the imaginary part of a conjugate is kept as its negative."""
    return [None if tensor is None else tensor.resolve_neg().contiguous() for tensor in tensors]


def addresses(*tensors: Tensor | None) -> tuple[int, ...]:
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
    return sizes + addresses(x, dt, keep, h, y, last, saved)
