"""Forecasts of nine real sets: the default and the best settings beside simple answers and peers; MAE over seeds, and CPU seconds.

    python -m benchmarks forecast --data DIR               what is not yet kept, then the table
    python -m benchmarks forecast --sets co2 --seeds 0     some of it
    python -m benchmarks forecast --table                  the table again from what is kept

The last fifth of each set is tested on, every stamp an origin, and nothing before the test sees it. A row, one model on one set with
one seed, is kept in results/forecast.json as soon as it is done. Settings are the defaults for every set. Of the rates, which are three
targets with units of their own, the table has the mean of the MASE.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev

import torch

from tauflow.errors import TauflowError
from tauflow.estimators import compare
from tauflow.files import write_bytes_atomically

from .. import machine
from ..paper import data
from .sets import SETS, Question

KEPT = machine.ROOT / "benchmarks" / "results" / "forecast.json"
SIMPLE = (
    "persistence",
    "seasonal_naive",
    "ridge",
    "drift",
    "auto_ets",
    "auto_theta",
    "lightgbm",
)  # the same from every seed
PEERS = ("nlinear", "dlinear", "nhits", "tcn", "transformer", "lstm", "gru")
LIQUID = ("cfc", "gated_ltc", "ctrnn", "cfc best")
MODELS = (*SIMPLE, *PEERS, *LIQUID)
DEFAULT = (
    "persistence",
    "seasonal_naive",
    "ridge",
    "lightgbm",
    "nlinear",
    "nhits",
    "lstm",
    "cfc",
    "gated_ltc",
    "cfc best",
)


@dataclass(frozen=True)
class Row:
    set: str
    model: str
    seed: int
    mae: float  # of several targets the mean of their MASE
    seconds: float
    parameters: int
    notes: tuple[str, ...]
    commit: str
    processor: str

    @property
    def key(self) -> tuple[str, str, int]:
        return self.set, self.model, self.seed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), help="all unless given")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(DEFAULT), help="the table's unless given")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="0 1 2 unless given")
    parser.add_argument("--data", metavar="DIR", help=f"where the sets lie, or the variable {data.VARIABLE}")
    parser.add_argument("--anew", action="store_true", help="also what is kept already")
    parser.add_argument("--table", action="store_true", help="nothing is learned: the table from what is kept")
    parser.add_argument("--results", metavar="FILE", type=Path, default=KEPT, help="where the rows are kept")


def run(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    if not options.table:
        for name in options.sets:
            work(options, name)
    print(table(read(options.results)))


def work(options: argparse.Namespace, name: str) -> None:
    """What is still to be done of a set."""
    kept = {row.key for row in read(options.results)}
    todo = [
        (model, seed)
        for seed in options.seeds
        for model in options.models
        if (model not in SIMPLE or seed == options.seeds[0]) and (options.anew or (name, model, seed) not in kept)
    ]
    if not todo:
        return
    try:
        question = SETS[name](data.Files(data.folder(options.data)))
    except TauflowError as missing:
        print(f"{name}: {missing}")
        return
    for model, seed in todo:
        row = tried(name, question, model, seed)
        print(f"{name} {model} seed {seed}: {row.mae:.5g}, {row.seconds:.0f} s", flush=True)
        keep(options.results, row)


def tried(name: str, question: Question, model: str, seed: int) -> Row:
    cell, _, presets = model.partition(" ")
    settings = {"presets": presets} if presets else {}
    found = compare(question.table, [cell], h=question.h, seeds=[seed], jobs=1, forecaster=settings)
    row = next(one for one in found.rows if one.model == cell)
    notes = tuple(note for note in found.notes if note not in question.table.notes)
    return Row(
        name, model, seed, row.mae if math.isfinite(row.mae) else row.mase, round(row.seconds, 2), row.parameters, notes,
        machine.git("rev-parse", "--short=10", "HEAD"), machine.processor(),
    )  # fmt: skip


def read(path: Path) -> list[Row]:
    if not path.exists():
        return []
    return [Row(**{**row, "notes": tuple(row["notes"])}) for row in json.loads(path.read_text())]


def keep(path: Path, row: Row) -> None:
    """In its place; the file is whole at every moment."""
    rows = {one.key: one for one in read(path)}
    rows[row.key] = row
    path.parent.mkdir(parents=True, exist_ok=True)
    order = sorted(rows.values(), key=lambda one: (list(SETS).index(one.set), MODELS.index(one.model), one.seed))
    text = json.dumps([asdict(one) for one in order], indent=1, allow_nan=False)
    write_bytes_atomically(path, f"{text}\n".encode())


def table(rows: list[Row]) -> str:
    """A line a model, a column a set: mean and spread of the MAE over seeds, and seconds of processor time."""
    sets = [name for name in SETS if any(row.set == name for row in rows)]
    lines = ["| model | " + " | ".join(f"{name} | s" for name in sets) + " |"]
    lines.append("| --- |" + " ---: | ---: |" * len(sets))
    for model in MODELS:
        cells = []
        for name in sets:
            found = [row for row in rows if row.set == name and row.model == model]
            spread = f" ± {stdev(row.mae for row in found):.2g}" if len(found) > 1 else ""
            error = f"{mean(row.mae for row in found):.4g}{spread}" if found else "-"
            cells.append(f"{error} | {mean(row.seconds for row in found):.0f}" if found else "- | -")
        if any(cell != "- | -" for cell in cells):
            lines.append(f"| {model} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
