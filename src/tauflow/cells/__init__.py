"""The cells: one file each, found by themselves. `names()` lists them, `get("ctrnn")` is the class, `build` makes one.

A cell of your own is a class in your own script, made known by `register`: it then has a name like any other, for `build`,
`Forecaster(cell="mine")` and model files. A file holds the name only, so who loads it registers the class first.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import pkgutil
import re
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from ..wirings import Wiring
from .base import Cell, CellError, LeakCell

AnyCell = TypeVar("AnyCell", bound=type[Cell])
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
TAKEN = ("auto", "persistence", "seasonal_naive", "ridge")  # what a forecaster calls its other models


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
IMPORTED: list[Path] = []  # by `import_file`: another process has to import them too
globals().update({cell.__name__: cell for cell in REGISTRY.values()})


def register(cell: AnyCell) -> AnyCell:
    """Make a cell of your own known by its `name`; also as a decorator, `@cells.register`.

    Its constructor takes `inputs`, `units` and options by name, each a number, a text, a list or a Wiring: what a file can hold.
    The same class of the same script may come again, as when a cell of a notebook is run twice; another's name may not.

    >>> @tauflow.cells.register
    ... class Slow(tauflow.CTRNN):
    ...     name = "slow"
    ...     def __init__(self, inputs, units, tau=50.0):
    ...         super().__init__(inputs, units, tau=tau)
    >>> tauflow.Network(3, 1, core="slow", units=8).core.cell
    Slow(inputs=3, units=8, tau=50.0)
    """
    if not isinstance(cell, type) or not issubclass(cell, Cell):
        raise CellError(f"register takes a class of cells, got {cell!r}: derive it from LeakCell or Cell")
    if inspect.isabstract(cell):
        missing = ", ".join(sorted(cell.__abstractmethods__))
        raise CellError(f"{cell.__name__} is not a whole cell: it has no {missing}")
    if not NAME.fullmatch(cell.name) or cell.name in TAKEN:
        raise CellError(
            f"{cell.__name__} is called {cell.name!r}, expected a name of its own such as name = 'mine': lower case letters, "
            f"digits and _, and none of {', '.join(TAKEN)}"
        )
    _check_constructor(cell)
    known = REGISTRY.get(cell.name, cell)
    if (known.__module__, known.__qualname__) != (cell.__module__, cell.__qualname__):
        raise CellError(f"{known.__name__} is called {cell.name!r} already: give {cell.__name__} another name")
    REGISTRY[cell.name] = cell
    return cell


def _check_constructor(cell: type[Cell]) -> None:
    found = parameters(cell)
    by_name = all(p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) for p in found.values())
    if list(found)[:2] != ["inputs", "units"] or not by_name:
        takes = ", ".join(map(str, found.values()))
        raise CellError(
            f"the constructor of {cell.__name__} takes ({takes}), expected inputs, units and options, each by its name "
            "(no *args, no **options), so that a file can hold them"
        )


def parameters(cell: type[Cell]) -> dict[str, inspect.Parameter]:
    """What the constructor of a cell takes, by name.

    >>> list(tauflow.cells.parameters(tauflow.GatedLTC))
    ['inputs', 'units', 'activation', 'tau', 'solver', 'substeps']
    """
    return dict(list(inspect.signature(cell.__init__).parameters.items())[1:])


def import_file(path: str | os.PathLike[str]) -> list[str]:
    r"""Run a Python file of your own that registers cells, and tell the names of those that it added.

    >>> from pathlib import Path
    >>> text = "import tauflow\n\n@tauflow.cells.register\nclass Mine(tauflow.CTRNN):\n    name = 'mine'\n"
    >>> _ = Path("mine.py").write_text(text)
    >>> tauflow.cells.import_file("mine.py")
    ['mine']
    """
    before, file = set(REGISTRY), Path(path)
    if not file.is_file() or file.suffix != ".py":
        raise CellError(f"{file} is not a Python file, expected one that registers cells, such as cells.py")
    name = f"tauflow_own_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise CellError(f"{file} can't be imported")
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except CellError:
        raise
    except Exception as error:
        raise CellError(f"{file} can't be run: {type(error).__name__}: {error}") from error
    added = sorted(set(REGISTRY) - before)
    if not added and not any(cell.__module__ == name for cell in REGISTRY.values()):
        raise CellError(f"{file} registers no cell: put @cells.register above its class")
    if file.resolve() not in IMPORTED:
        IMPORTED.append(file.resolve())
    return added


def names() -> list[str]:
    """The names of all cells, in alphabetical order.

    >>> tauflow.cells.names()
    ['cfc', 'ctrnn', 'gated_ltc', 'gru', ...]
    """
    return sorted(REGISTRY)


def get(name: str) -> type[Cell]:
    """The class of the cell called `name`.

    >>> tauflow.cells.get("ctrnn") is tauflow.CTRNN
    True
    >>> tauflow.cells.get("lctm")
    Traceback (most recent call last):
        ...
    tauflow.cells.base.CellError: no cell is called 'lctm'; did you mean 'lstm'? there are ...
    """
    if name not in REGISTRY:
        near = get_close_matches(str(name), REGISTRY, n=1)
        hint = f" did you mean {near[0]!r}?" if near else ""
        raise CellError(
            f"no cell is called {name!r};{hint} there are {', '.join(names())}; one of your own is registered first: "
            "cells.register(MyCell)"
        )
    return REGISTRY[name]


def build(name: str, inputs: int, units: Any, **options: Any) -> Cell:
    """A cell by name. `options` are its constructor's; a wiring may be given as the dict that a model file holds.

    >>> tauflow.cells.build("ctrnn", inputs=3, units=8, solver="etd2rk")
    CTRNN(inputs=3, units=8, activation='tanh', tau=[1.0, 10.0], learn_tau=True, solver='etd2rk', substeps=1)
    """
    cell = get(name)
    known = parameters(cell)
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
    "import_file",
    "names",
    "parameters",
    "register",
    *(cell.__name__ for cell in REGISTRY.values()),
]
