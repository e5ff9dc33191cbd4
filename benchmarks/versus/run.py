"""Static against liquid: size, cost, convergence, robustness, adaptation; writes results, pictures and a page.

    python -m benchmarks compare --data DIR         what is not yet kept, then the page; some hours in all for the first time
    python -m benchmarks compare --page             the page again from what is kept
    python -m benchmarks compare --quick            one epoch, one seed, one size; a look, not kept

A row is kept in results/versus/SET.json as soon as it is done, so a run that is cut off goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from tauflow.files import write_bytes_atomically

from .. import machine
from ..kernels.run import rounded
from ..paper import data
from . import figure, job, page
from .job import Row
from .sets import SETS, UNITS, Data, Set

KEPT = machine.ROOT / "benchmarks" / "results" / "versus"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), help="all unless given")
    parser.add_argument("--cells", nargs="+", metavar="MODEL", help="all of the set's unless given")
    parser.add_argument("--units", nargs="+", type=int, help="all of the set's sizes unless given")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 (3)")
    parser.add_argument("--data", metavar="DIR", help=f"where the data sets lie; or the variable {data.VARIABLE}")
    parser.add_argument("--quick", action="store_true", help="one epoch, one seed, one size; not kept")
    parser.add_argument("--page", action="store_true", help="nothing is trained: the page again from what is kept")
    parser.add_argument("--results", metavar="FOLDER", type=Path, default=KEPT, help="where SET.json is kept")


def run(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    missing = [] if options.page else work(options)
    if not options.quick and options.results == KEPT:
        publish()
    if missing:
        raise SystemExit("\n".join(missing))


def work(options: argparse.Namespace) -> list[str]:
    """Every set whose data is there; what is said of the others."""
    missing = []
    try:
        files = data.Files(data.folder(options.data))
    except data.PaperDataError as error:
        raise SystemExit(str(error)) from error
    for name in options.sets:
        try:
            recordings = SETS[name].read(files)
        except data.PaperDataError as error:
            missing.append(f"{name} was left out: {error}")
        else:
            measure(SETS[name], recordings, options)
    return missing


def measure(of: Set, recordings: Data, options: argparse.Namespace) -> None:
    if options.quick:
        of = replace(of, epochs=1, sizes={})
    path = options.results / f"{of.name}.json"
    rows = {} if options.quick else {row.key: row for row in read(path) if trained_alike(row, of)}
    about = machine.describe()
    where = {
        "commit": about["commit"] + ("+" if about["changed"] else ""),
        "machine": f"{about['processor']}, {about['isa']}, torch {about['versions']['torch']}",
    }
    for row in missing(of, recordings, rows, options):
        row = replace(row, **where)
        rows[row.key] = row
        tell(of, row.model, f"{row.units} units, seed {row.seed}: {of.metric.name} {row.test:.4g}")
        if not options.quick:
            text = json.dumps([rounded(asdict(one)) for one in rows.values()], allow_nan=False)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes_atomically(path, text.replace('{"model"', '\n{"model"').encode() + b"\n")


def trained_alike(row: Row, of: Set) -> bool:
    """A network that was trained for another number of epochs is begun anew."""
    return not row.units or bool(row.ended) or len(row.curve["train"]) == of.epochs


def missing(of: Set, recordings: Data, rows: dict[Any, Row], options: argparse.Namespace) -> Iterator[Row]:
    parts = job.split(of, recordings)
    for name in of.rules:
        if (name, 0, 0) not in rows:
            yield job.rule(of, recordings, parts, name)
    names = options.cells or of.cells
    sizes = [(name, UNITS) for name in names]
    sizes += [(name, units) for name in names for units in of.sizes.get(name, ()) if units != UNITS]
    for name, units in sizes:
        if options.units and units not in options.units:
            continue
        lrs = [row.lr for row in rows.values() if (row.model, row.units) == (name, units)]
        for seed in range(1 if options.quick else options.seeds):
            if (name, units, seed) not in rows:
                said = lambda text, name=name, units=units: tell(of, name, f"{units} units, {text}")  # noqa: E731
                if not lrs:
                    lrs = [job.rate(of, parts, name, units, said)]
                yield job.network(of, recordings, parts, name, units, lrs[0], seed, said)


def tell(of: Set, name: str, text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {of.name}, {name}: {text}", flush=True)


def read(path: Path) -> list[Row]:
    return [Row(**row) for row in json.loads(path.read_text())] if path.exists() else []


def publish() -> None:
    found = {name: read(KEPT / f"{name}.json") for name in SETS}
    figure.draw(found, machine.ROOT / "docs" / "images")
    page.PAGE.write_text(page.write(found))
    print(f"written: {page.PAGE} and its pictures")
