"""Shapes: how often small random patterns fit a sequence, at several widths; where the form of a curve decides, little beats it.

    84 kernels of nine weights, all arrangements of three 2 among six -1     (they sum to zero: a level does not matter)
    dilated by d = 1 ... so that nine reach along the sequence
    feature = the share of samples at which kernel * x > b                   b: a quantile of the same on a training sequence

A sequence is first laid on the median length of the training sequences by straight lines in time, over what was measured; each pair of
dilation and kernel sees the sum of some channels, drawn at random. A ridge on these features is `ridge.py`. Source: Dempster et al.
2021, MiniRocket, sections 3 and 4; the features are theirs, this code is not, and draws channels and quantiles in another order.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch.nn import functional as F

from ....data.sequences import Array, Sequences

WIDTH, KERNELS = 9, 84
DILATIONS = 8
MOST, MOST_NUMBERS = 9996, 2e7  # features, and features x sequences
CHANNELS = 9  # at most, under one kernel
BATCH = 128
WEIGHTS = torch.full((KERNELS, WIDTH), -1.0)
for _kernel, _places in enumerate(combinations(range(WIDTH), 3)):
    WEIGHTS[_kernel, list(_places)] = 2.0


@dataclass(frozen=True, eq=False)
class Shapes:
    """length of the grid; dilations (d,); channels (d, 84, c) of 0 and 1; biases (d, 84, q); mean and width of the channels (c,)."""

    length: int
    dilations: tuple[int, ...]
    channels: Array
    biases: Array
    mean: Array
    width: Array

    def features(self, found: Sequences) -> Array:
        """(n, d * 84 * q) float32, each the share of samples above a bias."""
        x = torch.from_numpy(on_grid(found, self.length, self.mean, self.width))
        blocks = []
        for number, dilation in enumerate(self.dilations):
            biases = torch.from_numpy(self.biases[number]).float()
            parts = []
            for some in x.split(BATCH):
                fit = convolve(some, self.channels[number], dilation)  # (batch, 84, length)
                parts.append(torch.stack([(fit > b[:, None]).float().mean(dim=2) for b in biases.T], dim=2))
            blocks.append(torch.cat(parts).flatten(1))
        features: Array = torch.cat(blocks, dim=1).numpy()
        return features


def learn_shapes(found: Sequences, seed: int) -> Shapes | None:
    """Dilations, channels and biases for training sequences; None where they are too short for a pattern."""
    length = int(np.median(found.lengths))
    if length < WIDTH:
        return None
    flat = np.concatenate(found.values)
    known = ~np.isnan(flat)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, flat, 0).sum(axis=0) / count
    width = np.sqrt((np.where(known, flat - mean, 0) ** 2).sum(axis=0) / count)
    width = np.where(width > 1e-12 * np.maximum(np.abs(mean), 1e-30), width, 1.0)
    draw = np.random.default_rng(seed)
    reach = max(1.0, (length - 1) / (WIDTH - 1))
    dilations = tuple(sorted({int(2**power) for power in np.linspace(0, np.log2(reach), DILATIONS)}))
    wanted = min(MOST, MOST_NUMBERS / len(found))
    each = max(1, int(wanted / KERNELS / len(dilations)))
    levels = (np.arange(1, each + 1) * ((5**0.5 + 1) / 2)) % 1  # spread evenly, however many
    channels = np.zeros((len(dilations), KERNELS, found.channels), np.float32)
    for one in channels.reshape(-1, found.channels):
        most = np.log2(min(found.channels, CHANNELS) + 1)
        one[draw.choice(found.channels, size=max(1, int(2 ** draw.uniform(0, most))), replace=False)] = 1
    biases = np.empty((len(dilations), KERNELS, each))
    for number, dilation in enumerate(dilations):
        chosen = draw.integers(len(found), size=1)
        x = torch.from_numpy(on_grid(found.part(chosen), length, mean, width))
        fit = convolve(x, channels[number], dilation)[0].numpy()
        biases[number] = np.quantile(fit, levels, axis=1).T
    return Shapes(length, dilations, channels, biases, mean, width)


def convolve(x: torch.Tensor, channels: Array, dilation: int) -> torch.Tensor:
    """Every kernel over the sum of its channels: x (batch, c, length) -> (batch, 84, length)."""
    if x.shape[1] == 1:
        return F.conv1d(x, WEIGHTS[:, None], padding=4 * dilation, dilation=dilation)
    mixed = torch.einsum("kc,bct->bkt", torch.from_numpy(channels), x)
    return F.conv1d(mixed, WEIGHTS[:, None], padding=4 * dilation, dilation=dilation, groups=KERNELS)


def on_grid(found: Sequences, length: int, mean: Array, width: Array) -> Array:
    """(n, channels, length) float32: each channel in units of its spread, by straight lines through what was measured."""
    grid = np.zeros((len(found), found.channels, length), np.float32)
    for number, values in enumerate(found.values):
        time = np.arange(len(values), dtype=float) if found.times is None else found.times[number]
        places = np.linspace(time[0], time[-1], length)
        z = (values - mean) / width
        for channel in range(found.channels):
            known = ~np.isnan(z[:, channel])
            if known.any():
                grid[number, channel] = np.interp(places, time[known], z[known, channel])
    return grid
