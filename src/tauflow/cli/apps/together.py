"""tauflow together: one liquid core for several kinds of series, beside a network each."""

from __future__ import annotations

import json as writing
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ...cli.busy import busy
from ...cli.options import ASKED, OUTPUT, TRAINING, Quiet, Seed, View, option
from ...cli.output import TYPED, Format, emit, plain, tell
from ...files import check_output, write_bytes_atomically

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...apps.together import Judged


def together(
    data: Annotated[
        Path | None,
        option("A folder of sets: NAME_TRAIN.ts (or .tsv) and NAME_TEST.", ASKED, "--data", metavar="FOLDER"),
    ] = None,
    sets: Annotated[str | None, option("Some of them, with commas (default: all).", ASKED, metavar="NAMES")] = None,
    seeds: Annotated[int, option("How many seeds.", TRAINING, min=1, metavar="N", shown=True)] = 1,
    seed: Seed = 0,
    minutes: Annotated[
        float | None, option("Of CPU: no seed is begun after so many.", TRAINING, min=0.01, metavar="M")
    ] = None,
    quick: Annotated[
        bool, option("A few seconds, to see that it runs; the figures mean nothing.", TRAINING, "--quick", metavar="")
    ] = False,
    page: Annotated[Path | None, option("Write a page.", OUTPUT, metavar="HTML")] = None,
    json: Annotated[Path | None, option("Write every number.", OUTPUT, "--json", metavar="FILE")] = None,
    save: Annotated[Path | None, option("Save the one core with all its doors.", OUTPUT, metavar="FILE.tau")] = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Teach one liquid core on several kinds of series at once, each in its own unit of time, beside a network each.

    Both get as many updates of every door; the networks are tried as large as the one core each, as large in all, and with more
    updates. Then the control that such claims need: the core, frozen, in domains that it never saw, beside a frozen random core and
    learning from scratch, with 10, 30 and 100 series. Without data five domains are made up. Two to five minutes a seed.

    Example: [bold]tauflow together --data ucr/ --sets GunPoint,ECG200,ArrowHead --page together.html[/bold]
    """
    for path in (page, json, save):
        if path is not None:
            check_output(path)
    from ...apps.together import QUICK, made_up, read_folder, study

    names = [name.strip() for name in (sets or "").split(",") if name.strip()]
    domains = made_up(*((0, 12, 20) if quick else ())) if data is None else read_folder(data, names)
    if data is None:
        tell(["no data was given: five domains are made up"], quiet)
    with busy(f"teaching on {len(domains)} kinds of series", quiet):
        judged, one = study(
            domains,
            range(seed, seed + seeds),
            QUICK if quick else None,
            lambda text: tell([text], quiet),
            minutes,
            **({"counts": (6, 12)} if quick else {}),
        )
    if save is not None:
        from ... import save as store

        store(one, save)
    if page is not None:
        from ...apps.together.page import page as made_page

        made_page(judged, TYPED.get()).write(page)
    if json is not None:
        write_bytes_atomically(json, writing.dumps(judged.rows(), indent=1).encode())
    emit(view, Format.csv, lambda screen: _table(judged), judged.frame, judged.rows)


def _table(judged: Judged) -> Sequence[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    whole = Table(title="per cent right on the test series", title_justify="left")
    for name in ("", "mean", "numbers", *(name for name, _, _ in judged.domains)):
        whole.add_column(plain(name), style=None if name else "cyan", justify="right" if name else "left")
    for model in judged.models:
        shown = [f"{judged.mean(model, name):.1f}" for name, _, _ in judged.domains]
        whole.add_row(model, f"{judged.mean(model):.1f}", f"{judged.of(model)[0].numbers:,}", *shown)
    carried = Table(title=f"in domains never seen: {', '.join(judged.unseen)}", title_justify="left")
    carried.add_column("", style="cyan")
    for count in judged.counts:
        carried.add_column(f"{count} series", justify="right")
    for arm in judged.arms:
        means = [sum(each) / len(each) for each in (judged.carries(arm, count) for count in judged.counts)]
        carried.add_row(arm, *(f"{mean:.1f}" for mean in means))
    return [whole, carried, Text(judged.sentence())]
