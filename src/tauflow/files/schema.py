"""A closed schema: a dataclass says what a config holds; `dump` makes JSON of it, `read` makes it of JSON.

Every field must be there and nothing else. A value is read as its annotation says, or refused with its place: int, float,
str, bool, None, Literal, X | Y, tuple[X, ...], tuple[X, Y], Mapping[str, X], another dataclass; Any is JSON as it is.
What the numbers must be (positive, unique, within range) the dataclass itself checks in `__post_init__`.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from ..errors import ModelFileError, TauflowError

T = TypeVar("T")
WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", type(None): "null"}


def dump(value: Any) -> Any:
    """The value as JSON: dataclasses and mappings become dicts, tuples lists, NumPy's numbers Python's."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: dump(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: dump(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [dump(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def read(kind: type[T], value: object, where: str = "config") -> T:
    """The dataclass that `dump` wrote; ModelFileError, in one line, for anything else."""
    result: T = _read(kind, value, where)
    return result


def first_line(error: BaseException) -> str:
    """What went wrong, in one line of at most 200 characters: torch's errors bring a stack of C++."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]


@cache
def _fields(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _read(hint: Any, value: Any, where: str) -> Any:
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _read_fields(hint, value, where)
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal and any(value == part and type(value) is type(part) for part in parts):
        return value
    if origin in (Union, types.UnionType):
        return _read_one_of(parts, value, where)
    if origin is tuple and isinstance(value, list):
        many = parts[1:] == (...,)
        if many or len(value) == len(parts):
            kinds = parts[:1] * len(value) if many else parts
            return tuple(_read(kinds[i], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin in (dict, Mapping) and isinstance(value, dict):
        return {key: _read(parts[1], item, f"{where}[{key[:40]!r}]") for key, item in value.items()}
    if hint is float and type(value) in (int, float) and abs(value) < 2**1023:
        return float(value)
    if hint in WORDS and type(value) is hint:
        return value
    raise ModelFileError(f"{where} is {_short(value)}, expected {_words(hint)}")


def _read_fields(kind: type, value: Any, where: str) -> Any:
    fields = _fields(kind)
    if not isinstance(value, dict):
        raise ModelFileError(f"{where} is {_short(value)}, expected {', '.join(fields)}")
    if odd := [name for name in [*fields, *value] if (name in fields) != (name in value)]:
        what = f"lacks {odd[0]}" if odd[0] in fields else f"has {_short(odd[0])}"
        raise ModelFileError(f"{where} {what}, expected exactly {', '.join(fields)}")
    found = {name: _read(hint, value[name], f"{where}.{name}") for name, hint in fields.items()}
    try:
        return kind(**found)
    except TauflowError as wrong:
        raise ModelFileError(f"{where}: {first_line(wrong)}") from None


def _read_one_of(parts: tuple[Any, ...], value: Any, where: str) -> Any:
    """As the first of several annotations that fits; the error is that of the last but None, which says the most."""
    error = None
    for part in parts:
        try:
            return _read(part, value, where)
        except ModelFileError as wrong:
            error = wrong if error is None or part is not type(None) else error
    raise error or ModelFileError(f"{where} is {_short(value)}")


def _words(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(repr(part) for part in get_args(hint))
    if get_origin(hint) is tuple:
        return "a list" if get_args(hint)[1:] == (...,) else f"a list of {len(get_args(hint))}"
    return WORDS.get(hint, "a dict")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
