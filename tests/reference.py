"""The names of the API reference, as docs/generate/api.py lists them."""

from __future__ import annotations

import functools
import inspect
import re
import sys
from importlib import import_module
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


@functools.cache
def listed() -> dict[str, tuple[str, ...]]:
    """The functions and classes of each room; a name that several rooms give belongs to the first."""
    sys.path.insert(0, str(DOCS))
    try:
        from generate import api
    finally:
        sys.path.remove(str(DOCS))
    seen: set[int] = set()
    found = {}
    for room in api.ROOMS:
        module = import_module(f"tauflow.{room}")
        names = []
        for name in dict.fromkeys([*api.names(module), *api.extra(room)]):
            value = getattr(module, name)
            if (inspect.isclass(value) or inspect.isroutine(value)) and id(value) not in seen:
                seen.add(id(value))
                names.append(name)
        found[room] = tuple(names)
    return found


def rooms() -> list[str]:
    return list(listed())


def names(room: str) -> tuple[str, ...]:
    return listed()[room]


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))
