"""Is an explanation faithful? The samples that it names are taken away, or put in alone, and the model is asked again.

    deletion    the share of the answer that is left, (f - f') / (f(x) - f'), as cells (t, j) go to the baseline, the most
                supporting first: an order that is right falls fast, so a small area is good
    insertion   the same from the baseline upwards: a large area is good

Beside them a random order, and that of plain gradients times what they multiply, df/dx_tj (x_tj - x'_tj).
Source: Petsiuk, Das and Saenko 2018, RISE, section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..drawing import Colours, Drawn
from .integrated import integrated_gradients, start_of
from .question import question

Array = NDArray[np.float64]
POINTS = 33


@dataclass(frozen=True, eq=False)
class Faithfulness(Drawn):
    """share (points,) of the cells; deletion, insertion: order -> (points,) what is left of the answer's change."""

    share: Array
    deletion: dict[str, Array]
    insertion: dict[str, Array]

    pixels = (640, 260)

    def areas(self) -> dict[str, tuple[float, float]]:
        """order -> the areas under its deletion and insertion curves."""
        return {name: (self._area(self.deletion[name]), self._area(self.insertion[name])) for name in self.deletion}

    def _area(self, curve: Array) -> float:
        return float(((curve[1:] + curve[:-1]) / 2 * np.diff(self.share)).sum())

    def frame(self) -> Any:
        """A line a share of the cells."""
        import pandas as pd

        kinds = (("deletion", self.deletion), ("insertion", self.insertion))
        return pd.DataFrame({"share": self.share} | {f"{k} {n}": v for k, curves in kinds for n, v in curves.items()})

    def draw(self, figure: Any, colours: Colours) -> None:
        palette = dict(zip(self.deletion, ("liquid1", "static1", "trivial1"), strict=True))
        for place, (title, curves) in enumerate((("deletion", self.deletion), ("insertion", self.insertion))):
            axes = figure.add_subplot(1, 2, 1 + place)
            for name, values in curves.items():
                axes.plot(100 * self.share, values, color=colours[palette[name]], label=name)
            axes.set_title(title)
            axes.set_xlabel("% of the samples' values")
            if place == 0:
                axes.set_ylabel("what is left of the change")
                axes.legend()


def faithfulness(
    model: nn.Module,
    x: Any,
    dt: Any = None,
    mask: Any = None,
    *,
    static: Any = None,
    output: int = 0,
    at: int = -1,
    baseline: Any = None,
    seed: int = 0,
) -> Faithfulness:
    """Of the explanation of the answer `output` at the sample `at` to one row of data, x (time, inputs).

    >>> network = tauflow.Network(2, 1, units=4)
    >>> found = tauflow.explain.faithfulness(network, torch.rand(6, 2), baseline=[0.5, 0.5])  # a Faithfulness
    >>> sorted(found.deletion), found.share[[0, -1]].tolist()
    (['integrated gradients', 'plain gradients', 'random order'], [0.0, 1.0])
    """
    asked = question(model, x, dt, mask, static, output, at)
    x0 = start_of(asked, baseline)
    plain = {"static": static, "output": output, "at": at, "baseline": baseline}
    found = integrated_gradients(model, x, dt, mask, baseline_dt=asked.dt.numpy(), **plain)
    row = asked.x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(asked.ask(row[None], asked.dt[None], None, asked.at).sum(), row)
    far = torch.nan_to_num(asked.x - x0)
    sign = 1.0 if found.change >= 0 else -1.0
    made = np.random.default_rng(seed)
    cells = np.flatnonzero((far != 0).numpy().ravel())
    worth = {
        "integrated gradients": sign * found.attribution.ravel()[cells],
        "plain gradients": sign * (slope * far).numpy().ravel()[cells],
        "random order": made.random(len(cells)),
    }
    share = np.linspace(0, 1, POINTS)
    counts = np.rint(share * len(cells)).astype(int)
    whole, start = asked.x.flatten(), x0.flatten()
    change = found.change or 1.0

    def curve(order: NDArray[np.int64], begin: torch.Tensor, end: torch.Tensor) -> Array:
        rows = begin.repeat(POINTS, 1)
        for k, count in enumerate(counts):
            rows[k, order[:count]] = end[order[:count]]
        with torch.no_grad():
            answers = asked.ask(rows.unflatten(1, tuple(asked.x.shape)), asked.dt.expand(POINTS, -1), None, asked.at)
        return (answers.numpy() - found.base) / change

    orders = {name: cells[np.argsort(-values, kind="stable")] for name, values in worth.items()}
    return Faithfulness(
        share,
        {name: curve(order, whole, start) for name, order in orders.items()},
        {name: curve(order, start, whole) for name, order in orders.items()},
    )
