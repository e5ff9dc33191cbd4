"""tauflow drive: cars that keep their lane by camera and LiDAR, networks of equal size beside an expert."""

from __future__ import annotations

import json as writing
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from ...cli.busy import busy
from ...cli.options import OUTPUT, TRAINING, Quiet, Seed, View, option
from ...cli.output import TYPED, Format, emit, plain, tell
from ...errors import TauflowError
from ...files import check_output, write_bytes_atomically

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...apps.drive import Driver, Judged
    from ...apps.drive.train import School


class Engine(StrEnum):
    """What draws the camera's pictures."""

    numpy = "numpy"
    mujoco = "mujoco"


class Env(StrEnum):
    """Where is driven."""

    tracks = "tracks"
    racetrack = "racetrack-v1"


def drive(
    cells: Annotated[
        str,
        option(
            "Drivers, with commas: cfc, wired_cfc, gated_ltc, ltc, ctrnn, gru, lstm, mlp, window_mlp.",
            TRAINING,
            metavar="NAMES",
            shown=True,
        ),
    ] = "cfc,lstm",
    seeds: Annotated[int, option("How many seeds each.", TRAINING, min=1, metavar="N", shown=True)] = 1,
    seed: Seed = 0,
    minutes: Annotated[
        float, option("Of CPU for a driver of one seed, at most.", TRAINING, min=0.01, metavar="M", shown=True)
    ] = 5.0,
    engine: Annotated[
        Engine, option("The camera: numpy needs nothing, mujoco renders the same pose.", TRAINING, shown=True)
    ] = Engine.numpy,
    env: Annotated[
        Env, option("Our own tracks, or the racetrack of highway-env: a grid, two lanes.", TRAINING, shown=True)
    ] = Env.tracks,
    quick: Annotated[
        bool, option("A few seconds, to see that it runs; the figures mean nothing.", TRAINING, "--quick", metavar="")
    ] = False,
    page: Annotated[Path | None, option("Write a page with tracks and cameras.", OUTPUT, metavar="HTML")] = None,
    film: Annotated[Path | None, option("Write a film of one drive.", OUTPUT, metavar="FILE.gif")] = None,
    json: Annotated[Path | None, option("Write every number.", OUTPUT, "--json", metavar="FILE")] = None,
    save: Annotated[Path | None, option("Save the best driver.", OUTPUT, metavar="FILE.tau")] = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Teach networks to drive a car by a camera of 64 x 64 pixels and a LiDAR, on closed tracks drawn by chance.

    Narrow lanes, crossings, wet stretches, a slower car ahead. Every driver has the same small encoder and a core of equal size, learns by
    imitation (DAgger) in fog, darkness and noise, and is judged on tracks it never saw: at 5 to 33 frames a second, with frames lost and
    late, with a camera or a LiDAR that dies for 3 s. A minute or two a driver; needs no graphics card and no display.
    With [bold]--env racetrack-v1[/bold] (the extra racetrack) they drive on highway-env's road, by a grid of cells, and pass slower cars.

    Example: [bold]tauflow drive --cells cfc,lstm --seeds 3 --page drive.html[/bold]
    """
    for path in (page, film, json, save):
        if path is not None:
            check_output(path)
    if film is not None and film.suffix != ".gif":
        raise TauflowError(f"--film is {film}, expected a .gif: other formats need an encoder that is not here")
    if env is Env.racetrack and (film is not None or engine is not Engine.numpy):
        given = "--film" if film is not None else "--engine"
        raise TauflowError(f"{given} is of our own tracks: leave it out, or leave out --env racetrack-v1")
    from ...apps.drive import CELLS, teach

    names = [name.strip() for name in cells.split(",") if name.strip()]
    unknown = [name for name in names if name not in CELLS]
    if unknown or not names:
        raise TauflowError(f"--cells names {unknown or 'nothing'}, expected some of {', '.join(CELLS)}")
    place = _Racetrack(quick) if env is Env.racetrack else _Tracks(quick, engine.value)
    taught = []
    for name in names:
        for one in range(seed, seed + seeds):
            with busy(f"teaching {name}, seed {one}", quiet):
                made = teach(
                    name,
                    one,
                    place.settings,
                    at=place.school(one),
                    minutes=minutes,
                    progress=_Rounds(name, one, place.settings.rounds, quiet),
                )
            taught.append(made)
            short = "" if made.whole else f"; its {minutes:g} minutes were up before it had all its rounds: --minutes"
            tell([f"{name}, seed {one}: taught in {made.seconds:.0f} s of CPU{short}"], quiet)
    with busy("judging every driver in every condition", quiet):
        judged = place.judge(taught, lambda driver: tell([f"judging {driver}"], quiet))
    if save is not None:
        from ... import save as store

        best = judged.ranked("liquid") + judged.ranked("static")
        store(judged.nets[min(best, key=lambda d: (-judged.mean(d, what="crash_free"), judged.mean(d)))], save)
    place.show(judged, page, film)
    if json is not None:
        write_bytes_atomically(json, writing.dumps(judged.rows(), indent=1).encode())
    emit(view, Format.csv, lambda screen: _table(judged), judged.frame, judged.rows)


class _Tracks:
    """Our own tracks: how long is taught and driven there, and what is shown."""

    def __init__(self, quick: bool, engine: str) -> None:
        from ...apps.drive import QUICK, Settings

        self.settings, self.quick, self.engine = QUICK if quick else Settings(), quick, engine

    def school(self, seed: int) -> School:
        from ...apps.drive.train import school

        return school(self.settings, seed, self.engine)

    def judge(self, taught: Sequence[Driver], progress: Callable[[str], None]) -> Judged:
        from ...apps.drive import CONDITIONS, judge

        few = {name: CONDITIONS[name] for name in ("20 Hz", "camera dead")} if self.quick else CONDITIONS
        size = {"cars": 2, "steps": 20} if self.quick else {}
        return judge(taught, conditions=few, engine=self.engine, progress=progress, **size)

    def show(self, judged: Judged, page: Path | None, film: Path | None) -> None:
        shot = _film(judged, 12 if self.quick else 300) if film is not None or page is not None else b""
        if film is not None:
            write_bytes_atomically(film, shot)
        if page is not None:
            from ...apps.drive.page import page as made_page
            from ...apps.drive.pictures import Effort

            made_page(judged, TYPED.get(), shot, Effort(1, 10, 0.4) if self.quick else None).write(page)


class _Racetrack:
    """The same of highway-env's road."""

    def __init__(self, quick: bool) -> None:
        from ...apps.drive import QUICK
        from ...apps.drive.racetrack import SETTINGS

        self.settings, self.quick = replace(QUICK, copies=2, steps=20) if quick else SETTINGS, quick

    def school(self, seed: int) -> School:
        from ...apps.drive.racetrack import school

        return school(self.settings, seed)

    def judge(self, taught: Sequence[Driver], progress: Callable[[str], None]) -> Judged:
        from ...apps.drive.racetrack import judge

        size: dict[str, Any] = {"cars": 2, "steps": 10, "conditions": ("5 Hz", "15 Hz")} if self.quick else {}
        return judge(taught, progress=progress, **size)

    def show(self, judged: Judged, page: Path | None, film: Path | None) -> None:
        if page is not None:
            from ...apps.drive.racetrack.page import page as made_page

            made_page(judged, TYPED.get()).write(page)


class _Rounds:
    """One line after each round of a driver."""

    def __init__(self, name: str, seed: int, rounds: int, quiet: bool) -> None:
        self.name, self.seed, self.rounds, self.quiet, self.done = name, seed, rounds, quiet, 0

    def __call__(self, one: Any) -> None:
        words = f"round {self.done} of {self.rounds}, {one.samples:,} frames, loss {one.loss:.3f}, {one.seconds:.0f} s"
        self.done += 1
        tell([f"{self.name}, seed {self.seed}: {words}"], self.quiet)


def _film(judged: Judged, steps: int) -> bytes:
    from ...apps.drive.film import film
    from ...apps.drive.page import colours_of, shown

    return film({name: judged.nets[name] for name in shown(judged)}, colours_of(judged), steps)


def _table(judged: Judged) -> Sequence[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    grid = Table(title="of 100 episodes without a crash / % of the time off the lane", title_justify="left")
    grid.add_column("condition", style="cyan", no_wrap=True)
    for driver in judged.drivers:
        grid.add_column(driver, justify="right")
    for condition in judged.conditions:
        told = [
            f"{100 * judged.mean(d, condition, 'crash_free'):.0f} / {100 * judged.mean(d, condition):.1f}"
            for d in judged.drivers
        ]
        grid.add_row(*(Text(plain(text)) for text in (condition, *told)))
    for what, name in (("microseconds", "step, µs"), ("parameters", "parameters"), ("seconds", "training, s")):
        values = [judged.mean(d, judged.conditions[0], what) for d in judged.drivers]
        grid.add_row(name, *("–" if not value > 0 else f"{value:,.0f}" for value in values))
    return [grid, Text(judged.sentence())]
