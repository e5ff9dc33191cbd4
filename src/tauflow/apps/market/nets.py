"""Networks on prices: alone, or as a correction of HAR that starts as HAR.

    alone          y = W h + b                         h the state after row t
    correction     y = HAR + share * (W h + b)         W = b = 0 at first; share in [0, 1], from the rows that choose

A correction that those rows do not need has share 0, and then is HAR to the bit. The epoch is theirs too. Rows are learned in pieces of
a few weeks whose state begins anew; the answers are given along the whole series in one run, so the state never forgets a weekend.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...network import Network
from ...training import ArraySource, fit
from .seen import Array, Seen

LIQUID, STATIC = "gated_ltc", "window_mlp"
CORES: dict[str, dict[str, Any]] = {
    LIQUID: {"name": "gated_ltc", "tau": (1.0, 200.0)},
    STATIC: {"name": "window_mlp", "steps": 8},
}
BATCH, RATE, DECAY = 8, 0.003, 0.01


@dataclass(frozen=True)
class Effort:
    """How long a network learns: so many updates at least, in pieces of so many rows; seconds: none longer than that."""

    size: int = 3000  # parameters
    updates: int = 500
    piece: int = 256
    seconds: float | None = None


QUICK = Effort(800, 12, 64)


@dataclass(frozen=True, eq=False)
class Answer:
    """p (T-1,), in the units of the target; share: how much of a correction is used."""

    p: Array
    seconds: float
    parameters: int
    share: float = 1.0


def alone(seen: Seen, y: Array, core: str, seed: int, x: Array | None = None, effort: Effort = Effort()) -> Answer:
    """A network that answers by itself; x: what it sees, unless all."""
    return _learn(seen, seen.x if x is None else x, y, core, seed, False, effort)


def correction(
    seen: Seen, y: Array, honest: Array, whole: Array, core: str, seed: int, effort: Effort = Effort()
) -> Answer:
    """HAR and what a network adds: it learns what `honest` misses, and is added to `whole`."""
    x = np.column_stack([seen.x, honest, seen.har[:, :6]])
    made = _learn(seen, x, y - honest, core, seed, True, effort)
    part, missed = made.p[seen.choose], (y - honest)[seen.choose]
    share = float(np.clip(part @ missed / max(float(part @ part), 1e-300), 0, 1))
    return Answer(whole + share * made.p, made.seconds, made.parameters, share)


def _learn(seen: Seen, x: Array, y: Array, core: str, seed: int, zero: bool, effort: Effort) -> Answer:
    began = time.process_time()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        readout = {"name": "deep", "units": 16, "dropout": 0.1}
        net = Network.of_size(effort.size, x.shape[1], 1, CORES[core], readout=readout)
    if zero:
        last = net.readout.layers[-1]
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.zeros_(last.bias)
    train, judge = (_pieces(seen, x, y, part, effort.piece) for part in (seen.learn, seen.choose))
    batches = -(-len(train[0]) // BATCH)
    fit(
        net,
        ArraySource(train[0], train[1], train[2], batch_size=BATCH, seed=seed),
        validation=ArraySource(*judge, batch_size=64, shuffle=False),
        epochs=max(4, -(-effort.updates // batches)), lr=RATE, optimizer="adamw", weight_decay=DECAY, schedule="cosine", seed=seed,
        progress=False, time_budget=effort.seconds,
    )  # fmt: skip
    net.eval()
    with torch.no_grad():
        p, _ = net(torch.as_tensor(x, dtype=torch.float32)[None], torch.as_tensor(seen.dt, dtype=torch.float32)[None])
    count = sum(one.numel() for one in net.parameters())
    return Answer(p[0, :, 0].double().numpy(), time.process_time() - began, count)


def _pieces(seen: Seen, x: Array, y: Array, part: slice, piece: int) -> tuple[Any, Any, Any]:
    """x (pieces, rows, n), y (pieces, rows, 1), dt (pieces, rows): the last rows of the part that make whole pieces."""
    rows = min(piece, (part.stop - part.start) // 4)
    count = (part.stop - part.start) // rows
    kept = slice(part.stop - count * rows, part.stop)
    shape = (count, rows)
    made = (x[kept].reshape(*shape, -1), y[kept].reshape(*shape, 1), seen.dt[kept].reshape(shape))
    return tuple(torch.as_tensor(one, dtype=torch.float32) for one in made)  # type: ignore[return-value]
