"""Draw docs/evidence.md and its pictures from the kept results: published beside reproduced, trivial baselines in the same table."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from math import floor, log10
from pathlib import Path
from typing import Any

from .. import machine
from ..kernels.page import table
from . import figure, models, rows, tasks
from .metrics import Metric
from .rows import Row
from .task import Published, Task
from .titles import TITLES, title

PAGE = machine.ROOT / "docs" / "evidence.md"
HEAD = """# Evidence

`python -m benchmarks paper TASK` trains what stands here and keeps it in [benchmarks/results](../benchmarks/results);
`python -m benchmarks table` makes this page of it, so no figure here can differ from what was measured.

Every model of a task gets the same budget: the same epochs, batches and optimiser (Adam), the learning rate chosen on validation
from the same few, in a shorter run from a seed that no row uses. `best validation` is the test score at each seed's best validation
epoch, `last epoch` that after the last one; nothing was chosen by a test score. +- is the deviation over seeds. Published figures stand
beside the split they were published for. Kind: liquid, static (networks without a differential equation), trivial (no network at all).
A row with another recipe than the paper's settings names it; how it was found, and what its rates were chosen from, stands below the table.
Training and scoring ran on one thread, beside other work: read seconds an epoch as a rough guide."""

SHORT = """The best row of each kind, picked by its test mean among several, so that a small lead can be luck; "beyond the
spread" means by more than the two deviations together. A row of one seed is left out where others have more; the tables have it.
Where liquid loses stands first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def run(options: argparse.Namespace) -> None:
    found = {name: rows.read(rows.RESULTS / f"{name}.json") for name in tasks.TASKS}
    PAGE.write_text(write(found))
    for name, kept in found.items():
        if kept:
            figure.draw(tasks.get(name), kept, figure.path(tasks.get(name), PAGE.parent / "images"))
    print(f"{PAGE}: {sum(map(len, found.values()))} rows")


def write(found: dict[str, list[Row]]) -> str:
    """The whole page, of the tasks that have rows."""
    done = [(tasks.get(name), kept) for name, kept in found.items() if kept]
    return "\n\n".join([HEAD, summary(done), *(section(task, kept) for task, kept in done)]) + "\n"


def summary(done: Sequence[tuple[Task, list[Row]]]) -> str:
    """Where liquid loses, first; then where it does not."""
    said = [
        (verdict(task.metric, of), f"{task.title}, {split}")
        for task, kept in done
        for split, of in by_split(kept).items()
    ]
    lost = [f"- {where}: {text}" for text, where in said if text.startswith("**Liquid loses")]
    rest = [f"- {where}: {text}" for text, where in said if text and not text.startswith("**Liquid loses")]
    return "\n".join(["## In short", "", SHORT, "", *lost, *rest])


def section(task: Task, kept: list[Row]) -> str:
    picture = figure.path(task, Path("images"))
    parts = [f"## {task.title}", task.data, task.protocol, f"![{task.title}: the score of every model]({picture})"]
    for split, of in by_split(kept).items():
        parts.append(f"### Split: {split}")
        text = verdict(task.metric, of)
        if text:
            parts.append(text)
        if of[0].leaks:
            parts.append(f"**This split leaks: {of[0].leaks}.**")
        papers = task.published if split == task.published_split else ()
        parts.append(table(header(task), lines(task, of, papers)))
        cut_short = [
            f"{title(row)}, seed {seed}: {why}"
            for row in of
            for seed, why in zip(row.seeds, row.ended, strict=True)
            if why
        ]
        if cut_short:
            parts.append("Runs that ended early: " + "; ".join(cut_short) + ".")
        if absent := missing(of):
            parts.append(f"No row on this split: {', '.join(absent)}.")
    if task.traps:
        parts.append(f"What to beware of:\n\n{task.traps}")
    if task.tried:
        parts.append(
            f"What helped, what did not (single runs of a search, their scores on validation):\n\n{task.tried}"
        )
    parts.append(how(kept))
    return "\n\n".join(parts)


def missing(kept: Sequence[Row]) -> list[str]:
    """Of the models that every task is trained with, those that have no row here, by any recipe."""
    trained = {row.model for row in kept}
    return [TITLES[name] for name in models.EVERY if name not in trained]


def header(task: Task) -> tuple[str, ...]:
    unit = f", {task.metric.unit}" if task.metric.unit else ""
    return (
        "",
        "kind",
        "published",
        f"{task.metric.name}{unit}: best validation",
        "last epoch",
        "seeds",
        "parameters",
        "s / epoch",
        "lr",
    )


def lines(task: Task, kept: Sequence[Row], papers: Iterable[Published]) -> list[list[str]]:
    """The best first; what was published alone stands at its place."""
    said = {(one.model, one.recipe): one for one in papers}
    ranked: list[tuple[float, list[str]]] = []
    for row in kept:
        paper = said.pop((row.model, row.recipe), None)
        cells = [
            title(row),
            row.kind,
            given(paper),
            spread(row.mean, row.std),
            spread(row.last_mean, row.last_std),
        ]
        took = "" if row.seconds_per_epoch is None else f"{row.seconds_per_epoch:.2g}"
        rate = f"{row.settings['lr']:g}" if "lr" in row.settings else ""
        ranked.append((row.mean, [*cells, str(len(row.seeds) or ""), f"{row.parameters:,}", took, rate]))
    for paper in said.values():
        kind = models.kind(paper.model) if paper.model in TITLES else ""
        name = f"{TITLES.get(paper.model, paper.model)}, as published"
        ranked.append((paper.mean, [name, kind, given(paper), *[""] * 6]))
    return [line for _, line in sorted(ranked, key=lambda pair: -pair[0] if task.metric.higher else pair[0])]


def verdict(metric: Metric, kept: Sequence[Row]) -> str:
    """The best liquid row against the best other one; "" where there is no liquid row."""
    liquid = best(metric, seasoned([row for row in kept if row.kind == "liquid"]))
    other = best(metric, seasoned([row for row in kept if row.kind != "liquid"]))
    if liquid is None or other is None:
        return ""
    ours, theirs = (f"{title(row)} {spread(row.mean, row.std)}" for row in (liquid, other))
    apart = abs(liquid.mean - other.mean)
    if apart <= (liquid.std or 0) + (other.std or 0):
        return f"No difference beyond the spread: {ours}, {theirs}."
    if metric.better(liquid.mean, other.mean):
        if not any(row.kind == "static" for row in kept):
            return ""  # no network to compare with has been run
        alone = " (one seed)" if len(liquid.seeds) < 2 or len(other.seeds) == 1 else ""
        return f"Liquid leads: {ours}, the best other {theirs}{alone}."
    return f"**Liquid loses: {theirs}, the best liquid {ours}.**"


def seasoned(kept: list[Row]) -> list[Row]:
    """Without networks of one seed, where another has more."""
    if any(len(row.seeds) > 1 for row in kept):
        return [row for row in kept if len(row.seeds) != 1]
    return kept


def best(metric: Metric, kept: Sequence[Row]) -> Row | None:
    return (max if metric.higher else min)(kept, key=lambda row: row.mean) if kept else None


def by_split(kept: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in kept:
        found.setdefault(row.split, []).append(row)
    return found


def spread(mean: float | None, std: float | None) -> str:
    """Two digits more than three before the point leave: 98.27, 2.308, 0.0991; three of what is smaller: 0.000533."""
    if mean is None:
        return ""
    size = abs(mean)
    digits = 2 if size >= 10 else 3 if size >= 0.1 else 4 if size >= 0.01 or size == 0 else 2 - floor(log10(size))
    return f"{mean:.{digits}f}" + (f" +-{std:.{digits}f}" if std is not None else "")


def given(paper: Published | None) -> str:
    return spread(paper.mean, paper.std) if paper else ""


def how(kept: Sequence[Row]) -> str:
    """The settings, a line a recipe, and where it was run."""
    found = {row.recipe: row.settings for row in kept if row.settings}
    columns = ("settings", "epochs", "batch", "units", "clipped at", "weight decay", "schedule", "learning rates")
    settings = (
        table(columns, [recipe(name, found[name]) for name in sorted(found, key=lambda name: name != "paper")])
        if found
        else ""
    )
    commits, machines = (
        "; ".join(sorted({part for row in kept for part in getattr(row, name).split("; ")}))
        for name in ("commit", "machine")
    )
    return "\n\n".join([part for part in (settings, f"Commit {commits}; {machines}.") if part])


def recipe(name: str, settings: dict[str, Any]) -> list[str]:
    grown, decay = settings.get("growing", 0), settings.get("weight_decay", 0)
    order = f", the shortest sequences first over {grown:.0%} of the epochs" if grown else ""
    return [
        name + order,
        *(str(settings[part]) for part in ("epochs", "batch", "units")),
        f"norm {settings['clip']:g}" if settings["clip"] else "nothing",
        f"{decay:g}" if decay else "none",
        settings["schedule"] or "constant",
        ", ".join(f"{rate:g}" for rate in settings["rates"]),
    ]
