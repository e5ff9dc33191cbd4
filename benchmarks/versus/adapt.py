"""A stream whose source shifts halfway, and a model that may learn on.

The stream is read in chunks. A chunk is predicted before its targets are known, from the CONTEXT rows before it on; then, unless the
weights are frozen, Adam takes one step on its loss. The step size is the best of three on the validation recordings with the same shift.
A test stream has its recordings' first and second halves: before and after the shift; errors are means over recordings.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..paper.task import tensor
from ..paper.train import Say
from .sets import LENGTH, Data, Recording, Set

CHUNK, CONTEXT = 16, LENGTH - 16  # together as long as the windows of the training
LONGEST = 1024  # rows of a recording: the shift comes in the middle of these
RATES = (0.0003, 0.001, 0.003)
WAYS = ("frozen", "readout", "all")


def network(of: Set, data: Data, model: nn.Module, said: Say) -> dict[str, Any]:
    """way -> the error of each chunk; and the step sizes that were chosen."""
    found: dict[str, Any] = {**frozen(of, data, model), "rates": {}}
    for way in WAYS[1:]:
        tried = {lr: fmean(after(errors(of, data, data.validation, model, way, lr))) for lr in RATES}
        lr = min(tried, key=lambda one: tried[one])
        found[way], found["rates"][way] = errors(of, data, data.test, model, way, lr), lr
        said(f"learning on ({way}, {lr:g}): {fmean(after(found[way])):.4g}, frozen {fmean(after(found['frozen'])):.4g}")
    return found


def frozen(of: Set, data: Data, model: nn.Module) -> dict[str, Any]:
    return {"frozen": errors(of, data, data.test, model, "frozen", 0.0)}


def after(curve: Sequence[float]) -> Sequence[float]:
    """The chunks behind the shift."""
    return curve[len(curve) // 2 :]


def errors(of: Set, data: Data, recordings: list[Recording], model: nn.Module, way: str, lr: float) -> list[float]:
    """The error of each chunk, the mean over streams; as long as the shortest of them."""
    curves = [stream(of, data, one, copy.deepcopy(model), way, lr) for whole in recordings for one in pieces(whole)]
    length = min(map(len, curves)) // 2 * 2
    halves = [(c[: len(c) // 2][-length // 2 :], c[len(c) // 2 :][: length // 2]) for c in curves]
    return [fmean(chunk) for chunk in zip(*[[*before, *behind] for before, behind in halves], strict=True)]


def pieces(one: Recording) -> list[Recording]:
    """Streams of LONGEST rows at most; up to four of a longer recording."""
    begins = range(0, max(1, len(one.x) - LONGEST + 1), LONGEST)[:4]
    cuts = (slice(at, at + LONGEST) for at in begins)
    return [Recording(one.x[cut], one.y[cut], one.dt[cut]) for cut in cuts]


def stream(of: Set, data: Data, one: Recording, model: nn.Module, way: str, lr: float) -> list[float]:
    assert data.shift is not None
    half = len(one.x) // 2 // CHUNK * CHUNK
    x, y = data.shift(one.x, one.y, 1.0)
    x, y = np.concatenate([one.x[:half], x[half:]]), np.concatenate([one.y[:half], y[half:]])
    xs, ys, dts = tensor(x), tensor(y), tensor(one.dt)
    learned = [p for name, p in model.named_parameters() if way == "all" or ".readout." in f".{name}"]
    optimizer = torch.optim.Adam(learned, lr) if way != "frozen" else None
    found = []
    for begin in range(0, len(xs) // (2 * CHUNK) * 2 * CHUNK, CHUNK):
        first = max(0, begin - CONTEXT)
        part = slice(first, begin + CHUNK)
        with torch.set_grad_enabled(optimizer is not None):
            output = model(xs[None, part], dts[None, part])[0, begin - first :]
        truth = ys[begin : begin + CHUNK]
        found.append(error(output.detach(), truth))
        if optimizer is not None:
            optimizer.zero_grad()
            of.metric.loss(output, truth).backward()
            torch.nn.utils.clip_grad_norm_(learned, 1.0)
            optimizer.step()
    return found


def error(output: Tensor, truth: Tensor) -> float:
    """Squared error, or the share of wrong classes in per cent."""
    if truth.ndim == 1:
        return 100 * float((output.argmax(dim=1) != truth).double().mean())
    return float((output.double() - truth.double()).square().mean())
