"""What is given once, beside the state: numbers of a patient, a machine, a record; (batch, static)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .. import validate
from ..errors import NonFiniteError, ShapeError


def check_static(static: Any, width: int, x: Tensor) -> Tensor | None:
    """`static` as (batch, width) in the number type of x (batch, ...), finite; None where the network has none."""
    expected = f"expected (batch, static) = ({len(x)}, {width})"
    if static is None:
        if width:
            raise ShapeError(f"static has shape None, {expected}: this network was built with static={width}")
        return None
    given = validate.as_tensor(static, "static", x.dtype, x.device)
    if not width:
        raise ShapeError(
            f"static has shape {tuple(given.shape)}, {expected}: build Network(..., static=...) to give some"
        )
    if tuple(given.shape) != (len(x), width):
        raise ShapeError(f"static has shape {tuple(given.shape)}, {expected}")
    given = validate.as_dtype(given, "static", x.dtype)
    if not validate.is_true(torch.isfinite(given.detach()).all()) and validate.is_true((~torch.isfinite(given)).any()):
        row, column = (~torch.isfinite(given)).nonzero()[0].tolist()
        raise NonFiniteError(
            f"static[{row}, {column}] is {given[row, column].item()}, expected finite numbers: fill what is missing"
        )
    return given
