"""The card of stability: what is to be said of a network in five lines, each with the numbers behind it.

bounded    the box that no state leaves                                                  `bounds`, `certify`
forgets    how long a disturbance lasts on the data, with its error                      `spectrum`, `meeting`
proved     whether that holds for every input, or a counter-example is known             `bounds`, `counter_example`
steps      which gaps one step of the solver crosses, and how many of the data's are longer          `step_margin`
speed      how fast it answers to a step, how much noise it lets through                 `response_time`, `noise_gain`
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ..drawing import Drawn
from ..network import Network
from .meeting import Meeting, meeting
from .motion import Motion
from .proof.bounds import Bounds, bounds
from .proof.certificate import AnalysisError
from .proof.certifying import certify
from .proof.counter import CounterExample, counter_example
from .spectrum import Spectrum, spectrum
from .speed import noise_gain, response_time
from .steps import StepMargin, step_margin

FEW = 0.01  # of the gaps, that may be too long


@dataclass(frozen=True, eq=False)
class Stability(Drawn):
    """The five lines and what they rest on; what could not be asked is None, and its line says why."""

    picture, pixels = "stability.card", (960, 620)

    lines: tuple[tuple[str, str], ...]
    bounds: Bounds
    counter: CounterExample | None
    spectrum: Spectrum | None
    meeting: Meeting | None
    steps: StepMargin | None
    response: float | None
    noise: float | None
    gaps: Any  # (time,) of the data, in the unit of dt
    unit: str

    def __str__(self) -> str:
        return "\n".join(f"{what:<8} {line}" for what, line in self.lines)

    def frame(self) -> Any:
        """A line each."""
        import pandas as pd

        return pd.DataFrame(self.lines, columns=["what", "finding"])

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: the lines and their numbers."""
        found, steps, meet = self.spectrum, self.steps, self.meeting
        numbers = {
            "certified": self.bounds.certified,
            "rate": self.bounds.rate,
            "exponents": None if found is None else found.exponents.tolist(),
            "exponents_error": None if found is None else found.error.tolist(),
            "memory": None if found is None else float(found.memory[0]),
            "settled": None if found is None else found.settled,
            "halved": None if meet is None else meet.halved,
            "gone": None if meet is None else meet.gone,
            "largest_gap": None if steps is None else steps.largest,
            "share_of_gaps_beyond": None if steps is None else steps.share,
            "substeps": None if steps is None else steps.substeps,
            "response": self.response,
            "noise_gain": self.noise,
            "counter_example": None if self.counter is None else self.counter.x.tolist(),
        }
        finite = {name: None if isinstance(v, float) and not np.isfinite(v) else v for name, v in numbers.items()}
        return {"unit": self.unit, **dict(self.lines), "numbers": finite}


def stability(
    model: nn.Module, x: Any = None, dt: Any = None, mask: Any = None, *, unit: str = "", seed: int = 0
) -> Stability:
    """Of a Network, Recurrent, Stack or cell, along one row of data, x (time, inputs), where it is given.

    unit: what dt counts, "s" or "h", for the lines.

    >>> found = tauflow.analysis.stability(tauflow.CTRNN(1, 2), torch.ones(50, 1), unit="s")  # Stability
    >>> print(found)
    bounded  no state leaves -10 .. 10, whatever comes in, however long the gap
    forgets  a disturbance falls to a third in ... s (...) on these data; ...
    proved   for every input, any two states come together, ...
    steps    ...
    speed    time constants from 1 s to 10 s
    """
    motion, proved = Motion(model), bounds(model)
    counter = None if proved.certified else counter_example(model, dt=None if dt is None else _middle(dt), seed=seed)
    found = row = meet = margin = response = noise = None
    why = "give data to measure it"
    if x is not None:
        row = motion.read(x, dt, mask)
        try:
            found, meet = spectrum(model, x, dt, mask), meeting(model, x, dt, mask)
        except AnalysisError as error:
            why = str(error)
        moves = bool((row.dt > 0).any()) and bool(
            motion.states(row).any()
        )  # else there is no gap, or no state, to be wrong about
        margin = step_margin(model, x, dt, mask) if motion.leaks is not None and moves else None
        if isinstance(model, Network) and motion.network is not None and model.static == 0:
            response, noise = _speed(motion.network, x, row.gaps, mask, seed)
    lines = (
        ("bounded", _bounded(model)),
        ("forgets", why if found is None else _forgets(found, meet, unit)),
        ("proved", _proved(proved, counter, unit)),
        ("steps", _steps(motion, margin, unit)),
        ("speed", _speed_line(proved, response, noise, unit)),
    )
    gaps = None if row is None else row.gaps.numpy()
    return Stability(lines, proved, counter, found, meet, margin, response, noise, gaps, unit)


def _middle(dt: Any) -> float:
    gaps = torch.as_tensor(dt).double().reshape(-1)
    return float(gaps[gaps > 0].median())


def _speed(network: Network, x: Any, gaps: Any, mask: Any, seed: int) -> tuple[float, float]:
    values = torch.as_tensor(x).double()
    values = values if mask is None else values[torch.as_tensor(mask).bool()]
    known = torch.isfinite(values).all(dim=1)
    return response_time(network, gaps), noise_gain(network, values[known], gaps[known], seed)


def told(value: float, unit: str) -> str:
    """A time in words: 25 s, or 25 units of time where the unit is not known."""
    return f"{figures(value)} {unit or 'units of time'}"


def figures(value: float) -> str:
    """Three figures, without an exponent where people need none: 6,010, 0.0123."""
    short = f"{value:.3g}"
    return f"{float(short):,.10g}" if 1e-4 < abs(value) < 1e9 else short


def _bounded(model: nn.Module) -> str:
    found = certify(model)
    if found.low is not None and found.high is not None:
        return f"no state leaves {float(found.low.min()):.3g} .. {float(found.high.max()):.3g}, whatever comes in, however long the gap"
    return f"bounded for bounded inputs: {found.reason}" if found.certified else found.reason


def _forgets(found: Spectrum, meet: Meeting | None, unit: str) -> str:
    first, error = float(found.exponents[0]), float(found.error[0])
    if first - error > 0:
        return f"it does not: small differences grow {told(1 / first, unit)} by {told(1 / first, unit)} by a factor e (chaos)"
    if first + error >= 0:
        return f"not shown: the largest exponent, {first:.2g} +- {error:.2g}, may be zero; longer data would tell"
    low, high = 1 / (error - first), 1 / (-first - error)
    text = (
        f"a disturbance falls to a third in {told(-1 / first, unit)} ({figures(low)} to {figures(high)}) on these data"
    )
    if meet is not None and np.isfinite(meet.gone):
        text += f"; opposite starts meet within {told(meet.gone, unit)}"
    return text if found.settled else f"{text}; the row is short, so this is rough"


def _proved(proved: Bounds, counter: CounterExample | None, unit: str) -> str:
    if proved.certified and proved.rate is not None:
        return (
            f"for every input, any two states come together, in the end within {told(1 / proved.rate, unit)} to a third"
        )
    if counter is not None:
        return f"disproved: {counter.reason}"
    return "nothing, for all inputs at once (that does not mean unstable: no counter-example was found either)"


def _steps(motion: Motion, margin: StepMargin | None, unit: str) -> str:
    if motion.leaks is None:
        return "its step is what it is: there is no equation behind it that a long gap could miss"
    if margin is None:
        return "give data to measure it: gaps above zero, and inputs that move the states"
    beyond = f"{100 * margin.share:.2g} % of yours are longer"
    percent = f"within {100 * margin.tolerance:.2g} %"
    refused = "" if not np.isfinite(margin.limit) else f"; the solver refuses gaps beyond {told(margin.limit, unit)}"
    if not np.isfinite(margin.largest):
        return f"every gap of yours is {percent} of the equation{refused}"
    more = f": substeps={margin.substeps}" if margin.substeps else ": not even 64 substeps are enough"
    return (
        f"gaps up to {told(margin.largest, unit)} are {percent}; {beyond}{more if margin.share > FEW else ''}{refused}"
    )


def _speed_line(proved: Bounds, response: float | None, noise: float | None, unit: str) -> str:
    taus = [layer for layer in proved.layers if layer.slowest is not None and layer.fastest is not None]
    if response is None or noise is None:
        if not taus:
            return "no time constants: give a Network and data to measure how fast it answers"
        fastest = min(float(layer.fastest.min()) for layer in taus if layer.fastest is not None)
        slowest = max(float(layer.slowest.max()) for layer in taus if layer.slowest is not None)
        return f"time constants from {told(fastest, unit)} to {told(slowest, unit)}"
    if not np.isfinite(response):
        return f"a step of the inputs is not answered within these data; noise comes through {noise:.2g}-fold"
    return f"a step of the inputs is answered within {told(response, unit)}; noise comes through {noise:.2g}-fold"
