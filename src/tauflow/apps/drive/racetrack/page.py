"""The page of the racetrack: the drivers' lines from above, and every disturbance."""

from __future__ import annotations

import json

import numpy as np

from ....report.page import Command, Download, Drawing, Grid, Legend, Page, Points, Section
from ..birdseye import above, line
from ..page import colours_of, heat, shown, table
from ..table import EXPERT, Judged
from .world import road

LINES = (
    "Two cars of each driver. A ring: a wheel touched a line there, also where it changed lanes to pass a slower car."
)
HEAT = "The share of episodes that ended neither off the road nor in another car; an episode is {} actions long, {:g} s at 5 Hz."
NOTES = (
    "The expert knows the road and where the other cars are, and passes them; drivers see 12 x 12 cells of 3 m: cars, road.",
    "They learn by imitation (DAgger) at 2 to 15 actions a second, some of what they see lost or late, and steer at a constant 10 m/s.",
    "The road is the one of training: highway-env has no other. The cars on it, and where one begins, are drawn anew.",
)


def page(judged: Judged, command: str) -> Page:
    """The whole page."""
    colours, names = colours_of(judged), shown(judged)
    lanes = road()
    ground = [line(one * (1, -1), "var(--grid)", 5.2) for one in lanes]
    drawn, steps = [], judged.runs[EXPERT].place.shape[1]
    for car in range(min(2, len(judged.runs[EXPERT].place))):
        lines = {}
        for name in names:
            run = judged.runs[name]
            over = np.flatnonzero(run.first[car, 1:])
            end = int(over[0]) + 1 if len(over) else run.place.shape[1]
            lines[name] = (run.place[car, :end] * (1, -1), run.touched[car, :end])
        svg = above(np.concatenate(lanes) * (1, -1), ground, lines, colours)
        drawn.append(Drawing(f"Car {car + 1}", "its first episode", svg))
    kinds = {name: judged.kind(name) for name in names}
    legend = Legend([(name, colours[name], kinds[name]) for name in names])
    numbers = Download("Every number", "racetrack.json", json.dumps(judged.rows(), indent=1))
    sections = [
        Section("The road", [legend, Grid(drawn)], LINES),
        Section("Every disturbance", [heat(judged), table(judged)], HEAT.format(steps, steps / 5)),
        Section("How it was measured", [Points(NOTES), Command(command), numbers]),
    ]
    facts = {
        "World": f"racetrack-v1 of highway-env, {judged.real_time:.1f} times real time",
        "Parameters": ", ".join(sorted({f"{s.parameters:,}" for s in judged.scores if s.parameters})),
    }
    return Page(judged.sentence(), sections, "Cars on the racetrack", facts)
