"""Labels of sequences: the default Classifier beside simple rivals and static networks; accuracy, or AUROC, over seeds, and CPU seconds.

    python -m benchmarks classify --data DIR                  what is not yet kept, then the table
    python -m benchmarks classify --sets ward --seeds 0 1     some of it
    python -m benchmarks classify --table                     the table again from what is kept

A row, one model on one set with one seed, is kept in results/classify.json as soon as it is done. Settings are the defaults for every set;
what is chosen is chosen inside `fit` on held-out parts of the training data. Rivals learn from the same part and answer for the same other.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev

import torch

from tauflow.errors import TauflowError
from tauflow.estimators.sequences.rivals import RIVALS, Rival, rivals
from tauflow.files import write_bytes_atomically

from .. import machine
from ..paper import data
from .sets import SETS, Task

KEPT = machine.ROOT / "benchmarks" / "results" / "classify.json"
HEAD = {"ward": "auroc"}  # the figure of a set; of the others the accuracy


@dataclass(frozen=True)
class Row:
    set: str
    model: str
    seed: int
    scores: dict[str, float]
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
    parser.add_argument("--models", nargs="+", choices=RIVALS, help="all that fit a set unless given")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="0 1 2 unless given")
    parser.add_argument("--data", metavar="DIR", help=f"where the sets lie, or the variable {data.VARIABLE}")
    parser.add_argument("--anew", action="store_true", help="also what is kept already")
    parser.add_argument("--table", action="store_true", help="nothing is learned: the table from what is kept")
    parser.add_argument("--results", metavar="FILE", type=Path, default=KEPT, help="where the rows are kept")


def run(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    if not options.table:
        for name in options.sets:
            for seed in options.seeds:
                work(options, name, seed)
    print(table(read(options.results)))


def work(options: argparse.Namespace, name: str, seed: int) -> None:
    """What is still to be done of a set with a seed."""
    kept = {row.key for row in read(options.results)}
    models = [one for one in options.models or RIVALS if options.anew or (name, one, seed) not in kept]
    try:
        task = SETS[name](data.folder(options.data), seed)
    except TauflowError as missing:
        print(f"{name}: {missing}")
        return
    for model in models:
        if not fits(model, task):
            continue
        print(f"{name} {model} seed {seed}", flush=True)
        (found,) = rivals(
            task.train,
            task.labels,
            task.test,
            task.truth,
            models=[model],
            groups=task.groups,
            seed=seed,
            causal=task.causal,
        )
        keep(options.results, row_of(name, seed, found))


def fits(model: str, task: Task) -> bool:
    """Whether a rival has an answer for the task."""
    return model != "shapes" or not (isinstance(task.labels, list) or len(task.train) > 2500)


def row_of(name: str, seed: int, found: Rival) -> Row:
    return Row(
        name, found.model, seed, found.scores, round(found.seconds, 2), found.parameters, found.notes,
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
    order = sorted(rows.values(), key=lambda one: (list(SETS).index(one.set), RIVALS.index(one.model), one.seed))
    text = json.dumps([asdict(one) for one in order], indent=1, allow_nan=False)
    write_bytes_atomically(path, f"{text}\n".encode())


def table(rows: list[Row]) -> str:
    """A line a model, a column a set: mean and spread over seeds in per cent, and seconds of processor time."""
    sets = [name for name in SETS if any(row.set == name for row in rows)]
    lines = ["| model | " + " | ".join(f"{name}, {HEAD.get(name, 'accuracy')} % | s" for name in sets) + " |"]
    lines.append("| --- |" + " ---: | ---: |" * len(sets))
    for model in RIVALS:
        cells = []
        for name in sets:
            found = [row for row in rows if row.set == name and row.model == model]
            values = [100 * row.scores[HEAD.get(name, "accuracy")] for row in found]
            spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
            cells += [f"{mean(values):.1f}{spread} | {mean(row.seconds for row in found):.0f}" if found else "- | -"]
        lines.append(f"| {model} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
