"""A digest of what a value is: equal values have equal digests, in every process; no address in memory counts.

numbers, texts     by value: 1 and 1.0, a list and a tuple are one, as JSON holds them
tensors, arrays    number type, shape and every byte
functions          byte code, constants, defaults, and the values they closed over; not the globals they use
dataclasses        the class and the fields that it compares
other objects      the class and its attributes, or what pickle would keep; by the class alone where it has neither
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Set
from contextlib import suppress
from hashlib import blake2b
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

DEEPEST = 60  # objects within objects; what lies deeper counts by its class


def digest(value: object, names: Mapping[int, str] | None = None) -> str:
    """32 hex digits. `names`: objects, by id(), that count as their name and not as what they hold."""
    return Walk(names or {}).digest(value, frozenset()).hex()


class Walk:
    """One walk through a value; who is met twice is looked at once."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names
        self.seen: dict[int, tuple[Any, bytes]] = {}  # the objects too, so that no other gets their id

    def digest(self, value: Any, around: frozenset[int]) -> bytes:
        """`around` are the objects that hold this one: who meets itself again is not followed."""
        if id(value) in self.names:
            return _hash("called", self.names[id(value)].encode())
        if id(value) in self.seen:
            return self.seen[id(value)][1]
        if (simple := _simple(value)) is not None:
            return simple
        if id(value) in around or len(around) > DEEPEST:
            return _hash("around", _name(type(value)))
        found = self.parts(value, around | {id(value)})
        self.seen[id(value)] = (value, found)
        return found

    def parts(self, value: Any, around: frozenset[int]) -> bytes:
        def all_of(values: Iterable[Any]) -> list[bytes]:
            return [self.digest(item, around) for item in values]

        if hasattr(value, "__array__"):
            array = np.asarray(value)
            if array.dtype.hasobject:
                return _hash("objects", repr(array.shape).encode(), *all_of(array.ravel().tolist()))
            return _hash("array", f"{array.dtype.str}{array.shape}".encode(), np.ascontiguousarray(array).tobytes())
        if isinstance(value, Mapping):
            return _hash("dict", *sorted(b"".join(all_of(item)) for item in value.items()))
        if isinstance(value, Set):
            return _hash("set", *sorted(all_of(value)))
        if isinstance(value, (list, tuple)):
            return _hash("list", *all_of(value))
        if isinstance(value, MethodType):
            return _hash("method", *all_of((value.__self__, value.__func__)))
        if isinstance(value, FunctionType):
            made = (value.__code__, value.__defaults__, value.__kwdefaults__, _closed_over(value))
            return _hash("function", *all_of(made))
        if isinstance(value, CodeType):
            return _hash("code", value.co_code, *all_of((value.co_names, value.co_consts)))
        return _hash("object", _name(type(value)), *all_of(_state(value)))


def _simple(value: Any) -> bytes | None:
    """The digest of what holds nothing else; None for the rest."""
    if value is None or isinstance(value, (bool, str, bytes, np.bool_)):
        return _hash("plain", repr(bool(value) if isinstance(value, np.bool_) else value).encode())
    if isinstance(value, (int, float, complex, np.number)):
        return _hash("number", repr(_plain_number(value)).encode())
    if isinstance(value, Tensor):
        return _tensor(value)
    if isinstance(value, os.PathLike):
        return _hash("path", os.fsencode(os.fspath(value)))
    if isinstance(value, (type, ModuleType, BuiltinFunctionType)):
        return _hash("name", _name(value))
    return None


def _state(value: Any) -> tuple[Any, ...]:
    """What makes this object different from others of its class."""
    if dataclasses.is_dataclass(value):
        compared = [field.name for field in dataclasses.fields(value) if field.compare]
        return tuple((name, getattr(value, name, None)) for name in compared)
    bases = type(value).__mro__[:-1]
    pickled = any(name in vars(base) for base in bases for name in ("__reduce__", "__reduce_ex__"))
    if hasattr(value, "__dict__") and not pickled:
        slots = [slot for base in bases for slot in _slots(base)]
        return vars(value), {slot: getattr(value, slot) for slot in slots if hasattr(value, slot)}
    try:
        reduced = value.__reduce_ex__(2)
    except Exception:  # a lock, an open file: nothing of it can be kept, and its class says what it is
        return ()
    return reduced[1:3] if isinstance(reduced, tuple) else (reduced,)


def _closed_over(function: FunctionType) -> list[Any]:
    values = []
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # a name that has no value yet
            values.append(cell.cell_contents)
    return values


def _slots(base: type) -> tuple[str, ...]:
    slots = vars(base).get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))


def _plain_number(value: Any) -> Any:
    number = value.item() if isinstance(value, np.generic) else value
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _tensor(value: Tensor) -> bytes:
    """A tensor without numbers (meta) is its number type and shape."""
    about = f"{value.dtype}{tuple(value.shape)}".encode()
    if value.device.type == "meta":
        return _hash("meta", about)
    plain = value.detach().cpu()
    dense = plain.to_dense() if plain.layout is not torch.strided else plain
    numbers = dense.resolve_conj().resolve_neg().contiguous().reshape(-1)
    return _hash("tensor", about, numbers.view(torch.uint8).numpy().data)


def _name(value: Any) -> bytes:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', value)}".encode()


def _hash(kind: str, *parts: bytes | memoryview) -> bytes:
    found = blake2b(kind.encode(), digest_size=16)
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.digest()
