"""The neurons of a network on data: how fast each is, which switch, which are idle, which say the same as another.

    tau           the median of its time constant over the samples, and its 5th and 95th percentile
    switches      the 95th is more than three times the 5th: a neuron that is quick at one time and slow at another
    idle          its state moves by less than a hundredth of what the most active one's does
    redundant     its states are those of an earlier neuron, scaled and shifted: |correlation| > .99

Cells without time constants have the time in which their state's own correlation falls to 1/e in the place of tau.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...drawing import Colours, Drawn, plain_numbers
from ...network import Network
from ...sequence import Recurrent, Stack
from .. import words
from ..question import ExplanationError, still_of

Array = NDArray[np.float64]
SWITCHES, IDLE, SAME = 3.0, 0.01, 0.99


@dataclass(frozen=True, eq=False)
class Neurons(Drawn):
    """All (units,): tau and its 5th and 95th percentile, the spread of the state, and the neuron that each repeats (-1: none)."""

    tau: Array
    low: Array
    high: Array
    spread: Array
    repeats: NDArray[np.int64]
    correlation: Array
    measured: bool  # tau is 1/rate; else the time of the state's own correlation

    @property
    def pixels(self) -> tuple[int, int]:  # type: ignore[override]
        return 560, 90 + 15 * len(self.tau)

    @property
    def order(self) -> NDArray[np.int64]:
        """The neurons from fast to slow."""
        return np.argsort(self.tau, kind="stable")

    @property
    def switches(self) -> NDArray[np.bool_]:
        return self.high > SWITCHES * self.low

    @property
    def idle(self) -> NDArray[np.bool_]:
        most = float(self.spread.max(initial=0))
        return self.spread < IDLE * most

    @property
    def redundant(self) -> NDArray[np.bool_]:
        return (self.repeats >= 0) & ~self.idle

    def words(self, unit: str = "") -> str:
        """How fast they are and what stands out, in a sentence."""
        fast, slow = (words.duration(float(value), unit) for value in (self.tau.min(), self.tau.max()))
        said = f"{len(self.tau)} neurons, from {fast} to {slow}"
        for which, what in ((self.switches, "switch"), (self.idle, "are idle"), (self.redundant, "repeat another")):
            if which.any():
                said += f"; {int(which.sum())} {what}"
        if self.switches.any():
            most = int(np.argmax(self.high / self.low))
            pair = (words.duration(float(value), unit) for value in (self.low[most], self.high[most]))
            said += f" (neuron {most} the most, {' to '.join(pair)})"
        return said

    def frame(self) -> Any:
        """A line a neuron, from fast to slow."""
        import pandas as pd

        columns = {
            "neuron": np.arange(len(self.tau)), "tau": self.tau, "low": self.low, "high": self.high, "spread": self.spread,
            "switches": self.switches, "idle": self.idle, "repeats": self.repeats,
        }  # fmt: skip
        return pd.DataFrame(columns).iloc[self.order].reset_index(drop=True)

    def draw(self, figure: Any, colours: Colours) -> None:
        """A bar a neuron from its 5th to its 95th percentile, a dot at the median, fast ones on top; idle ones are grey."""
        axes = figure.add_subplot()
        for row, neuron in enumerate(self.order):
            colour = "trivial2" if self.idle[neuron] else "static1" if self.switches[neuron] else "liquid1"
            axes.plot(
                [self.low[neuron], self.high[neuron]], [-row, -row], color=colours[colour], linewidth=3, alpha=0.45
            )
            axes.plot([self.tau[neuron]], [-row], "o", markersize=4.5, color=colours[colour])
        axes.set_xscale("log")
        plain_numbers(axes.xaxis)
        axes.set_yticks([-row for row in range(len(self.order))], [str(neuron) for neuron in self.order])
        axes.tick_params("y", labelsize=8)
        axes.grid(True, axis="x")
        axes.set_ylabel("neuron, fast to slow")
        what = "time constant" if self.measured else "time in which the state forgets itself"
        axes.set_xlabel(f"{what}, in the unit of the stamps")
        axes.set_title("orange: switches between fast and slow; grey: idle")


@torch.no_grad()
def neurons(model: nn.Module, x: Any, dt: Any = None, mask: Any = None, *, static: Any = None) -> Neurons:
    """Of a Network, Recurrent, Stack or cell on x (time, inputs) or (batch, time, inputs).

    >>> found = tauflow.explain.neurons(tauflow.CTRNN(2, 3, tau=(1.0, 9.0)), torch.rand(6, 2))  # Neurons
    >>> found.tau.round(3).tolist(), found.repeats.shape
    ([1.0, 3.0, 9.0], (3,))
    """
    still = still_of(model)
    if not isinstance(still, (Network, Recurrent, Stack)):
        raise ExplanationError(f"a {type(still).__name__} reads both ways: trace each of its directions")
    x = torch.as_tensor(x).detach().double()
    x = x[None] if x.ndim == 2 else x
    given = None if dt is None else torch.as_tensor(dt).detach().double()
    given = given[None] if given is not None and given.ndim == 1 else given
    real = None if mask is None else torch.as_tensor(mask)
    real = real[None] if real is not None and real.ndim == 1 else real
    options = {} if static is None else {"static": torch.as_tensor(static).detach().double().reshape(len(x), -1)}
    record = still.trace(x, given, real, **options)
    seen = torch.ones(x.shape[:2], dtype=torch.bool) if real is None else real
    states = record.states.numpy()
    flat = states[seen.numpy()]
    tau = record.tau
    if tau is not None and tau.shape[2] == states.shape[2]:
        low, middle, high = np.percentile(tau.numpy()[seen.numpy()], [5, 50, 95], axis=0)
    else:
        middle = _memory(states, record.time.numpy(), seen.numpy())
        low, high = middle, middle
    spread = flat.std(axis=0)
    repeats, correlation = _repeats(flat, spread)
    return Neurons(middle, low, high, spread, repeats, correlation, tau is not None)


def _repeats(states: Array, spread: Array) -> tuple[NDArray[np.int64], Array]:
    """The earlier neuron that each says again, or -1, and the largest |correlation| with an earlier one."""
    moved = states - states.mean(axis=0)
    moved = np.divide(moved, spread, out=np.zeros_like(moved), where=spread > 0)
    alike = np.tril(np.abs(moved.T @ moved) / len(states), -1)
    most = alike.argmax(axis=1)
    size = alike[np.arange(len(most)), most]
    return np.where(size > SAME, most, -1), size


def _memory(states: Array, time: Array, seen: NDArray[np.bool_]) -> Array:
    """Each neuron's time until the correlation of its state with itself has fallen to 1/e, from pairs of samples."""
    found = np.full(states.shape[2], np.nan)
    centred = states - states[seen].mean(axis=0)
    power = np.square(centred[seen]).mean(axis=0)
    lags = np.unique(np.rint(np.geomspace(1, max(states.shape[1] - 1, 1), 24)).astype(int))
    for lag in lags[lags < states.shape[1]]:
        both = seen[:, lag:] & seen[:, :-lag]
        if not both.any():
            break
        alike = (centred[:, lag:] * centred[:, :-lag])[both].mean(axis=0) / np.where(power > 0, power, 1)
        away = float((time[:, lag:] - time[:, :-lag])[both].mean())
        found = np.where(np.isnan(found) & (alike < np.exp(-1)), away, found)
    longest = float((time.max(axis=1) - time.min(axis=1)).max()) or 1.0
    return np.where(np.isnan(found), longest, found)
