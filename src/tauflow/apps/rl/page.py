"""The page of agents: what it is worth to be told dt, how fast each policy learns, what stands in its state, and a film."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...agents import Recall, World
from ...drawing.canvas import Colours, Draw, page_svg
from ...report.page import Command, Download, Drawing, Grid, Legend, Page, Part, Points, Section, Table
from .film import film
from .table import Judged, Run, decoded

Array = NDArray[Any]
MOST = 5  # lines in one drawing
SHOWN = 100  # steps of an episode in a drawing of lines


def page(judged: Judged, command: str) -> Page:
    """The whole page."""
    world, task = judged.world, judged.task
    low, high = task.skip
    seeds = len(judged.of(judged.policies[0]))
    facts = {
        "World": f"{task.world}, {', '.join(judged.hidden) or 'nothing'} hidden",
        "Learning": f"{task.budget:,} steps, {seeds} seed{'s' if seeds > 1 else ''}",
        "Parameters": ", ".join(sorted({f"{s.parameters:,}" for s in judged.scores})),
    }
    if task.held:
        facts["Actions"] = f"held for {low} to {high} frames, drawn anew each time"
    colours = colours_of(judged)
    legend = Legend([(name, colours[name], _kind(judged, name)) for name in _shown(judged)])
    learning = [_learned(judged, colours, "steps"), _learned(judged, colours, "seconds")]
    sections = [Section("How fast they learn", [legend, Grid(learning), _table(judged, colours)], _goal(judged))]
    if task.held:
        lead = "Each policy was trained twice: told how long its last action took, and not told. Judged with actions held as named below."
        sections.insert(
            0, Section("What dt is worth", [legend, _by_hold(judged, colours), _held(judged, colours)], lead)
        )
    if judged.hidden:
        sections.append(Section("What they find out", [Grid(_memory(judged, colours))], _found(judged)))
    sections += [
        Section("The agents", [Grid(_film(judged, colours))], "From the same start."),
        Section("How it was measured", _how(judged, command)),
    ]
    over = f"Agents in {task.world} that learn by reward" + (
        f", without {' and '.join(judged.hidden)}" if judged.hidden else ""
    )
    return Page(
        judged.sentence(), sections, f"{over}; solved at {world.solved:g}" if world.solved is not None else over, facts
    )


def _how(judged: Judged, command: str) -> list[Part]:
    own = ", ".join(f"{name} {value:g}" for name, value in judged.world.learning.items())
    notes = [
        "Recurrent PPO, the same for all policies; the last action is an input, the readout sees state and input.",
        *([f"Settings of this world: {own}."] if own else []),
        "All policies are as large as the first; CPU seconds include the world and learning, on one thread.",
        f"Judged without chance in {judged.episodes} episodes that learning never saw; bands and ± are over seeds.",
        "What is hidden is read by a ridge from the state and from what is seen, on half of the copies, and judged on the other half.",
    ]
    return [Points(notes), Command(command), Download("Every number", "rl.json", json.dumps(judged.rows(), indent=1))]


def colours_of(judged: Judged) -> dict[str, str]:
    """Policy -> the name of its colour on a page."""
    found: dict[str, str] = {}
    for kind in ("liquid", "static"):
        some = [p for p in judged.policies if judged.of(p)[0].kind == kind]
        found |= {policy: f"{kind}{1 + k % 4}" for k, policy in enumerate(some)}
    return found


def _kind(judged: Judged, policy: str) -> str:
    """How its line is drawn: solid where liquid, dashed where static, dots where dt was hidden from it."""
    score = judged.of(policy)[0]
    return score.kind if score.told else "dots"


def _style(judged: Judged, policy: str) -> str:
    return {"liquid": "-", "static": "--", "dots": ":"}[_kind(judged, policy)]


def _shown(judged: Judged) -> list[str]:
    """The best of each kind, told and not told, then the others."""
    first = [judged.best(kind, told) for told in (True, False) for kind in ("liquid", "static")]
    named = [policy for policy in first if policy is not None]
    return [*named, *(p for p in judged.policies if p not in named)][:MOST]


def _goal(judged: Judged) -> str:
    solved = judged.world.solved
    return (
        ""
        if solved is None
        else f"Solved where the mean of the last 100 episodes reaches {solved:g}; bands: the seeds."
    )


def _learned(judged: Judged, colours: dict[str, str], what: str) -> Drawing:
    """Mean return of the last 100 episodes over steps or CPU seconds: the middle of the seeds, a band from the least to the most."""

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        for name in _shown(judged):
            curves = [agent.learned.curve for agent in judged.agents if agent.name == name]
            length = min(len(curve) for curve in curves)
            at = np.array([[getattr(p, what) for p in curve[:length]] for curve in curves]).mean(axis=0)
            means = np.array([[p.mean for p in curve[:length]] for curve in curves])
            colour = named[colours[name]]
            axes.plot(at, np.median(means, axis=0), color=colour, ls=_style(judged, name))
            if len(curves) > 1:
                axes.fill_between(at, means.min(axis=0), means.max(axis=0), color=colour, alpha=0.15, lw=0)
        if judged.world.solved is not None:
            axes.axhline(judged.world.solved, color=named["muted"], lw=0.8)
        axes.set(
            xlabel={"steps": "steps, all copies together", "seconds": "CPU seconds"}[what],
            ylabel="mean return, last 100 episodes",
        )
        axes.set_xlim(left=0)
        if what == "steps":
            axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:,g}k" if value else "0")

    title = {"steps": "Return over steps", "seconds": "Return over CPU seconds"}[what]
    return Drawing(title, "thin line: where it counts as solved", page_svg(draw))


def _by_hold(judged: Judged, colours: dict[str, str]) -> Drawing:
    """Return where actions are always held for 1, 2, ... frames, and at random on the left."""
    names = judged.holds

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        for name in _shown(judged):
            each = np.array([judged.returns(name, held) for held in names])  # (holds, seeds)
            colour, style, mark = named[colours[name]], _style(judged, name), {"-": "o", "--": "s", ":": "o"}
            axes.plot(range(1, len(names)), each[1:].mean(axis=1), color=colour, ls=style, marker="o", ms=4)
            axes.plot(0, each[0].mean(), color=colour, marker=mark[style], ms=8, mfc=colour if style != ":" else "none")
            axes.vlines(range(len(names)), each.min(axis=1), each.max(axis=1), color=colour, lw=1, alpha=0.5)
        axes.axvline(0.5, color=named["grid"], lw=1)
        axes.set_xticks(range(len(names)), names)
        axes.set(ylabel="return", xlabel="frames that each action is held; on the left at random, as in training")
        axes.set_xlim(-0.5, len(names) - 0.5)

    note = "the last: longer than ever in training; upright lines: the seeds; dotted, hollow: dt not told"
    return Drawing(
        "Return by how long actions are held",
        note,
        page_svg(draw, 760, 280),
        wide=True,
        narrow=page_svg(draw, 420, 300),
    )


def _order(judged: Judged) -> tuple[list[str], list[str]]:
    """Policies by their return, and how their lines are drawn in a table."""
    order = sorted(judged.policies, key=judged.mean, reverse=True)
    return order, ["trivial" if (kind := _kind(judged, p)) == "dots" else kind for p in order]


def _table(judged: Judged, colours: dict[str, str]) -> Table:
    order, kinds = _order(judged)
    note = (
        "return: without chance, actions held as in training; solved at, CPU s: steps and seconds until solved, the mean over seeds where "
        "every seed was; R2: of what is hidden, the least; steps/s: a CPU second, learning included; size: parameters."
    )
    rows = [(p, *judged.line(p)) for p in order]
    return Table(("policy", *judged.columns), rows, "policies", note, colours=[colours[p] for p in order], kinds=kinds)


def _held(judged: Judged, colours: dict[str, str]) -> Table:
    order, kinds = _order(judged)
    rows = [(p, *judged.held(p)) for p in order]
    columns = ("policy", *(f"held {held}" for held in judged.holds))
    return Table(columns, rows, "returns", "mean return, over seeds", colours=[colours[p] for p in order], kinds=kinds)


def _found(judged: Judged) -> str:
    told = [
        f"{p} " + ", ".join(f"{np.mean([s.r2[name] for s in judged.of(p)]):.3f}" for name in judged.hidden)
        for p in judged.policies
    ]
    return f"R2 of {' and '.join(judged.hidden)}, read from the state: {'; '.join(told)}."


def _memory(judged: Judged, colours: dict[str, str]) -> list[Drawing]:
    """Each hidden thing and what a ridge reads of it in the state, in a copy that the ridge did not see: the best of each kind."""
    world = judged.world
    hidden = [k for k in range(len(world.names)) if k not in world.shown]
    names = [name for name in (judged.best("liquid"), judged.best("static")) if name is not None]
    read = {name: decoded(judged.runs[name], world.shown, hidden)[0][:SHOWN, -1] for name in names}

    def of(name: str, column: int) -> Drawing:
        run, what = judged.runs[name], world.names[hidden[column]]

        def draw(figure: Any, named: Colours) -> None:
            axes = figure.add_subplot()
            seconds = _seconds(run.time[:SHOWN, -1])
            axes.plot(seconds, read[name][:, column], color=named[colours[name]], lw=1.3)
            axes.plot(seconds, run.seen[:SHOWN, -1, hidden[column]], color=named["ink"], ls="--", lw=1)
            axes.set(xlabel="seconds", ylabel=what)

        title, note = f"{what}, read from the state of {name}", "dashed: the truth, which it never saw"
        return _drawing(title, note, draw, alone=len(hidden) * len(names) == 1)

    return [of(name, column) for column in range(min(len(hidden), 2)) for name in names]


def _drawing(title: str, note: str, draw: Draw, alone: bool) -> Drawing:
    """A figure of a grid; one that stands alone there is as wide as the page, its letters no larger than elsewhere."""
    if not alone:
        return Drawing(title, note, page_svg(draw))
    return Drawing(title, note, page_svg(draw, 760, 280), wide=True, narrow=page_svg(draw))


def _seconds(time: Array) -> Array:
    """Seconds that go on over the ends of episodes, (steps,)."""
    steps = np.diff(time, prepend=0.0)
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 1.0
    return np.where(steps > 0, steps, usual).cumsum()


def _film(judged: Judged, colours: dict[str, str]) -> list[Drawing]:
    """The best of each kind, from the same start."""
    best = [judged.best(kind) for kind in ("liquid", "static")]
    runs = {name: judged.runs[name] for name in best if name is not None}
    if judged.task.world == Recall.id:
        return [_cards(name, run, colours[name]) for name, run in runs.items()]
    note = "the first episode of its first seed, without chance"
    made = film(judged.task.world, runs, colours)
    return [Drawing(name, note, svg) for name, svg in made.items()] or [_lines(judged.world, *next(iter(runs.items())))]


def _cards(name: str, run: Run, colour: str) -> Drawing:
    """The cards of an episode, and round each the name that it was given four steps later."""
    cards, named_as = run.seen[run.first, 0].argmax(axis=1), run.action[run.first, 0][Recall.back :]
    asked = np.arange(len(named_as))
    wrong = named_as != cards[asked]

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        axes.plot(asked, cards[asked], "o", color=named["muted"], ms=3.5)
        axes.plot(asked[~wrong], named_as[~wrong], "o", color=named[colour], ms=8, mfc="none")
        axes.plot(asked[wrong], named_as[wrong], "x", color=named[colour], ms=6)
        axes.set_yticks(range(len(Recall.names)), Recall.names)
        axes.set_ylim(-0.5, len(Recall.names) - 0.5)
        axes.set(xlabel="cards since the episode began")

    note = "dot: the card shown; ring: named rightly four cards later; cross: named wrongly"
    return Drawing(f"{name}: {len(asked) - int(wrong.sum())} of {len(asked)} right", note, page_svg(draw, height=180))


def _lines(world: World, name: str, run: Run) -> Drawing:
    span = slice(0, min(run.first.stop, SHOWN))

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        at = _seconds(run.time[span, 0])
        for k, seen in enumerate(world.names[:MOST]):
            line, colour = run.seen[span, 0, k], named[("liquid1", "liquid2", "liquid3", "static1", "static2")[k]]
            axes.plot(at, line, lw=1.2, color=colour)
            axes.annotate(
                seen, (at[-1], line[-1]), xytext=(4, 0), textcoords="offset points", va="center", color=colour
            )
        axes.set_xlim(0, 1.25 * at[-1])
        axes.set(xlabel="seconds", ylabel="what there is to see")

    return _drawing(f"An episode of {name}", "what there is to see, hidden or not", draw, alone=True)
