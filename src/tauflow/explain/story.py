"""One run explained on one time axis: what came in, what was answered, what moved the answer, how fast each neuron was.

story = explain.story(net, x, dt, y=truth)        story.plot(), story.words("s"), story.frame()
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..drawing import Colours, Drawn, plain_numbers
from ..errors import ShapeError
from ..network import Network
from . import words
from .integrated import Explanation, integrated_gradients
from .pictures import dots, short, strokes
from .question import ExplanationError, still_of

Array = NDArray[np.float64]
FEWEST = 24  # samples of a close look
BANDS, LINES, POINTS = 6, 32, 300  # inputs with a band of their own, neurons drawn, samples of each


@dataclass(frozen=True, eq=False)
class Story(Drawn):
    """answer (time,) after every sample; truth (time,) or None; tau (time, units) or None: of the neurons that have such."""

    why: Explanation
    output: str
    answer: Array
    truth: Array | None
    tau: Array | None
    unit: str

    pixels = (760, 640)

    def close(self, share: float = 0.99) -> Story:
        """The samples that hold such a share of the evidence, and as much time again before them; all that come after."""
        why = self.why
        sizes = np.abs(why.attribution).sum(axis=1) + np.abs(why.gap)
        back = 2 * words.since(why.time, why.at, sizes, share)
        first = int(np.searchsorted(why.time, why.time[why.at] - back * (1 + 1e-9)))
        here = slice(max(0, min(first, why.at + 1 - FEWEST)), None)
        cut: dict[str, Any] = {name: getattr(why, name)[here] for name in ("time", "x", "attribution", "gap")}
        kept: dict[str, Any] = {
            name: None if getattr(self, name) is None else getattr(self, name)[here] for name in ("truth", "tau")
        }
        return replace(self, why=replace(why, **cut, at=why.at - here.start), answer=self.answer[here], **kept)

    def words(self) -> str:
        """The answer and what moved it, in a sentence."""
        return f"{self.output} is {self.why.answer:.4g}; {self.why.words(self.unit)}"

    def frame(self) -> Any:
        """A line a sample: inputs' attributions, the answer, the truth, the time constants."""
        table = self.why.frame().assign(answer=self.answer)
        if self.truth is not None:
            table["truth"] = self.truth
        if self.tau is not None:
            for i in range(self.tau.shape[1]):
                table[f"tau{i}"] = self.tau[:, i]
        return table

    def draw(self, figure: Any, colours: Colours) -> None:
        time = self.why.time
        heights = [1.5, 1.2, 1.5] + ([1.2] if self.tau is not None else [])
        panels = figure.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights})
        self._inputs(panels[0], colours, time)
        self._answers(panels[1], colours, time)
        self._attributions(panels[2], colours, time)
        if self.tau is not None:
            self._speeds(panels[3], colours, time, self.tau)
        for panel in panels:
            panel.axvline(time[self.why.at], color=colours["muted"], linewidth=0.8, linestyle=(0, (3, 3)))
        panels[-1].set_xlabel(f"time, {self.unit}" if self.unit else "time, in the unit of the stamps")

    def _order(self, among: Any = None) -> list[int]:
        """Inputs that moved it the most."""
        sizes = np.abs(self.why.attribution).sum(axis=0)
        order = [int(j) for j in np.argsort(-sizes, kind="stable") if among is None or among[j]]
        return order[:BANDS]

    def _inputs(self, axes: Any, colours: Colours, time: Array) -> None:
        """A band an input, each over its own range, a dot a sample; what has no course, such as the calendar, has none."""
        order = self._order(np.isfinite(self.why.x).any(axis=0))
        for row, j in enumerate(order):
            values = self.why.x[:, j]
            low, high = np.nanmin(values), np.nanmax(values)
            heights = (values - low) / (high - low or 1.0) * 0.8 - 0.4
            if len(time) <= POINTS:
                axes.plot(time, heights - row, color=colours["grid"], linewidth=0.8)
            dots(axes, time, heights - row, colours["ink"])
        _rows(axes, colours, [self.why.names[j] for j in order])
        axes.set_title("what came in, each input over its own range")

    def _answers(self, axes: Any, colours: Colours, time: Array) -> None:
        if self.truth is not None:
            dots(axes, time, self.truth, colours["ink"], 3.0)
        axes.step(time, self.answer, where="post", color=colours["liquid1"], linewidth=1.6)
        axes.plot(time[self.why.at], self.answer[self.why.at], "o", color=colours["liquid1"], markersize=6)
        axes.set_title(f"{self.output}: the answer as a line{', the truth as dots' if self.truth is not None else ''}")

    def _attributions(self, axes: Any, colours: Colours, time: Array) -> None:
        order = self._order()
        rows = [(self.why.names[j], self.why.attribution[:, j]) for j in order] + [("gap", self.why.gap)]
        most = max(float(np.abs(values).max(initial=0)) for _, values in rows) or 1.0
        for row, (_, values) in enumerate(rows):
            for sign, colour in ((1, "liquid1"), (-1, "static1")):
                which = np.sign(values) == sign
                strokes(axes, time[which], -row, -row + 0.46 * values[which] / most, colours[colour], 1.8)
            axes.axhline(-row, color=colours["grid"], linewidth=0.8)
        _rows(axes, colours, [name for name, _ in rows])
        axes.set_title(f"what moved it: blue up, orange down, at most {most:.2g}")

    def _speeds(self, axes: Any, colours: Colours, time: Array, tau: Array) -> None:
        from matplotlib.ticker import LogLocator

        each = -(-len(time) // POINTS)
        time, tau = time[::each], tau[::each]
        order = np.argsort(np.nanmedian(tau, axis=0), kind="stable")[:: max(tau.shape[1] // LINES, 1)]
        for rank, i in enumerate(order):
            share = rank / max(len(order) - 1, 1)
            colour, strong = "liquid1" if share < 0.5 else "static1", abs(2 * share - 1)
            axes.plot(time, tau[:, i], color=colours[colour], linewidth=1, alpha=0.35 + 0.5 * strong)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        plain_numbers(axes.yaxis)
        axes.set_title("time constant of each neuron: blue fast, orange slow")
        axes.set_ylabel(f"tau, {self.unit}" if self.unit else "tau")


def _rows(axes: Any, colours: Colours, names: list[str]) -> None:
    axes.set_yticks([-row for row in range(len(names))], [short(name) for name in names])
    axes.tick_params("y", labelcolor=colours["ink"])
    axes.grid(False)
    axes.set_ylim(-len(names) + 0.45, 0.55)


def story(
    model: Network,
    x: Any,
    dt: Any = None,
    mask: Any = None,
    *,
    static: Any = None,
    output: int = 0,
    at: int = -1,
    y: Any = None,
    unit: str = "",
) -> Story:
    """Of the answer `output` at the sample `at` to one row of data, x (time, inputs); y (time,): the truth; unit: of the stamps, "s".

    >>> network = tauflow.Network(["temp", "wind"], ["load"], units=4)
    >>> network.measure(tauflow.training.Batch(torch.rand(8, 6, 2)))  # as training does
    >>> found = tauflow.explain.story(network, torch.rand(6, 2), unit="s")  # a Story
    >>> found.answer.shape, found.why.attribution.shape
    ((6,), (6, 2))
    """
    still = still_of(model)
    if not isinstance(still, Network):
        raise ExplanationError(f"can't tell the story of a {type(still).__name__}: wrap it in a Network, core=...")
    why = integrated_gradients(model, x, dt, mask, static=static, output=output, at=at)
    x = torch.as_tensor(x).detach().double()
    gaps = None if dt is None else torch.as_tensor(dt).detach().double().expand(len(x))[None]
    real = None if mask is None else torch.as_tensor(mask)[None]
    options = {} if static is None else {"static": torch.as_tensor(static).detach().double().reshape(1, -1)}
    record = still.trace(x[None], gaps, real, **options)
    kept = record.real(0)
    truth = None
    if y is not None:
        truth = np.asarray(y, dtype=np.float64)
        if truth.shape != (len(x),):
            raise ShapeError(f"y has shape {truth.shape}, expected one value a sample, ({len(x)},)")
        truth = truth[kept]
    tau = None if record.tau is None else record.tau[0].numpy()[kept]
    answer = record.answer[0, :, output].numpy()[kept]
    return Story(why, still.output_names[output], answer, truth, tau, unit)
