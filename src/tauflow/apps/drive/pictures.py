"""The parts of the drivers' page that are driven for it: tracks from above, the slider of the frame rate, the gaze, the sweeps."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...agents import Trouble
from ...drawing.canvas import Colours, page_svg
from ...report.page import Drawing, Part, Picture, Slider
from .birdseye import birdseye
from .gaze import Gaze, overlay
from .table import EXPERT, Judged
from .track import track
from .trial import SEED, Condition, Run, run
from .world import CLEAR, Drive, Weather

Array = NDArray[Any]
RATES = (3, 4, 5, 7, 10, 14, 20, 25, 33)  # frames of 10 ms that an action is held: 33 to 3 a second
SHOWN = 4  # tracks, and cameras side by side
SWEEPS: dict[str, tuple[str, dict[float, Condition]]] = {
    "noise of the camera": (
        "standard deviation, white is 1",
        {value: (Trouble(), Weather(noise=(value, value))) for value in (0.02, 0.1, 0.2, 0.3, 0.4)},
    ),
    "light": (
        "share of daylight",
        {value: (Trouble(), Weather(light=(value, value))) for value in (1.0, 0.2, 0.05, 0.02, 0.01)},
    ),
    "lost frames": ("share", {value: (Trouble(lost=value), CLEAR) for value in (0.0, 0.4, 0.6, 0.8, 0.9)}),
}


@dataclass(frozen=True)
class Effort:
    """How much is driven for the pictures: cars and steps of a sweep, seconds of the slider."""

    cars: int = 4
    steps: int = 300
    seconds: float = 16.0


def line(found: Run, car: int) -> tuple[Array, Array]:
    """Where one car was, (steps, 2), and whether a wheel touched, until its first crash."""
    crashed = np.flatnonzero(found.crash[car])
    end = int(crashed[0]) + 1 if len(crashed) else found.crash.shape[1]
    return found.place[car, :end], found.touched[car, :end]


def tracks(judged: Judged, names: Sequence[str], colours: Mapping[str, str]) -> list[Drawing]:
    """The first cars' drives at 20 Hz."""
    drawings = []
    for car, number in enumerate(judged.runs[EXPERT].tracks[:SHOWN]):
        one = track(10 * SEED + number)
        lines = {name: line(judged.runs[name], car) for name in names}
        told = [f"{name} {int(judged.runs[name].touched[car].sum())}" for name in names]
        note = f"steps with a wheel on the line, of {judged.runs[EXPERT].off.shape[1]}: {', '.join(told)}"
        drawings.append(Drawing(f"Track {car + 1}, {one.length:.0f} m", note, birdseye(one, lines, colours)))
    return drawings


def slider(judged: Judged, names: Sequence[str], colours: Mapping[str, str], effort: Effort) -> Slider:
    """One car of each driver at every rate, on one track."""
    shown: dict[str, Sequence[Part]] = {}
    for held in RATES:
        period = held * Drive.period
        steps = max(int(effort.seconds / period), 2)
        condition = (Trouble(period=period), Weather(traffic=0.0))
        runs = {name: run(judged.nets[name], condition, cars=2, steps=steps, seed=SEED + 1) for name in names}
        one = track(10 * (SEED + 1) + next(iter(runs.values())).tracks[0])
        told = [
            f"{name} {100 * found.off_lane:.1f} % off the lane, {int(found.crash.sum())} crashes"
            for name, found in runs.items()
        ]
        svg = birdseye(one, {name: line(found, 0) for name, found in runs.items()}, colours)
        rate = f"{1 / period:.0f} frames a second"
        shown[rate] = [Drawing(f"{rate}: {effort.seconds:.0f} s of two cars", "; ".join(told), svg)]
    return Slider("Frames a second", shown, RATES.index(5))


def looks(gazes: Mapping[str, Gaze]) -> list[Picture]:
    """The cameras with their maps, a picture a driver."""
    made = []
    for name, found in gazes.items():
        note = f"camera; gradient of the steering, {100 * found.share:.0f} % of it on the white lines; VisualBackProp"
        made.append(Picture(name, note, mosaic(found), f"what the camera sees, and in red where {name} looks"))
    return made


def looking(gazes: Mapping[str, Gaze]) -> str:
    """The maps in figures."""
    area = next(iter(gazes.values())).area
    told = [f"{name} {100 * found.share:.0f} % and {found.correlation:.2f}" for name, found in gazes.items()]
    return (
        f"White lines are {100 * area:.0f} % of the picture below the horizon. The share of the steering's gradient that lies on "
        f"them, and how alike its map stays under noise of 0.1 (correlation): {'; '.join(told)}."
    )


def mosaic(found: Gaze) -> bytes:
    """A PNG: cameras side by side, under each its maps."""
    from PIL import Image

    grey = [np.repeat((picture * 255).astype(np.uint8)[..., None], 3, axis=2) for picture in found.picture[:SHOWN]]
    mapped = [
        [overlay(picture, one) for picture, one in zip(found.picture[:SHOWN], maps, strict=False)]
        for maps in (found.gradient, found.backprop)
    ]
    kept = io.BytesIO()
    Image.fromarray(np.concatenate([np.concatenate(row, axis=1) for row in (grey, *mapped)])).save(kept, "PNG")
    return kept.getvalue()


def sweeps(judged: Judged, names: Sequence[str], colours: Mapping[str, str], effort: Effort) -> list[Drawing]:
    """How far drivers come as one thing gets worse."""
    drive = partial(run, cars=effort.cars, steps=effort.steps, seed=SEED + 2)
    most, drawings = drive(None).reach, []
    for title, (unit, conditions) in SWEEPS.items():
        reach = {n: [drive(judged.nets[n], one).reach for one in conditions.values()] for n in names}
        drawings.append(_curves(title, unit, list(conditions), reach, most, colours, effort))
    return drawings


def _curves(
    title: str, unit: str, values: Sequence[float], reach: Mapping[str, Sequence[float]], most: float, colours: Mapping[str, str],
    effort: Effort,
) -> Drawing:  # fmt: skip
    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        for name, metres in reach.items():
            axes.plot(range(len(values)), metres, color=named[colours[name]], marker="o", ms=4)
        axes.axhline(most, color=named["trivial1"], ls=":")
        axes.set_xticks(range(len(values)), [f"{value:g}" for value in values])
        axes.set(xlabel=f"{title} ({unit})", ylabel="metres without a crash")
        axes.set_ylim(bottom=0)

    note = f"mean of {effort.cars} cars, {effort.steps} steps at 20 frames a second"
    return Drawing(title.capitalize(), note, page_svg(draw))
