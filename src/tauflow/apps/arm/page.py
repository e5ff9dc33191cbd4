"""The page of the arm: the film, what happens when the load changes, the table as a map, and the load read from the state."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...drawing.canvas import Colours, page_svg
from ...report.page import Command, Download, Drawing, Grid, Legend, Page, Points, Section, Table
from . import dynamics
from .film import film
from .table import BLIND, EXPERT, FIRST, LATEST, LAWS, SEED, STRAIGHT, Judged, Run
from .world import SPHERE, Arm

Array = NDArray[Any]
MOST = 4  # lines in one drawing, the laws aside
GREY = {EXPERT: "trivial1", BLIND: "trivial2", STRAIGHT: "trivial3"}
FILMED = 0.02  # s between pictures of a film


def colours_of(judged: Judged) -> dict[str, str]:
    """Policy -> the name of its colour on a page."""
    found = dict(GREY)
    for kind in ("liquid", "static"):
        some = [p for p in judged.policies if any(s.policy == p and s.kind == kind for s in judged.scores)]
        found |= {policy: f"{kind}{1 + k % 4}" for k, policy in enumerate(some)}
    return found


def page(judged: Judged, command: str) -> Page:
    """The whole page; needs scores at 20 ms."""
    colours, kinds = colours_of(judged), {s.policy: s.kind for s in judged.scores}
    shown = _shown(judged)
    facts = {
        "Arm": "3 joints in MuJoCo, 0-3 kg, changed 3 times an episode",
        "Policies": _standing(judged),
        "Teaching": f"{np.mean([s.seconds for s in judged.scores if s.parameters] or [0]):.0f} s of CPU each",
        "Parameters": ", ".join(sorted({f"{s.parameters:,}" for s in judged.scores if s.parameters})),
    }
    legend = Legend([(name, colours[name], {"law": "trivial"}.get(kinds[name], kinds[name])) for name in shown])
    drawings = [
        _film(judged, judged.runs, shown, colours, "All arms on one path"),
        _film(judged, judged.late, shown, colours, "With uneven, lost and late samples"),
        _decoded(judged, judged.runs, shown, colours, "What each policy believes it carries"),
        _decoded(judged, judged.late, shown, colours, "What it believes by uneven, lost and late samples"),
        *_around(judged, shown, colours),
    ]
    sections = [
        Section("The arms", [legend, Grid(drawings)], _found(judged)),
        Section("Every disturbance", [_heat(judged), _table(judged, colours, kinds)], _lead(judged)),
        Section(
            "How it was measured",
            [Points(NOTES), Command(command), Download("Every number", "arm.json", _numbers(judged))],
        ),
    ]
    return Page(judged.sentence(), sections, "A robot arm that carries a load nobody told it", facts)


def _standing(judged: Judged) -> str:
    """How many policies, and on what."""
    alone = sum(policy.endswith(", alone") for policy in judged.policies)
    return f"{len(judged.policies) - len(LAWS) - alone} on top of the blind law" + (f", {alone} alone" if alone else "")


NOTES = (
    "The expert knows the true state and load; the blind expert is the same law by what the sensors show, with 1.5 kg in its head.",
    "A policy answers a torque that is added to the blind law's; it sees the samples, the action before each, and that law's action.",
    "Before the blind law acts on a late sample, a model of the arm carries it on to now, over the torques sent since.",
    "That model takes the load that the policy tells; 1.5 kg where there is no policy.",
    "Judged on paths and loads that training never saw; the expert is spared noise and delay, the blind law is not.",
    "Every network is told the time between the samples that it sees, and how old the sample is.",
)


def _shown(judged: Judged) -> list[str]:
    best = [judged.best(kind) for kind in ("liquid", "static")]
    rest = sorted((p for p in judged.policies if p not in LAWS and p not in best), key=judged.mean)
    return [EXPERT, BLIND, *[p for p in best if p], *rest][: MOST + 1]


def _lead(judged: Judged) -> str:
    best = judged.best("liquid") or judged.best("static")
    if best is None:
        return ""
    many = [f"{condition} {judged.relative(best, condition):.2f}" for condition in judged.conditions]
    return f"Error of {best} against the blind law's under the same condition: {'; '.join(many)}."


def _found(judged: Judged) -> str:
    told = [(p, judged.mean(p, FIRST, "r2")) for p in judged.policies if p not in LAWS]
    return (
        "The load, read from the state: R2 from half a second after a change on is "
        + ", ".join(f"{p} {r2:.2f}" for p, r2 in told)
        + "."
    )


def _film(judged: Judged, runs: dict[str, Run], shown: list[str], colours: dict[str, str], title: str) -> Drawing:
    """The first arm's first episode, all policies at once; their holds and paths are the same."""
    world = Arm(len(runs[EXPERT].load), SEED, obstacle=judged.obstacle)
    world.reset()
    at = runs[EXPERT].at
    times = np.arange(0, at[-1], FILMED)
    step = np.searchsorted(at, times, side="right") - 1  # the last one begun
    arms = {
        name: np.stack([np.interp(times, at, runs[name].q[0, : len(at), k]) for k in range(3)], axis=1)
        for name in shown
    }
    sphere = np.array([SPHERE, *world.spheres[0]]) if world.spheres[0, 0] < 5 else None
    path = dynamics.tip(world.path[0, 0, np.rint(times / world.period).astype(int)])
    svg = film(arms, colours, path, runs[EXPERT].load[0, step], FILMED, sphere)
    return Drawing(title, "thin line: the ball's path; ball: the hidden load, its volume the mass", svg)


def _around(judged: Judged, shown: list[str], colours: dict[str, str]) -> list[Drawing]:
    """Error and torque over the time since a change, averaged over arms and changes."""

    def errors(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        for name in shown:
            at, off = judged.runs[name].after(judged.runs[name].off)
            axes.plot(at, off, color=named[colours[name]], ls=":" if name in LAWS else "-")
        axes.set(xlabel="seconds since the load changed", ylabel="mean |r − q| [rad]", xlim=(0, 1))
        axes.set_ylim(bottom=0)

    def torques(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        truth = judged.runs[EXPERT]
        k, start = _largest_change(truth.load, truth.since)
        span = slice(max(start - 15, 0), start + 50)
        for name in shown:
            run = judged.runs[name]
            action = run.walked.action[k, span, 0] * dynamics.GEAR[0]
            at = (np.arange(len(action)) - (start - span.start)) * 0.02
            axes.plot(at, action, color=named[colours[name]], ls=":" if name in LAWS else "-", lw=1.2)
        axes.set(xlabel="seconds since the load changed", ylabel="torque of the shoulder [Nm]")

    return [
        Drawing("Error after a change", "averaged over all arms and changes, 20 ms", page_svg(errors)),
        Drawing("Torque at the largest change", "one arm", page_svg(torques)),
    ]


def _largest_change(load: Array, since: Array) -> tuple[int, int]:
    jumps = np.abs(np.diff(load, axis=1)) * (since[:, 1:] < 0.05)
    k, t = np.unravel_index(int(jumps.argmax()), jumps.shape)
    return int(k), int(t) + 1


def _heat(judged: Judged) -> Drawing:
    names = [p for p in judged.policies if p != BLIND]
    values = np.array([[judged.relative(p, c) for c in judged.conditions] for p in names])
    lines = [c.replace(", ", ",\n") if "," in c else c.replace(" ", "\n", len(c) > 12) for c in judged.conditions]
    rows, columns = len(names), len(lines)
    return Drawing(
        "Error against the blind law's",
        "below 1: blue, better than the blind law; above: orange, worse",
        page_svg(_squares(values, names, lines), 760, 70 + 32 * rows),
        wide=True,
        narrow=page_svg(_squares(values.T, lines, names, upright=True), 390, 100 + 38 * columns),
    )


def _squares(values: Array, down: list[str], across: list[str], upright: bool = False) -> Any:
    """A number a square, the bluer the smaller below 1, the more orange the larger above; upright: names of columns from below."""

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        axes.grid(False)
        size = {"fontsize": 8} if upright else {}
        strength = np.clip(np.abs(np.log2(np.maximum(values, 1e-3))) * 0.4, 0.05, 0.8)
        for (row, column), value in np.ndenumerate(values):
            colour = named["liquid1" if value < 1 else "static1"]
            axes.add_patch(_square(column, row, colour, float(strength[row, column])))
            text = f"{value:.2f}" if value < 10 else f"{value:.0f}"
            axes.text(column, row, text, ha="center", va="center", color=named["ink"], **size)
        axes.set(xlim=(-0.5, len(across) - 0.5), ylim=(len(down) - 0.5, -0.5))
        axes.set_xticks(range(len(across)), across, rotation=90 if upright else 0, **size)
        axes.set_yticks(range(len(down)), down, **size)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)

    return draw


def _square(column: int, row: int, colour: str, strength: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, facecolor=colour, alpha=strength, linewidth=0)


def _table(judged: Judged, colours: dict[str, str], kinds: dict[str, str]) -> Table:
    columns = (
        "policy",
        "error [mrad]",
        "of blind",
        "late: error",
        "late: worst",
        "load R2",
        "adapts [s]",
        "roughness",
        "step [µs]",
    )
    rows = []
    for p in judged.policies:
        us, r2 = judged.mean(p, FIRST, "microseconds"), judged.mean(p, FIRST, "r2")
        rows.append((
            p, _spread(judged.of(p)), f"{judged.relative(p):.2f}", _spread(judged.of(p, LATEST)),
            f"{1000 * max(judged.of(p, LATEST, 'worst')):,.0f}",
            "–" if np.isnan(r2) else f"{r2:.3f}", f"{judged.mean(p, FIRST, 'adaptation'):.2f}", f"{judged.mean(p, FIRST, 'roughness'):.4f}",
            "–" if np.isnan(us) else f"{us:.1f}",
        ))  # fmt: skip
    note = (
        f"At 20 ms; late: {LATEST}, and worst of all arms of all seeds, in mrad too. "
        "Adapts: until the error is back within 1.2 times of where it settles. A step: the whole network, streamed."
    )
    marks = [{"law": "trivial"}.get(kinds[p], kinds[p]) for p in judged.policies]
    return Table(columns, rows, "policies", note, colours=[colours[p] for p in judged.policies], kinds=marks)


def _spread(values: list[float]) -> str:
    """Mean and standard deviation in mrad."""
    spread = f" ± {1000 * np.std(values):,.1f}" if len(values) > 1 else ""
    return f"{1000 * np.mean(values):,.1f}{spread}"


def _decoded(judged: Judged, runs: dict[str, Run], shown: list[str], colours: dict[str, str], title: str) -> Drawing:
    names = [name for name in shown if name not in LAWS]

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        truth, at = runs[EXPERT], runs[EXPERT].at
        for name in names:
            told = runs[name].told[0, : len(at)]
            asked = np.isfinite(told)
            axes.plot(at[asked], told[asked], color=named[colours[name]], lw=1.2)
        axes.step(at, truth.load[0, : len(at)], color=named["ink"], where="post", lw=1.2, ls="--")
        axes.set(xlabel="seconds", ylabel="load [kg]", ylim=(-0.5, 4.5))

    return Drawing(title, "dashed: the truth; the arm of the films", page_svg(draw))


def _numbers(judged: Judged) -> str:
    return json.dumps(judged.rows(), indent=1)
