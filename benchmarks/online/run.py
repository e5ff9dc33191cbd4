"""Learning on where a stream shifts, and where it does not: frozen, learning on, trained anew.

    python -m benchmarks online --data DIR                what is not yet kept, then the table and the picture
    python -m benchmarks online --table                   the table and the picture again from what is kept

The rows of one set, model and seed are kept in results/online.json as soon as they are done; a run that is cut off goes on there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, stdev

import torch

from tauflow.files import write_bytes_atomically

from .. import machine
from ..kernels.run import rounded
from ..paper import data
from . import figure, trial
from .sets import SETS
from .trial import Row

KEPT = machine.ROOT / "benchmarks" / "results" / "online.json"
MODELS = ("cfc", "ridge")
WAYS = ("frozen", "readout", "all", "anew", "always")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), help="all unless given")
    parser.add_argument("--models", nargs="+", default=list(MODELS), help="cfc and ridge unless given")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 (3); ridge has one")
    parser.add_argument(
        "--ways", nargs="+", choices=trial.WAYS, default=list(trial.WAYS), help="how they learn on; all unless given"
    )
    parser.add_argument("--data", metavar="DIR", help=f"where the data sets lie; or the variable {data.VARIABLE}")
    parser.add_argument("--table", action="store_true", help="nothing is computed: what is kept, again")
    parser.add_argument("--results", metavar="FILE", type=Path, default=KEPT, help="where the rows are kept")


def run(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    kept = read(options.results)
    if not options.table:
        work(options, kept)
    for line in table(kept):
        print(line)
    if options.results == KEPT:
        figure.draw(kept, machine.ROOT / "docs")


def work(options: argparse.Namespace, kept: list[Row]) -> None:
    try:
        files = data.Files(data.folder(options.data))
        streams = {name: SETS[name](files) for name in options.sets}
    except data.PaperDataError as error:
        raise SystemExit(str(error)) from error
    done = {(row.set, row.model, row.seed) for row in kept}
    for name, stream in streams.items():
        for model in options.models:
            for seed in range(1 if model == "ridge" else options.seeds):
                if (name, model, seed) in done:
                    continue
                kept += trial.rows(name, stream, model, seed, {way: trial.WAYS[way] for way in options.ways})
                text = json.dumps([rounded(asdict(row)) for row in kept], allow_nan=False)
                write_bytes_atomically(options.results, text.replace('{"set"', '\n{"set"').encode() + b"\n")
                print(f"{name}, {model}, seed {seed}: done", flush=True)


def read(path: Path) -> list[Row]:
    if not path.exists():
        return []
    return [Row(**{**one, "curve": tuple(one["curve"])}) for one in json.loads(path.read_text())]


def table(kept: Sequence[Row]) -> list[str]:
    """A line for each set, shift, model and way: errors as mean ± spread over seeds, and against the frozen model and `always`."""
    lines = [
        "| stream | shift | model | way | before | 200 rows after | then | then, of frozen | CPU s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for key in dict.fromkeys((row.set, row.shift, row.model) for row in kept):
        group = [row for row in kept if (row.set, row.shift, row.model) == key]
        frozen = fmean(row.then for row in group if row.way == "frozen")
        for way in WAYS:
            found = [row for row in group if row.way == way]
            if found:
                then = fmean(row.then for row in found)
                parts = [_shown([getattr(row, name) for row in found]) for name in ("before", "soon", "then")]
                seconds = fmean(row.seconds for row in found)
                lines.append(
                    f"| {' | '.join(key)} | {way} | {' | '.join(parts)} | {then / frozen:.2f} | {seconds:.0f} |"
                )
    return lines


def _shown(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    return f"{fmean(known):.4f}" + (f" ± {stdev(known):.4f}" if len(known) > 1 else "")
