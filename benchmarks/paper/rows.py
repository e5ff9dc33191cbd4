"""Rows of results/TASK.json: one model on one split. A row grows seed by seed, so a run that is cut off keeps what it has.

mean, std             of the test score at each seed's best validation epoch; std over seeds, n - 1, None for one seed
last_mean, last_std   of the test score after the last epoch
seconds_per_epoch     of processor time for training alone, median over epochs, mean over seeds
published             {mean, std} of the paper's row for this model, on the paper's split alone
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from tauflow.files import write_bytes_atomically

RESULTS = Path(__file__).parents[1] / "results"


@dataclass
class Row:
    task: str
    model: str
    kind: str  # liquid | static | trivial
    split: str
    metric: str
    mean: float
    std: float | None
    last_mean: float | None
    last_std: float | None
    seeds: list[int]
    scores: list[float]
    last_scores: list[float]
    best_epochs: list[int]
    ended: list[str]  # a seed's run that ended early, and why; "" for the others
    parameters: int
    seconds_per_epoch: float | None
    published: dict[str, float | None] | None
    settings: dict[str, Any]
    commit: str
    machine: str
    leaks: str = ""  # how the split lets test rows into training, in a sentence
    recipe: str = "paper"  # the name of the settings
    seconds: list[float] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.split, self.model, self.recipe


def spread(scores: Sequence[float]) -> float | None:
    return stdev(scores) if len(scores) > 1 else None


def grown(row: Row, seed: int, best: float, last: float, epoch: int, seconds: float, ended: str) -> Row:
    """The row with one more seed."""
    scores, last_scores, took = [*row.scores, best], [*row.last_scores, last], [*row.seconds, seconds]
    new = {
        "seeds": [*row.seeds, seed], "scores": scores, "mean": mean(scores), "std": spread(scores),
        "last_scores": last_scores, "last_mean": mean(last_scores), "last_std": spread(last_scores),
        "best_epochs": [*row.best_epochs, epoch], "ended": [*row.ended, ended],
        "seconds": took, "seconds_per_epoch": mean(took),
    }  # fmt: skip
    return Row(**{**asdict(row), **new})


def read(path: Path) -> list[Row]:
    if not path.exists():
        return []
    names = {one.name for one in fields(Row)}
    return [
        Row(**{name: value for name, value in row.items() if name in names}) for row in json.loads(path.read_text())
    ]


def merge(path: Path, row: Row) -> None:
    """Put the row in its place, replacing an older one of the same split, model and recipe; the file is whole at every moment."""
    rows = {one.key: one for one in read(path)}
    rows[row.key] = row
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(one) for one in rows.values()], indent=1, allow_nan=False)
    write_bytes_atomically(path, f"{text}\n".encode())
