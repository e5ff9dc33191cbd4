"""Checks of what a caller handed over: done once at the boundary, so that the inside can trust its tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from .errors import DtypeError, NonFiniteError, ShapeError, TimeError

# Beyond this a product with an ordinary weight can overflow, and inf - inf is NaN.
LARGEST = {torch.float32: 1e30, torch.float64: 1e300}


def is_true(condition: Tensor) -> bool:
    """The value of a scalar condition; False where values can't be looked at (vmap, meta, while compiling)."""
    if torch.compiler.is_compiling():
        return False
    try:
        return bool(condition)
    except (RuntimeError, NotImplementedError):
        return False


def parameter_dtype(module: torch.nn.Module) -> torch.dtype:
    """float32 or float64, the number type that `module` computes in; half precision is refused.

    Time constants and states lose their small steps in 16 bits: h + dt * small = h. Use autocast around other layers.
    """
    dtypes = {parameter.dtype for parameter in module.parameters()} or {torch.get_default_dtype()}
    if len(dtypes) > 1 or not dtypes <= LARGEST.keys():
        raise DtypeError(
            f"the parameters are {', '.join(sorted(map(str, dtypes)))}, but all must be float32 or all float64, as the "
            "state is: call model.float(), and use torch.autocast for the layers around it"
        )
    return dtypes.pop()


def as_input(x: Tensor, features: int, dtype: torch.dtype, mask: Tensor | None) -> Tensor:
    """`x` (batch, time, features) in `dtype`, with zeros where `mask` is False; NaN elsewhere is an error."""
    if x.ndim != 3:
        hint = ": add a batch axis with x[None]" if x.ndim == 2 else ""
        raise ShapeError(f"x has shape {tuple(x.shape)}, expected (batch, time, inputs){hint}")
    if x.shape[2] != features:
        raise ShapeError(f"x has {x.shape[2]} features, but the cell was built for {features}")
    x = as_dtype(x, "x", dtype)
    if mask is not None:
        x = torch.where(mask[:, :, None], x, x.new_zeros(()))
    if is_true(largest(x) <= LARGEST[dtype]):
        return x
    bad = ~(x.detach().abs() <= LARGEST[dtype])  # also true for NaN
    if is_true(bad.any()):
        row, step, feature = bad.nonzero()[0].tolist()
        raise NonFiniteError(
            f"x[{row}, {step}, {feature}] is {x[row, step, feature].item()} (sample {row}, step {step}, feature "
            f"{feature}), expected finite numbers up to {LARGEST[dtype]:g}: mask the step (mask=False), fill the "
            "value, or scale the data"
        )
    return x


def largest(x: Tensor) -> Tensor:
    """The largest size of a number of x, NaN if one is NaN; in one pass over it, which is what checking costs."""
    if x.numel() == 0:
        return x.new_zeros(())
    low, high = torch.aminmax(x.detach())
    return torch.maximum(-low, high)


def as_dtype(x: Tensor, name: str, dtype: torch.dtype) -> Tensor:
    """`x` in `dtype`; narrowing is refused, since it would lose digits in silence."""
    if not torch.is_floating_point(x):
        if x.is_complex():
            raise DtypeError(f"{name} is {x.dtype}, expected real numbers")
        return x.to(dtype)
    if x.dtype == torch.float64 and dtype == torch.float32:
        raise DtypeError(f"{name} is float64, but the model is float32: call model.double(), or pass {name}.float()")
    return x.to(dtype)


def as_mask(mask: Tensor | None, batch: int, time: int) -> Tensor | None:
    """`mask` (batch, time) bool, True = a real sample."""
    if mask is None:
        return None
    if mask.dtype != torch.bool:
        raise DtypeError(f"mask is {mask.dtype}, expected torch.bool with True for real samples")
    if tuple(mask.shape) != (batch, time):
        raise ShapeError(f"mask has shape {tuple(mask.shape)}, expected (batch, time) = ({batch}, {time})")
    return mask


def as_gaps(dt: Tensor | float | None, x: Tensor, mask: Tensor | None) -> Tensor:
    """Time since the previous sample, (batch, time): None is one everywhere, a number or (time,) is for all samples."""
    batch, time, _ = x.shape
    if dt is None:
        return x.new_ones(batch, time)
    if not isinstance(dt, Tensor):
        dt = torch.as_tensor(dt, dtype=x.dtype, device=x.device)
    shape = tuple(dt.shape)
    if shape == (batch, time, 1):
        dt = dt[:, :, 0]
    elif shape in ((), (time,)):
        dt = dt.expand(batch, time)
    elif shape != (batch, time):
        raise ShapeError(
            f"dt has shape {shape}, expected (batch, time) = ({batch}, {time}), or ({time},) for all samples"
        )
    dt = as_dtype(dt, "dt", x.dtype)
    if mask is not None:
        dt = torch.where(mask, dt, dt.new_zeros(()))  # a gap that every solver takes
    if dt.numel() == 0:
        return dt
    low, high = torch.aminmax(dt.detach())
    if is_true((low >= 0) & (high < float("inf"))):
        return dt
    bad = ~((dt.detach() >= 0) & (dt.detach() < float("inf")))
    if is_true(bad.any()):
        row, step = bad.nonzero()[0].tolist()
        raise TimeError(
            f"dt[{row}, {step}] is {dt[row, step].item()} (sample {row}, step {step}), expected a finite time since "
            "the previous sample, >= 0: sort the samples by time, or mask the step"
        )
    return dt


def as_state(state: Tensor | None, initial: Tensor) -> Tensor:
    """The state to start from, (batch, state), with `initial` for None."""
    if state is None:
        return initial
    if tuple(state.shape) != tuple(initial.shape):
        raise ShapeError(f"state has shape {tuple(state.shape)}, expected (batch, state) = {tuple(initial.shape)}")
    state = as_dtype(state, "state", initial.dtype)
    if not is_true(largest(state) < float("inf")) and is_true((~torch.isfinite(state.detach())).any()):
        row, neuron = (~torch.isfinite(state)).nonzero()[0].tolist()
        raise NonFiniteError(f"state[{row}, {neuron}] is {state[row, neuron].item()}, expected finite numbers")
    return state
