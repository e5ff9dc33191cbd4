"""Streams: one sample in, one out, the state kept between calls, for a sensor or a control loop.

    y = stream(x, dt)        x (inputs), dt the time since the previous sample, y (outputs)

On the kernels a stream is a C++ object whose weights are packed once, and a call is one call into it. Where a sequence has samples
side by side in a register, a stream has neurons; each sees the same operations in the same order, so the numbers are those
of the kernels to the bit. What they do not cover streams through `step`, with the same interface.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import _core, validate
from ..cells import Cell
from ..errors import BackendError, DtypeError, NonFiniteError, ShapeError, StateOverflowError, TauflowError, TimeError
from . import door, packing, program, why_not
from .operator import refuse_long_steps
from .program import Packed

Array = NDArray[Any]


class Layer(Protocol):
    """What a stream asks of a Recurrent, which is a module."""

    cell: Cell
    backend: str
    zero_dt: Any


class Stream(Protocol):
    """A network that runs sample by sample: `y = stream(x, dt)`. It keeps the weights of the moment it was made.

    x: an array, a list of numbers or a tensor, (inputs,); dt: the time since the previous sample, 1.0 unless given.
    y: a fresh array (outputs,), or `out` where one was given, which spares making it.
    A call that raises (ShapeError, DtypeError, TimeError, NonFiniteError, StepSizeError, StateOverflowError) leaves the state.

    Streams are independent of each other, in one thread or in several, but one stream is not for two threads at once.
    A copy (copy.copy, copy.deepcopy) goes on from the same state; a stream is not pickled.
    """

    inputs: int
    outputs: int
    state_size: int
    backend: str  # "cpu" for the kernels, or what `step` runs on
    why_not: str | None  # why not the kernels, None where it runs on them

    def __call__(self, x: Any, dt: float = 1.0, out: Array | None = None) -> Array: ...

    @property
    def state(self) -> Array:
        """A copy of the state, (state_size,), as `Recurrent` gives it without the batch axis; set it to go on from there.

        Time that was skipped is no part of it: setting the state, or resetting, forgets it, while a copy of the stream keeps it.
        """
        ...

    @state.setter
    def state(self, state: Any) -> None: ...

    def reset(self) -> None:
        """Back to the state before the first sample."""
        ...

    def skip(self, dt: float) -> None:
        """Time that passes without a sample: it is added to the gap of the next one."""
        ...

    def another(self) -> Self:
        """A new stream of the same network in its first state; the weights are shared, not copied."""
        ...


def start(network: nn.Module, layers: Sequence[Layer], backend: str | None) -> Stream:
    """A stream of `network`, which it takes for its own; `layers` are its Recurrents, one on top of the other."""
    dtype = validate.parameter_dtype(network)
    for name, parameter in network.named_parameters():
        if not validate.is_true(torch.isfinite(parameter.detach()).all()):
            raise NonFiniteError(f"{name} holds NaN or infinity, expected finite weights: load or train them again")
    around = [module for module in (network, *layers) if isinstance(module, nn.Module)]
    reasons = [reason for module in around if (reason := door.wrapped(module)) is not None]
    if backend == "cpu" and reasons:
        raise BackendError(f"backend 'cpu' can't stream this: {reasons[0]}; try backend='auto' or 'reference'")
    for layer in layers:
        layer.backend = layer.backend if backend is None else backend
        refused = None if layer.backend == "auto" else refusal(layer.backend, layer.cell)
        if refused is not None:
            raise BackendError(
                f"backend {layer.backend!r} can't stream this: {refused}; try backend='auto' or 'reference'"
            )
        kernels = layer.backend in ("auto", "cpu")
        reason = packing.why_not(layer.cell) if kernels else f"backend {layer.backend!r} was named"
        reasons += [] if reason is None else [reason]
    if reasons:
        for layer in layers:
            layer.backend = "reference" if layer.backend == "auto" else layer.backend
        return StepStream(network, ", ".join(dict.fromkeys(layer.backend for layer in layers)), reasons[0])
    holds = [not layer.cell.flow and layer.zero_dt == "hold" for layer in layers]  # as Recurrent._keep
    with torch.no_grad():
        graph = program.of_cells(layers[0].cell.inputs, [layer.cell for layer in layers], holds)
        return KernelStream.on(program.pack(graph, dtype))


def refusal(backend: str, cell: Cell) -> str | None:
    """Why a backend that was named can't stream this cell."""
    return packing.why_not(cell) if backend == "cpu" else why_not(backend, cell)


class KernelStream(_core.Stream):
    """A Stream on the kernels; a call goes straight to C++, which asks here for what it can't read and for its errors."""

    backend: str = "cpu"
    why_not: str | None = None

    rounding: bool = False  # whether numbers of more digits than the network has are taken
    _packed: Packed
    _given: Array | None = None  # what the network was given once

    @classmethod
    def on(cls, packed: Packed, given: Array | None = None) -> Self:
        stream = cls(packed.program)
        stream._packed, stream._given = packed, given
        if given is not None:
            stream._begin(given)
        stream.reset()
        return stream

    @property
    def state(self) -> Array:
        """A copy of the state, (state_size,); set it to go on from there."""
        laid = np.empty_like(self._packed.first)
        self._save(laid)
        return laid[self._packed.order]

    @state.setter
    def state(self, state: Any) -> None:
        self._go_on(as_state(state, self._packed.first))

    def reset(self) -> None:
        """Back to the state before the first sample."""
        self._go_on(self._packed.first)

    def skip(self, dt: float) -> None:
        """Time that passes without a sample: it is added to the gap of the next one."""
        self._skip(dt)

    def refresh(self, network: Any) -> None:
        """The weights of `network` as they are now, which has the sizes of the one that the stream was made of; the state stays."""
        other = network.stream("cpu", **({} if self._given is None else {"static": self._given}))
        state, waited = self.state, self._skipped()
        self._switch(other.program)
        self._packed = other._packed
        if self._given is not None:
            self._begin(self._given)
        self.state = state
        self._skip(waited)

    def _go_on(self, state: Array) -> None:
        laid = np.empty_like(self._packed.first)
        laid[self._packed.order] = state
        self._load(laid)

    def another(self) -> Self:
        """A new stream of the same network in its first state; the weights are shared, not copied."""
        stream = self.on(self._packed, self._given)
        stream.rounding = self.rounding
        return stream

    def __copy__(self) -> Self:
        other = self.another()
        other.state = self.state
        other._skip(self._skipped())
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.__copy__()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        refuse_to_pickle()

    def _convert(self, x: Any) -> Array:
        return as_vector(x, "x", self.inputs, self._packed.first.dtype, self.rounding)

    def _refuse_out(self, out: Any) -> NoReturn:
        refuse_out(out, self.outputs, self._packed.first.dtype)

    def _refuse(self, why: int, stage: int, index: int, value: float) -> NoReturn:
        """The error for what `Refusal` in csrc/stream.h names."""
        if why == _core.BAD_INPUT:
            limit = validate.LARGEST[torch.float32 if self._packed.first.dtype == np.float32 else torch.float64]
            what = f"x[{index}]" if stage == 0 else f"number {index} that one layer gives to the next"
            raise NonFiniteError(
                f"{what} is {value}, expected finite numbers up to {limit:g}: fill the value, leave the sample out and "
                "add its dt to that of the next one, or scale the data"
            )
        if why == _core.BAD_GAP:
            raise TimeError(
                f"dt is {value}, expected a finite time since the previous sample, >= 0: sort the samples by time"
            )
        if why == _core.LONG_STEP:
            refuse_long_steps(value)
        raise StateOverflowError(
            f"the state would leave the range of {self._packed.first.dtype}: an unbounded activation whose recurrent weights are "
            "too large for its time constants (see tauflow.certify); try activation='tanh', or smaller weights"
        )


_core.call_directly(KernelStream)


class StepStream:
    """A Stream by single steps of the network, for what the kernels do not cover."""

    def __init__(self, network: Any, backend: str, why_not: str | None) -> None:
        self.network, self.backend, self.why_not = network, backend, why_not
        self.inputs, self.outputs, self.state_size = network.inputs, network.outputs, network.state_size
        self._first: Tensor = network.initial_state(1).detach()
        self._h, self._dtype, self._waited = self._first, np.array(self._first.numpy(force=True)).dtype, 0.0

    @torch.no_grad()
    def __call__(self, x: Any, dt: float | None = 1.0, out: Array | None = None) -> Array:
        if out is not None and not fits(out, self.outputs, self._dtype):
            refuse_out(out, self.outputs, self._dtype)
        if isinstance(dt, str):
            raise TypeError("must be real number, not str")
        sample = torch.from_numpy(as_vector(x, "x", self.inputs, self._dtype).copy()).to(self._h.device)
        gap = 1.0 if dt is None else float(dt)
        y, self._h = self.network(sample[None, None], gap + self._waited if gap >= 0 else gap, None, self._h)
        self._waited = 0.0
        out = np.empty(self.outputs, self._dtype) if out is None else out
        out[:] = y.reshape(-1).numpy(force=True)  # (1, 1, outputs), or (1, outputs) of a pooled network
        return out

    @property
    def state(self) -> Array:
        return np.array(self._h[0].numpy(force=True))

    @state.setter
    def state(self, state: Any) -> None:
        self._h = torch.from_numpy(as_state(state, self.state).copy()).to(self._h.device)[None]
        self._waited = 0.0

    def reset(self) -> None:
        self._h, self._waited = self._first, 0.0

    def skip(self, dt: float) -> None:
        if not 0 <= dt < float("inf"):
            raise TimeError(f"dt is {dt}, expected a finite time >= 0")
        self._waited += float(dt)

    def another(self) -> Self:
        return type(self)(self.network, self.backend, self.why_not)

    def __copy__(self) -> Self:
        other = self.another()
        other.state = self.state
        other.skip(self._waited)
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.__copy__()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        refuse_to_pickle()


def as_vector(values: Any, name: str, size: int, dtype: np.dtype[Any], rounding: bool = False) -> Array:
    """`values` as an array (size,) of `dtype`; an array or a tensor of more digits is refused, as Recurrent does, unless rounding."""
    if isinstance(values, Tensor):
        values = values.detach()
        values = (values.float() if values.dtype == torch.bfloat16 else values).numpy(force=True)
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        raise DtypeError(
            f"{name} is a masked array in which values are missing, expected real numbers: fill them first"
        )
    try:
        array: Array = np.asarray(values)
    except ValueError:
        raise ShapeError(f"{name} is not a vector, expected ({size},): one number after the other") from None
    if array.dtype.kind not in "fiub":
        raise DtypeError(f"{name} is {array.dtype}, expected real numbers")
    if array.shape != (size,):
        raise ShapeError(f"{name} has shape {array.shape}, expected ({size},)")
    wider = array.dtype.kind == "f" and array.dtype.itemsize > dtype.itemsize
    if wider and not rounding and not isinstance(values, (list, tuple)):  # a list has no type of its own
        raise DtypeError(
            f"{name} is {array.dtype}, but the model is {dtype}: make it {dtype} first, or stream model.double()"
        )
    with np.errstate(over="ignore"):  # infinity is refused by name
        vector: Array = array.astype(dtype)
    return vector


def as_state(state: Any, like: Array) -> Array:
    """A state to go on from, finite and of the right size."""
    h = as_vector(state, "state", len(like), like.dtype)
    if not np.isfinite(h).all():
        neuron = int(np.flatnonzero(~np.isfinite(h))[0])
        raise NonFiniteError(f"state[{neuron}] is {h[neuron]}, expected finite numbers")
    return h


def fits(out: Any, size: int, dtype: np.dtype[Any]) -> bool:
    """Whether the outputs can be written into `out`."""
    return isinstance(out, np.ndarray) and out.shape == (size,) and out.dtype == dtype and out.flags.writeable


def refuse_out(out: Any, size: int, dtype: np.dtype[Any]) -> NoReturn:
    came = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
    if isinstance(out, np.ndarray) and not out.flags.writeable:
        came = "read-only"
    raise ShapeError(f"out is {came}, expected an array to write into: numpy.empty({size}, {dtype.name!r})")


def refuse_to_pickle() -> NoReturn:
    raise TauflowError(
        "a stream is not pickled: save its state (stream.state) and the network (tauflow.save), then go on with "
        "stream = network.stream(); stream.state = state"
    )
