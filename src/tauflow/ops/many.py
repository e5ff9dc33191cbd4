"""Streams side by side: many rows of one network, each with a state of its own, a sample each in one call.

    y = rows(x, dt)        x (rows, inputs), dt a number or (rows,), y (rows, outputs)

For roll-outs of many environments and sensors of one kind: the numbers are those of single streams to the bit, and a call costs what
its rows cost. What the kernels do not cover goes by
`step(x, dt, state)`.
"""

from __future__ import annotations

from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import DtypeError, ShapeError, TimeError
from .program import Packed
from .stream import KernelStream, as_state, refuse_to_pickle

Array = NDArray[Any]


class Rows:
    """`rows` streams of a packed network; a call that raises leaves every state."""

    backend = "cpu"
    why_not = None

    def __init__(self, packed: Packed, rows: int, given: Array | None = None, rounding: bool = False) -> None:
        self._packed, self.rows, self._given, self.rounding = packed, rows, given, rounding
        self._one = KernelStream.on(packed, None if given is None else given[0])
        self.inputs, self.outputs, self.state_size = self._one.inputs, self._one.outputs, self._one.state_size
        self._dtype = packed.first.dtype
        self._sessions = _core.Sessions(packed.program, rows)
        if given is not None:
            held = np.ascontiguousarray(given, self._dtype)
            self._sessions.begin(held.ctypes.data, held.shape[1])
        self._x = np.zeros((rows, self.inputs), self._dtype)
        self._dt, self._y = np.ones(rows, self._dtype), np.zeros((rows, self.outputs), self._dtype)
        self._at = self._x.ctypes.data, self._dt.ctypes.data, self._y.ctypes.data
        self.reset()

    def __call__(self, x: Any, dt: Any = 1.0, mask: Any = None) -> Array:
        """Answers (rows, outputs) of samples x (rows, inputs); where mask (rows,) is False a row stays, and its answer is NaN."""
        if not (type(x) is np.ndarray and x.dtype == self._dtype and x.shape == self._x.shape):
            x = as_rows(x, "x", (self.rows, self.inputs), self._dtype, self.rounding)
        self._x[...] = x
        if dt is not self._dt:
            self._gaps(dt)
        moved = None if mask is None else as_mask(mask, self.rows)
        address = 0 if moved is None else moved.ctypes.data
        refused = self._sessions.step(self._at[0], self._at[1], address, self._at[2])
        if refused is not None:
            self._refuse(*refused)
        y = self._y.copy()
        if moved is not None:
            y[~moved] = np.nan
        return y

    def skip(self, dt: Any) -> None:
        """Time that passes without a sample, (rows,) or a number: it is added to the next gap of a row."""
        if not self._sessions.skip(self._gaps(dt).ctypes.data):
            raise TimeError(f"dt is {dt}, expected finite times >= 0")

    @property
    def state(self) -> Array:
        """A copy of the states, (rows, state_size); set it to go on from there, which forgets time that was skipped."""
        laid = np.empty((self.rows, self.state_size), self._dtype)
        self._sessions.save(laid.ctypes.data)
        return np.ascontiguousarray(laid[:, self._packed.order])

    @state.setter
    def state(self, state: Any) -> None:
        self._load(as_rows(state, "state", (self.rows, self.state_size), self._dtype), np.ones(self.rows, np.bool_))

    def reset(self, rows: Any = None) -> None:
        """Back to the first state: all rows, or those where `rows` (a mask or numbers of rows) says so."""
        chosen = np.ones(self.rows, np.bool_)
        if rows is not None:
            chosen[:] = False
            chosen[rows] = True
        self._load(np.broadcast_to(self._packed.first, (self.rows, self.state_size)), chosen)

    def refresh(self, network: Any) -> None:
        """The weights of `network` as they are now; the states stay."""
        given = {} if self._given is None else {"static": self._given}
        other, state, waited = network.stream("cpu", rows=self.rows, **given), self.state, self._skipped()
        if (other.inputs, other.outputs, other.state_size) != (self.inputs, self.outputs, self.state_size):
            raise ShapeError("rows go on with a network of their own sizes")
        self._packed, self._one, self._sessions = other._packed, other._one, other._sessions
        self.state = state
        self.skip(waited)

    def __copy__(self) -> Self:
        other = type(self)(self._packed, self.rows, self._given, self.rounding)
        other.state = self.state
        other.skip(self._skipped())
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.__copy__()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        refuse_to_pickle()

    def _skipped(self) -> Array:
        waited = np.empty(self.rows, self._dtype)
        self._sessions.skipped(waited.ctypes.data)
        return waited

    def _load(self, state: Array, chosen: Array) -> None:
        for row in state:
            as_state(row, self._packed.first)
        laid = np.empty((self.rows, self.state_size), self._dtype)
        laid[:, self._packed.order] = state
        self._sessions.load(laid.ctypes.data, chosen.ctypes.data)

    def _gaps(self, dt: Any) -> Array:
        if type(dt) is float or type(dt) is int:
            self._dt.fill(dt)
            return self._dt
        gaps = np.asarray(dt)
        if gaps.dtype.kind not in "fiu" or gaps.shape not in ((), (self.rows,)):
            raise ShapeError(f"dt is {gaps.dtype} {gaps.shape}, expected a number or ({self.rows},)")
        self._dt[:] = gaps
        return self._dt

    def _refuse(self, why: int, row: int, stage: int, index: int, value: float) -> None:
        try:
            self._one._refuse(why, stage, index, value)
        except Exception as error:
            raise type(error)(f"row {row}: {error}") from None


def as_mask(mask: Any, rows: int) -> Array:
    """Which rows move, bool (rows,)."""
    moved = np.ascontiguousarray(mask)
    if moved.dtype != np.bool_ or moved.shape != (rows,):
        raise ShapeError(f"mask is {moved.dtype} {moved.shape}, expected bool ({rows},)")
    return moved


def as_rows(values: Any, name: str, shape: tuple[int, int], dtype: np.dtype[Any], rounding: bool = False) -> Array:
    """`values` as contiguous (rows, n) of `dtype`; more digits than the network has are refused."""
    if hasattr(values, "detach"):
        values = values.detach().numpy(force=True)
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise DtypeError(f"{name} is {array.dtype}, expected real numbers")
    if array.shape != shape:
        raise ShapeError(f"{name} has shape {array.shape}, expected {shape}")
    if not rounding and array.dtype.kind == "f" and array.dtype.itemsize > dtype.itemsize:
        raise DtypeError(
            f"{name} is {array.dtype}, but the network is {dtype}: make it {dtype} first, or stream with rounding=True"
        )
    return np.ascontiguousarray(array, dtype)
