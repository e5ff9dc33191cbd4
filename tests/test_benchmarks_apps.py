"""`python -m benchmarks apps`: the pages of docs/applications hold the tables of the rows that are kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.apps.jobs import JOBS, Job
from benchmarks.apps.run import BEGIN, END, KEPT, PAGES, beside, cell, short, tables, with_rows
from tauflow.cli.commands import app


def row(model: str, task: str, mean: float, std: float = 0.0, seeds: int = 1, metric: str = "error") -> dict[str, Any]:
    return {"task": task, "model": model, "metric": metric, "mean": mean, "std": std, "seeds": seeds}


def test_a_table_has_models_down_and_tasks_across() -> None:
    rows = [
        row("law", "arm, 20 ms", 0.0452),
        row("cfc", "arm, 20 ms", 0.00831, 0.00042, 3),
        row("cfc", "arm, 4 kg", 12.345, 0.5, 3),
        row("cfc", "arm, 4 kg", 1.0, 0.0, 3, "other"),
    ]
    drawn = tables(rows, Job((), {"error": "Mean error, rad", "missing": "None"})).splitlines()
    assert drawn[0] == "**Mean error, rad**"
    assert drawn[2:6] == [
        "| | 20 ms | 4 kg |",
        "| --- | ---: | ---: |",
        "| law | 0.0452 |  |",
        "| cfc | 0.00831 ± 0.00042 | 12.3 ± 0.5 |",
    ]
    assert "seeds (1, 3)" in drawn[-1] and not any("None" in line for line in drawn)


def test_metrics_of_the_same_single_task_stand_side_by_side() -> None:
    rows = [
        row("a", "beats", 0.5, metric="f1"),
        row("b", "beats", 0.25, metric="f1"),
        row("b", "beats", 2e-5, metric="ppv"),
    ]
    drawn = tables(
        [*rows, row("a", "other", 3, metric="r2")], Job((), {"f1": "F1", "ppv": "PPV", "r2": "R2"})
    ).splitlines()
    assert drawn[:6] == [
        "**beats**",
        "",
        "| | F1 | PPV |",
        "| --- | ---: | ---: |",
        "| a | 0.500 |  |",
        "| b | 0.250 | 0.0000200 |",
    ]
    assert drawn[7] == "**R2**" and drawn[9] == "| | other |"


def test_what_two_commands_measure_is_that_of_the_first() -> None:
    first = [row("cfc", "arm, 20 ms", 1.0, seeds=3)]
    more = [
        row("cfc", "arm, 20 ms", 2.0),
        row("cfc, late", "arm, 20 ms", 3.0),
        row("cfc", "arm, 20 ms", 4.0, metric="r2"),
    ]
    assert beside(first, more) == more[1:]


def test_one_seed_ranks_nobody() -> None:
    assert tables([row("cfc", "arm, 20 ms", 1.0)], Job((), {"error": "Mean error"})).endswith(
        "it ranks nobody who is near another.\n"
    )


def test_numbers_have_three_digits() -> None:
    assert [cell(row("m", "t", mean)) for mean in (0.0, 1.0, 123.4, -0.5, 1234.0)] == [
        "0",
        "1.00",
        "123",
        "-0.500",
        "1234",
    ]
    assert short(["ecg, beats, all", "ecg, beats, one"]) == ["all", "one"] and short(["a", "b"]) == ["a", "b"]
    assert short(["only, one"]) == ["only, one"] and short(["ecg, a", "market, a"]) == ["ecg, a", "market, a"]


def test_rows_go_between_their_lines() -> None:
    page = f"Before\n{BEGIN}old\n{END}after\n"
    assert with_rows(page, "new") == f"Before\n{BEGIN}\nnew\n{END}after\n"
    with pytest.raises(ValueError, match="no lines <!-- rows -->"):
        with_rows("Before\n", "new")


@pytest.mark.parametrize("name", JOBS)
def test_a_page_shows_the_rows_that_are_kept(name: str) -> None:
    rows = json.loads((KEPT / f"{name}.json").read_text())
    page = (PAGES / f"{name}.md").read_text()
    assert with_rows(page, tables(rows, JOBS[name])) == page
    assert {row["metric"] for row in rows} >= set(JOBS[name].metrics)
    assert all(row["seeds"] >= 1 and row["std"] >= 0 and row["commit"] and row["machine"] for row in rows)


@pytest.mark.parametrize("name", JOBS)
def test_its_commands_are_commands(name: str) -> None:
    known = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    assert all(command[0] in known for command in JOBS[name].commands)
