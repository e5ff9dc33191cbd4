"""tauflow arm: a robot arm under a hidden load, policies beside an expert and a blind law."""

from __future__ import annotations

import json as writing
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ...cli.busy import busy
from ...cli.options import OUTPUT, TRAINING, Quiet, Seed, View, option
from ...cli.output import TYPED, Format, emit, plain, tell
from ...errors import TauflowError
from ...files import check_output, write_bytes_atomically

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...apps.arm import Judged


def arm(
    cells: Annotated[
        str,
        option(
            "Policies, with commas: cfc, gated_ltc, ltc, ctrnn, gru, lstm, mlp, window_mlp.",
            TRAINING,
            metavar="NAMES",
            shown=True,
        ),
    ] = "cfc,gru,mlp",
    also: Annotated[
        str | None,
        option(
            "The first of them once more: late (late samples in its training too), alone (no law below it), or late,alone.",
            TRAINING,
            metavar="WAYS",
        ),
    ] = None,
    seeds: Annotated[int, option("How many seeds each.", TRAINING, min=1, metavar="N", shown=True)] = 1,
    seed: Seed = 0,
    minutes: Annotated[
        float, option("Of CPU for a policy of one seed, at most.", TRAINING, min=0.01, metavar="M", shown=True)
    ] = 3.0,
    obstacle: Annotated[
        bool, option("Put a sphere in the way, which the path goes round.", TRAINING, "--obstacle", metavar="")
    ] = False,
    quick: Annotated[
        bool, option("A few seconds, to see that it runs; the figures mean nothing.", TRAINING, "--quick", metavar="")
    ] = False,
    page: Annotated[Path | None, option("Write a page with the film.", OUTPUT, metavar="HTML")] = None,
    json: Annotated[Path | None, option("Write every number.", OUTPUT, "--json", metavar="FILE")] = None,
    save: Annotated[Path | None, option("Save the best policy.", OUTPUT, metavar="FILE.tau")] = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Teach policies to move a robot arm that carries 0 to 3 kg, hidden and changed on the way, in MuJoCo.

    Each network of 5,000 parameters stands on top of a law that believes in 1.5 kg, learns by imitation (DAgger), and is judged beside
    that law and an expert that knows the load: at even and uneven control periods, with samples lost and late, with 4 kg never seen.
    About a minute a policy. Needs the extra robotics.

    Example: [bold]tauflow arm --cells cfc,gru,mlp --seeds 3 --page arm.html[/bold]
    """
    for path in (page, json, save):
        if path is not None:
            check_output(path)
    from ...apps.arm import CELLS, QUICK, WAYS, Settings, judge, teach

    names = [name.strip() for name in cells.split(",") if name.strip()]
    unknown = [name for name in names if name not in CELLS]
    if unknown or not names:
        raise TauflowError(f"--cells names {unknown or 'nothing'}, expected some of {', '.join(CELLS)}")
    more = [way.strip() for way in (also or "").split(",") if way.strip()]
    if wrong := [way for way in more if way not in WAYS]:
        raise TauflowError(f"--also names {wrong}, expected some of {', '.join(filter(None, WAYS))}")
    taught = []
    for name, way in [*((name, "") for name in names), *((names[0], way) for way in more)]:
        for one in range(seed, seed + seeds):
            with busy(f"teaching {name}{f' ({way})' if way else ''}, seed {one}", quiet):
                made = teach(name, one, QUICK if quick else Settings(), way=way, obstacle=obstacle, minutes=minutes)
            taught.append(made)
            short = "" if made.whole else f"; its {minutes:g} minutes were up before it had all its rounds: --minutes"
            tell([f"{made.name}, seed {one}: taught in {made.seconds:.0f} s of CPU{short}"], quiet)
    with busy("judging every policy in every condition", quiet):
        judged = judge(taught, obstacle=obstacle, arms=3, steps=80) if quick else judge(taught, obstacle=obstacle)
    if save is not None:
        from ... import save as store

        best = min(taught, key=lambda p: judged.of(p.name)[p.seed - seed])
        store(best.net, save)
    if page is not None:
        from ...apps.arm.page import page as made_page

        made_page(judged, TYPED.get()).write(page)
    if json is not None:
        write_bytes_atomically(json, writing.dumps(judged.rows(), indent=1).encode())
    emit(view, Format.csv, lambda screen: _table(judged), judged.frame, judged.rows)


def _table(judged: Judged) -> Sequence[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    from ...apps.arm import LAWS

    grid = Table(title="mean error: of the laws in mrad, of policies times the blind law's", title_justify="left")
    grid.add_column("", style="cyan")
    for policy in judged.policies:
        grid.add_column(Text(plain(policy.replace(" ", "\n"))), justify="right", no_wrap=True)
    for condition in judged.conditions:
        errors = [
            f"{1000 * judged.mean(policy, condition):.1f}"
            if policy in LAWS
            else f"{judged.relative(policy, condition):.2f}"
            for policy in judged.policies
        ]
        grid.add_row(condition, *errors)
    for name, what, digits in (("load R2", "r2", 3), ("step, us", "microseconds", 1)):
        values = [judged.mean(policy, what=what) for policy in judged.policies]
        grid.add_row(name, *("-" if value != value else f"{value:.{digits}f}" for value in values))
    return [grid, Text(judged.sentence())]
