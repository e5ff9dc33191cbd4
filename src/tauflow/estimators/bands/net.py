"""The network that says a band's shape: two layers of 32, trained on forecasts of windows that these had not learned from.

    raw = W3 silu(W2 silu(W1 s + b1) + b2) + b3        s = what `sight` tells, in units of its spread, clipped at 5

It learns from errors in units of their mean size, so that a width of 1 means the same of every target. Of too few windows it learns
nothing: then every question has the same shape, and what is left is split conformal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...data.series import Array
from .shapes import Shape

UNITS, BATCH, RATE, CLIP = 32, 512, 1e-2, 5.0
STEPS, FEWEST_STEPS, QUESTIONS = 400, 100, 100  # updates: one for so many questions, within limits
RISE, DECAY, STEEPEST = 0.3, 0.01, 10.0
FEWEST, MOST = 100, 150_000  # windows; questions to learn from


class ShapeNet(nn.Module):
    """s (..., width) -> raw numbers (..., raws)."""

    mean: Tensor
    spread: Tensor

    def __init__(self, width: int, raws: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, UNITS), nn.SiLU(), nn.Linear(UNITS, UNITS), nn.SiLU(), nn.Linear(UNITS, raws)
        )
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))

    def forward(self, s: Tensor) -> Tensor:
        raw: Tensor = self.layers(self.seen(s))
        return raw

    def seen(self, s: Tensor) -> Tensor:
        return ((s - self.mean) / self.spread).clamp(-CLIP, CLIP)


@dataclass(frozen=True, eq=False)
class Lessons:
    """Questions (n, width) with a known truth, and the forecast beside it, (n,)."""

    sight: Array
    truth: Array
    forecast: Array


def learned(shape: Shape, lessons: Sequence[Lessons], sizes: Array, seed: int) -> ShapeNet:
    """One network for all targets; sizes (targets,): what their errors are measured in. The seed decides every number."""
    s, truth, forecast = (
        torch.from_numpy(np.concatenate([getattr(one, name) / by for one, by in zip(lessons, division, strict=True)]))
        for name, division in (("sight", [1.0] * len(lessons)), ("truth", sizes), ("forecast", sizes))
    )
    s, truth, forecast = s.float(), truth.float(), forecast.float()
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ShapeNet(s.shape[1], shape.raws)
    network.mean.copy_(s.mean(dim=0))
    network.spread.copy_(s.std(dim=0) + 1e-3)
    s = network.seen(s)
    weights = list(network.parameters())
    moments = [(torch.zeros_like(one), torch.zeros_like(one)) for one in weights]
    steps = int(np.clip(len(s) // QUESTIONS, FEWEST_STEPS, STEPS))
    for step in range(1, steps + 1):
        chosen = torch.randint(len(s), (BATCH,), generator=generator)
        with torch.enable_grad():
            loss = shape.loss(network.layers(s[chosen]), truth[chosen], forecast[chosen]).mean()
        _adam(weights, moments, torch.autograd.grad(loss, weights), step / steps, step)
    return network.requires_grad_(False).eval()


@torch.no_grad()
def _adam(
    weights: Sequence[Tensor],
    moments: Sequence[tuple[Tensor, Tensor]],
    slopes: Sequence[Tensor],
    part: float,
    step: int,
) -> None:
    """One step of AdamW, its rate rising for three tenths and then falling (torch.optim would take two seconds to import)."""
    rate = RATE * (part / RISE if part < RISE else 0.5 + 0.5 * math.cos(math.pi * (part - RISE) / (1 - RISE)))
    norm = float(torch.stack([slope.norm() for slope in slopes]).norm())
    shrink = min(1.0, STEEPEST / max(norm, 1e-30))
    for weight, (first, second), slope in zip(weights, moments, slopes, strict=True):
        slope = slope * shrink
        first.lerp_(slope, 0.1)
        second.lerp_(slope * slope, 0.001)
        weight.mul_(1 - rate * DECAY)
        weight.sub_(rate * (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)).sqrt() + 1e-8))
