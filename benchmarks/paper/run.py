"""Rerun a paper's table: every model from several seeds, with trivial baselines; rows go to results/TASK.json as they finish.

A row that is there with the same settings gets the seeds that it lacks; with other settings it is begun anew. One process may run
beside another on another task. A run with other epochs than the task's, --quick among them, is shown and kept only under --results.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from tauflow.errors import TauflowError

from .. import machine
from . import data, models, rows, tasks, trivial
from .rows import Row
from .task import Settings, Split, Task
from .train import Say, choose_rate
from .train import run as run_seed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", choices=tasks.TASKS)
    parser.add_argument(
        "--cells", nargs="+", metavar="MODEL", help="models and trivial baselines; all of the task's unless given"
    )
    parser.add_argument("--splits", nargs="+", metavar="SPLIT", help="all of the task's unless given")
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0 (5)")
    parser.add_argument("--data", metavar="DIR", help=f"where the data sets lie; or the variable {data.VARIABLE}")
    parser.add_argument("--recipe", default="paper", help="which of the task's settings (paper)")
    parser.add_argument("--epochs", type=int, help="instead of the task's own; not kept")
    parser.add_argument("--quick", action="store_true", help="one epoch, one seed, one learning rate; not kept")
    parser.add_argument("--results", metavar="FOLDER", type=Path, help="where TASK.json is kept")
    parser.add_argument("--threads", type=int, default=1)


def run(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    task = tasks.get(options.task)
    if options.recipe not in ("paper", *task.recipes):
        raise SystemExit(
            f"{task.name} has no recipe {options.recipe!r}; there are {', '.join(('paper', *task.recipes))}"
        )
    chosen = settings = task.recipes.get(options.recipe, task.settings)
    if options.epochs:
        settings = replace(settings, epochs=options.epochs)
    if options.quick:
        settings = replace(settings, epochs=1, rates=settings.rates[-1:])
    folder = options.results or (rows.RESULTS if settings == chosen else None)
    try:
        names = wanted(task, options.cells)
        for split in task.load(data.Files(data.folder(options.data))):
            if not options.splits or split.name in options.splits:
                seeds = range(1 if options.quick else options.seeds)
                for row in measure(task, split, settings, names, seeds, folder, options.recipe):
                    say(row, f"{row.metric} {row.mean:.4g}" + (f" +-{row.std:.2g}" if row.std is not None else ""))
    except (data.PaperDataError, UnknownModelError) as error:
        raise SystemExit(str(error)) from error
    if folder is None:
        print("not kept: these are not the task's own settings")


class UnknownModelError(TauflowError):
    """A name in --cells that is no model."""


def wanted(task: Task, cells: list[str] | None) -> list[str]:
    known = {**models.LIQUID, **models.STATIC, **trivial.TRIVIAL}
    for name in cells or []:
        if name not in known:
            raise UnknownModelError(f"no model is called {name!r}; there are {', '.join(known)}")
    return cells or [*task.trivial, *task.cells]


def measure(
    task: Task,
    split: Split,
    settings: Settings,
    names: list[str],
    seeds: range,
    folder: Path | None,
    recipe: str = "paper",
) -> Iterator[Row]:
    """Every row as it stands at its end; kept in `folder` after every seed."""
    for name in names:
        row = blank(task, split, settings, name, recipe)
        if name in trivial.TRIVIAL:
            yield keep(trivial_row(task, split, name, row), folder)
            continue
        row = continued(row, folder)
        missing = [seed for seed in seeds if seed not in row.seeds]
        if missing and not row.seeds:
            row.settings["lr"] = choose_rate(task, split, name, settings, teller(row))
        for seed in missing:
            lr = row.settings["lr"]
            outcome = run_seed(task, split, name, settings, lr, seed, teller(row, f"seed {seed}, "))
            row.parameters = outcome.parameters
            row = rows.grown(row, seed, outcome.best, outcome.last, outcome.epoch, outcome.seconds, outcome.ended)
            scored = f"{outcome.best:.4g} at epoch {outcome.epoch}, {outcome.last:.4g} at the last"
            say(row, f"seed {seed}: {scored}; {outcome.seconds:.2f} s an epoch")
            keep(row, folder)
        if row.seeds:
            yield row


def trivial_row(task: Task, split: Split, name: str, row: Row) -> Row:
    score, size = trivial.TRIVIAL[name](task.metric, split)
    return replace(row, mean=score, scores=[score], parameters=size, settings={}, recipe="paper")


def blank(task: Task, split: Split, settings: Settings, name: str, recipe: str) -> Row:
    """The row before its first seed."""
    theirs = task.published if split.name == task.published_split else ()
    paper = next((one for one in theirs if (one.model, one.recipe) == (name, recipe)), None)
    about, count = machine.describe(), torch.get_num_threads()
    threads = f"{count} thread{'s' if count > 1 else ''}"
    return Row(
        task=task.name, model=name, kind=models.kind(name), split=split.name, metric=task.metric.name,
        mean=task.metric.worst, std=None, last_mean=None, last_std=None, seeds=[], scores=[], last_scores=[], best_epochs=[], ended=[],
        parameters=0, seconds_per_epoch=None, published={"mean": paper.mean, "std": paper.std} if paper else None,
        settings={**asdict(settings), "rates": list(settings.rates), "units": settings.units},
        commit=about["commit"] + ("+" if about["changed"] else ""),
        machine=f"{about['processor']}, {about['isa']}, {threads}, torch {about['versions']['torch']}, {platform.system()}",
        leaks=split.leaks, recipe=recipe,
    )  # fmt: skip


def continued(row: Row, folder: Path | None) -> Row:
    """The kept row, if it was made with these settings."""
    if folder is None:
        return row
    for old in rows.read(folder / f"{row.task}.json"):
        if old.key == row.key and complete(old.settings) == complete(row.settings):
            commit, where = joined(old.commit, row.commit), joined(old.machine, row.machine)
            return replace(old, published=row.published, leaks=row.leaks, commit=commit, machine=where)
    return row


def joined(old: str, new: str) -> str:
    """All commits, or machines, that a row's seeds come from."""
    return old if new in old.split("; ") else f"{old}; {new}"


def complete(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with those that came later at their defaults, and without the chosen learning rate."""
    return {**asdict(Settings(epochs=0)), **settings, "lr": None}


def keep(row: Row, folder: Path | None) -> Row:
    if folder is not None:
        rows.merge(folder / f"{row.task}.json", row)
    return row


def teller(row: Row, before: str = "") -> Say:
    return lambda text: say(row, before + text)


def say(row: Row, text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {row.task}, {row.split}, {row.model}: {text}", flush=True)
