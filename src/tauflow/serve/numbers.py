"""Lists of numbers out of JSON, as arrays; null is a value that is not known, where the model takes such."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import RefusedError

Array = NDArray[Any]


def numbers(values: Any, name: str, shape: tuple[int | None, ...], unknown: bool = False) -> Array:
    """float64 of this shape (None: any length), finite but for null where `unknown`; RefusedError says what came."""
    kind = "nested lists" if len(shape) > 1 else "a list"
    if type(values) is not list:
        raise RefusedError(f"{name} is {_short(values)}, expected {kind} of numbers")
    try:
        found = np.asarray(values)
    except ValueError:
        raise RefusedError(f"{name} has rows of different lengths, expected {_sizes(shape)} numbers") from None
    if found.dtype.kind == "O" and _all_numbers(found):
        found = found.astype(np.float64)  # null becomes NaN
    if found.dtype.kind not in "fiu" and found.size:
        raise RefusedError(f"{name} holds something that is no number, expected {kind} of numbers")
    if found.ndim != len(shape) or any(want not in (None, got) for want, got in zip(shape, found.shape, strict=True)):
        raise RefusedError(f"{name} has {_sizes(found.shape)} numbers, expected {_sizes(shape)}")
    found = found.astype(np.float64)
    if not unknown and np.isnan(found).any():
        place = ", ".join(map(str, np.argwhere(np.isnan(found))[0]))
        raise RefusedError(f"{name}[{place}] is null, which only a network with a `missing` part takes: fill the value")
    return found


def narrow(values: Array, dtype: np.dtype[Any]) -> Array:
    """As numbers of the model's type; what is too large for it becomes infinity, which the model refuses by name."""
    with np.errstate(over="ignore"):
        narrowed: Array = values.astype(dtype)
    return narrowed


def _all_numbers(found: Array) -> bool:
    return all(value is None or (type(value) in (int, float) and abs(value) < 2**1000) for value in found.flat)


def _sizes(shape: tuple[int | None, ...]) -> str:
    return " x ".join("any" if size is None else str(size) for size in shape)


def _short(value: Any) -> str:
    return "missing" if value is None else f"{value!r:.40}"
