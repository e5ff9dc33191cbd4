"""A network as steps on vectors: part after part in the order of the data, each of which knows its own steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ops.graph import Graph
from . import core as cores
from .parts.part import NetworkError

if TYPE_CHECKING:
    from .network import Network


def lower(network: Network) -> Graph:
    """The steps; a part of the user's own is refused by name."""
    for place, part in network.parts().items():
        if place != "core" and not hasattr(part, "lower"):
            whose = "" if type(part).__module__.startswith("tauflow.") else " of your own"
            raise NetworkError(f"the {place} is a {type(part).__name__}{whose}, which can't be written as steps")
    layers = cores.layers_of(network.core)
    if layers is None:
        raise NetworkError(
            f"a {type(network.core).__name__} does not run sample by sample: use a Recurrent or a Stack of cells"
        )
    graph, parts = Graph(network.inputs, network.static, float(network.period)), network.parts()
    u = 0
    for place in ("scale", "missing", "waves", "encoder"):
        if place in parts:
            u = _lower(parts[place], graph, u)
    y = u
    for layer in layers:
        y = graph.cell(y, layer.cell, not layer.cell.flow and layer.zero_dt == "hold")
    shown, seen = [y], [u]
    if network.pool is not None:
        pooled = _lower(network.pool, graph, [y, u] if network.sees_input else [y])
        width = graph.width(y)
        shown = [graph.add("slice", one, width, first=0) for one in pooled]
        rest = [one for one in pooled if graph.width(one) > width]
        seen = [graph.add("slice", one, graph.width(one) - width, first=width) for one in rest]
    static = [] if graph.static is None else [graph.static]
    if network.static_scale is not None:
        static = [network.static_scale.lower(graph, static[0])]
    _lower(network.head, graph, _lower(network.readout, graph, shown, seen, static))
    return graph


def _lower(part: Any, graph: Graph, *sources: Any) -> Any:
    return part.lower(graph, *sources)
