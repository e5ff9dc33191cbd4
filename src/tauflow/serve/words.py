"""The JSON of messages: strict, so that what would be ignored is refused. `read(text)` is an object, or RefusedError says what is wrong.

Python's json takes NaN and Infinity, keeps the last of two equal keys, and goes as deep as the stack; here these are errors.
"""

from __future__ import annotations

import json
from typing import Any

from .errors import RefusedError


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RefusedError(f"the key {twice[:40]!a} stands there twice")
    return found


def _constant(name: str) -> Any:
    raise RefusedError(f"{name} is not JSON; a value that is not known now is null")


_decode = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant).decode
write = json.JSONEncoder(separators=(",", ":"), allow_nan=False, ensure_ascii=True).encode


def read(text: str) -> dict[str, Any]:
    """A JSON object."""
    try:
        found = _decode(text)
    except RecursionError:
        raise RefusedError("the JSON is nested too deep") from None
    except RefusedError:
        raise
    except ValueError as error:
        raise RefusedError(f"no JSON: {error}"[:200]) from None
    if type(found) is not dict:
        raise RefusedError(f'a message is {text[:40]!a}, expected an object: {{"x": [...], "dt": 0.02}}')
    return found


def only(message: dict[str, Any], *names: str) -> None:
    """Refuse keys that would be ignored."""
    unknown = [name for name in message if name not in names]
    if unknown:
        raise RefusedError(f"the key {unknown[0][:40]!a} is not known here, expected {', '.join(names)}")
