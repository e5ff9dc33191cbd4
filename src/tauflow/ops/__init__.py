"""Running a cell over time: `reference` is the truth, other backends are faster ways to the same numbers.

`run(..., backend="auto")` takes the fastest that can; a named backend runs or raises BackendError; `why_not` says why one can't.
"""

from __future__ import annotations

from typing import NoReturn

from torch import Tensor

from ..cells import Cell
from ..errors import BackendError
from . import cpu, fused, reference

BACKENDS = ("reference", "fused", "cpu")  # slowest first


def why_not(backend: str, cell: Cell, keep: Tensor | None = None) -> str | None:
    """Why `backend` can't run `cell`, in a sentence; None when it can."""
    if backend == "reference":
        return None
    if backend == "fused":
        return fused.why_not(cell, keep)
    if backend == "cpu":
        return cpu.why_not(cell, keep)
    return f"no backend is called {backend!r}; there are auto, {', '.join(BACKENDS)}"


def choose(cell: Cell, keep: Tensor | None = None) -> str:
    """The fastest backend that can run `cell`."""
    return next(backend for backend in reversed(BACKENDS) if why_not(backend, cell, keep) is None)


def run(
    cell: Cell, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor, backend: str = "auto"
) -> tuple[Tensor, Tensor]:
    """(y, h) of `cell` over x (batch, time, inputs) with gaps dt (batch, time) from the state h (batch, state)."""
    if backend in ("auto", "cpu"):
        calls = cpu.ready(cell, x, dt, keep, h)
        if not isinstance(calls, str):
            return cpu.over(calls, cell, x, dt, keep, h)
        if backend == "cpu":
            _refuse(backend, calls)
        backend = "reference" if fused.why_not(cell, keep) else "fused"
    reason = why_not(backend, cell, keep)
    if reason is not None:
        _refuse(backend, reason)
    return fused.run(cell, x, dt, keep, h) if backend == "fused" else reference.run(cell, x, dt, keep, h)


def _refuse(backend: str, reason: str) -> NoReturn:
    raise BackendError(f"backend {backend!r} can't run this: {reason}; try backend='auto' or 'reference'")
