"""The phase portrait: where the states go under a constant input, in the plane in which they move the most.

The two main directions are those of the paths themselves (principal components of the states after they set out), so the plane is
the one in which most is seen; `explained` is the share of the motion that lies in it. Arrows: the flow of leaks (the step's change for
other cells) on the plane through the middle of the paths, all other directions standing still there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...drawing import Drawn
from ..motion import Motion
from ..proof.certificate import AnalysisError
from .fixed_points import fixed_points, random_starts

GRID = 15

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Portrait(Drawn):
    """paths (starts, steps, 2), points (n, 2) of rest with stable (n,), grid (g, g, 2) and arrows (g, g, 2) on it.

    middle (state,), directions (2, state)   of the plane            explained   share of the motion in each direction, (2,)
    """

    picture, pixels = "rest.portrait", (440, 400)

    paths: Array
    points: Array
    stable: NDArray[np.bool_]
    grid: Array
    arrows: Array
    middle: Array
    directions: Array
    explained: Array

    def frame(self) -> Any:
        """A line a sample of a path."""
        import pandas as pd

        starts, steps, _ = self.paths.shape
        path, step = (each.reshape(-1) for each in np.meshgrid(np.arange(starts), np.arange(steps), indexing="ij"))
        flat = self.paths.reshape(-1, 2)
        return pd.DataFrame({"path": path, "step": step, "first": flat[:, 0], "second": flat[:, 1]})


@torch.no_grad()
def portrait(
    model: nn.Module, x: Any, dt: float | None = None, *, starts: int = 16, steps: int = 200, seed: int = 0
) -> Portrait:
    """Of a Network, Recurrent, Stack or cell with two or more states, whose input x (inputs,) stands still.

    >>> found = tauflow.analysis.portrait(tauflow.CTRNN(1, 3), torch.zeros(1), starts=4, steps=20)  # a Portrait
    >>> found.paths.shape, found.directions.shape
    ((4, 21, 2), (2, 3))
    """
    motion = Motion(model)
    if motion.state_size < 2:
        raise AnalysisError("a portrait is of a plane, but the model has one state: look at its fixed_points")
    if starts < 2 or steps < 2:
        raise AnalysisError(f"starts is {starts} and steps {steps}, expected two or more of each")
    gap = motion.period if dt is None else float(dt)
    row = motion.read(torch.as_tensor(x).double().expand(64, -1), gap)
    u, t = row.u[-1:], row.dt[-1:]
    runs = [random_starts(motion, starts, seed)]
    for _ in range(steps):
        runs.append(motion.step(u.expand(starts, -1), t.expand(starts), runs[-1]))
    path = torch.stack(runs, dim=1).numpy()
    rest = fixed_points(motion.model, x, gap, starts=max(starts, 32), states=path[:, -1], seed=seed)
    flat = path.reshape(-1, motion.state_size)
    middle = flat.mean(axis=0)
    _, sizes, directions = np.linalg.svd(flat - middle, full_matrices=False)
    plane = directions[:2]
    seen = (path - middle) @ plane.T
    low, high = seen.reshape(-1, 2).min(axis=0), seen.reshape(-1, 2).max(axis=0)
    grid = np.stack(np.meshgrid(*(np.linspace(low[k], high[k], GRID) for k in range(2))), axis=-1)
    at = torch.from_numpy(middle + grid.reshape(-1, 2) @ plane)
    many = u.expand(len(at), -1)
    pull = motion.flow(many, at) if motion.leaks is not None else motion.step(many, t.expand(len(at)), at) - at
    arrows = (pull.numpy() @ plane.T).reshape(GRID, GRID, 2)
    explained = sizes[:2] ** 2 / (sizes**2).sum()
    return Portrait(seen, (rest.states - middle) @ plane.T, rest.stable, grid, arrows, middle, plane, explained)
