"""The page of the drivers: their lines from above, the frame rate as a slider, every disturbance, where they look, how far they come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...drawing.canvas import Colours, page_svg
from ...report.page import Command, Download, Drawing, Grid, Legend, Page, Part, Picture, Points, Section, Table
from .gaze import frames, gaze
from .pictures import Effort, looking, looks, slider, sweeps, tracks
from .table import Judged
from .trial import WHOLE

MOST = 3  # drivers in one drawing, the expert aside
SLIDING = (
    "The same drivers at other frame rates, all of it driven before; a driver is told the time between its frames."
)
HEAT = "The share of episodes without a crash; where sensors die, an episode is 7.5 s with one outage, else the whole drive."
FAR = "Metres until the first crash or until the time is up, the mean of all cars; the dotted line is the expert's."
NOTES = (
    "The expert knows the track, the wet stretches and the car ahead; drivers see a camera, a LiDAR, their speed, and which sensors work.",
    "The teacher is a careful expert: slower where camera and LiDAR show little in this light and fog, and farther from a car ahead.",
    "Drivers learn from it by imitation (DAgger) in fog, darkness and noise, with dead sensors, at 5 to 30 frames a second, some lost.",
    "They are judged on tracks that training never saw, all on the same; a wheel touches where a car is more than 0.85 m off the middle.",
    "All have the same encoder and cores of equal size. A dead sensor shows zeros, and says that it is dead.",
    "The camera sets its exposure: dusk brings up its noise, and beyond a sixfold gain the picture stays dark.",
)


def colours_of(judged: Judged) -> dict[str, str]:
    """Driver -> the name of its colour on a page."""
    found: dict[str, str] = {}
    for kind, colour, many in (("law", "trivial", 3), ("liquid", "liquid", 4), ("static", "static", 4)):
        some = [driver for driver in judged.drivers if judged.kind(driver) == kind]
        found |= {driver: f"{colour}{1 + k % many}" for k, driver in enumerate(some)}
    return found


def shown(judged: Judged) -> list[str]:
    """The best liquid and the best static driver, an LSTM if there is one, and then the rest, MOST in all."""
    liquid, static = judged.ranked("liquid"), judged.ranked("static")
    wanted = [*liquid[:1], *static[:1], *(["lstm"] if "lstm" in static else []), *liquid[1:], *static[1:]]
    return list(dict.fromkeys(wanted))[:MOST]


def page(judged: Judged, command: str, film: bytes = b"", effort: Effort | None = None) -> Page:
    """The whole page; needs scores at 20 Hz and a network of each driver."""
    colours, names, effort = colours_of(judged), shown(judged), effort or Effort()
    kinds = _kinds(judged)
    legend = Legend([(name, colours[name], kinds[name]) for name in names])
    seen = frames()
    gazes = {name: gaze(judged.nets[name], seen) for name in names}
    facts = {
        "World": f"camera 64 × 64, LiDAR 64 beams, {judged.real_time:.0f} times real time",
        "Drivers": f"{len(judged.ranked('liquid') + judged.ranked('static'))}, beside the expert and their teacher",
        "Parameters": ", ".join(sorted({f"{s.parameters:,}" for s in judged.scores if s.parameters})),
    }
    far = sweeps(judged, names, colours, effort)
    numbers = Download("Every number", "drive.json", json.dumps(judged.rows(), indent=1))
    sections = [
        Section("The tracks", [legend, *_moving(film), Grid(tracks(judged, names, colours))], _lead(judged, names)),
        Section("The frame rate", [legend, slider(judged, names, colours, effort)], SLIDING),
        Section("Every disturbance", [heat(judged), table(judged)], HEAT),
        Section("Where they look", [Grid(looks(gazes))], looking(gazes)),
        Section("How far they come as it gets worse", [legend, Grid(far)], FAR),
        Section("How it was measured", [Points(NOTES), Command(command), numbers]),
    ]
    return Page(judged.sentence(), sections, "Cars that keep their lane by camera and LiDAR", facts)


def _kinds(judged: Judged) -> dict[str, str]:
    return {d: {"law": "trivial"}.get(judged.kind(d), judged.kind(d)) for d in judged.drivers}


def _lead(judged: Judged, names: Sequence[str]) -> str:
    told = []
    for name in names:
        off, deviation = 100 * judged.mean(name), judged.mean(name, what="deviation")
        told.append(f"{name} {off:.2g} % off the lane, {deviation:.2f} m from the middle on average")
    return f"At 20 frames a second: {'; '.join(told)}. A ring: a wheel touched the white line there. Blue: wet."


def _moving(film: bytes) -> list[Part]:
    note = "the square is a slower car ahead; right: the first driver's camera, and in red what moves its steering"
    alt = "a film of cars on a track from above, and of what a camera sees"
    return [Picture("One drive", note, film, alt, wide=True)] if film else []


def heat(judged: Judged) -> Drawing:
    values = np.array([[judged.mean(d, c, "crash_free") for c in judged.conditions] for d in judged.drivers])

    def draw(figure: Any, named: Colours, turned: bool = False) -> None:
        axes = figure.add_subplot()
        axes.grid(False)
        for (i, j), value in np.ndenumerate(values):
            column, row = (i, j) if turned else (j, i)
            lost = 1 - float(value)
            colour = named["static1" if lost else "liquid1"]
            axes.add_patch(_square(column, row, colour, 0.15 + 0.7 * lost))
            axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", color=named["ink"])
        across, down = (judged.drivers, judged.conditions) if turned else (judged.conditions, judged.drivers)
        axes.set(xlim=(-0.5, len(across) - 0.5), ylim=(len(down) - 0.5, -0.5))
        axes.set_xticks(range(len(across)), across, rotation=40, ha="right")
        axes.set_yticks(range(len(down)), down)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)

    many = len(judged.drivers)
    broad = page_svg(draw, 760, 90 + 26 * many)
    narrow = page_svg(lambda figure, named: draw(figure, named, turned=True), max(110 + 34 * many, 300), 470)
    return Drawing("Of 100 episodes, without a crash", "blue: all of them", broad, wide=True, narrow=narrow)


def _square(column: int, row: int, colour: str, strength: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, facecolor=colour, alpha=strength, linewidth=0)


def table(judged: Judged) -> Table:
    """Every measure of every driver; off the lane under the first three conditions."""
    colours, kinds = colours_of(judged), _kinds(judged)
    first, *more = judged.conditions[: len(WHOLE)]
    columns = (
        *("driver", f"off the lane, {first} [%]", *more, "deviation [m]", "speed [m/s]", "roughness"),
        *("crash-free, all [%]", "off, all [%]", "step [µs]", "parameters", "CPU [s]"),
    )
    rows = []
    for d in judged.drivers:
        off = [_spread(judged.of(d, c, "off_lane"), 2) for c in (first, *more)]
        mean = {what: judged.mean(d, what=what) for what in ("deviation", "mean_speed", "roughness", "microseconds")}
        all_ = [_spread(judged.over_all(d, what), 1) for what in ("crash_free", "off_lane")]
        us = "–" if np.isnan(mean["microseconds"]) else f"{mean['microseconds']:.0f}"
        cost = [f"{judged.mean(d, what=what):,.0f}" for what in ("parameters", "seconds")]
        law = judged.kind(d) == "law"
        rows.append(
            (
                d, *off, f"{mean['deviation']:.3f}", f"{mean['mean_speed']:.1f}", f"{mean['roughness']:.3f}", *all_, us,
                *(("–", "–") if law else cost),
            )
        )  # fmt: skip
    note = "± is the spread over seeds. Roughness: how much steering changes from step to step. A step: camera to steering, streamed."
    marks = [kinds[d] for d in judged.drivers]
    return Table(columns, rows, "drivers", note, colours=[colours[d] for d in judged.drivers], kinds=marks)


def _spread(shares: Sequence[float], digits: int) -> str:
    """Per cent, with the spread of the seeds."""
    spread = f" ± {100 * np.std(shares):.{digits}f}" if len(shares) > 1 else ""
    return f"{100 * np.mean(shares):.{digits}f}{spread}"
