"""What callers hand over beside tensors: arrays, nested lists, numbers and columns of a data frame, made tensors or refused by name.

A list has no number type of its own and takes the model's. An array has one, and is then read as a tensor of it would be.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ..errors import DtypeError, ShapeError, TimeError


def as_tensor(values: Any, name: str, dtype: torch.dtype, device: torch.device | None = None) -> Tensor:
    """`values` as a tensor of real numbers or booleans; what is a tensor already stays as it is."""
    if isinstance(values, Tensor):
        if values.is_nested:
            raise ShapeError(
                f"{name} is a nested tensor, expected one block of numbers: {name}.to_padded_tensor(0.0), and pass mask with "
                "True for real samples"
            )
        if values.layout != torch.strided or values.is_quantized:
            made = "values.dequantize()" if values.is_quantized else "values.to_dense()"
            kind = "quantised" if values.is_quantized else f"a tensor of layout {values.layout}"
            raise DtypeError(f"{name} is {kind}, expected an ordinary tensor: try {made.replace('values', name)}")
        return values
    array = _as_array(values, name)
    if array.dtype.kind not in "fiub":
        _refuse(array, name)
    if array.dtype.itemsize > 8:
        raise DtypeError(f"{name} is {array.dtype}, expected float64 or narrower: try {name}.astype('float64')")
    copy = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")  # torch shares no read-only memory
    tensor = torch.from_numpy(copy).to(device)
    untyped = isinstance(values, (list, tuple, float)) and tensor.dtype == torch.float64
    return tensor.to(dtype) if untyped else tensor


def _as_array(values: Any, name: str) -> np.ndarray[Any, Any]:
    if isinstance(values, PackedSequence):
        raise ShapeError(f"{name} is a PackedSequence, but x is not one: pack both, or pad both and pass mask")
    if isinstance(values, (list, tuple)) and any(isinstance(part, Tensor) for part in values):
        raise ShapeError(
            f"{name} is a {type(values).__name__} of {len(values)} tensors, expected one tensor: try torch.stack({name}), "
            "or torch.nn.utils.rnn.pack_sequence for sequences of different lengths"
        )
    if isinstance(values, torch.fx.Proxy):
        raise DtypeError(
            f"{name} is a symbol of torch.fx.symbolic_trace, which runs no number: use torch.export.export"
        )
    if isinstance(values, np.ma.MaskedArray):
        if np.ma.getmaskarray(values).any():
            raise DtypeError(
                f"{name} is a masked array in which values are missing, expected real numbers: fill them, "
                f"{name}.filled(0.0), and mask their steps (mask=False)"
            )
        return np.asarray(values.data)
    try:
        return np.asarray(values)
    except ValueError:
        raise ShapeError(
            f"{name} has rows of different lengths, expected one block of numbers: pad them and pass mask with True for "
            "real samples, or use torch.nn.utils.rnn.pack_sequence"
        ) from None
    except (TypeError, RuntimeError) as error:
        raise DtypeError(f"{name} is {type(values).__name__}, which makes no array: {error}") from error


def _refuse(array: np.ndarray[Any, Any], name: str) -> NoReturn:
    first = array.ravel()[0] if array.size else None
    if array.dtype.kind == "m" or isinstance(first, (timedelta, np.timedelta64)):
        raise TimeError(
            f"{name} holds time spans ({_kind(array, first)}), expected numbers in a unit that you choose: divide by it, "
            f"{name} / numpy.timedelta64(1, 'h') for hours"
        )
    if array.dtype.kind == "M" or isinstance(first, (date, time, np.datetime64)):
        raise TimeError(
            f"{name} holds points in time ({_kind(array, first)}), expected the time since the previous sample as a number: "
            f"numpy.diff({name}) / numpy.timedelta64(1, 'h') for hours, with one more in front for the first sample"
        )
    if array.dtype.kind == "c":
        raise DtypeError(f"{name} is {array.dtype}, expected real numbers")
    missing = (
        ": fill what is missing, or mask its step (mask=False)" if first is None or array.dtype.kind == "O" else ""
    )
    raise DtypeError(f"{name} holds {_kind(array, first)}, expected real numbers{missing}")


def _kind(array: np.ndarray[Any, Any], first: Any) -> str:
    return type(first).__name__ if array.dtype.kind == "O" else "text" if array.dtype.kind in "US" else str(array.dtype)
