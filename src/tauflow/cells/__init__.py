"""The cells: one file each, found by themselves. `names()` lists them, `get("ctrnn")` is the class, `build` makes one."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from difflib import get_close_matches
from typing import Any

from ..wirings import Wiring
from .base import Cell, CellError, LeakCell


def _discover() -> dict[str, type[Cell]]:
    found: dict[str, type[Cell]] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, Cell)
                and value.__module__ == module.__name__
                and value.name
            ):
                found[value.name] = value
    return dict(sorted(found.items()))


REGISTRY: dict[str, type[Cell]] = _discover()
globals().update({cell.__name__: cell for cell in REGISTRY.values()})


def names() -> list[str]:
    """The names of all cells, in alphabetical order."""
    return list(REGISTRY)


def get(name: str) -> type[Cell]:
    """The class of the cell called `name`."""
    if name not in REGISTRY:
        near = get_close_matches(name, REGISTRY, n=1)
        hint = f" did you mean {near[0]!r}?" if near else ""
        raise CellError(f"no cell is called {name!r};{hint} there are {', '.join(REGISTRY)}")
    return REGISTRY[name]


def build(name: str, inputs: int, units: Any, **options: Any) -> Cell:
    """A cell by name. `options` are its constructor's; a wiring may be given as the dict that a model file holds."""
    cell = get(name)
    known = list(inspect.signature(cell.__init__).parameters)[1:]
    unknown = [option for option in options if option not in known]
    if unknown:
        raise CellError(f"{cell.__name__} has no option {unknown[0]!r}; it has {', '.join(known)}")
    if isinstance(units, dict):
        units = Wiring.from_dict(units)
    return cell(inputs, units, **options)


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "REGISTRY",
    "Cell",
    "CellError",
    "LeakCell",
    "build",
    "get",
    "names",
    *(cell.__name__ for cell in REGISTRY.values()),
]
