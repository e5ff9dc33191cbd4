"""tauflow rl: agents that learn by reward in a world that hides its velocities, liquid beside static."""

from __future__ import annotations

import json as writing
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...cli.busy import busy
from ...cli.command import command_line
from ...cli.options import OUTPUT, TRAINING, Quiet, Seed, View, option
from ...cli.output import Format, emit, plain, tell, write
from ...errors import TauflowError
from ...files import check_output, write_bytes_atomically

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...agents import Point
    from ...apps.rl import Judged

WORLD = "The world"


def rl(
    world: Annotated[str, typer.Argument(metavar="ENV", help="CartPole-v1, or any id of gymnasium.")] = "",
    list_: Annotated[bool, option("Print the worlds that come with tauflow.", WORLD, "--list", metavar="")] = False,
    hide: Annotated[
        str | None, option("What is left out, by number: 1,3; none (default: velocities).", WORLD, metavar="NUMBERS")
    ] = None,
    skip: Annotated[
        str | None, option("Frames that an action is held: 4, or at random 1-4.", WORLD, metavar="FRAMES")
    ] = None,
    cell: Annotated[
        str,
        option(
            "The policy: cfc, gated_ltc, ltc, ctrnn, gru, lstm, mlp, window_mlp.", TRAINING, metavar="NAME", shown=True
        ),
    ] = "cfc",
    against: Annotated[str, option("Policies beside it, with commas.", TRAINING, metavar="NAMES")] = "",
    seeds: Annotated[int, option("How many seeds each.", TRAINING, min=1, metavar="N", shown=True)] = 1,
    seed: Seed = 0,
    steps: Annotated[int | None, option("Of all copies together.", TRAINING, min=1, metavar="N")] = None,
    minutes: Annotated[
        float | None, option("Of CPU for a policy of one seed, at most.", TRAINING, min=0.001, metavar="M")
    ] = None,
    start: Annotated[
        Path | None, option("Go on from this policy, after imitation, say.", TRAINING, "--from", metavar="FILE.tau")
    ] = None,
    resume: Annotated[
        Path | None, option("Keep the run in this file, and go on if it is there.", TRAINING, metavar="FILE")
    ] = None,
    quick: Annotated[
        bool, option("A few seconds, to see that it runs; the figures mean nothing.", TRAINING, "--quick", metavar="")
    ] = False,
    page: Annotated[Path | None, option("Write a page with the film.", OUTPUT, metavar="HTML")] = None,
    json: Annotated[Path | None, option("Write every number.", OUTPUT, "--json", metavar="FILE")] = None,
    save: Annotated[Path | None, option("Save the best policy of --cell.", OUTPUT, metavar="FILE.tau")] = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Teach agents by reward (recurrent PPO), in a world that hides its velocities.

    ENV is CartPole-v1, Pendulum-v1, RepeatPrevious, or any id of gymnasium (extra rl). With --skip 1-4 each action is held for a random
    number of frames, and every policy is trained twice: told how long its last action took, and not told.

    Example: [bold]tauflow rl CartPole-v1 --against gru,mlp --seeds 3 --page rl.html[/bold]
    """
    if list_:
        write(_worlds())
        return
    if not world:
        raise TauflowError("no world was named, expected one: tauflow rl CartPole-v1; tauflow rl --list prints some")
    for path in (page, json, save):
        if path is not None:
            check_output(path)
    from ... import load
    from ...apps import rl as app

    task = app.Task(world, _numbers(hide), _frames(skip), 4096 if quick else steps)
    names = [name.strip() for name in f"{cell},{against}".split(",") if name.strip()]
    plan = [(name, told, one) for name, told in app.variants(names, task) for one in range(seed, seed + seeds)]
    clone, taught = None if start is None else load(start), []
    for name, told, one in plan:
        label = f"{name}{'' if told else ', dt not told'}, seed {one}"
        with busy(label, quiet) as now:
            agent = app.teach(
                task, name, one, like=cell, told=told, net=clone if name == cell else None, minutes=minutes,
                checkpoint=None if resume is None else _place(resume, name, told, one, len(plan) > 1),
                progress=partial(_show, now, label),
            )  # fmt: skip
        taught.append(agent)
        tell([f"{label}: {agent.said}"], quiet)
    with busy("judging every policy", quiet):
        judged = app.judge(task, taught, 8) if quick else app.judge(task, taught)
    if save is not None:
        from ... import save as store

        store(max((a for a in taught if a.cell == cell and a.told), key=judged.earned).net, save)
    if page is not None:
        from ...apps.rl.page import page as made_page

        given: dict[str, Any] = {
            "hide": hide,
            "skip": skip,
            "cell": cell,
            "against": against or None,
            "seeds": seeds,
            "seed": seed,
        }
        given |= {
            "steps": steps,
            "minutes": minutes,
            "from": None if start is None else str(start),
            "quick": quick or None,
        }
        given |= {"page": str(page)}
        made_page(judged, command_line("rl", [world], {k: v for k, v in given.items() if v is not None})).write(page)
    if json is not None:
        write_bytes_atomically(json, writing.dumps(judged.rows(), indent=1).encode())
    emit(view, Format.csv, lambda screen: _table(judged), judged.frame, judged.rows)


def _numbers(text: str | None) -> tuple[int, ...] | None:
    """ "1,3" -> (1, 3); none: nothing; not given: what the world says."""
    if text is None:
        return None
    try:
        return () if text == "none" else tuple(int(part) for part in text.split(","))
    except ValueError:
        raise TauflowError(
            f"--hide is {text!r}, expected numbers of what is seen, counted from 0: 1,3; or none"
        ) from None


def _frames(text: str | None) -> tuple[int, int]:
    """ "1-4" -> (1, 4), "2" -> (2, 2)."""
    try:
        low, _, high = (text or "1").partition("-")
        return int(low), int(high or low)
    except ValueError:
        raise TauflowError(
            f"--skip is {text!r}, expected a number of frames, or the fewest and the most: 1-4"
        ) from None


def _place(path: Path, name: str, told: bool, seed: int, many: bool) -> Path:
    """Of several runs each has a file of its own."""
    return path.with_name(f"{path.stem}-{name}{'' if told else '-blind'}-{seed}{path.suffix}") if many else path


def _show(now: Callable[[str], None], label: str, point: Point) -> None:
    from ...apps.rl import say

    now(f"{label}: {say(point)}")


def _worlds() -> str:
    from ...agents import WORLDS

    lines = []
    for name, kind in WORLDS.items():
        seen = ", ".join(f"{k} {what}{' (hidden)' if k in kind.unseen else ''}" for k, what in enumerate(kind.names))
        lines.append(f"{name}\n  seen: {seen}\n  actions: {', '.join(kind.actions)}\n  solved at {kind.solved:g}\n")
        if kind.learning:
            lines.append(f"  learned with {', '.join(f'{key} {value:g}' for key, value in kind.learning.items())}\n")
    return (
        "".join(lines) + "and any environment of gymnasium by its id, where nothing is hidden unless --hide says so\n"
    )


def _table(judged: Judged) -> Sequence[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    def grid(title: str, columns: Sequence[str], line: Callable[[str], Sequence[str]]) -> Table:
        made = Table(title=title, title_justify="left")
        made.add_column("policy", style="cyan", no_wrap=True)
        for column in columns:
            made.add_column(column, justify="right")
        for policy in judged.policies:
            made.add_row(*(Text(plain(text)) for text in (policy, *line(policy))))
        return made

    learning = grid(
        "return without chance; solved: by the mean of 100 episodes in training", judged.columns, judged.line
    )
    more = (
        [grid("return by the frames that each action is held", judged.holds, judged.held)] if judged.task.held else []
    )
    return [*more, learning, Text(judged.sentence())]
