"""Where a driver looks: which pixels of the camera move its steering.

    gradient         |d steer / d pixel|, smoothed over 3 x 3 pixels, at a state that a drive has led to
    VisualBackProp   m_l = upsample(m_{l+1}) a_l, a_l the mean of the maps of layer l where they are positive; the same without a gradient

    share         of the gradient on the white lines, beside their share of the picture below the horizon
    correlation   of the gradient's map with that of the same picture under noise of .1

Sources: Bojarski et al. 2018, VisualBackProp; Lechner et al. 2020, Neural circuit policies, figures 4 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ... import Network
from ...agents import walk
from . import camera
from .track import WHITE
from .world import PIXELS, ROWS, Drive, Weather, expert

Array = NDArray[Any]
SHAPE = (ROWS, camera.SIZE)
NOISE = 0.1


@dataclass(frozen=True, eq=False)
class Frames:
    """Inputs that the expert's cars saw, (n, steps, inputs), and where white lines are in the last picture, (n, rows, columns)."""

    x: Tensor
    lines: Array


@dataclass(frozen=True, eq=False)
class Gaze:
    """Pictures and maps, each (n, rows, columns), and what they come to."""

    picture: Array
    gradient: Array
    backprop: Array
    share: float
    area: float
    correlation: float


def frames(cars: int = 24, steps: int = 20, seed: int = 909_090) -> Frames:
    """A second of clear road, driven by the expert, on tracks of their own; cars that see few white pixels are left out."""
    world = Drive(cars, seed, weather=Weather(traffic=0.0, wet=1, crossings=1), tracks=min(cars, 8), limit=10**9)
    clean: list[Array] = []

    def watch(world: Drive) -> None:
        clean[:] = [camera.look(world.pictures, world.at, world.pose)[:, camera.TOP :]]

    walked = walk(world, steps, expert, expert, watch=watch)
    ground = camera.HITS[camera.TOP :]
    lines = (clean[0] > 0.75 * WHITE / 255) & ground
    some = lines.sum(axis=(1, 2)) >= 20
    wide = F.max_pool2d(torch.from_numpy(lines[some]).float()[:, None], 3, 1, 1)[:, 0].numpy() > 0
    return Frames(torch.from_numpy(walked.x[some]), wide & ground)


def gaze(net: Network, seen: Frames) -> Gaze:
    """Where this driver looks in the last of these pictures."""
    net.eval()
    with torch.no_grad():
        state = net(seen.x[:, :-1])[1]
    now = seen.x[:, -1:]
    noise = torch.zeros_like(now)
    noise[..., :PIXELS] = NOISE * torch.randn(now[..., :PIXELS].shape, generator=torch.Generator().manual_seed(0))
    clean, noisy = _gradient(net, now, state), _gradient(net, now + noise, state)
    on = (clean * seen.lines).sum(axis=(1, 2)) / np.maximum(clean.sum(axis=(1, 2)), 1e-12)
    ground = camera.HITS[camera.TOP :].sum()
    alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(clean, noisy, strict=True)]
    picture = now[:, 0, :PIXELS].reshape(-1, *SHAPE)
    return Gaze(
        picture.numpy(), clean, _backprop(net, picture), float(on.mean()), float(seen.lines.sum(axis=(1, 2)).mean() / ground),
        float(np.mean(alike)),
    )  # fmt: skip


def _gradient(net: Network, now: Tensor, state: Tensor) -> Array:
    x = now.clone().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(net(x, state=state)[0][:, 0, 0].sum(), x)
    moved = slope[:, 0, :PIXELS].abs().reshape(-1, 1, *SHAPE)
    return F.avg_pool2d(moved, 3, 1, 1)[:, 0].numpy()


@torch.no_grad()
def _backprop(net: Network, picture: Tensor) -> Array:
    eye = net.encoder.encoders[0]
    z, means = picture[:, None], []
    for convolution in eye.convolutions:
        z = eye.sigma(convolution(z))
        means.append(z.clamp(min=0).mean(dim=1, keepdim=True))  # what a layer says yes to
    made = means.pop()
    while means:
        one = means.pop()
        made = F.interpolate(made, size=one.shape[2:], mode="nearest") * one
    return F.interpolate(made, size=SHAPE, mode="bilinear", align_corners=False)[:, 0].numpy()


def overlay(picture: Array, map_: Array) -> Array:
    """A map in red over a grey picture, uint8 (rows, columns, 3)."""
    strength = (map_ / max(float(map_.max()), 1e-12))[..., None] ** 0.7
    grey = np.repeat(picture[..., None], 3, axis=2) * 255
    return np.asarray((grey * (1 - strength) * 0.7 + np.array([255, 70, 0]) * strength).clip(0, 255), np.uint8)
