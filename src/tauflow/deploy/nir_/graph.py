"""The equation as NIR nodes, exact but for sigma, which is a bank of K thresholds.

    input -> into (U x + b) -+
                             +-> copies -> above (K thresholds a neuron) -> steps -> leak (tau dv/dt = tau I - v) -> out (V h + v) -> output
    recurrent (W h) <--------|------------------------------------------------------+
    input -> direct (D x) -----------------------------------------------------------------------------------------> output

    sigma(z) ~ low + (high - low) / K  sum_k [z > theta_k],    sigma(theta_k) = low + (high - low) (k + 1/2) / K

So every drive is at most (high - low) / (2 K) wrong, and with it every state 1 / (2 K) of the interval that it can't leave.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import MissingExtraError
from ..plan import Array
from .equation import INVERSES, Equation

LEVELS = 128  # thresholds a neuron


def package() -> Any:
    """The nir package."""
    try:
        import nir
    except ImportError:
        raise MissingExtraError('writing NIR needs nir: pip install "tauflow[neuro]"') from None
    return nir


def bank(eq: Equation, levels: int = LEVELS) -> Any:
    """The graph; levels: K."""
    nir, n = package(), len(eq.tau)
    low, high = eq.sigma.low, eq.sigma.high
    theta = INVERSES[eq.sigma.name](low + (high - low) * (np.arange(levels) + 0.5) / levels)
    every = np.repeat(np.eye(n), levels, axis=1)  # (n, n K)
    nodes = {
        "copies": nir.Linear(single(every.T)),
        "above": nir.Threshold(single(np.tile(theta, n))),
        "steps": nir.Affine(single(every * ((high - low) / levels)), single(np.full(n, low))),
    }
    edges = [("into", "copies"), ("recurrent", "copies"), ("copies", "above"), ("above", "steps"), ("steps", "leak")]
    return around(eq, nodes, edges, eq.tau)


def around(eq: Equation, nodes: dict[str, Any], edges: list[tuple[str, str]], r: Array, **metadata: Any) -> Any:
    """The graph of some nodes between `into`, `recurrent` and `leak`; r: what a unit of current adds to tau dv/dt."""
    nir, n = package(), len(eq.tau)
    nodes = {
        "input": nir.Input(np.array([eq.U.shape[1]])),
        "into": nir.Affine(single(eq.U), single(eq.b)),
        "recurrent": nir.Linear(single(eq.W)),
        **nodes,
        "leak": nir.LI(tau=single(eq.tau * eq.period), r=single(r), v_leak=single(np.zeros(n))),
        "out": nir.Affine(single(eq.V), single(eq.v)),
        "output": nir.Output(np.array([len(eq.v)])),
    }
    edges = [("input", "into"), *edges, ("leak", "recurrent"), ("leak", "out"), ("out", "output")]
    if np.any(eq.D):
        nodes["direct"] = nir.Linear(single(eq.D))
        edges += [("input", "direct"), ("direct", "output")]
    return nir.NIRGraph(nodes, edges, metadata=metadata)


def single(array: Array) -> Array:
    return np.asarray(array, np.float32)
