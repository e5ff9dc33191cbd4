"""The forecasting network row by row: one new row in, the answers to the queries out.

h, y = cell(x, dt)                                the stream of `Recurrent`, on the kernels where they can
s = LayerNorm(y)                                  around it, as in `network.py`, in NumPy
y(query) = start + O silu(P s + Q query + S start) + V query
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ..data.series import Array
from .network import ForecastNet


class ForecastStream:
    """`stream(x, dt, query, start)`: x (inputs,), dt in steps, query (h, queries), start (h, targets) -> (h, targets).

    All are scaled as the network sees them; the start is what it corrects, say a `LinearBase`'s answer.

    It keeps the weights of the moment it was made.
    """

    def __init__(self, network: ForecastNet) -> None:
        self.rows = network.recurrent.stream()
        weights = {name: np.array(value.numpy(force=True)) for name, value in network.state_dict().items()}
        self.gain, self.shift, self.eps = weights["norm.weight"], weights["norm.bias"], network.norm.eps
        self.P, self.p = weights["state.weight"], weights["state.bias"]
        self.Q, self.V = weights["query.weight"].T.copy(), weights["skip.weight"].T.copy()
        self.S = weights["seen.weight"].T.copy()
        self.O, self.o = weights["answer.weight"].T.copy(), weights["answer.bias"]

    def __call__(self, x: Any, dt: float, query: Array, start: Array) -> Array:
        y = self.rows(x, dt)
        y = y - y.mean()
        s = y / np.sqrt(y @ y / len(y) + self.eps) * self.gain + self.shift
        hidden = self.P @ s + self.p + query @ self.Q + start @ self.S  # (h, hidden)
        hidden /= 1 + np.exp(-hidden.clip(-80, 80))
        answer: Array = start + hidden @ self.O + self.o + query @ self.V
        return answer


def stream_time(network: ForecastNet, h: int, steps: int = 400) -> float:
    """Median microseconds from one new row to the answers for `h` times, as rows arrive one by one."""
    stream = ForecastStream(network)
    random = np.random.default_rng(0)
    x = random.normal(size=(steps, network.recurrent.inputs)).astype(np.float32)
    query = random.normal(size=(h, network.query.in_features)).astype(np.float32)
    start = random.normal(size=(h, network.seen.in_features)).astype(np.float32)
    took = []
    for row in x:
        began = time.perf_counter_ns()
        stream(row, 1.0, query, start)
        took.append(time.perf_counter_ns() - began)
    return float(np.median(took[steps // 10 :])) / 1000
