"""tauflow demo: the comparison on real traffic counts that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from ...cli.options import OUTPUT, Quiet, Seed, View, option
from ...cli.tables.compare import Cells, Seeds, chosen
from ...cli.tables.comparison import Watch, show, write
from ...files import check_output

WEATHER = ("temp_K", "rain", "snow", "clouds")


def demo(
    cells: Cells = "ltc,cfc,gated_ltc,ctrnn,lstm,gru",
    seeds: Seeds = 1,
    seed: Seed = 0,
    output: Annotated[
        Path, option("Where the page goes.", OUTPUT, "--output", "-o", metavar="HTML", shown=True)
    ] = Path("tauflow-demo.html"),
    page: Annotated[bool, option("Write the page.", OUTPUT, "--page/--no-page", shown=True, metavar="")] = True,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """See liquid networks learn real, uneven data, beside ridge, LSTM, GRU and trivial rules.

    The data: vehicles per hour on a motorway near Minneapolis, 2012-2018, raw stamps with gaps, repeats,
    weather and holidays (UCI Metro Interstate Traffic Volume, CC BY 4.0). The last months are held out. Takes about two
    minutes on two cores, prints a table, and writes one HTML page.

    Example: [bold]tauflow demo --seeds 3 --output traffic.html[/bold]
    """
    if page:
        check_output(output)
    from ... import datasets, estimators
    from ...data import read_table

    frame = datasets.traffic()
    frame["holiday"] = frame.groupby(frame["ds"].dt.date)["holiday"].transform("any")  # all day, not its first hour
    table = read_table(frame, target="volume", past=WEATHER, future="holiday", duplicates="last")
    models = chosen(cells)
    with Watch(models, seeds, quiet, table.notes) as watch:
        found = estimators.compare(
            table, models, h=24, test="180D", seeds=range(seed, seed + seeds), progress=watch.told
        )
    write(found, output if page else None, None)
    show(found, view, quiet, output if page else None, table.notes)
