"""The pages say what the code does: their links lead somewhere, their Python runs, their commands work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import tauflow
from tauflow.cli.commands import app
from tests import six_lines
from tests.test_windows import hourly

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(page for page in ROOT.glob("docs/**/*.md") if "generated" not in page.parts)])
README = (ROOT / "README.md").read_text()


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_hold_no_placeholder(page):
    assert not re.search(r"\b(TODO|TBD|FIXME|[A-Z]+_TABLE|SIX_LINES)\b", page.read_text().replace("no TODO", ""))


def test_the_six_lines_give_what_the_page_shows():
    """Trained for real. The numbers are another draw from the range that the page states, so they may pass it by half."""
    shown = blocks(README, "text")[1]
    ranges = [
        (float(low), float(high))
        for low, high in re.findall(r"(\d+) to (\d+)", README.split("Another seed")[1].split("\n")[0])
    ]
    told = []
    exec(six_lines.six().replace("print(", "told.append("), {"told": told})
    (forecast,) = told
    lines = shown.strip().splitlines()
    assert lines[0].split() == list(forecast.columns)
    rows = [line.split() for line in lines[1:]]
    assert [f"{row[1]} {row[2]}" for row in rows] == [str(stamp) for stamp in forecast["ds"]]
    for row, value, (low, high) in zip(rows, forecast["volume"], ranges, strict=True):
        assert low <= float(row[3]) <= high, "the page shows a number outside of its own range"
        assert low - (high - low) / 2 < value < high + (high - low) / 2


def test_the_page_of_the_network_prints_what_it_shows(capsys):
    """Three networks trained for real; what is printed of them does not depend on the last bit."""
    page = (ROOT / "docs" / "network.md").read_text()
    names: dict[str, object] = {}
    for code, shown in zip(blocks(page, "python"), blocks(page, "text"), strict=True):
        exec(code, names)
        assert capsys.readouterr().out == shown


def test_the_research_block_runs():
    code = next(block for block in blocks(README, "python") if "Recurrent(CfC(8, 32))" in block)
    names: dict[str, object] = {}
    exec(code, names)
    assert tuple(names["y"].shape) == (32, 32)


def test_the_commands_run_on_a_csv(tmp_path, monkeypatch):

    monkeypatch.chdir(tmp_path)
    rows = hourly(24 * 40).drop(columns=["temperature", "holiday"])
    rows[: 24 * 30].to_csv("data.csv", index=False)
    rows.to_csv("newer.csv", index=False)
    commands = [line.split("#")[0].strip() for line in blocks(README, "sh")[1].strip().splitlines()]
    assert [shlex.split(command)[1] for command in commands] == [
        "check", "compare", "fit", "predict", "backtest", "report", "anomalies", "explain",
    ]  # fmt: skip
    for command in commands:
        arguments = shlex.split(command)[1:]
        if arguments[0] in ("compare", "fit", "backtest"):
            arguments += ["--epochs", "1", "--units", "4", "--context", "6"]
        if arguments[0] == "compare":
            arguments[arguments.index("--seeds") + 1] = "1"
            arguments += ["--cells", "ctrnn"]
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert done.exit_code == 0, (command, done.output)
    assert all((tmp_path / name).exists() for name in ("model.tau", "backtest.html", "report.html", "why.html"))


def test_the_questions_of_the_forecasting_page():
    page = (ROOT / "docs" / "forecasting.md").read_text()
    (code,) = blocks(page, "python")
    frame = hourly(24 * 30)
    model = tauflow.Forecaster("ridge", h=24, context=6).fit(frame, future=["holiday"], progress=False)
    start = frame["ds"].iloc[-1]
    code = code.replace("2018-10-01 07:30", str(start + np.timedelta64(90, "m")))
    ahead = hourly(24 * 32, drop=0.0)
    ahead = ahead[ahead["ds"] > start][["ds", "holiday"]]
    exec(code, {"model": model, "newer_rows": frame, "frame_with_known_columns": ahead})


@pytest.mark.parametrize(
    "name", ["training", "streaming", "kernels", "understand", "deploy", "onnx", "neuromorphic", "online", "bands"]
)
def test_a_page_prints_what_it_shows(name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write files
    page = (ROOT / "docs" / f"{name}.md").read_text()
    for code, shown in zip(blocks(page, "python"), blocks(page, "text"), strict=True):
        exec(code, {})
        assert capsys.readouterr().out == shown


def test_the_readme_says_of_the_published_tables_what_their_page_says():
    said = README.split("## How good")[1].split("\n## ")[0]
    lines = [line for line in said.splitlines() if line.startswith("- ")]
    page = (ROOT / "docs" / "evidence.md").read_text().splitlines()
    assert len(lines) >= 5 and all(line in page for line in lines)
    assert any("Liquid loses" in line for line in lines)


def test_the_page_of_the_classifier_prints_what_it_shows(capsys, tmp_path, monkeypatch):
    """Four small models trained for real; what is printed of them does not depend on the last bit."""
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "classify.md").read_text()
    names: dict[str, object] = {}
    for code, shown in zip(blocks(page, "python"), blocks(page, "text"), strict=True):
        exec(code, names)
        assert capsys.readouterr().out == shown


def test_the_table_of_what_you_can_do_names_commands_and_options_that_there_are() -> None:
    commands = re.findall(r"\| `tauflow ([^`]+)` \|", README)
    assert len(commands) >= 10
    for command in commands:
        words = command.split()
        name = words[: 2 if words[0] == "classify" else 1]
        help_ = CliRunner().invoke(app, [*name, "--help"], env={"COLUMNS": "200"})
        assert help_.exit_code == 0, command
        for option in (word for word in words if word.startswith("--")):
            assert option in help_.output, f"{command}: {option}"
