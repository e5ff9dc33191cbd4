"""A look inside: the states, time constants and lit synapses of a network at one sample, and what of it the page draws.

The states are those of the kernels, the rest is what the cells' equations say with the state before the sample (ops/record.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...cells import Cell
from ...cells.mixed_memory import MixedMemory
from ...network import Committee, Network
from ...network import core as cores
from ...ops.record import layers_of_run
from ..numbers import Array
from . import wires

NEURONS = 128  # drawn of a cell
GATES = (
    "time",
    "update",
    "forget",
)  # shown where a cell has no time constant: how much of the new it takes, or of the old it keeps


class Look:
    """`now(x, dt, before)` for a network whose core is a chain of cells; `why_not` says why there is nothing to see."""

    def __init__(self, network: Any) -> None:
        self.network = network.networks()[0] if isinstance(network, Committee) else network
        self.why_not: str | None = None
        core = self.network.core if isinstance(self.network, Network) else self.network
        self.layers = cores.layers_of(core) or []
        if not self.layers:
            self.why_not = f"a {type(core).__name__} keeps no state a neuron that could be shown"
        self.wires = [wires.of(layer.cell) for layer in self.layers]

    def scene(self) -> list[dict[str, Any]]:
        """The cells: how many neurons of what kind, in which columns, and the synapses that are drawn."""
        return [self._cell(layer.cell, wired) for layer, wired in zip(self.layers, self.wires, strict=True)]

    def _cell(self, cell: Cell, wired: wires.Wires | None) -> dict[str, Any]:
        inner = cell.cell if isinstance(cell, MixedMemory) else cell
        units = int(getattr(inner, "units", 0) or inner.state_size)
        plan = getattr(inner, "wiring", None) or getattr(inner, "plan", None)
        columns = [list(layer) for layer in plan.layers] if plan is not None else [list(range(units))]
        shown = min(units, NEURONS)
        columns = [[neuron for neuron in column if neuron < shown] for column in columns]
        synapses: dict[str, Any] = {"total": 0, "source": [], "target": [], "weight": [], "inhibits": []}
        if wired is not None:
            largest = float(wired.weight.max(initial=1e-12))
            synapses = {
                "total": wired.total,
                "source": wired.source.tolist(),
                "target": wired.target.tolist(),
                "weight": [round(value, 3) for value in (wired.weight / largest).tolist()],
                "inhibits": wired.inhibits.astype(int).tolist(),
            }
        kinds = list(plan.types) if plan is not None and len(set(plan.types)) > 1 else None
        return {
            "name": cell.name,
            "inputs": cell.inputs,
            "units": units,
            "shown": shown,
            "columns": [column for column in columns if column],
            "kinds": kinds,
            "outputs": cell.outputs,
            "synapses": synapses,
        }

    @torch.no_grad()
    def now(self, x: Array, dt: float, before: Array) -> list[dict[str, Any]]:
        """Of every cell: h after the sample, tau or gate where it has such, and how lit each drawn synapse is."""
        network, dtype = self.network, next(self.network.parameters()).dtype
        u = torch.from_numpy(np.asarray(x, dtype=float))[None, None].to(dtype)
        t = torch.tensor([[dt]], dtype=dtype)
        h = torch.from_numpy(np.asarray(before))[None].to(dtype)
        period = 1.0
        if isinstance(network, Network):
            period = float(network.period)
            t = t / period
            carried, h, _ = h[:, : network.state_size].split(network.sizes, dim=1)
            u, _ = network.encode(u, t, None, carried)
        found = []
        h = h[:, : sum(layer.state_size for layer in self.layers)]
        record = layers_of_run(self.layers, u, t, None, h, period)
        for layer, wired, run, first in zip(
            self.layers, self.wires, record, h.split([r.state_size for r in self.layers], 1), strict=True
        ):
            shown: dict[str, Any] = {"h": _short(run.states[0, 0, :NEURONS])}
            gate = next((name for name in GATES if name in run.gates), None)
            if run.tau is not None:
                shown["tau"] = _short(run.tau[0, 0, :NEURONS])
            elif gate is not None:
                shown |= {"gate": _short(run.gates[gate][0, 0, :NEURONS]), "gate_name": gate}
            if wired is not None:
                lit = wired.lit(u[0, 0].double().numpy(), first[0].double().numpy())
                shown["lit"] = np.round(lit * 99).astype(int).tolist()
            found.append(shown)
            u = layer.cell.output(run.states.flatten(0, 1)).unflatten(0, (1, 1))
        return found


def _short(values: torch.Tensor) -> list[float]:
    """Four digits: it is for the eye."""
    return [float(f"{value:.4g}") for value in values.double().clamp(-1e30, 1e30).tolist()]
