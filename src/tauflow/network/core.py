"""The core: what remembers. A cell by name, a cell, layers of them, or any module under the contract of `Recurrent`.

core(u, dt, mask, state) -> (y, state)        inputs, outputs, state_size, initial_state(batch)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from .. import cells
from ..cells import Cell
from ..sequence import Bidirectional, Recurrent, Stack
from .parts.part import REGISTRY, NetworkError, build, names

NEEDED = ("inputs", "outputs", "state_size", "initial_state")


def build_core(given: Any, inputs: int, units: Any, tau: Any = None) -> Any:
    """The core for encoded inputs of this width; `tau` goes to a cell that is built here by its name.

    {"name": "cfc", "bidirectional": True} reads both ways, with a cell of `units` for each.
    """
    if isinstance(given, str):
        given = {"name": given}
    if isinstance(given, Mapping) and not isinstance(given.get("name"), str):
        raise NetworkError(f"core is {given!r}, expected a name with options: {{'name': 'cfc', ...}}")
    by_name = isinstance(given, Mapping) and ("core", given.get("name")) not in REGISTRY
    if tau is not None and not by_name:
        raise NetworkError(
            f"tau is {tau!r}, but goes to a cell that is built by its name: give it to the core, CTRNN(3, 8, tau=...)"
        )
    if isinstance(given, Mapping) and not by_name:
        return build("core", given, inputs=inputs, units=units)
    if isinstance(given, Mapping):
        options = {**({} if tau is None else {"tau": tau}), **given}
        name, both = options.pop("name"), options.pop("bidirectional", False)
        ways = [cells.build(name, inputs, units, **options) for _ in range(1 + bool(both))]
        return Bidirectional(ways[0], ways[1]) if both else Recurrent(ways[0])
    if isinstance(given, Cell):
        given = Recurrent(given)
    if isinstance(given, type) and issubclass(given, Cell):
        raise NetworkError(
            f"core is the class {given.__name__}: give its name, core={given.name!r}, or a cell made of it"
        )
    if not isinstance(given, nn.Module):
        raise NetworkError(
            f"core is {given!r}, expected a name ({', '.join([*cells.names(), *names('core')])}), a cell, a Recurrent or a Stack"
        )
    missing = [name for name in NEEDED if not hasattr(given, name)]
    if missing:
        raise NetworkError(
            f"core is a {type(given).__name__} without {missing[0]!r}; a core needs {', '.join(NEEDED)} and "
            "forward(x, dt, mask, state) -> (y, state), as tauflow.Recurrent has"
        )
    return given


def cells_of(core: nn.Module) -> Iterator[Cell]:
    """The cells inside a core, one after the other."""
    for module in core.modules():
        if isinstance(module, Cell):
            yield module


def is_causal(core: nn.Module) -> bool:
    """Whether an answer depends on the past alone."""
    return not any(isinstance(module, Bidirectional) for module in core.modules())


def layers_of(core: nn.Module) -> list[Recurrent] | None:
    """The Recurrents of a core one on top of the other; None for a core that is not such a chain."""
    if isinstance(core, Recurrent):
        return [core]
    if isinstance(core, Stack) and is_causal(core):
        return [layer for layer in core.layers if isinstance(layer, Recurrent)]
    return None


def retune(core: nn.Module, shortest: float, longest: float) -> None:
    """Time constants spread anew over (shortest, longest), in periods; weights are drawn anew with them."""
    for cell in cells_of(core):
        if hasattr(cell, "initial_tau"):
            setattr(cell, "initial_tau", (shortest, longest))  # noqa: B010 (not every cell has it)
            cell.arguments["tau"] = (shortest, longest)
            cell.reset_parameters()
