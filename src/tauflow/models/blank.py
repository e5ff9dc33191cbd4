"""A model without numbers: built on torch's meta device, where a weight of any size costs nothing, and counted as it grows.

A structure comes from a file, so it may ask for anything. Constructors draw no random numbers here and fill no memory; one
that registers more weights than the file can hold is stopped on the way. A cell or part of the user's own whose constructor looks
at numbers can't be built on meta; it is built in memory, under the same count.
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
from ..network import Part, Ranks, Scale
from .structure import Structure, build, named

M = TypeVar("M", bound=nn.Module)
SIZES = ("inputs", "units", "outputs", "columns", "vocabulary", "static")  # of which each is at least a weight
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
    own = any(not kind.__module__.startswith("tauflow.") for _, kind in named(structure))
    if content is None:
        return without_numbers(lambda: build(structure), own)
    for options, kind in named(structure):
        check_size(kind, options, content.numbers)
    with counted(content):
        return without_numbers(lambda: build(structure), own)


def without_numbers(make: Callable[[], M], own: bool) -> M:
    """What `make` makes; `own` when a cell or part of the user's own is in it."""
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


def check_size(kind: type[nn.Module], options: Mapping[str, Any], numbers: int) -> None:
    """Refuse sizes that can't come from a file of so many numbers, before a constructor draws a wiring or a list of that size."""
    whole = {name: size for name in SIZES if type(size := options.get(name)) is int}
    if issubclass(kind, Part) and kind not in (Scale, Ranks):
        whole.pop("inputs", None)  # of an image, say, which may have more pixels than weights
    needed = max(whole.values(), default=0)
    if issubclass(kind, Cell) and {"inputs", "units"} <= set(whole) and draws_a_wiring(kind):
        needed = whole["units"] * (whole["inputs"] + whole["units"])
    if needed > numbers:
        sizes = " and ".join(f"{str(size)[:20]} {name}" for name, size in whole.items())
        raise ModelFileError(f"a {kind.__name__} of {sizes} has more weights than the file holds numbers, {numbers:,}")


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
