"""The structure of a model as JSON, and the model, with numbers of its own, that such a structure means.

    {"type": "cell", "name": "cfc", "options": {...}}                the constructor's arguments
    {"type": "mixed_memory", "cell": ...}
    {"type": "recurrent", "cell": ..., "backend": "auto", "zero_dt": "hold"}
    {"type": "stack", "layers": [...]}
    {"type": "bidirectional", "ahead": ..., "back": ...}             two recurrents
    {"type": "part", "place": "encoder", "name": "dense", "options": {...}}
    {"type": "network", "inputs": [names], "outputs": [names], "parts": {place: ... or null}, "static": 0, "auto": []}
    {"type": "committee", "members": [...]}
    {"type": "multi", "kinds": [names], "networks": [...]}           networks with one core
    {"type": "same", "as": "layers.0.cell"}                          the very module that stands there: a shared one

Cells and parts are named as in their registries: nothing is imported, and nothing but the constructors of known ones runs.
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
from ..files import strictjson
from ..files.schema import dump
from ..network import PLACES, Committee, Multi, Network, Part
from ..network.parts import part as parts
from ..sequence import Bidirectional, Recurrent, Stack

Structure = dict[str, Any]
M = TypeVar("M", bound=nn.Module)
BACKENDS = ("auto", *ops.BACKENDS)
AUTO = ("period", "tau")  # what a network learns from the data


def describe(model: nn.Module) -> Structure:
    """The structure of a model; TauflowError names what no file can hold.

    >>> from tauflow.models import describe
    >>> describe(tauflow.GRU(2, 3))
    {'type': 'cell', 'name': 'gru', 'options': {'inputs': 2, 'units': 3}}
    """
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
    if isinstance(model, Part):
        _check_known(kind, path)
        return {"type": "part", "place": model.place, "name": model.name, "options": _options(model, path)}
    if kind is Network and isinstance(model, Network):
        given = {place: getattr(model, place) for place in PLACES}
        auto = [what for what in AUTO if getattr(model, f"auto_{what}")]
        return {
            "type": "network", "inputs": list(model.input_names), "outputs": list(model.target_names),
            "parts": {place: None if part is None else _describe(part, f"{at}{place}", seen) for place, part in given.items()},
            "static": model.static, "auto": auto,
        }  # fmt: skip
    if kind is Committee and isinstance(model, Committee):
        members = [_describe(member, f"{at}members.{k}", seen) for k, member in enumerate(model.members)]
        return {"type": "committee", "members": members}
    if kind is Multi and isinstance(model, Multi):
        networks = [_describe(network, f"{at}networks.{k}", seen) for k, network in enumerate(model.networks)]
        return {"type": "multi", "kinds": list(model.kinds), "networks": networks}
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
        f"can't save a {kind.__name__}{place}, expected a Recurrent, Stack, Bidirectional, cell, Network, Committee or Multi, or a part "
        "of one; a module of your own is saved with torch.save(module.state_dict(), ...)"
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


def _check_known(kind: type[Part], path: str) -> None:
    known = parts.REGISTRY.get((kind.place, kind.name))
    if known is kind:
        return
    why = (
        f"{kind.name!r} is the name of {known.__name__}"
        if kind.name and known is not None
        else "it has no name of its own at a place of a network"
    )
    raise TauflowError(
        f"can't save {kind.__name__} at {path or 'its root'}, load would not know it: {why}; write name = '...' and "
        "place = '...' in its class"
    )


def _options(model: Part, path: str) -> dict[str, Any]:
    options: dict[str, Any] = dump(model.config())
    try:
        strictjson.check(options, "options")
    except ModelFileError as wrong:
        raise TauflowError(f"can't save {type(model).__name__} at {path or 'its root'}: {wrong}") from None
    return options


def build(structure: Mapping[str, Any]) -> nn.Module:
    """The model of a structure, with fresh numbers; ModelFileError where it is none.

    >>> from tauflow.models import build, describe
    >>> network = build(describe(tauflow.Network(2, 1, units=4)))
    >>> y, state = network(torch.zeros(1, 5, 2))
    >>> tuple(y.shape)
    (1, 5, 1)
    """
    return _build(structure, "", {})


def _build(structure: Mapping[str, Any], path: str, made: dict[str, nn.Module]) -> nn.Module:
    at = f"{path}." if path else ""

    def part(kind: type[M], inner: Any, name: str, *others: type[nn.Module]) -> M:
        if not isinstance(inner, dict):
            raise ModelFileError(f"the file has {repr(inner)[:40]} at {at}{name}, expected a {kind.__name__}")
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
        case {"type": "part", "place": str(place), "name": str(name), "options": dict(options), **rest} if not rest:
            model = parts.get(place, name)(**options)
        case {
            "type": "network",
            "inputs": list(inputs),
            "outputs": list(outputs),
            "parts": dict(given),
            "static": static,
            "auto": list(auto),
            **rest,
        } if not rest and set(given) == set(PLACES) and all(type(name) is str for name in inputs + outputs):
            found: dict[str, Any] = {
                place: None
                if given[place] is None
                else part(Part, given[place], place, Recurrent, Stack, Bidirectional)
                for place in PLACES
            }
            if auto != [what for what in AUTO if what in auto]:
                raise ModelFileError(f"auto is {str(auto)[:60]}, expected some of {', '.join(AUTO)}")
            found |= dict.fromkeys(auto, "auto")
            model = Network(inputs, outputs, static=static, **found)
        case {"type": "committee", "members": list(members), **rest} if not rest:
            model = Committee(part(Network, member, f"members.{k}") for k, member in enumerate(members))
        case {"type": "multi", "kinds": list(names), "networks": list(networks), **rest} if (
            not rest and len(set(map(str, names))) == len(names) == len(networks) and all(type(n) is str for n in names)
        ):
            model = Multi(
                {
                    name: part(Network, one, f"networks.{k}")
                    for k, (name, one) in enumerate(zip(names, networks, strict=True))
                }
            )
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
        case {"type": "stack", "layers": list(layers), **rest} if not rest:
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


def named(structure: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], type[nn.Module]]]:
    """(options, class) of what has sizes in a structure, where its name is known; `build` refuses what is no structure."""
    match structure:
        case {"type": "cell", "name": str(name), "options": dict(options)} if name in cells.REGISTRY:
            yield options, cells.REGISTRY[name]
        case {"type": "part", "place": str(place), "name": str(name), "options": dict(options)} if (
            place,
            name,
        ) in parts.REGISTRY:
            yield options, parts.REGISTRY[place, name]
        case {"type": "network", "static": int(static)}:
            yield {"static": static}, Network
    for held in structure.values():
        for inner in held if isinstance(held, list) else [held]:
            if isinstance(inner, dict):
                yield from named(inner)
