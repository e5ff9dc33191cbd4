"""The applications as their commands measure them: runs them, keeps their rows, and draws docs/applications from what is kept.

    python -m benchmarks apps                    every command, then the pages (hours)
    python -m benchmarks apps --apps arm rl      some of them
    python -m benchmarks apps --table            the pages again from what is kept; nothing runs

Rows lie in results/apps/NAME.json, in the schema that `--json` of every application writes. A page of docs/applications holds its tables
between the lines `<!-- rows -->` and `<!-- end of rows -->`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tauflow.files import write_bytes_atomically

from .. import machine
from ..paper import data
from .jobs import JOBS, Job

KEPT = machine.ROOT / "benchmarks" / "results" / "apps"
PAGES = machine.ROOT / "docs" / "applications"
BEGIN, END = "<!-- rows -->\n", "<!-- end of rows -->\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--apps", nargs="+", choices=JOBS, default=list(JOBS), help="all unless given")
    parser.add_argument("--data", metavar="DIR", help=f"where the sets lie, or the variable {data.VARIABLE}")
    parser.add_argument("--table", action="store_true", help="nothing runs: the pages from what is kept")


def run(options: argparse.Namespace) -> None:
    for name in options.apps:
        job = JOBS[name]
        if not options.table:
            rows = measured(job, data.folder(options.data))
            text = json.dumps(rows, indent=1, allow_nan=False)
            KEPT.mkdir(parents=True, exist_ok=True)
            write_bytes_atomically(KEPT / f"{name}.json", f"{text}\n".encode())
        drawn = tables(json.loads((KEPT / f"{name}.json").read_text()), job)
        page = PAGES / f"{name}.md"
        write_bytes_atomically(page, with_rows(page.read_text(), drawn).encode())
        print(f"# {name}\n\n{drawn}")


def measured(job: Job, folder: Path | None) -> list[dict[str, Any]]:
    """The rows of its commands, each run as a user would; the commit of this checkout is written into them."""
    if folder is None and any("{data}" in word for command in job.commands for word in command):
        raise data.PaperDataError(f"no folder with the sets was given: --data DIR, or the variable {data.VARIABLE}")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as where:
        file = Path(where) / "rows.json"
        for command in job.commands:
            words = [word.replace("{data}", str(folder)) for word in command]
            subprocess.run([sys.executable, "-m", "tauflow", *words, "--json", str(file)], check=True)
            rows += beside(rows, json.loads(file.read_text()))
    commit = machine.git("rev-parse", "--short=10", "HEAD")
    return [{**row, "commit": commit, "machine": machine.processor()} for row in rows]


def beside(rows: Sequence[dict[str, Any]], more: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of `more` that are not there yet: what two commands measure is that of the first."""
    known = {(row["task"], row["model"], row["metric"]) for row in rows}
    return [row for row in more if (row["task"], row["model"], row["metric"]) not in known]


def tables(rows: Sequence[dict[str, Any]], job: Job) -> str:
    """A table a metric: models down, tasks across, mean and spread over seeds; metrics of the same single task stand side by side."""
    kept = {metric: [row for row in rows if row["metric"] == metric] for metric in job.metrics}
    tasks = {metric: tuple(dict.fromkeys(row["task"] for row in some)) for metric, some in kept.items() if some}
    parts, done = [], set()
    for metric, across in tasks.items():
        if metric in done:
            continue
        beside = [other for other in tasks if len(across) == 1 and tasks[other] == across]
        done |= set(beside)
        if len(beside) > 1:
            titles, some = [job.metrics[other] for other in beside], [row for other in beside for row in kept[other]]
            parts.append(_grid(across[0], titles, beside, {(row["model"], row["metric"]): cell(row) for row in some}))
        else:
            found = {(row["model"], row["task"]): cell(row) for row in kept[metric]}
            parts.append(_grid(job.metrics[metric], short(across), across, found))
    seeds = sorted({row["seeds"] for row in rows})
    if seeds == [1]:
        return "\n\n".join([*parts, "One seed each: it ranks nobody who is near another.\n"])
    said = f"Mean ± standard deviation over seeds ({', '.join(map(str, seeds))}); one number: nothing is drawn.\n"
    return "\n\n".join([*parts, said])


def _grid(title: str, heads: Sequence[str], keys: Sequence[str], found: dict[tuple[str, str], str]) -> str:
    models = list(dict.fromkeys(model for model, _ in found))
    lines = [f"**{title}**", "", "| | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    lines += [f"| {m} | " + " | ".join(found.get((m, key), "") for key in keys) + " |" for m in models]
    return "\n".join(lines)


def cell(row: dict[str, Any]) -> str:
    """The mean to three digits, and the spread as fine."""
    digits = 0
    while digits < 8 and abs(row["mean"]) * 10**digits < 100 and row["mean"] != 0:
        digits += 1
    mean = f"{row['mean']:.{digits}f}"
    return mean if row["seeds"] == 1 or row["std"] == 0 else f"{mean} ± {row['std']:.{digits}f}"


def short(tasks: Sequence[str]) -> list[str]:
    """Without the words that all of them begin with: 'arm, 20 ms' -> '20 ms'."""
    parts = [task.split(", ") for task in tasks]
    same = 0
    while len(parts) > 1 and all(len(one) > same + 1 for one in parts) and len({one[same] for one in parts}) == 1:
        same += 1
    return [", ".join(one[same:]) for one in parts]


def with_rows(page: str, drawn: str) -> str:
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no lines {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}\n{drawn}\n{END}{after}"
