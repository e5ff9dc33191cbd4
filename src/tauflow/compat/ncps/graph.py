"""A wiring as networkx's graph, and its picture in the current axes, as ncps draws it; `tauflow.Wiring.draw` has our own."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import MissingExtraError, WiringError

LAYOUTS = {
    "kamada": "kamada_kawai",
    **{name: name for name in ("circular", "random", "shell", "spring", "spectral", "spiral")},
}
NEURONS = {"inter": "tab:blue", "motor": "tab:orange", "sensory": "tab:olive"}
SYNAPSES = {"excitatory": "tab:green", "inhibitory": "tab:red"}


class Built(Protocol):
    """What a graph asks of a wiring."""

    units: int
    adjacency_matrix: NDArray[np.int32]
    sensory_adjacency_matrix: NDArray[np.int32] | None

    def get_type_of_neuron(self, neuron_id: int) -> str: ...


def networkx() -> Any:
    try:
        return import_module("networkx")
    except ImportError:
        raise MissingExtraError("drawing a wiring as ncps does needs networkx: pip install networkx") from None


def directed(wiring: Built, with_inputs: bool = True) -> Any:
    """The DiGraph; every node has a neuron_type, every edge the polarity "excitatory" or "inhibitory"."""
    graph = networkx().DiGraph()
    for neuron in range(wiring.units):
        graph.add_node(f"neuron_{neuron}", neuron_type=wiring.get_type_of_neuron(neuron))
    sources = [("neuron", wiring.adjacency_matrix)]
    if with_inputs and wiring.sensory_adjacency_matrix is not None:
        for number in range(len(wiring.sensory_adjacency_matrix)):
            graph.add_node(f"sensory_{number}", neuron_type="sensory")
        sources.insert(0, ("sensory", wiring.sensory_adjacency_matrix))
    for kind, matrix in sources:
        for source, target in np.argwhere(matrix).tolist():
            polarity = "excitatory" if matrix[source, target] > 0 else "inhibitory"
            graph.add_edge(f"{kind}_{source}", f"neuron_{target}", polarity=polarity)
    return graph


def draw(
    wiring: Built,
    layout: str,
    neuron_colors: dict[str, str],
    synapse_colors: dict[str, str] | str | None,
    labels: bool,
) -> list[Any]:
    """Neurons and synapses into the current axes; the legend's patches, one for each kind of neuron."""
    from matplotlib.patches import Patch

    if layout not in LAYOUTS:
        raise WiringError(f"layout is {layout!r}, expected one of {', '.join(LAYOUTS)}")
    nx, graph = networkx(), directed(wiring)
    kinds = [kind for _, kind in graph.nodes(data="neuron_type")]
    given = dict.fromkeys(SYNAPSES, synapse_colors) if isinstance(synapse_colors, str) else synapse_colors or {}
    _refuse_others("neuron_colors", neuron_colors, {*NEURONS, "command", *kinds})
    _refuse_others("synapse_colors", given, SYNAPSES)
    of_neuron = neuron_colors | {kind: colour for kind, colour in NEURONS.items() if kind not in neuron_colors}
    of_synapse = SYNAPSES | given
    place = getattr(nx, f"{LAYOUTS[layout]}_layout")(graph)
    colours = [of_neuron.get(kind, NEURONS["inter"]) for kind in kinds]
    nx.draw_networkx_nodes(graph, place, node_color=colours)
    if labels:
        nx.draw_networkx_labels(graph, place)
    nx.draw_networkx_edges(
        graph, place, edge_color=[of_synapse[polarity] for _, _, polarity in graph.edges(data="polarity")]
    )
    return [Patch(color=colour, label=f"{kind.capitalize()} neurons") for kind, colour in of_neuron.items()]


def _refuse_others(name: str, colours: Iterable[str], known: Iterable[str]) -> None:
    if unknown := set(colours).difference(known):
        raise WiringError(f"{name} has {min(unknown)!r}, expected some of {', '.join(sorted(known))}")
