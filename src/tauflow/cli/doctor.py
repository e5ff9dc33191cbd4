"""tauflow doctor: what is installed, which kernels run, and whether they compute what they should."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from ..cli.options import OUTPUT, option
from ..cli.output import Format, emit, plain, tell

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..doctor import Examination


def doctor(
    json: Annotated[bool, option("All of it as JSON.", OUTPUT, "--json", metavar="")] = False,
) -> None:
    """Is this installation well? Versions, processor, kernels, extras with the line that installs them, and a test of every cell.

    Takes some seconds. Put what it prints into a bug report. The exit code is 1 where a cell does not compute what it should.

    Example: [bold]tauflow doctor[/bold]
    """
    import typer

    from ..doctor import doctor as examine

    tell(["every cell runs a short sequence: some seconds"], json)
    found = examine()
    emit(
        Format.json if json else Format.table, Format.table, lambda screen: _shown(found), lambda: found, found.to_dict
    )
    if not found.well:
        raise typer.Exit(1)


def _shown(found: Examination) -> Sequence[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    kernels = found.kernels if found.kernels == found.best else f"{found.kernels} (the processor has {found.best})"
    facts = {
        "tauflow": f"{found.version}, Python {found.python}, {found.system}",
        "processor": f"{found.processor}, {found.cores} cores, torch with {found.threads} of them",
        "kernels": kernels,
        "devices": ", ".join(found.devices) or "CPU",
        "packages": ", ".join(f"{name} {number or 'missing'}" for name, number in found.packages.items()),
    }
    extras = {
        one.name: ", ".join(f"{name} {number}" for name, number in one.found.items() if number) if not one.line
        else f"{', '.join(one.missing)} missing: {one.line}"
        for one in found.extras
    }  # fmt: skip
    cells = {
        one.cell: one.wrong or f"{one.backend}, outputs within {one.output:.0e}, gradients {one.gradient:.0e}, stream {one.stream:.0e}"
        + (f"; {one.why}" if one.why else "")
        for one in found.cells
    }  # fmt: skip
    last = "all is well" if found.well else "something is wrong: see the cells above"
    return [
        *(part for title, rows in (("", facts), ("extras", extras), ("cells", cells)) for part in _grid(title, rows)),
        *(Text(plain(note)) for note in found.notes),
        Padding(Text(f"{last}, in {found.seconds:.1f} s", style="bold"), (1, 0, 0, 0)),
    ]


def _grid(title: str, rows: dict[str, str]) -> list[Any]:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column()
    for name, text in rows.items():
        grid.add_row(Text(plain(name)), Text(plain(text)))
    return [*([Text(f"\n{title}", style="bold")] if title else []), grid]
