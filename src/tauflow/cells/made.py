"""How a cell is made: what its class remembers of itself, and how its constructor is called.

A kernel reads a cell's weights and not its methods, so it must know whether these still are what the class said:
`written` holds those that decide the numbers. A constructor gets Python's numbers where NumPy's came, as searches for
hyperparameters hand over, and in a forked process it keeps to one thread.
"""

from __future__ import annotations

import os
from abc import ABCMeta
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FunctionType
from typing import Any

import numpy as np
import torch

# Methods that say something of a cell and change none of its numbers: a subclass may have its own and keep the kernel.
TELLING = {
    "config", "extra_repr", "gates", "half_open", "hull", "initial_state", "reset_parameters", "saturation", "time_constants",
}  # fmt: skip
PROCESS = os.getpid()
PACKAGE = __name__.partition(".")[0] + "."


class Made(ABCMeta):
    """The class of the classes of cells."""

    written: dict[str, Any]  # the methods that decide the numbers, by name
    home: Made  # the class of this package that it is or derives from

    def __init__(cls, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> None:
        super().__init__(name, bases, space)
        cls.written = {method: getattr(cls, method) for method in _methods(cls)}
        homes = (base for base in cls.__mro__ if base.__module__.startswith(PACKAGE) and isinstance(base, Made))
        cls.home = next(homes)

    def __call__(cls, *values: Any, **options: Any) -> Any:
        with one_thread_after_a_fork():
            return super().__call__(*map(_python, values), **{name: _python(value) for name, value in options.items()})


def _methods(cell: type) -> set[str]:
    own = [vars(base) for base in cell.__mro__ if isinstance(base, Made)]
    names = {name for each in own for name, value in each.items() if isinstance(value, (FunctionType, property))}
    return {name for name in names - TELLING if not name.startswith("__")}


def _python(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return type(value)(map(_python, value)) if type(value) in (tuple, list) else value


def one_thread_after_a_fork() -> AbstractContextManager[None]:
    """A forked process has none of the threads of its parent's OpenMP, for which a threaded operator would wait forever."""
    forked = not torch.compiler.is_compiling() and os.getpid() != PROCESS
    return _one_thread() if forked and torch.get_num_threads() > 1 else nullcontext()


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
