"""What `tauflow backtest` and `tauflow report` do with the scores that they found: files, a table, a sentence."""

from __future__ import annotations

import json as plain_json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...cli.options import ASKED, OUTPUT, option
from ...cli.output import TYPED, Format, chosen, complain, emit, plain
from ...files import check_output, write_bytes_atomically

if TYPE_CHECKING:
    from rich.console import Console

Level = Annotated[float, option("The band that is scored, in percent.", ASKED, metavar="PERCENT", shown=True)]
Figures = Annotated[Path | None, option("Also write a page with figures.", OUTPUT, metavar="HTML")]
Scores = Annotated[Path | None, option("Also write all scores.", OUTPUT, "--json", metavar="JSON")]
Forecasts = Annotated[
    Path | None, option("Also write every forecast beside what came, as CSV.", OUTPUT, "--output", "-o", metavar="CSV")
]
DROPPED = ("pinball", "values", "CRPS", "width")  # where the terminal is narrow, this one first


def check_places(places: Mapping[str, Path | None], read: Sequence[Path]) -> None:
    """Can each be written, is none of them read, and is each a file of its own?"""
    given = [path for path in places.values() if path is not None]
    for path in given:
        check_output(path, read)
    if len({path.resolve() for path in given}) < len(given):
        names = [f"--{name}" for name in places]
        raise typer.BadParameter(f"{', '.join(names[:-1])} and {names[-1]} name one file twice; give each its own")


def write(found: Any, page: Path | None, json: Path | None, output: Path | None) -> None:
    if page is not None:
        found.save(page, TYPED.get())
    if json is not None:
        text = plain_json.dumps(found.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        write_bytes_atomically(json, text.encode() + b"\n")
    if output is not None:
        write_bytes_atomically(output, found.frame().to_csv(index=False, lineterminator="\n").encode())


def show(found: Any, view: Format | None, quiet: bool, page: Path | None) -> None:
    shown = chosen(view, Format.csv)
    emit(shown, shown, lambda screen: _view(screen, found), found.to_frame, found.to_dict)
    if quiet:
        return
    if shown is not Format.table:
        complain(found.sentence)
    if page is not None:
        complain(f"the page is {page.resolve()}")


def _view(screen: Console, found: Any) -> list[Any]:
    from rich.measure import Measurement
    from rich.padding import Padding
    from rich.text import Text

    from ...report.backtest import texts

    parts: list[Any] = []
    for target in found.targets:
        titles, rows = texts(found, target)
        columns = dict(zip(titles, zip(*rows, strict=True), strict=True))
        if len(found.targets) > 1:
            parts.append(Text(f"  {plain(target)}", style="cyan"))
        for title in ("", *DROPPED):
            columns.pop(title, None)
            grid = _grid(columns)
            if Measurement.get(screen, screen.options.update(max_width=10_000), grid).maximum <= screen.width:
                break
        parts.append(grid)
    return [*parts, Padding(Text(plain(found.sentence), style="bold"), (0, 2))]


def _grid(columns: Mapping[str, Sequence[str]]) -> Any:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=box.SIMPLE_HEAD, header_style="dim")
    for title in columns:
        grid.add_column(title, justify="left" if title == "after" else "right", no_wrap=True)
    for place, row in enumerate(zip(*columns.values(), strict=True)):
        grid.add_row(*(Text(plain(cell)) for cell in row), style="" if place else "bold")
    return grid
