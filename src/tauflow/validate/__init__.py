"""Checks of what a caller handed over: done once at the boundary, so that the inside can trust its tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import DtypeError, NonFiniteError, ShapeError, TimeError
from .arrays import as_tensor
from .numbers import LARGEST, as_dtype, is_true, largest
from .parameters import non_finite, parameter_dtype

__all__ = [
    "LARGEST",
    "as_dtype",
    "as_gaps",
    "as_input",
    "as_mask",
    "as_one_sample",
    "as_sequence",
    "as_state",
    "as_tensor",
    "is_true",
    "largest",
    "non_finite",
    "parameter_dtype",
]


def as_sequence(x: Any, dtype: torch.dtype) -> Tensor:
    """`x` as a tensor (batch, time, features)."""
    rows = as_tensor(x, "x", dtype)
    if rows.ndim != 3:
        hint = ": add a batch axis with x[None]" if rows.ndim == 2 else ""
        raise ShapeError(f"x has shape {tuple(rows.shape)}, expected (batch, time, inputs){hint}")
    return rows


def as_input(x: Any, features: int, dtype: torch.dtype, mask: Any = None) -> tuple[Tensor, Tensor | None]:
    """`x` (batch, time, features) in `dtype`, with zeros where `mask` is False, and the mask; NaN elsewhere is an error."""
    x = as_sequence(x, dtype)
    if x.shape[2] != features:
        raise ShapeError(f"x has {x.shape[2]} features, but the cell was built for {features}")
    mask = as_mask(mask, x.shape[0], x.shape[1], x.device)
    x = as_dtype(x, "x", dtype)
    if mask is not None:
        x = torch.where(mask[:, :, None], x, x.new_zeros(()))
    if is_true(largest(x) <= LARGEST[dtype]):
        return x, mask
    bad = ~(x.detach().abs() <= LARGEST[dtype])  # also true for NaN
    if is_true(bad.any()):
        row, step, feature = bad.nonzero()[0].tolist()
        raise NonFiniteError(
            f"x[{row}, {step}, {feature}] is {x[row, step, feature].item()} (sample {row}, step {step}, feature "
            f"{feature}), expected finite numbers up to {LARGEST[dtype]:g}: mask the step (mask=False), fill the "
            "value, or scale the data"
        )
    return x, mask


def as_one_sample(x: Any, dt: Any, dtype: torch.dtype) -> tuple[Tensor, Any]:
    """One sample as a sequence of one: x (batch, inputs) -> (batch, 1, inputs), dt (batch,) -> (batch, 1)."""
    x = as_tensor(x, "x", dtype)
    if x.ndim != 2:
        raise ShapeError(f"x has shape {tuple(x.shape)}, expected (batch, inputs) for one step")
    if dt is not None and not isinstance(dt, (int, float)):
        dt = as_tensor(dt, "dt", dtype, x.device)
        dt = dt[:, None] if dt.ndim == 1 else dt
    return x[:, None], dt


def as_mask(mask: Any, batch: int, time: int, device: torch.device | None = None) -> Tensor | None:
    """`mask` (batch, time) bool, True = a real sample."""
    if mask is None:
        return None
    real = as_tensor(mask, "mask", torch.float32, device)
    if real.dtype != torch.bool:
        hint = "is it the state? then pass state=..." if real.is_floating_point() else "try mask != 0"
        raise DtypeError(f"mask is {real.dtype}, expected torch.bool with True for real samples: {hint}")
    if tuple(real.shape) != (batch, time):
        raise ShapeError(f"mask has shape {tuple(real.shape)}, expected (batch, time) = ({batch}, {time})")
    return real


def as_gaps(dt: Any, x: Tensor, mask: Tensor | None, units: int | None = None) -> Tensor:
    """Time since the previous sample, (batch, time): None is one everywhere, a number or (time,) is for all samples.

    units: the size of the state where none came, by which a state in the place of dt, as torch orders them, is known.
    """
    batch, time, _ = x.shape
    if dt is None:
        return x.new_ones(batch, time)
    if isinstance(dt, (tuple, list)) and dt and all(isinstance(part, Tensor) for part in dt):
        raise ShapeError(
            f"dt is {len(dt)} tensors, expected the time since the previous sample, one tensor: {OR_STATE}"
        )
    gaps = as_tensor(dt, "dt", x.dtype, x.device)
    if gaps.dtype == torch.bool:
        raise DtypeError("dt is bool, expected the time since the previous sample: is it the mask? then pass mask=...")
    shape = tuple(gaps.shape)
    if shape == (batch, time, 1):
        gaps = gaps[:, :, 0]
    elif shape in ((), (time,)):
        gaps = gaps.expand(batch, time)
    elif shape != (batch, time):
        hint = f": {OR_STATE}" if shape[-2:] == (batch, units) else ""
        raise ShapeError(
            f"dt has shape {shape}, expected (batch, time) = ({batch}, {time}), or ({time},) for all samples{hint}"
        )
    if isinstance(dt, Tensor) and (dt.is_floating_point() or dt.is_complex()):
        gaps = as_dtype(gaps, "dt", x.dtype)
    gaps = gaps.to(x.dtype)  # an array's last digits, and whole numbers, are rounded
    if mask is not None:
        gaps = torch.where(mask, gaps, gaps.new_zeros(()))  # a gap that every solver takes
    if gaps.numel() == 0:
        return gaps
    low, high = torch.aminmax(gaps.detach())
    looking = not torch.compiler.is_compiling()  # comparing sizes would fix them in what is recorded
    like_a_state = looking and mask is None and shape == (batch, units) and time > 1
    if like_a_state and is_true((low == 0) & (high == 0)):
        raise TimeError(f"dt is 0 at every sample, so that the state would never leave its start: {OR_STATE}")
    if is_true((low >= 0) & (high < float("inf"))):
        return gaps
    bad = ~((gaps.detach() >= 0) & (gaps.detach() < float("inf")))
    if is_true(bad.any()):
        row, step = bad.nonzero()[0].tolist()
        raise TimeError(
            f"dt[{row}, {step}] is {gaps[row, step].item()} (sample {row}, step {step}), expected a finite time since "
            "the previous sample, >= 0: sort the samples by time, or mask the step" + (f"; {OR_STATE}" * like_a_state)
        )
    return gaps


OR_STATE = "did you mean state=? The second argument is dt, the fourth is the state"


def as_state(state: Any, initial: Tensor) -> Tensor:
    """The state to start from, (batch, state), with `initial` for None; parts, as (h, c), are put side by side."""
    if state is None:
        return initial
    expected = f"(batch, state) = {tuple(initial.shape)}"
    if isinstance(state, (tuple, list)) and state and all(isinstance(part, Tensor) for part in state):
        shapes = [tuple(part.shape) for part in state]
        if any(len(shape) != 2 or shape[0] != initial.shape[0] for shape in shapes):
            raise ShapeError(
                f"state is {len(state)} tensors of shapes {', '.join(map(str, shapes))}, expected one tensor {expected}, "
                "[h, c] side by side for an LSTM, or its parts, each (batch, ...): torch's axis of layers goes with h[0]"
            )
        state = torch.cat(list(state), dim=1)
    h = as_tensor(state, "state", initial.dtype, initial.device)
    if tuple(h.shape) != tuple(initial.shape):
        hint = ""
        if tuple(h.shape) == (1, *initial.shape):
            hint = ": torch's axis of layers goes with state[0]"
        elif tuple(h.shape) in (tuple(initial.shape[1:]), (1, *initial.shape[1:])):
            hint = f": repeat it for each sample, state.expand({initial.shape[0]}, -1)"
        raise ShapeError(f"state has shape {tuple(h.shape)}, expected {expected}{hint}")
    h = as_dtype(h, "state", initial.dtype)
    if not is_true(largest(h) < float("inf")) and is_true((~torch.isfinite(h.detach())).any()):
        row, neuron = (~torch.isfinite(h)).nonzero()[0].tolist()
        raise NonFiniteError(f"state[{row}, {neuron}] is {h[row, neuron].item()}, expected finite numbers")
    return h
