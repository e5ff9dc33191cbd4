"""Responsiveness against stability: the same network run faster and slower, side by side.

    at_speed(network, s): every dt is told s times as long, period / s           s > 1 answers and forgets faster

    response     time until the answer to a step of the inputs has come to within 10 % of where it goes, and stays there
    noise_gain   rms of what white noise on the inputs does to the answer / rms of the noise, on the scale of both
    exponent     the largest Lyapunov exponent per unit of dt, with its error

Time is scaled and not tau: a learned gate has a speed of its own, which tau does not change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..drawing import Drawn
from ..network import Network
from ..network.parts.heads import Head
from ..network.parts.scale import Scale
from ..sequence import copy_of
from .motion import Motion
from .proof.certificate import AnalysisError
from .spectrum import spectrum

SPEEDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SETTLED = 0.1  # of the change, that is left

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SpeedTable(Drawn):
    """Arrays (speeds,): the trained network is at speed 1. response is infinite where the record was too short to see it.

    score: what `score` gave of the network at each speed, by its name; NaN where none was asked for.
    """

    picture, pixels = "motion.speed_table", (960, 270)

    speed: Array
    response: Array
    noise_gain: Array
    exponent: Array
    exponent_error: Array
    score: Array
    score_name: str

    def frame(self) -> Any:
        """A line a speed."""
        import pandas as pd

        names = ("speed", "response", "noise_gain", "exponent", "exponent_error")
        columns = {name: getattr(self, name) for name in names}
        return pd.DataFrame(columns | ({self.score_name: self.score} if self.score_name else {}))


def at_speed(network: Network, speed: float) -> Network:
    """A copy of the network that lives `speed` times as fast: its period is divided by the speed. AnalysisError for what is no Network.

    >>> network = tauflow.Network(1, 1, units=4, period=2.0)
    >>> tauflow.analysis.at_speed(network, 4.0).period.item()
    0.5
    """
    if not isinstance(network, Network):
        raise AnalysisError(f"at_speed is of a Network, got a {type(network).__name__}: multiply its dt by the speed")
    if not 0 < speed < np.inf:
        raise AnalysisError(f"speed is {speed}, expected a number above zero")
    faster = copy_of(network)
    faster.period /= speed
    return faster


def speed_table(
    network: Network,
    x: Any,
    dt: Any = None,
    mask: Any = None,
    *,
    speeds: Sequence[float] = SPEEDS,
    seed: int = 0,
    score: Callable[[Network], float] | None = None,
) -> SpeedTable:
    """Along one row of data, x (time, inputs), of a Network of causal cells without static features.

    score: how good a network is on held-out data, say lambda net: training.evaluate(net, source); asked of a float32 copy a speed.

    >>> network = tauflow.Network(1, 1, "ctrnn", units=2)
    >>> found = tauflow.analysis.speed_table(network, torch.zeros(20, 1), speeds=(1.0, 2.0))  # a SpeedTable
    >>> found.frame().shape, bool(found.exponent[1] < found.exponent[0] < 0)
    ((2, 5), True)
    """
    motions = [Motion(at_speed(network, speed)) for speed in speeds]
    exponents = [spectrum(motion.model, x, dt, mask, count=1) for motion in motions]
    x = torch.as_tensor(x).double()
    gaps = torch.as_tensor(float(network.period) if dt is None else dt).double().expand(len(x))
    if mask is not None:
        real = torch.as_tensor(mask).bool()
        x, gaps = x[real], gaps[real]
    columns = [
        [response_time(motion.network, gaps) for motion in motions if motion.network is not None],
        [noise_gain(motion.network, x, gaps, seed) for motion in motions if motion.network is not None],
        [float(found.exponents[0]) for found in exponents],
        [float(found.error[0]) for found in exponents],
        [float("nan") if score is None else float(score(at_speed(network, speed))) for speed in speeds],
    ]
    response, noise, exponent, error, scored = (np.array(column, dtype=float) for column in columns)
    return SpeedTable(np.array(speeds, dtype=float), response, noise, exponent, error, scored, _called(score))


def _called(score: Callable[[Network], float] | None) -> str:
    name = getattr(score, "__name__", "score")
    return "" if score is None else "score" if name == "<lambda>" else name


@torch.no_grad()
def response_time(network: Network, gaps: Tensor) -> float:
    """To a step of every input by its width from its mean, sampled at the median gap; in the unit of dt."""
    mean, width = _scale(network)
    gap, samples = float(gaps[gaps > 0].median()), max(len(gaps), 100)
    before, after = mean.expand(samples, -1), (mean + width).expand(samples, -1)
    x = torch.cat([before, after])[None]
    y = network.prefixes(x, torch.full((1, 2 * samples), gap, dtype=torch.float64))[0][0]
    start, answer = y[samples - 1], y[samples:]
    left = (answer - answer[-1]).norm(dim=1) / (answer[-1] - start).norm()
    late = (left > SETTLED).nonzero()
    first = int(late[-1]) + 1 if len(late) else 0
    return gap * (first + 1) if first < samples * (1 - SETTLED) else float("inf")


@torch.no_grad()
def noise_gain(network: Network, x: Tensor, gaps: Tensor, seed: int) -> float:
    """Noise of a tenth of the inputs' width, on the data; answers in the width of the head, where it has one."""
    _, width = _scale(network)
    made = torch.Generator().manual_seed(seed)
    noise = 0.1 * torch.randn(x.shape, generator=made, dtype=torch.float64)
    both = torch.stack([x, x + noise * width])
    y = network.prefixes(both, gaps.expand(2, -1))[0]
    unit = _answer_width(network, y.shape[2])
    return float(((y[1] - y[0]) / unit).square().mean().sqrt() / noise.square().mean().sqrt())


def _scale(network: Network) -> tuple[Tensor, Tensor]:
    if isinstance(network.scale, Scale):
        return network.scale.mean, network.scale.width
    return torch.zeros(network.inputs, dtype=torch.float64), torch.ones(network.inputs, dtype=torch.float64)


def _answer_width(network: Network, outputs: int) -> Tensor:
    """What one standard deviation of a target is in the answer's unit; one where the head has no scale."""
    scale = getattr(network.head, "scale", None) if isinstance(network.head, Head) else None
    if isinstance(scale, Scale) and len(scale.width) == outputs:
        return scale.width
    return torch.ones(outputs, dtype=torch.float64)
