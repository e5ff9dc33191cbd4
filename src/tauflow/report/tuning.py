"""The page of a tuning: what was tried, what it brought, and the best settings to copy."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..drawing.canvas import Colours, page_svg
from .page import Command, Download, Drawing, Grid, Page, Points, Section, Table, Terms

COLOURS = ("liquid1", "static1", "liquid2", "static2", "liquid3", "static3", "liquid4", "static4")
MEANINGS = {
    "MASE": "MAE on the judged rows over that of the better of two naive rules, last season or last value: below 1 beats them.",
    "state": "done: judged. pruned: stopped early, as it was worse than the others were by then. failed: could not be tried. "
    "cut: ended with the process or its time.",
    "CPU s": "Seconds of processor time of the trial, on one core.",
}
NOTHING = "–"
FEW = 5  # values that are all named on an axis


class Trial(Protocol):
    """One trial of the tuning."""

    @property
    def number(self) -> int: ...
    @property
    def cell(self) -> str: ...
    @property
    def values(self) -> Mapping[str, Any]: ...
    @property
    def state(self) -> str: ...
    @property
    def error(self) -> float | None: ...
    @property
    def seconds(self) -> float | None: ...
    @property
    def parameters(self) -> int | None: ...
    @property
    def why(self) -> str: ...


class Tuning(Protocol):
    """What the page shows of `tauflow.tune`'s answer."""

    @property
    def trials(self) -> Sequence[Any]: ...
    @property
    def done(self) -> Sequence[Any]: ...
    @property
    def best(self) -> Any: ...
    @property
    def verdict(self) -> str: ...
    @property
    def python(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def judged_from(self) -> str: ...
    @property
    def test_from(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def notes(self) -> Sequence[str]: ...
    def to_dict(self) -> dict[str, Any]: ...


def tuning_page(tuning: Tuning, path: str | os.PathLike[str] | None = None, command: str = "") -> str:
    """The page as text; with `path` also written there, whole or not at all. `command`: what trains the best settings."""
    cells = list(dict.fromkeys(one.cell for one in tuning.trials))
    colours = {cell: COLOURS[k % len(COLOURS)] for k, cell in enumerate(cells)}
    names = list(dict.fromkeys(name for one in tuning.done for name in one.values))
    numbers = [name for name in names if any(isinstance(one.values.get(name), int | float) for one in tuning.done)]
    best = [Command(command)] if command else []
    legend = f"MASE on the judged rows, lower is better; {', '.join(cell.replace('_', ' ') for cell in cells)}"
    course = page_svg(_course(tuning, colours), 900, 300)
    against = [Drawing(name, legend, page_svg(_against(tuning, name, colours))) for name in numbers]
    text = json.dumps(tuning.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    page = Page(
        tuning.verdict,
        over=f"tauflow tuning · {tuning.target}",
        facts={
            "judged on": f"the rows from {tuning.judged_from} on",
            "trained on": f"the rows before, of {tuning.rows:,} in all",
            "not looked at": f"the rows from {tuning.test_from} on" if tuning.test_from else "none: there is no test part",
            "trials": f"{len(tuning.trials)}, {len(tuning.done)} of them judged",
        },
        sections=[
            Section("The best settings", [*best, Command(tuning.python), Download("All numbers as JSON", "tuning.json", text)]),
            Section(
                "Trials",
                [Drawing("Every trial that was judged", legend, course, wide=True), Grid(against)],
                lead="One dot a trial; the line is the best so far.",
            ),
            Section("All of them", [_table(tuning, names, colours), Terms(MEANINGS)]),
            *([Section("What was done to the data", [Points(tuning.notes)])] if tuning.notes else []),
        ],
    )  # fmt: skip
    if path is not None:
        page.write(path)
    return page.html()


def _course(tuning: Tuning, colours: Mapping[str, str]) -> Any:
    def draw(figure: Any, palette: Colours) -> None:
        axes = figure.add_subplot()
        lowest, so_far = float("inf"), []
        for one in tuning.done:
            lowest = min(lowest, one.error)
            so_far.append(lowest)
            axes.plot(one.number, one.error, "o", color=palette[colours[one.cell]], markersize=6)
        axes.step(
            [one.number for one in tuning.done], so_far, where="post", color=palette["muted"], linewidth=1.2, zorder=0
        )
        ends: dict[str, Any] = {one.cell: one for one in tuning.done}
        for cell, one in ends.items():
            axes.annotate(
                cell.replace("_", " "),
                (one.number, one.error),
                (7, 4),
                textcoords="offset points",
                color=palette[colours[cell]],
            )
        axes.set_ylim(*_seen(tuning))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("trial")
        axes.set_ylabel("MASE")

    return draw


def _against(tuning: Tuning, name: str, colours: Mapping[str, str]) -> Any:
    def draw(figure: Any, palette: Colours) -> None:
        axes = figure.add_subplot()
        found = [one for one in tuning.done if isinstance(one.values.get(name), int | float)]
        for one in found:
            size = 9 if one is tuning.best else 6
            axes.plot(one.values[name], one.error, "o", color=palette[colours[one.cell]], markersize=size, alpha=0.9)
        values = [float(one.values[name]) for one in found]
        if min(values) > 0 and max(values) >= 4 * min(values):
            from ..drawing.canvas import plain_numbers

            axes.set_xscale("log")
            plain_numbers(axes.xaxis)
        if len(set(values)) <= FEW:
            axes.set_xticks(sorted(set(values)), [f"{value:,.10g}" for value in sorted(set(values))])
            axes.minorticks_off()
        axes.set_ylim(*_seen(tuning))
        axes.set_xlabel(name)
        axes.set_ylabel("MASE")

    return draw


def _seen(tuning: Tuning) -> tuple[float, float]:
    """From just below the best to twice as far up as three quarters of the trials reach: a few wild ones stand outside."""
    errors = sorted(one.error for one in tuning.done)
    low, high = errors[0], errors[min(len(errors) - 1, 3 * len(errors) // 4)]
    room = max(high - low, 0.02 * low, 1e-9)
    return low - 0.15 * room, min(errors[-1], high + room) + 0.15 * room


def _table(tuning: Tuning, names: Sequence[str], colours: Mapping[str, str]) -> Table:
    ranked = sorted(tuning.trials, key=lambda one: (one.error is None, one.error or 0.0, one.number))
    own = {one.cell: set[str]() for one in tuning.trials}
    for one in tuning.trials:
        own[one.cell] |= set(one.values)

    def text(one: Trial, name: str) -> str:
        default = "default" if not one.values and name in own[one.cell] else NOTHING
        return str(one.values.get(name, default))

    rows = [
        [
            one.cell.replace("_", " "),
            str(one.number),
            NOTHING if one.error is None else f"{one.error:.4f}",
            one.state if not one.why else f"{one.state}: {one.why}",
            *(text(one, name) for name in names),
            NOTHING if one.parameters is None else f"{one.parameters:,}",
            NOTHING if one.seconds is None else f"{one.seconds:.1f}",
        ]
        for one in ranked
    ]
    return Table(
        ["cell", "trial", "MASE", "state", *names, "parameters", "CPU s"], rows, name="Trials", text_columns=(0, 3),
        colours=[colours[one.cell] for one in ranked], best=0, meanings=MEANINGS,
    )  # fmt: skip
