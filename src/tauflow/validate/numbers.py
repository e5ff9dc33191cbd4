"""Single numbers: how large they may be, and in which type they are kept without losing digits."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import DtypeError

# Beyond this a product with an ordinary weight can overflow, and inf - inf is NaN.
LARGEST = {torch.float32: 1e30, torch.float64: 1e300}


def is_true(condition: Tensor) -> bool:
    """The value of a scalar condition; False where values can't be looked at (vmap, meta, while compiling or tracing)."""
    if torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
        return False
    try:
        return bool(condition)
    except (RuntimeError, NotImplementedError):
        return False


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
        return _from_whole_numbers(x, name, dtype)
    if x.dtype == torch.float64 and dtype == torch.float32:
        raise DtypeError(f"{name} is float64, but the model is float32: call model.double(), or pass {name}.float()")
    return x.to(dtype)


def _from_whole_numbers(x: Tensor, name: str, dtype: torch.dtype) -> Tensor:
    made = x.to(dtype)
    if dtype == torch.float32 and x.element_size() > 2:
        lost = made.double() != x.double()  # past 2**24 not every whole number is a float32
        if is_true(lost.any()):
            value = int(x.detach()[lost][0])
            raise DtypeError(
                f"{name} holds {value}, which float32 can only keep as {int(made.detach()[lost][0])}: subtract an offset, "
                "scale it, or call model.double()"
            )
    return made
