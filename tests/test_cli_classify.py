"""`tauflow classify fit|predict|compare`, from a long CSV to answers, inside this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tauflow.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def command(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        told = capsys.readouterr()
        return int(end.value.code or 0), told.out, told.err

    return command


@pytest.fixture(scope="session")
def stays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty stays of uneven hours, two each of a patient; the pulse drifts up in those that end badly; lactate is seldom measured."""
    draw = np.random.default_rng(0)
    rows = []
    for stay in range(40):
        bad, t = int(draw.random() < 0.5), 0.0
        for k in range(int(draw.integers(8, 16))):
            t += draw.uniform(0.2, 3)
            lactate = f"{draw.normal(2, 0.3):.2f}" if k % 4 == 0 else ""
            pulse = f"{70 + 3 * bad * t + draw.normal(0, 4):.1f}"
            rows.append((stay, f"{t:.2f}", pulse, lactate, 40 + stay // 2, ["home", "died"][bad], stay // 2))
    path = tmp_path_factory.mktemp("classify") / "stays.csv"
    names = ["stay", "hours", "pulse", "lactate", "age", "end", "patient"]
    pd.DataFrame(rows, columns=names).to_csv(path, index=False)
    return path


COLUMNS = ("--id", "stay", "--time", "hours", "--target", "end", "--static", "age", "--groups", "patient")
SMALL = ("--units", 4, "--members", 1, "--epochs", 2)


def test_from_a_table_to_answers(run: Run, stays: Path, tmp_path: Path) -> None:
    code, out, err = run("classify", "fit", stays, *COLUMNS, *SMALL, "-o", "ward.tau")
    told = json.loads(out)
    assert (code, told["classes"], told["sequences"], told["a label"]) == (0, ["died", "home"], 40, "a sequence")
    assert "note: on 8 held-out sequences" in err
    assert told["next"].startswith("tauflow classify predict ward.tau ")
    code, out, _ = run("classify", "predict", "ward.tau", stays)
    lines = out.splitlines()
    assert (code, lines[0], len(lines)) == (0, "stay,end,p(died),p(home)", 41)
    first = lines[1].split(",")
    assert first[0] == "0" and float(first[2]) + float(first[3]) == pytest.approx(1)
    assert run("classify", "predict", "ward.tau", stays, "-o", "risk.csv") == (0, "", "")
    assert (tmp_path / "risk.csv").read_text() == out
    code, out, _ = run("classify", "predict", "ward.tau", stays, "--format", "table")
    assert code == 0 and "p(died)" in out


def test_compare_puts_rivals_side_by_side(run: Run, stays: Path) -> None:
    code, out, err = run("classify", "compare", stays, *COLUMNS, *SMALL, "--models", "liquid,summaries,boosting,gru")
    rows = json.loads(out)
    assert (code, [row["model"] for row in rows]) == (0, ["liquid", "summaries", "boosting", "gru"])
    assert all(
        {"accuracy", "macro_f1", "auroc", "auprc", "log_loss", "seconds", "parameters"} < set(row) for row in rows
    )
    assert rows[1]["accuracy"] > 0.8 and rows[0]["auroc"] > 0.8
    assert "note: gru is done" in err
    code, out, err = run(
        "classify", "compare", stays, *COLUMNS, *SMALL, "--models", "summaries", "--format", "table", "-q"
    )
    assert (code, err) == (0, "") and "macro f1" in out


def test_a_label_at_every_row(run: Run, stays: Path) -> None:
    frame = pd.read_csv(stays)
    frame["end"] = np.where(frame["pulse"] > 80, "fast", "slow")
    frame.drop(columns=["age", "patient"]).to_csv("rows.csv", index=False)
    words = ("--id", "stay", "--time", "hours", "--target", "end")
    code, out, _ = run("classify", "fit", "rows.csv", *words, *SMALL, "--causal", "-o", "rows.tau", "-q")
    assert (code, json.loads(out)["a label"]) == (0, "a row")
    code, out, _ = run("classify", "predict", "rows.tau", "rows.csv")
    assert (code, out.splitlines()[0], len(out.splitlines())) == (0, "stay,hours,end,p(fast),p(slow)", len(frame) + 1)
    code, out, _ = run("classify", "compare", "rows.csv", *words, *SMALL, "--models", "summaries,boosting,lstm", "-q")
    assert code == 0
    assert [row["accuracy"] > 0.8 for row in json.loads(out)[:2]] == [True, True]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("classify", "compare", "STAYS", "--id", "stay", "--time", "hours", "--target", "end", "--models", "trees"),
            "no rival is called 'trees'",
        ),
        (
            ("classify", "compare", "STAYS", "--id", "stay", "--time", "hours", "--target", "end", "--test", "2"),
            "--test is 2.0",
        ),
        (("classify", "fit", "STAYS", "--id", "nobody", "--target", "end", "-o", "a.tau"), "nobody"),
        (("classify", "predict", "STAYS", "STAYS"), "not a model file"),
    ],
)
def test_mistakes_are_said_in_a_line(run: Run, stays: Path, words: tuple[str, ...], told: str) -> None:
    code, out, err = run(*(str(stays) if word == "STAYS" else word for word in words))
    assert (code, out) == (1, "") and told in err and len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["fit", "predict", "compare"])
def test_help_teaches(run: Run, command: str) -> None:
    code, out, _ = run("classify", command, "--help")
    assert code == 0 and f"Example: tauflow classify {command}" in " ".join(out.replace("│", " ").split())
