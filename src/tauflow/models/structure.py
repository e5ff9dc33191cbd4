"""The structure of a model as JSON, and the model, with numbers of its own, that such a structure means.

    {"type": "cell", "name": "cfc", "options": {...}}                the constructor's arguments
    {"type": "mixed_memory", "cell": ...}
    {"type": "recurrent", "cell": ..., "backend": "auto", "zero_dt": "hold"}
    {"type": "stack", "layers": [...]}
    {"type": "bidirectional", "ahead": ..., "back": ...}             two recurrents
    {"type": "same", "as": "layers.0.cell"}                          the very module that stands there: a shared one

A cell is named as in the registry: nothing is imported, and nothing but the constructors of known cells runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from torch import nn
from torch.nn.utils.parametrize import type_before_parametrizations

from .. import cells, ops
from ..cells import Cell
from ..cells.mixed_memory import MixedMemory
from ..errors import ModelFileError, TauflowError
from ..files.schema import dump
from ..sequence import Bidirectional, Recurrent, Stack

Structure = dict[str, Any]
M = TypeVar("M", bound=nn.Module)
BACKENDS = ("auto", *ops.BACKENDS)


def describe(model: nn.Module) -> Structure:
    """The structure of a model; TauflowError names what no file can hold."""
    return _describe(model, "", {})


def _describe(model: nn.Module, path: str, seen: dict[int, str]) -> Structure:
    if id(model) in seen:
        return {"type": "same", "as": seen[id(model)]}
    seen[id(model)] = path
    at = f"{path}." if path else ""
    kind = type_before_parametrizations(model)
    if kind is MixedMemory and isinstance(model, MixedMemory):
        return {"type": "mixed_memory", "cell": _describe(model.cell, f"{at}cell", seen)}
    if isinstance(model, Cell):
        _check_registered(kind, path)
        return {"type": "cell", "name": model.name, "options": dump(model.config())}
    if kind is Recurrent and isinstance(model, Recurrent):
        cell = _describe(model.cell, f"{at}cell", seen)
        return {"type": "recurrent", "cell": cell, "backend": model.backend, "zero_dt": model.zero_dt}
    if kind is Stack and isinstance(model, Stack):
        layers = [_describe(layer, f"{at}layers.{k}", seen) for k, layer in enumerate(model.layers)]
        return {"type": "stack", "layers": layers}
    if kind is Bidirectional and isinstance(model, Bidirectional):
        ahead = _describe(model.ahead, f"{at}ahead", seen)
        return {"type": "bidirectional", "ahead": ahead, "back": _describe(model.back, f"{at}back", seen)}
    place = f" at {path}" if path else ""
    raise TauflowError(
        f"can't save a {kind.__name__}{place}, expected a Recurrent, Stack, Bidirectional or cell; "
        "a module of your own is saved with torch.save(module.state_dict(), ...)"
    )


def _check_registered(kind: type[Cell], path: str) -> None:
    place = f" at {path}" if path else ""
    if kind.name in cells.REGISTRY and cells.REGISTRY[kind.name] is kind:
        return
    if kind.name in cells.REGISTRY:
        known = cells.REGISTRY[kind.name].__name__
        why = f"{kind.name!r} is the name of {known}: give it a name of its own, and cells.register({kind.__name__})"
    else:
        why = f"it is not registered: cells.register({kind.__name__})"
    raise TauflowError(f"can't save {kind.__name__}{place}, load would not know it: {why}")


def build(structure: Mapping[str, Any]) -> nn.Module:
    """The model of a structure, with fresh numbers; ModelFileError where it is none."""
    return _build(structure, "", {})


def _build(structure: Mapping[str, Any], path: str, made: dict[str, nn.Module]) -> nn.Module:
    at = f"{path}." if path else ""

    def part(kind: type[M], inner: Mapping[str, Any], name: str, *others: type[nn.Module]) -> M:
        found = _build(inner, f"{at}{name}", made)
        if not isinstance(found, (kind, *others)):
            raise ModelFileError(f"the file has a {type(found).__name__} at {at}{name}, expected a {kind.__name__}")
        return found  # type: ignore[return-value]

    model: nn.Module
    match structure:
        case {"type": "same", "as": str(other), **rest} if not rest and other in made:
            return made[other]
        case {"type": "cell", "name": str(name), "options": dict(options), **rest} if not rest:
            model = cells.build(name, **options)
        case {"type": "mixed_memory", "cell": dict(cell), **rest} if not rest:
            model = MixedMemory(part(Cell, cell, "cell"))  # type: ignore[type-abstract]
        case {
            "type": "recurrent",
            "cell": dict(cell),
            "backend": str(backend),
            "zero_dt": ("hold" | "update") as zero,
            **rest,
        } if not rest and backend in BACKENDS:
            model = Recurrent(part(Cell, cell, "cell"), backend, zero)  # type: ignore[type-abstract]
        case {"type": "stack", "layers": list(layers), **rest} if not rest and all(isinstance(x, dict) for x in layers):
            model = Stack(*(part(Recurrent, layer, f"layers.{k}", Bidirectional) for k, layer in enumerate(layers)))
        case {"type": "bidirectional", "ahead": dict(ahead), "back": dict(back), **rest} if not rest:
            both = part(Recurrent, ahead, "ahead"), part(Recurrent, back, "back")
            model = Bidirectional(both[0].cell, both[1].cell)
            model.ahead, model.back = both
        case _:
            kind = structure.get("type")
            raise ModelFileError(
                f"the file describes a {str(kind)[:40]!r} at {path or 'its root'}, expected a model's structure"
            )
    made[path] = model
    return model


def named_cells(structure: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], type[Cell]]]:
    """(options, class) of every cell in a structure whose name is known; `build` refuses what is no structure."""
    options, name = structure.get("options"), structure.get("name")
    if isinstance(options, dict) and isinstance(name, str) and name in cells.REGISTRY:
        yield options, cells.REGISTRY[name]
    layers = structure.get("layers")
    parts = [
        *(layers if isinstance(layers, list) else []),
        *(structure.get(part) for part in ("cell", "ahead", "back")),
    ]
    for part in parts:
        if isinstance(part, dict):
            yield from named_cells(part)
