"""The API reference: a page for each room that users call, a section for each of its modules, every public name in it.

A module's docstring, which is the equation with its letters and source, stands above the names that it defines; its code
and the test of the same name are one click away.
"""

from __future__ import annotations

import inspect
import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import tauflow

from .docstrings import as_rst

ROOT = Path(__file__).parents[2]
EXAMPLE = ">>> "
ROOMS = {
    "cells": "Cells",
    "cells.mixed_memory": "Mixed memory",
    "sequence": "Cells over time",
    "solvers": "Solvers",
    "wirings": "Wirings",
    "network": "The whole network",
    "training": "Training",
    "losses": "Losses",
    "estimators": "Forecasters, classifiers, regressors",
    "data": "Reading tables",
    "datasets": "Data sets",
    "analysis": "Why it is stable",
    "explain": "Why it answers as it does",
    "deploy": "Other machines",
    "agents": "Agents",
    "models": "Saving and loading",
    "files": "Files",
    "metrics": "Metrics",
    "activations": "Activations",
    "errors": "Errors",
    "compat.ncps": "In place of ncps",
}


def write(folder: Path) -> None:
    """All pages, and the table of the names at the top of the package."""
    folder.mkdir(parents=True, exist_ok=True)
    first: dict[int, str] = {}  # a name that several rooms give stands in the first
    pages = {room: page(room, title, first) for room, title in ROOMS.items()}
    pages["index"] = front()
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text() != text:  # Sphinx reads again what is newer
            path.write_text(text)


def names(module: ModuleType) -> list[str]:
    """The public names of a room: its __all__, else what it defines itself."""
    said = getattr(module, "__all__", None)
    if said is not None:
        return sorted(name for name in said if not inspect.ismodule(getattr(module, name)))
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__ and callable(value)
    )


def page(room: str, title: str, first: dict[int, str]) -> str:
    module = import_module(f"tauflow.{room}")
    known = list(dict.fromkeys([*names(module), *extra(room)]))
    lines = [title, "=" * len(title), "", f"``tauflow.{room}``", "", *as_rst(inspect.getdoc(module) or "")]
    sections: dict[str, list[str]] = {}
    for name in known:
        sections.setdefault(home(getattr(module, name), module), []).append(name)
    for where in sorted(sections, key=lambda one: (one != module.__name__, one)):
        if where != module.__name__:
            heading = where.removeprefix("tauflow.")
            lines += [heading, "-" * len(heading), ""]
            lines += as_rst(inspect.getdoc(sys.modules[where]) or "")
        lines += [links(where), ""]
        for name in sections[where]:
            lines += entry(first, f"tauflow.{room}.{name}", getattr(module, name))
            lines += shown_by(name, room, {one: getattr(module, one) for one in known})
    return "\n".join(lines) + "\n"


def extra(room: str) -> list[str]:
    """The cells are found, not listed."""
    return sorted(cell.__name__ for cell in import_module("tauflow.cells").REGISTRY.values()) if room == "cells" else []


def home(value: Any, module: ModuleType) -> str:
    """The module that defines a name, where it is one of tauflow's."""
    found = getattr(value, "__module__", None)
    if isinstance(found, str) and found.startswith("tauflow.") and found in sys.modules and callable(value):
        return found
    return module.__name__


def entry(first: dict[int, str], where: str, value: Any) -> list[str]:
    kind = "class" if inspect.isclass(value) else "function" if inspect.isroutine(value) else "data"
    if kind == "data":
        return [f".. py:data:: {where}", ""]
    if first.setdefault(id(value), where) != where:
        return [f"``{where}``: see :py:{kind.replace('function', 'func')}:`{first[id(value)]}`", ""]
    return [f".. auto{kind}:: {where}", *["   :members:"] * (kind == "class"), ""]


def shown_by(name: str, room: str, known: dict[str, Any]) -> list[str]:
    """Where a name has no example of its own: the names of its room whose examples show it."""
    if EXAMPLE in (inspect.getdoc(known[name]) or "") or not callable(known[name]):
        return []
    parts = {one: (inspect.getdoc(value) or "").partition(EXAMPLE)[2] for one, value in known.items()}
    by = [one for one, text in parts.items() if re.search(rf"\b{name}\b", text)]
    return ["*Example*: " + ", ".join(f":py:obj:`{one} <tauflow.{room}.{one}>`" for one in by[:3]), ""] if by else []


def links(where: str) -> str:
    """The code of a module, and the tests that carry its name."""
    code = Path(sys.modules[where].__file__ or "").resolve().relative_to(ROOT)
    stems = {where.rpartition(".")[2], where.removeprefix("tauflow.").replace(".", "_"), where.split(".")[1]}
    tests = [path for stem in sorted(stems) for path in [ROOT / "tests" / f"test_{stem}.py"] if path.exists()]
    shown = [f"`code <{up(code)}>`__", *(f"`{path.stem} <{up(path.relative_to(ROOT))}>`__" for path in tests)]
    return f"*{where}*: " + ", ".join(shown)


def up(path: Path) -> str:
    return f"../../files/{path}.html"


def front() -> str:
    """What `import tauflow` gives, each name with the first line of its docstring and the room that has it."""
    lines = [
        "The public names",
        "================",
        "",
        "What ``import tauflow`` gives. Each name loads its module on first use.",
        "",
        "Every example stands on ``import numpy as np``, ``import torch`` and ``import tauflow``.",
        "",
    ]
    lines += [".. list-table::", "   :widths: 25 75", ""]
    for name in tauflow.__all__:
        value = getattr(tauflow, name)
        if name.startswith("_") or inspect.ismodule(value):
            continue
        room = next((room for room in ROOMS if hasattr(import_module(f"tauflow.{room}"), name)), None)
        said = (inspect.getdoc(value) or "").strip().partition("\n\n")[0].replace("\n", " ")
        kind = "class" if inspect.isclass(value) else "func"
        target = f":py:{kind}:`{name} <tauflow.{room}.{name}>`" if room else f"``{name}``"
        lines += [f"   * - {target}", "     - " + " ".join(as_rst(said)).strip()]
    lines += ["", ".. toctree::", "   :maxdepth: 1", "", *(f"   {room}" for room in ROOMS), ""]
    return "\n".join(lines)
