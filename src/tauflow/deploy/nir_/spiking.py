"""The spiking twin: the same equation, its sigma by populations of LIF neurons, its memory by the learned taus.

    input -> into (U x + b) -+
                             +-> encode (gain (+-z - intercept) + 1) -> fire (LIF) -> decode (n) -> leak (tau) -> out -> output
    recurrent (W h) <--------|-----------------------------------------------------------+

Each neuron of the CTRNN has P spiking ones that prefer high or low z from different intercepts on; the decoders are the least-squares
combination of their rates to sigma(z). A spike is one simulation step long, so the graph is made for a step, which its metadata names.
Source: Eliasmith and Anderson 2003, Neural Engineering, chapters 4 (decoders) and 8 (the recurrent filter as memory).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..plan import Array
from .equation import Equation
from .graph import around, package, single

NEURONS = 32  # P, for each neuron of the CTRNN
STEPS = 1000  # simulation steps a unit of time, which is a period, or the shortest tau where that is shorter
MEMBRANE, FASTEST = 0.02, 100.0  # the LIF's own time constant and its highest rate, in units of time
REACH = 3.0  # |z| up to which sigma is decoded; |z| beyond is decoded as it comes
NOISE = 0.05  # of the highest rate: how much the decoders count on


def twin(eq: Equation, neurons: int = NEURONS) -> Any:
    """The graph."""
    nir, n, unit = package(), len(eq.tau), unit_of(eq)
    step = unit / STEPS
    signs, gains, intercepts = _population(neurons)
    z = np.linspace(-REACH, REACH, 401)
    rates = _rate(gains * (signs * z[:, None] - intercepts) + 1)  # (z, P), spikes a step
    spread = (NOISE * FASTEST / STEPS) ** 2 * len(z)
    aims = eq.sigma.function(torch.from_numpy(z)).numpy()
    decoders = np.linalg.solve(rates.T @ rates + spread * np.eye(neurons), rates.T @ aims)
    size = (n * neurons,)
    nodes = {
        "encode": nir.Affine(single(np.kron(np.eye(n), (gains * signs)[:, None])), single(np.tile(1 - gains * intercepts, n))),
        "fire": nir.LIF(
            tau=single(np.full(size, MEMBRANE * unit)), r=single(np.ones(size)), v_leak=single(np.zeros(size)),
            v_threshold=single(np.ones(size)), v_reset=single(np.zeros(size)),
        ),
        "decode": nir.Linear(single(np.kron(np.eye(n), decoders[None]))),
    }  # fmt: skip
    edges = [("into", "encode"), ("recurrent", "encode"), ("encode", "fire"), ("fire", "decode"), ("decode", "leak")]
    return around(eq, nodes, edges, eq.tau, step=step)


def unit_of(eq: Equation) -> float:
    """The unit of time, in that of dt."""
    return eq.period * min(1.0, float(eq.tau.min()))


def _population(neurons: int) -> tuple[Array, Array, Array]:
    """(sign, gain, intercept) of each: half of them prefer high z, half low z, and all fire fastest at +-REACH."""
    signs = np.where(np.arange(neurons) % 2 == 0, 1.0, -1.0)
    intercepts = np.linspace(-0.95 * REACH, 0.95 * REACH, neurons)
    most = 1 / (1 - np.exp(-1 / (FASTEST * MEMBRANE)))  # the current that fires fastest
    return signs, (most - 1) / (REACH - intercepts), intercepts


def _rate(current: Array) -> Array:
    """Spikes a step under a constant current, as Euler's steps of the LIF count them: v > 1 after so many of v += (current - v) a."""
    a = 1 / (STEPS * MEMBRANE)
    fires = current > 1.0
    count = np.log1p(-1 / np.where(fires, current, 2.0)) / np.log1p(-a)
    return np.where(fires, 1 / (np.floor(count) + 1), 0.0)
