"""The synapses of a run of an LTC: how open each one was, and what it pulled with, at every sample.

    conductance_s = w sigmoid(sigma (v_source - mu))            source a neuron, or an input as the synapse sees it
    current_s     = conductance_s (erev - v_target)             > 0 raises the target
    leak_j        = gleak (vleak - v_j)                         with ncps' epsilon, a conductance to zero

    cm_j dv_j/dt = leak_j + sum of the currents of the synapses onto j          at the state before the sample, exactly

Source: Lechner et al. 2020, Methods.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..cells.ltc import LTC


@dataclass(frozen=True, eq=False)
class Synapses:
    """source, target, sensory (synapses,): from where to which neuron, and whether the source is an input.

    conductance, current (batch, time, synapses)    leak (batch, time, units)    cm (units,)
    """

    source: Tensor
    target: Tensor
    sensory: Tensor
    conductance: Tensor
    current: Tensor
    leak: Tensor
    cm: Tensor

    def total(self) -> Tensor:
        """cm dv/dt of each neuron, (batch, time, units): the leak and all currents onto it."""
        return self.leak.index_add(2, self.target, self.current)

    def frame(self, row: int = 0) -> Any:
        """One row, a line a synapse: mean conductance, mean current and mean size of the current over the samples."""
        import pandas as pd

        return pd.DataFrame(
            {
                "source": self.source.numpy(force=True),
                "target": self.target.numpy(force=True),
                "sensory": self.sensory.numpy(force=True),
                "conductance": self.conductance[row].mean(dim=0).numpy(force=True),
                "current": self.current[row].mean(dim=0).numpy(force=True),
                "size": self.current[row].abs().mean(dim=0).numpy(force=True),
            }
        )


@torch.no_grad()
def synapses_of(cell: LTC, x: Tensor, before: Tensor) -> Callable[[], Synapses]:
    """Of a run over x (batch, time, inputs) with the states before each sample; the cell as it is now, the arrays when asked."""
    lists = []
    for prefix, mask in (("sensory_", cell.sensory_sparsity_mask), ("", cell.sparsity_mask)):
        at = mask.nonzero(as_tuple=True)
        numbers = [getattr(cell, prefix + name)[at] for name in ("sigma", "mu", "erev")]
        lists.append((*at, cell.positive(getattr(cell, prefix + "w"))[at] * mask[at], *numbers))
    cm, gleak = cell.positive(cell.cm), cell.positive(cell.gleak)
    pull, let = gleak * cell.vleak, gleak + cell.epsilon
    u = cell.sense(x.flatten(0, 1)).unflatten(0, x.shape[:2])

    @torch.no_grad()
    def found() -> Synapses:
        conductance, current = [], []
        for values, (source, target, w, sigma, mu, erev) in zip((u, before), lists, strict=True):
            conductance.append(w * torch.sigmoid(sigma * (values[..., source] - mu)))
            current.append(conductance[-1] * (erev - before[..., target]))
        source, target = (torch.cat([one[k] for one in lists]) for k in (0, 1))
        sensory = torch.arange(len(source)) < len(lists[0][0])
        return Synapses(
            source, target, sensory, torch.cat(conductance, dim=2), torch.cat(current, dim=2), pull - let * before, cm
        )

    return found
