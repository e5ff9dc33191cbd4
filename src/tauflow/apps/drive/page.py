"""The page of the drivers: their lines from above, where they look, how far they come as things get worse, and the rate as a slider."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import Network
from ...agents import Trouble
from ...drawing.canvas import Colours, page_svg
from ...report.page import (
    Command,
    Download,
    Drawing,
    Grid,
    Legend,
    Page,
    Part,
    Picture,
    Points,
    Section,
    Slider,
    Table,
)
from .birdseye import birdseye
from .gaze import Gaze, frames, gaze, overlay
from .table import EXPERT, FIRST, SEED, Condition, Judged, Run, run
from .track import track
from .world import CLEAR, Drive, Weather

Array = NDArray[Any]
MOST = 3  # drivers in one drawing, the expert aside
RATES = (3, 4, 5, 7, 10, 14, 20, 25, 33)  # frames of 10 ms that an action is held: 33 to 3 a second
SHOWN = 4  # cameras side by side
SWEEPS: dict[str, tuple[str, dict[float, Condition]]] = {
    "noise of the camera": (
        "standard deviation, 1 is white",
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
    steps: int = 400
    seconds: float = 16.0


def colours_of(judged: Judged) -> dict[str, str]:
    """Driver -> the name of its colour on a page."""
    found = {EXPERT: "trivial1"}
    for kind in ("liquid", "static"):
        found |= {
            driver: f"{kind}{1 + k % 4}" for k, driver in enumerate(d for d in judged.drivers if judged.kind(d) == kind)
        }
    return found


def shown(judged: Judged) -> list[str]:
    """The best liquid and the best static driver, an LSTM if there is one, and then the rest, MOST in all."""
    liquid, static = judged.ranked("liquid"), judged.ranked("static")
    wanted = [*liquid[:1], *static[:1], *(["lstm"] if "lstm" in static else []), *liquid[1:], *static[1:]]
    return list(dict.fromkeys(wanted))[:MOST]


def page(judged: Judged, command: str, film: bytes = b"", effort: Effort | None = None) -> Page:
    """The whole page; needs scores at 20 Hz and a network of each driver."""
    colours, names, effort = colours_of(judged), shown(judged), effort or Effort()
    kinds = {d: {"law": "trivial"}.get(judged.kind(d), judged.kind(d)) for d in judged.drivers}
    legend = Legend([(name, colours[name], kinds[name]) for name in names])
    seen = frames()
    gazes = {name: gaze(judged.nets[name], seen) for name in names}
    facts = {
        "World": "closed tracks, lane 3.4 m, 12 m/s at most, camera 64 × 64, LiDAR 64 beams",
        "Drivers": f"{len(judged.drivers) - 1} networks and the expert who taught them",
        "Parameters": ", ".join(sorted({f"{s.parameters:,}" for s in judged.scores if s.parameters})),
    }
    moving: list[Part] = [_picture_of_film(film)] if film else []
    sections = [
        Section("The tracks", [legend, *moving, Grid(_tracks(judged, names, colours))], _lead(judged, names)),
        Section("The frame rate", [legend, _slider(judged, names, colours, effort)], SLIDING),
        Section("Every disturbance", [_heat(judged), _table(judged, colours, kinds)], HEAT),
        Section("Where they look", _looks(gazes), _looking(gazes)),
        Section("How far they come as it gets worse", [legend, Grid(_sweeps(judged, names, colours, effort))], FAR),
        Section(
            "How it was measured",
            [
                Points(NOTES),
                Command(command),
                Download("Every number", "drive.json", json.dumps(judged.rows(), indent=1)),
            ],
        ),
    ]
    return Page(judged.sentence(), sections, "Cars that keep their lane by camera and LiDAR", facts)


SLIDING = (
    "The same driver at other frame rates, each a drive that was computed before; it is told the time between frames."
)
HEAT = "The share of episodes without a crash; an episode is 600 steps, or 10 s where a sensor dies for 3 of them."
FAR = "Metres until the first crash or until the time is up, the mean of all cars; the dotted line is the expert."
NOTES = (
    "The expert knows the track, the wet stretches and the car ahead; drivers see a camera, a LiDAR, their speed, and which sensors work.",
    "Drivers learn by imitation (DAgger) in fog, darkness and noise, with dead sensors, at 5 to 30 frames a second, with lost and late frames.",
    "They are judged on tracks that training never saw, all of them on the same; a wheel touches where a car is more than 0.85 m off the middle.",
    "All have the same encoder and cores of equal size. A dead sensor shows zeros, and says that it is dead.",
    "The camera sets its exposure: dusk brings up its noise, and beyond sixfold gain the picture stays dark.",
)


def _lead(judged: Judged, names: Sequence[str]) -> str:
    told = [
        f"{name} has a wheel on the line for {100 * judged.mean(name):.2g} % of the time and is {judged.mean(name, what='deviation'):.2f} m "
        "off the middle on average"
        for name in names
    ]
    return f"Without disturbance, at 20 frames a second: {'; '.join(told)}. Rings: where a wheel touched the white line; blue: wet."


def _picture_of_film(film: bytes) -> Picture:
    note = "squares: a slower car ahead; right: the camera of the first driver, with what moves its steering in red"
    return Picture(
        "One drive", note, film, "a film of cars on a track from above, and of what a camera sees", wide=True
    )


def lines_of(found: Run, car: int) -> tuple[Array, Array]:
    """Where one car was and where a wheel touched, until its first crash."""
    crashed = np.flatnonzero(found.crash[car])
    end = int(crashed[0]) + 1 if len(crashed) else found.crash.shape[1]
    return found.place[car, :end], found.touched[car, :end]


def _tracks(judged: Judged, names: Sequence[str], colours: dict[str, str]) -> list[Drawing]:
    drawings = []
    for car in range(min(SHOWN, len(judged.runs[EXPERT].place))):
        one = track(10 * SEED + judged.runs[EXPERT].tracks[car])
        lines = {name: lines_of(judged.runs[name], car) for name in names}
        far = ", ".join(f"{name} {int(judged.runs[name].touched[car].sum())}" for name in names)
        title = f"Track {car + 1}, {one.length:.0f} m"
        drawings.append(Drawing(title, f"steps with a wheel on the line: {far}", birdseye(one, lines, colours)))
    return drawings


def _slider(judged: Judged, names: Sequence[str], colours: dict[str, str], effort: Effort) -> Slider:
    shown_at: dict[str, Sequence[Part]] = {}
    for held in RATES:
        period = held * Drive.period
        condition = (Trouble(period=period), CLEAR)
        runs = {
            n: run(judged.nets[n], condition, cars=2, steps=max(int(effort.seconds / period), 2), seed=SEED + 1)
            for n in names
        }
        one = track(10 * (SEED + 1) + next(iter(runs.values())).tracks[0])
        svg = birdseye(one, {name: lines_of(found, 0) for name, found in runs.items()}, colours)
        told = "; ".join(
            f"{name}: {100 * found.off_lane:.1f} % off the lane, {int(found.crash.sum())} crashes"
            for name, found in runs.items()
        )
        shown_at[f"{1 / period:.0f} frames a second"] = [
            Drawing(f"{1 / period:.0f} frames a second, {effort.seconds:.0f} s", told, svg)
        ]
    return Slider("Frames a second", shown_at, RATES.index(5))


def _heat(judged: Judged) -> Drawing:
    values = np.array([[judged.mean(d, c, "crash_free") for c in judged.conditions] for d in judged.drivers])

    def draw(figure: Any, named: Colours, turned: bool = False) -> None:
        axes = figure.add_subplot()
        axes.grid(False)
        for i, j in np.ndindex(values.shape):
            column, row = (i, j) if turned else (j, i)
            lost = min(1 - values[i, j], 1.0)
            axes.add_patch(
                _square(
                    column, row, named["static1" if lost > 0 else "liquid1"], 0.15 if lost == 0 else 0.15 + 0.7 * lost
                )
            )
            axes.text(column, row, f"{100 * values[i, j]:.0f}", ha="center", va="center", color=named["ink"])
        across, down = (judged.drivers, judged.conditions) if turned else (judged.conditions, judged.drivers)
        axes.set(xlim=(-0.5, len(across) - 0.5), ylim=(len(down) - 0.5, -0.5))
        axes.set_xticks(range(len(across)), across, rotation=40, ha="right")
        axes.set_yticks(range(len(down)), down)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)

    many = len(judged.drivers)
    broad = page_svg(draw, 760, 90 + 26 * many)
    narrow = page_svg(lambda figure, named: draw(figure, named, turned=True), 110 + 34 * many, 470)
    return Drawing("Of 100 episodes, without a crash", "blue: all of them", broad, wide=True, narrow=narrow)


def _square(column: int, row: int, colour: str, strength: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, facecolor=colour, alpha=strength, linewidth=0)


def _table(judged: Judged, colours: dict[str, str], kinds: dict[str, str]) -> Table:
    columns = ("driver", "off the lane [%]", "at 10 Hz", "at 7 Hz", "deviation [m]", "speed [m/s]", "roughness", "crash-free, all [%]", "off, all [%]",
               "step [µs]", "parameters", "CPU [s]")  # fmt: skip
    rows = []
    for d in judged.drivers:
        law, us = judged.kind(d) == "law", judged.mean(d, FIRST, "microseconds")
        rows.append((
            d, *(_spread(judged.of(d, c, "off_lane"), 100, 2) if c in judged.conditions else "–" for c in (FIRST, "10 Hz", "7 Hz")),
            f"{judged.mean(d, FIRST, 'deviation'):.3f}", f"{judged.mean(d, FIRST, 'mean_speed'):.1f}", f"{judged.mean(d, FIRST, 'roughness'):.3f}",
            _spread(judged.over_all(d), 100, 1), _spread(judged.over_all(d, "off_lane"), 100, 1),
            "–" if np.isnan(us) else f"{us:.0f}",
            *(("–", "–") if law else (f"{judged.mean(d, FIRST, 'parameters'):,.0f}", f"{judged.mean(d, FIRST, 'seconds'):.0f}")),
        ))  # fmt: skip
    note = "± is the spread over seeds. Roughness: how much steering changes from step to step. A step: camera to steering, streamed."
    return Table(
        columns,
        rows,
        "drivers",
        note,
        colours=[colours[d] for d in judged.drivers],
        kinds=[kinds[d] for d in judged.drivers],
    )


def _spread(values: Sequence[float], times: float, digits: int) -> str:
    spread = f" ± {times * np.std(values):.{digits}f}" if len(values) > 1 else ""
    return f"{times * np.mean(values):.{digits}f}{spread}"


def _looks(gazes: dict[str, Gaze]) -> list[Part]:
    return [
        Grid(
            [
                Picture(
                    f"{name}",
                    f"rows: camera, gradient of the steering, VisualBackProp; on the lines: {100 * g.share:.0f} % of the gradient, "
                    f"{100 * g.area:.0f} % of the picture",
                    mosaic(g),
                    f"what the camera sees, and in red where {name} looks",
                )
                for name, g in gazes.items()
            ]
        )
    ]


def _looking(gazes: dict[str, Gaze]) -> str:
    told = [f"{name} {100 * g.share:.0f} % and {g.correlation:.2f}" for name, g in gazes.items()]
    area = next(iter(gazes.values())).area if gazes else 0.0
    return (
        f"White lines are {100 * area:.0f} % of the picture below the horizon. Share of the gradient that lies on them, and how alike its map "
        f"is under noise of 0.1 (correlation): {'; '.join(told)}."
    )


def mosaic(found: Gaze, many: int = SHOWN) -> bytes:
    """A PNG: cameras side by side, under each its maps."""
    from PIL import Image

    grey = [np.repeat((p * 255).astype(np.uint8)[..., None], 3, axis=2) for p in found.picture]
    rows = [
        grey,
        *(
            [overlay(p, m) for p, m in zip(found.picture, maps, strict=True)]
            for maps in (found.gradient, found.backprop)
        ),
    ]
    kept = io.BytesIO()
    Image.fromarray(np.concatenate([np.concatenate(row[:many], axis=1) for row in rows])).save(kept, "PNG")
    return kept.getvalue()


def _sweeps(judged: Judged, names: Sequence[str], colours: dict[str, str], effort: Effort) -> list[Drawing]:
    actors: dict[str, Network | None] = {EXPERT: None} | {name: judged.nets[name] for name in names}
    drawings = []
    for title, (unit, conditions) in SWEEPS.items():
        reach = {
            name: [
                run(actor, c, cars=effort.cars, steps=effort.steps, seed=SEED + 2).reach for c in conditions.values()
            ]
            for name, actor in actors.items()
            if name != EXPERT
        }
        most = run(None, cars=effort.cars, steps=effort.steps, seed=SEED + 2).reach

        def draw(
            figure: Any, named: Colours, reach: Any = reach, most: float = most, unit: str = unit, title: str = title
        ) -> None:
            axes = figure.add_subplot()
            at = range(len(next(iter(reach.values()))))
            for name, values in reach.items():
                axes.plot(at, values, color=named[colours[name]], marker="o", ms=4)
            axes.axhline(most, color=named["trivial1"], ls=":")
            axes.set_xticks(list(at), [f"{value:g}" for value in SWEEPS[title][1]])
            axes.set(xlabel=f"{title} ({unit})", ylabel="metres without a crash")
            axes.set_ylim(bottom=0)

        drawings.append(
            Drawing(title.capitalize(), f"{effort.cars} cars, {effort.steps} steps at 20 Hz", page_svg(draw))
        )
    return drawings
