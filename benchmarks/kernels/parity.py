"""Equal numbers before equal times: each kernel against the reference, each drop-in against ncps, in float64.

Outputs, the last state and every gradient, at 7 steps and at most 20 samples: the largest difference over the largest number.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .contestants import MissingError, build, names
from .shapes import Shape, data

AGAINST = {"kernel": "reference", "drop-in": "ncps"}
LIMIT = 1e-12


def check(shape: Shape, key: str = "") -> dict[str, float | str]:
    """How far each is from what it must equal; raises RuntimeError where that is too far."""
    short = shape._replace(batch=min(shape.batch, 20), time=7)
    torch.manual_seed(0)
    x, dt = data(short, torch.float64)
    found: dict[str, float | str] = {}
    for name in names(shape, key):
        kind, _, model = name.partition(".")
        if kind not in AGAINST:
            continue
        try:
            far = distance(build(f"{AGAINST[kind]}.{model}", shape), build(name, shape), kind, x, dt)
        except MissingError as why:
            found[name] = str(why)
            continue
        found[name] = far
        if not far < LIMIT:
            raise RuntimeError(f"{name} is {far:.1e} away from {AGAINST[kind]}, expected under {LIMIT}")
    return found


def distance(truth: nn.Module, module: nn.Module, kind: str, x: Tensor, dt: Tensor) -> float:
    """The largest relative difference of outputs, state and gradients."""
    runs = []
    for one in (truth.double(), module.double()):
        if kind == "kernel":
            y, h = one(x, dt)
        else:
            size = module.state_size
            assert isinstance(size, int)
            y, h = one(x, torch.zeros(len(x), size, dtype=x.dtype))
        loss = y.square().sum() + h.sum()
        loss.backward()
        gradients = {name: value.grad for name, value in one.named_parameters() if value.grad is not None}
        runs.append({"y": y.detach(), "h": h.detach(), **gradients})
    expected, got = runs
    if expected.keys() != got.keys():
        raise RuntimeError(f"gradients of {sorted(expected)} and of {sorted(got)}")
    scale = {name: value.abs().max().clamp(min=1e-30) for name, value in expected.items()}
    return max(float((expected[name] - got[name]).abs().max() / scale[name]) for name in expected)
