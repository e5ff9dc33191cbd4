"""After a network has learned: can one step of its solver cross the gaps of the data?

    a note, where more than 1 % of the gaps of the first batch are longer than one step crosses within 1 % (see network/crossing.py)

Asked of what was learned, since drive and rate are learned too. A cell that is no leak has no such error.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...network import Network
from ...network import core as cores
from ...network.crossing import crossing, grid_of, leaks_of
from ...ops.record import states_of
from ...sequence import Bidirectional, Recurrent, Stack
from ..sources import Source

ROWS, SAMPLES, GRID = 8, 128, 9
TOLERANCE, FEW = 0.01, 0.01


@torch.no_grad()
def about_steps(model: nn.Module, source: Source) -> tuple[str, ...]:
    """A sentence, or nothing to say."""
    core = _core(model)
    layers = cores.layers_of(core.ahead if isinstance(core, Bidirectional) else core)
    cells = leaks_of(layers)
    batch = next(iter(source.batches(0)), None)
    if (
        layers is None
        or cells is None
        or getattr(batch, "dt", None) is None
        or next(model.parameters()).device.type != "cpu"
    ):
        return ()
    x, dt, mask = (
        None if part is None else part[:ROWS] for part in (getattr(batch, name, None) for name in ("x", "dt", "mask"))
    )
    u, t, mask, period = _read(model, layers, x, dt, mask)
    real = torch.ones_like(t, dtype=torch.bool) if mask is None else mask
    gaps = t[real & (t > 0)]
    if len(gaps) < 2:
        return ()
    states, before = _states(layers, u, t, mask)
    chosen = real.flatten().nonzero()[:, 0]
    chosen = chosen[torch.linspace(0, len(chosen) - 1, min(SAMPLES, len(chosen))).long()]
    scale = float(states.flatten(0, 1)[chosen].square().mean().sqrt())
    if not 0 < scale < float("inf"):
        return ()
    found = crossing(
        cells, u.flatten(0, 1)[chosen], before.flatten(0, 1)[chosen], scale, grid_of(gaps, GRID), TOLERANCE
    )
    share = float((gaps > found.largest).double().mean())
    if share <= FEW:
        return ()
    more = f"substeps={found.substeps}" if found.substeps else "more than 64 substeps, or a shorter period"
    told = (
        f"{100 * share:.3g} % of the gaps are longer than {found.largest * period:.3g}, the longest that one step of the cells crosses "
        f"within {100 * TOLERANCE:g} % of their equation: {more} would"
    )
    return (told,)


def _core(model: Any) -> Any:
    """What remembers in a Network, a Recurrent, Stack or Bidirectional, or a model that has one as `recurrent`."""
    if isinstance(model, Network):
        return model.core
    return model if isinstance(model, (Recurrent, Stack, Bidirectional)) else getattr(model, "recurrent", nn.Identity())


def _read(model: Any, layers: Any, x: Any, dt: Any, mask: Any) -> tuple[Tensor, Tensor, Any, float]:
    """What the core reads, its gaps and mask, and how long its unit of time is."""
    if not isinstance(model, Network):
        like = next(layers[0].parameters())
        return x.to(like), dt.to(like), mask, 1.0
    was = model.training
    model.eval()
    x, t, mask = model._checked(x, dt, mask)
    u, _ = model.encode(x, t, mask, model.initial_state(len(x)).split(model.sizes, dim=1)[0])
    model.train(was)
    return u, t, mask, float(model.period)


def _states(layers: Any, u: Tensor, t: Tensor, mask: Any) -> tuple[Tensor, Tensor]:
    """The states of all layers after every sample, and before it, (batch, time, state)."""
    after, before = [], []
    below = u if mask is None else torch.where(mask[:, :, None], u, 0)
    for layer in layers:
        first = layer.initial_state(len(u))
        states = states_of(layer, below, t, mask, first)
        after.append(states)
        before.append(torch.cat([first[:, None], states[:, :-1]], dim=1))
        below = layer.cell.output(states.flatten(0, 1)).unflatten(0, states.shape[:2])
    return torch.cat(after, dim=2), torch.cat(before, dim=2)
