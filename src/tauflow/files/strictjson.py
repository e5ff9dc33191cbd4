"""JSON that comes back equal: what `loads(dumps(value))` would change is refused instead.

Python's json turns tuples into lists, the key 1 into "1", NaN into something that is not JSON, and keeps the
last of two equal keys. Here a value is exactly None, bool, int, finite float, str, list or dict with str
keys, and every value has one spelling: sorted keys, no spaces, ASCII. A reader finds doubled keys, odd
numbers and any other spelling by writing the value again and comparing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from ..errors import ModelFileError

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"

MAX_DEPTH = 32
MAX_INT_BITS = 128  # nanoseconds since 1970 take 64, the state of NumPy's random generator 128


def dumps(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, allow_nan=False)


def loads(text: str | bytes) -> dict[str, Any]:
    """A JSON object. Whether it was spelled right only `dumps(check(value)) == text` can tell."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"its header is not JSON ({type(error).__name__}); don't trust it") from None
    if not isinstance(value, dict):
        raise ModelFileError("its header is not a JSON object; don't trust it")
    return value


def check(value: object, where: str = "config", depth: int = 0) -> None:
    """Raise where something is that JSON would change, or that is too deep or too long."""
    kind = type(value)  # exactly: np.float64 is a float, but does not come back as one
    if depth > MAX_DEPTH:
        raise ModelFileError(f"{where} is nested more than {MAX_DEPTH} deep")
    if isinstance(value, dict) and kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise ModelFileError(f"{where} has the key {key!r}, expected a str")
            check(item, f"{where}[{key!r}]"[:200], depth + 1)
    elif isinstance(value, list) and kind is list:
        for i, item in enumerate(value):
            check(item, f"{where}[{i}]"[:200], depth + 1)
    elif isinstance(value, float) and kind is float:
        if not math.isfinite(value):
            raise ModelFileError(f"{where} is {value}, expected a finite number; write None for no value")
    elif isinstance(value, int) and kind is int:
        if value.bit_length() > MAX_INT_BITS:
            raise ModelFileError(f"{where} is an int of {value.bit_length()} bits, at most {MAX_INT_BITS} fit")
    elif value is not None and kind is not bool and kind is not str:
        raise ModelFileError(
            f"{where} is a {kind.__module__}.{kind.__name__}, expected None, bool, int, float, str, list "
            "or dict; try list(...), .item() or .tolist()"
        )
