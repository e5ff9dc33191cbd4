"""tauflow export: a saved network as files for where there is no torch."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...cli.busy import busy
from ...cli.options import ASKED, OUTPUT, View, option
from ...cli.output import Format, emit, plain

if TYPE_CHECKING:
    from rich.console import RenderableType


class To(StrEnum):
    """The targets, as tauflow.deploy.TARGETS."""

    c = "c"
    numpy = "numpy"
    onnx = "onnx"
    nir = "nir"


class Numbers(StrEnum):
    """Of C, as tauflow.deploy.targets.NUMBERS."""

    float = "float"
    int16 = "int16"
    int8 = "int8"


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A network, classifier or regressor that was saved.")],
    to: Annotated[To, option("What to write.", ASKED, "--to")],
    output: Annotated[Path, option("A new folder for the files.", OUTPUT, "--output", "-o", metavar="FOLDER")],
    name: Annotated[
        str | None, option("What files and functions are called (default: as the model).", OUTPUT, metavar="NAME")
    ] = None,
    numbers: Annotated[
        Numbers, option("Of C: whole numbers need no floating point.", OUTPUT, "--numbers", shown=True)
    ] = Numbers.float,
    calibrate: Annotated[
        Path | None,
        option("Samples such as the device will see, CSV or .npz, for int16 and int8.", OUTPUT, metavar="FILE"),
    ] = None,
    view: View = None,
) -> None:
    """Write a network for a device, a server or a chip: C99 without a library, one Python file of NumPy, ONNX or NIR.

    The files hold their own check and a README. The table says how large they are, how far their answers are from the
    network's over 1,000 uneven steps, and how long a step takes here; where a loop has to carry the state, it follows. Into a
    pipe it prints JSON.

    Example: [bold]tauflow export walker.tau --to c --numbers int8 --calibrate walk.csv --output walker[/bold]
    """
    import tauflow

    from ...deploy import named
    from ...estimators.sequences.deployable import read

    with busy(f"exporting to {to.value}, and comparing its numbers"):
        done = tauflow.deploy.export(
            read(model),
            to.value,
            output,
            name or named(model.stem),
            numbers=numbers.value,
            calibrate=calibrate,
        )
    emit(
        view,
        Format.json,
        lambda screen: [*_table(done.row()), *_loop(done.folder)],
        lambda: _frame(done.row()),
        done.row,
    )


def _table(row: dict[str, Any]) -> Sequence[RenderableType]:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=box.SIMPLE_HEAD, header_style="dim")
    for name in row:
        grid.add_column(Text(name), overflow="fold")
    grid.add_row(*(Text(plain("not run here" if value is None else _digits(value))) for value in row.values()))
    return [grid]


def _loop(folder: Path) -> Sequence[RenderableType]:
    """The Python that the README shows, if it shows some."""
    from rich.text import Text

    blocks = (folder / "README.md").read_text().split("```python\n")[1:]
    return [Text(block.split("\n```")[0], no_wrap=True) for block in blocks]


def _digits(value: Any) -> str:
    return f"{value:.2g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _frame(row: dict[str, Any]) -> Any:
    import pandas as pd

    return pd.DataFrame([row])
