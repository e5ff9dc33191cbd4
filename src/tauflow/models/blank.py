"""A model without numbers: built on torch's meta device, where a weight of any size costs nothing, and counted as it grows.

A structure comes from a file, so it may ask for anything. Constructors draw no random numbers here and fill no memory; one
that registers more weights than the file can hold is stopped on the way. A cell of the user's own whose constructor looks at
numbers can't be built on meta; it is built in memory, under the same count.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from ..cells import Cell, parameters
from ..errors import ModelFileError, TauflowError
from .structure import Structure, build, named_cells

M = TypeVar("M", bound=nn.Module)
SLACK = 100  # parameters that a constructor may register and throw away again


@dataclass(frozen=True)
class Content:
    """What a file has to fill a model with: tensors, numbers in all, and names that share a tensor with another."""

    tensors: int
    numbers: int
    ties: int = 0

    @staticmethod
    def of(tensors: Mapping[str, Tensor], ties: int = 0) -> Content:
        return Content(len(tensors), sum(tensor.numel() for tensor in tensors.values()), ties)


def blank(structure: Structure, content: Content | None = None) -> nn.Module:
    """The model of a structure, no larger than the content of its file; of any size without one."""
    own = any(not cell.__module__.startswith("tauflow.") for _, cell in named_cells(structure))
    if content is None:
        return without_numbers(lambda: build(structure), own)
    for options, cell in named_cells(structure):
        check_size(cell, options, content.numbers)
    with counted(content):
        return without_numbers(lambda: build(structure), own)


def without_numbers(make: Callable[[], M], own: bool) -> M:
    """What `make` makes; `own` when a cell of the user's own is in it."""
    try:
        with torch.device("meta"):
            return make()
    except TauflowError:
        raise
    except Exception:
        if not own:
            raise
    with torch.random.fork_rng(devices=[]):
        return make()


def check_size(cell: type[Cell], options: Mapping[str, Any], numbers: int) -> None:
    """Refuse sizes that can't come from a file of so many numbers, before a constructor draws a wiring of that size."""
    inputs, units = (options.get(name) for name in ("inputs", "units"))
    whole = [size for size in (inputs, units) if type(size) is int]
    needed = max(whole, default=0)
    if len(whole) == 2 and draws_a_wiring(cell):
        needed = whole[1] * sum(whole)
    if needed > numbers:
        raise ModelFileError(
            f"a {cell.__name__} of {repr(inputs)[:20]} inputs and {repr(units)[:20]} units has more weights than the file "
            f"holds numbers, {numbers:,}"
        )


def draws_a_wiring(cell: type[Cell]) -> bool:
    """Whether `units` may be a Wiring: a number then means a wiring of that size, (inputs + units) x units."""
    return "Wiring" in str(parameters(cell)["units"].annotation)


@contextmanager
def counted(content: Content) -> Iterator[None]:
    """Stop whoever registers many more parameters, or numbers in them, than the content has, in this thread."""
    here, registered, elements = threading.get_ident(), 0, 0
    tensors, numbers = content.tensors + content.ties, content.numbers * (1 + content.ties)

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal registered, elements
        if threading.get_ident() == here and parameter is not None:
            registered, elements = registered + 1, elements + parameter.numel()
        if registered > 2 * tensors + SLACK or elements > 2 * numbers + SLACK:
            raise ModelFileError(
                f"its structure has more weights than the file, {content.tensors:,} tensors of {content.numbers:,} numbers"
            )

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()
