"""Where the current of a neuron came from: every source's share over time, exactly, and the wiring with what it carried.

LTC, by its synapses:       cm dv/dt = leak + sum_s g_s (erev_s - v)
CTRNN, GatedLTC:            the argument of sigma = b + sum_i W_ji h_i + sum_i U_ji u_i

at the state before each sample. The parts add up to `total` within rounding; the sources of a network are its inputs where the core
reads them as they come (scaled at most), else the numbers that the encoder makes of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...cells.ctrnn import CTRNN
from ...cells.gated_ltc import GatedLTC
from ...cells.ltc import LTC
from ...drawing import Colours, Drawn
from ...network import Network
from ...sequence import Recurrent
from ..pictures import short
from ..question import ExplanationError, still_of

Array = NDArray[np.float64]
LINES = 5


@dataclass(frozen=True, eq=False)
class Currents(Drawn):
    """current (time, sources): of each source onto the neuron; rest (time,): leak or bias; total (time,): their sum."""

    neuron: int
    sources: tuple[str, ...]
    time: Array
    current: Array
    rest: Array
    total: Array
    pixels = (640, 260)

    def frame(self) -> Any:
        """A line a sample."""
        import pandas as pd

        columns = {name: self.current[:, i] for i, name in enumerate(self.sources)}
        return pd.DataFrame({"time": self.time, **columns, "rest": self.rest, "total": self.total})

    def words(self) -> str:
        """The sources that carried the most, in a sentence."""
        sizes = np.abs(self.current).mean(axis=0)
        order = np.argsort(-sizes, kind="stable")[:3]
        whole = sizes.sum() or 1.0
        named = ", ".join(f"{self.sources[i]} ({100 * sizes[i] / whole:.0f} %)" for i in order)
        return f"neuron {self.neuron} is moved by {named}"

    def draw(self, figure: Any, colours: Colours) -> None:
        """The largest sources over time, each with its name at its end."""
        axes = figure.add_subplot()
        order = np.argsort(-np.abs(self.current).mean(axis=0), kind="stable")[:LINES]
        palette = ("liquid1", "static1", "liquid2", "static2", "liquid3")
        for i, colour in zip(order, palette, strict=False):
            axes.plot(self.time, self.current[:, i], color=colours[colour], linewidth=1.3, label=short(self.sources[i]))
        axes.axhline(0, color=colours["muted"], linewidth=0.8)
        axes.set_xlabel("time, in the unit of the stamps")
        axes.set_ylabel(f"current onto neuron {self.neuron}")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


@dataclass(frozen=True, eq=False)
class Flow(Drawn):
    """A fitted network's wiring: mean and mean size of what each source carried to each neuron, (sources, neurons).

    The first of `sources` are the inputs; `there` says which synapses exist; `outputs` are neurons that are read.
    """

    sources: tuple[str, ...]
    inputs: int
    outputs: dict[int, str]
    types: tuple[str, ...]
    there: NDArray[np.bool_]
    mean: Array
    amount: Array

    @property
    def pixels(self) -> tuple[int, int]:  # type: ignore[override]
        return 760, 140 + 26 * min(max(self.inputs, len(self.types)), 40)

    def frame(self) -> Any:
        """A line a synapse, the busiest first."""
        import pandas as pd

        source, target = np.nonzero(self.there)
        columns = {
            "source": [self.sources[i] for i in source], "target": target,
            "mean": self.mean[source, target], "size": self.amount[source, target],
        }  # fmt: skip
        return pd.DataFrame(columns).sort_values("size", ascending=False, kind="stable").reset_index(drop=True)

    def draw(self, figure: Any, colours: Colours) -> None:
        """Synapses as thick as what they carried; blue excites, orange inhibits."""
        from ...drawing.wiring import draw_currents  # matplotlib loads on first use

        draw_currents(figure, colours, self)


def currents(
    model: nn.Module, x: Any, dt: Any = None, mask: Any = None, *, static: Any = None, neuron: int = 0
) -> Currents:
    """Of one neuron (0, ..: the outputs of a wiring are the first) over one row of data, x (time, inputs).

    >>> cell = tauflow.CTRNN(2, 3)
    >>> found = tauflow.explain.currents(cell, torch.rand(6, 2), neuron=0)  # Currents
    >>> found.sources, np.allclose(found.current.sum(1) + found.rest, found.total)
    (('x 0', 'x 1', 'neuron 0', 'neuron 1', 'neuron 2'), True)
    """
    parts = _parts(model, x, dt, mask, static)
    if isinstance(neuron, bool) or not isinstance(neuron, int) or not 0 <= neuron < parts.total.shape[1]:
        raise ExplanationError(f"neuron is {neuron!r}, expected a whole number from 0 to {parts.total.shape[1] - 1}")
    which = parts.there[:, neuron]
    names = tuple(name for name, there in zip(parts.sources, which, strict=True) if there)
    return Currents(
        neuron, names, parts.time, parts.current[:, which, neuron], parts.rest[:, neuron], parts.total[:, neuron]
    )


def flow(model: nn.Module, x: Any, dt: Any = None, mask: Any = None, *, static: Any = None) -> Flow:
    """What every synapse carried over one row of data, x (time, inputs).

    >>> found = tauflow.explain.flow(tauflow.LTC(2, tauflow.wirings.auto_ncp(2, 8, 1)), torch.rand(6, 2))  # a Flow
    >>> found.mean.shape, found.outputs
    ((10, 8), {0: 'y0'})
    """
    parts = _parts(model, x, dt, mask, static)
    units = parts.total.shape[1]
    wiring = parts.wiring
    types = tuple(wiring.types) if wiring is not None else ("inter",) * units
    return Flow(
        parts.sources, parts.inputs, parts.outputs, types, parts.there, parts.current.mean(axis=0),
        np.abs(parts.current).mean(axis=0),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Parts:
    sources: tuple[str, ...]
    inputs: int
    outputs: dict[int, str]
    time: Array
    there: NDArray[np.bool_]
    current: Array  # (time, sources, units)
    rest: Array
    total: Array
    wiring: Any


@torch.no_grad()
def _parts(model: nn.Module, x: Any, dt: Any, mask: Any, static: Any) -> _Parts:
    still = still_of(model)
    core: Any = still.core if isinstance(still, Network) else still
    fits = isinstance(core, Recurrent) and isinstance(core.cell, (LTC, CTRNN, GatedLTC))
    if not fits or not isinstance(still, (Network, Recurrent)):
        name = core.cell.name if isinstance(core, Recurrent) else type(core).__name__
        raise ExplanationError(
            f"a {name} has no sum of currents to share out; expected one cell of LTC, CTRNN or GatedLTC: integrated_gradients and "
            "what_if explain every network"
        )
    x = torch.as_tensor(x).detach().double()
    given = None if dt is None else torch.as_tensor(dt).detach().double()[None]
    real = None if mask is None else torch.as_tensor(mask)[None]
    options = {} if static is None else {"static": torch.as_tensor(static).detach().double().reshape(1, -1)}
    record = still.trace(x[None], given, real, **options)
    states = record.layers[0].states[0]
    before = torch.cat([torch.zeros_like(states[:1]), states[:-1]])
    keep = record.real(0)
    there, current, rest = _shared(core.cell, record, before)
    units = states.shape[1]
    inputs = there.shape[0] - units
    names = _names(still, inputs)
    shown = list(still.output_names) if isinstance(still, Network) else [f"y{k}" for k in range(core.outputs)]
    wiring = getattr(core.cell, "wiring", None)
    outputs = dict(enumerate(shown)) if wiring is not None and wiring.outputs == len(shown) else {}
    sources = (*names, *(f"neuron {j}" for j in range(units)))
    current, rest = current.numpy()[keep], rest.numpy()[keep]
    time = record.time[0].numpy()[keep]
    return _Parts(sources, inputs, outputs, time, there.numpy(), current, rest, current.sum(axis=1) + rest, wiring)


def _shared(cell: LTC | CTRNN | GatedLTC, record: Any, before: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """there (sources, units), current (time, sources, units), rest (time, units)."""
    if isinstance(cell, LTC):
        found = record.layers[0].synapses()
        source = found.source + torch.where(found.sensory, 0, cell.inputs)
        there = torch.zeros(cell.inputs + cell.units, cell.units, dtype=torch.bool)
        there[source, found.target] = True
        current = torch.zeros(len(before), *there.shape, dtype=before.dtype)
        current[:, source, found.target] = found.current[0]
        return there, current, found.leak[0]
    u = record.encoded[0]
    weights = torch.cat([cell.U.T, cell.W.T])
    told = torch.cat([u, before], dim=1)
    everywhere = torch.ones_like(weights, dtype=torch.bool)
    return everywhere, told[:, :, None] * weights, cell.b.expand(len(u), -1)


def _names(still: Any, inputs: int) -> list[str]:
    plain = isinstance(still, Network) and all(part is None for part in (still.missing, still.waves, still.encoder))
    if plain and len(still.input_names) == inputs:
        return list(still.input_names)
    return [f"{'encoded' if isinstance(still, Network) else 'x'} {i}" for i in range(inputs)]
