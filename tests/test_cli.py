"""The command line: what it prints, where, with which exit code, and one line for every mistake a person makes.

Most commands run inside this process; a few run as real processes, where pipes, signals and start-up count.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from comparisons import MODELS, fake_comparison

import tauflow
from tauflow import cells, estimators
from tauflow.cli import app, main
from tauflow.cli.options import asks, reading
from tauflow.cli.output import plain
from tauflow.cli.speech import in_options
from tauflow.cli.tables.comparison import Watch, table

QUICK = ("--epochs", "1", "--units", "4", "--context", "12", "--horizon", "6")
COLUMNS = ("--target", "volume", "--past", "temperature", "--future", "holiday")


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command inside this process, in an empty folder, into pipes."""
    monkeypatch.chdir(tmp_path)

    def command(*words: object) -> Done:
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        told = capsys.readouterr()
        return Done(int(end.value.code or 0), told.out, told.err)

    return command


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="session")
def csv(folder: Path) -> Path:
    """Hourly traffic of a month with a day missing, two times repeated, and a missing value."""
    random = np.random.default_rng(0)
    hour = np.arange(500)
    volume = 3000 + 2000 * np.sin((hour - 8) * 2 * np.pi / 24) + random.normal(0, 100, 500)
    frame = pd.DataFrame(
        {
            "ds": pd.date_range("2020-01-01", periods=500, freq="h"),
            "volume": volume.round(1),
            "temperature": (10 + 5 * np.sin(hour * 2 * np.pi / 24)).round(2),
            "holiday": (hour // 24 % 7 == 6).astype(int),
        }
    )
    frame.loc[40, "volume"] = np.nan
    frame = frame.drop(index=range(100, 124))
    frame = pd.concat([frame, frame.iloc[[5, 200]].assign(volume=1.0)]).sort_values("ds", kind="stable")
    path = folder / "traffic.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def model(folder: Path, csv: Path) -> Path:
    """A small model of that table."""
    path = folder / "traffic.tau"
    columns = {"target": "volume", "past": ["temperature"], "future": ["holiday"], "duplicates": "last"}
    forecaster = estimators.Forecaster(cell="cfc", h=6, units=4, context=12, epochs=1, steps=2)
    forecaster.fit(csv, progress=False, **columns).save(path)
    return path


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Takes the place of estimators.compare: remembers what it was asked and answers at once."""
    asked: list[dict[str, Any]] = []

    def compare(data: Any, cells: Any, *, progress: Any, **settings: Any) -> Any:
        asked.append({"data": data, "cells": tuple(cells), **settings})
        progress(estimators.Progress("cfc", 0, 1, 12, 0.5, 0.6))
        return fake_comparison(seeds=len(settings["seeds"]))

    monkeypatch.setattr(estimators, "compare", compare)
    return asked


def on_terminal(words: list[str], columns: int, **environment: str) -> str:
    """What a real process prints on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color", **environment}
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    parts = []
    try:
        while part := os.read(ours, 65536):
            parts.append(part)
    except OSError:  # Linux says EIO when the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0
    return b"".join(parts).decode().replace("\r\n", "\n")


def tauflow_process(*words: object) -> list[str]:
    code = "from tauflow.cli import main; main()"
    return [sys.executable, "-W", "error", "-c", code, *map(str, words)]


OPTIONS = {
    option
    for command in typer.main.get_command(app).commands.values()  # type: ignore[attr-defined]
    for parameter in command.params
    for option in (*parameter.opts, *parameter.secondary_opts)
} | {"--help", "--debug"}


# ---- help


@pytest.mark.parametrize("command", ["demo", "check", "fit", "predict", "compare"])
def test_help_teaches(run: Run, command: str) -> None:
    done = run(command, "--help")
    assert (done.code, done.err) == (0, "")
    words = " ".join(done.out.replace("│", " ").split())
    assert f"Example: tauflow {command}" in words
    for option in re.findall(r"tauflow \w+ [^>]*?(?= ╭| Example)", words)[0].split():
        if option.startswith("--"):
            assert words.count(option) >= 2, f"{option} is in the example but not explained"


def test_no_command_prints_the_help_and_version_is_told(run: Run) -> None:
    assert "compare" in run().out
    assert run("--version").out == f"tauflow {tauflow.__version__}\n"
    assert run("-h").out == run("--help").out


def test_bundled_options_reach_the_command() -> None:
    seen: dict[str, Any] = {}

    @asks(columns=reading)
    def command(file: str, columns: dict[str, Any]) -> None:
        seen.update(columns, file=file)

    shared = {"target": ["a"], "time": None, "id": "site", "past": None, "future": None, "static": None}
    how = {"duplicates": "last", "zone": None, "dayfirst": True, "time_unit": None, "decimal": ",", "delimiter": ";"}
    command(file="x.csv", **shared, **how)
    assert seen["file"] == "x.csv"
    assert (seen["target"], seen["id"], seen["past"], seen["dayfirst"], seen["decimal"]) == (
        ["a"],
        "site",
        (),
        True,
        ",",
    )


# ---- check


def test_check_prints_json_into_a_pipe(run: Run, csv: Path) -> None:
    done = run("check", csv)
    found = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert (found["row_count"], found["duplicates"], found["long_gaps"]) == (478, 2, 1)


def test_check_as_table_and_csv(run: Run, csv: Path) -> None:
    told = run("check", csv, "--format", "table").out
    assert "longer gaps" in told
    assert re.search(r"step +1 h, the median gap", told)
    assert "1 d" in told
    rows = pd.read_csv(io.StringIO(run("check", csv, "--format", "csv").out))
    assert list(rows.columns) == ["what", "finding"]


def test_what_check_tells_to_run_next_runs(run: Run, csv: Path, tmp_path: Path, compared: list[dict[str, Any]]) -> None:
    odd = tmp_path / "odd table.csv"
    odd.write_text(csv.read_text().replace("ds,volume", 'when,"power, kW"', 1))
    command = json.loads(run("check", odd).out)["command"]
    done = run(*shlex.split(command)[1:], "--quiet")
    assert (done.code, done.err) == (0, "")
    (asked,) = compared
    assert asked["data"].schema.targets == ("power, kW",)
    assert asked["h"] == int(command.split("--horizon ")[1])


def test_check_survives_hostile_names(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("ds,\x1b[2Jvolume,[red]x[/red]\n" + "".join(f"2020-01-0{k},{k},{k * k}\n" for k in range(1, 9)))
    done = run("check", path, "--format", "table")
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "\\x1b[2Jvolume" in done.out
    assert "[red]x[/red]" in done.out


# ---- fit and predict


def test_fit_then_predict(run: Run, csv: Path, tmp_path: Path) -> None:
    done = run("fit", csv, *COLUMNS, *QUICK, "--duplicates", "last", "--cell", "ridge", "-o", "m.tau")
    assert (done.code, done.err) == (0, "note: 2 duplicate timestamps: kept the last\n")
    facts = json.loads(done.out)
    assert facts["model"] == "m.tau"
    assert facts["parameters"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["m.tau"]
    assert facts["next"] == f"tauflow predict m.tau {csv}"
    done = run("predict", "m.tau", csv)
    unknown = "note: unknown ahead: 'holiday' at 6 of 6 forecast times; give them in --future\n"
    assert (done.code, done.err) == (0, "note: 2 duplicate timestamps: kept the last\n" + unknown)
    assert run("predict", "m.tau", csv, "--quiet") == Done(0, done.out, "")
    assert run("predict", "m.tau", csv, "-q", "-o", "f.csv") == Done(0, "", "")
    assert (tmp_path / "f.csv").read_text() == done.out
    forecast = pd.read_csv(io.StringIO(done.out), parse_dates=["ds"])
    assert list(forecast.columns) == ["ds", "volume"]
    assert list(forecast["ds"]) == list(pd.date_range("2020-01-21 20:00", periods=6, freq="h"))
    assert forecast["volume"].between(0, 10_000).all()


def test_predict_steps_times_and_future(run: Run, csv: Path, model: Path, tmp_path: Path) -> None:
    common = ("predict", model, csv, "--duplicates", "last")
    assert len(pd.read_csv(io.StringIO(run(*common, "--horizon", 2).out))) == 2
    asked = ["2020-01-21 20:30:00", "2020-01-21 23:00:00", "2020-01-22 01:00:00"]
    done = run(*common, "--times", ",".join(asked[:2]), "--times", asked[2], "--format", "json")
    assert [row["ds"][:19].replace("T", " ") for row in json.loads(done.out)] == asked
    ahead = tmp_path / "ahead.csv"
    ahead.write_text("ds,holiday\n" + "".join(f"2020-01-21 {h}:00,1\n" for h in range(20, 24)))
    plain_, holiday = run(*common).out, run(*common, "--future", ahead)
    assert holiday.code == 0
    assert "note: unknown ahead: 'holiday' at 2 of 6" in holiday.err
    assert holiday.out != plain_


def test_predict_as_table_ends_long_forecasts(
    run: Run, csv: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = pd.DataFrame({"ds": pd.date_range("2020", periods=300, freq="h"), "volume": 1234.5678})
    monkeypatch.setattr(estimators.Forecaster, "predict", lambda *_, **__: long)
    told = run("predict", model, csv, "--duplicates", "last", "--format", "table").out
    assert "1,234.57" in told
    assert "100 more rows" in told


def test_fit_replaces_an_old_file_and_nothing_else(run: Run, csv: Path, tmp_path: Path) -> None:
    old = tmp_path / "m.tau"
    old.write_text("old")
    arguments = ("fit", csv, "--target", "volume", *QUICK, "--cell", "persistence", "-o", old)
    assert run(*arguments).code == 1  # duplicates: refused before anything is written
    assert old.read_text() == "old"
    assert run(*arguments, "--duplicates", "last").code == 0
    assert estimators.Forecaster.load(old).settings.cell == "persistence"
    assert list(tmp_path.iterdir()) == [old]


# ---- compare and demo


def test_compare_asks_for_what_was_typed(run: Run, csv: Path, compared: list[dict[str, Any]]) -> None:
    words = ("--test", "0.1", "--seeds", 2, "--seed", 5, "--cells", "cfc, gru,cfc", "--season", "24,168")
    done = run("compare", csv, *COLUMNS, *QUICK, "--duplicates", "last", *words)
    assert done.code == 0
    (asked,) = compared
    data = asked.pop("data")
    assert (data.schema.past, data.schema.future) == (("temperature",), ("holiday",))
    assert asked == {
        "cells": ("cfc", "gru"), "h": 6, "test": 0.1, "seeds": range(5, 7), "units": 4, "context": 12, "epochs": 1,
        "season": [24.0, 168.0], "forecaster": {"strategy": "direct", "validation": 0.15}, "options": {}, "windows": 1,
    }  # fmt: skip
    rows = pd.read_csv(io.StringIO(done.out))
    assert list(rows["model"]) == [name for name, *_ in MODELS]


@pytest.mark.parametrize(("text", "value"), [("90D", "90D"), ("2018-04-01", "2018-04-01"), ("0.5", 0.5)])
def test_compare_takes_a_share_a_length_or_a_time(
    run: Run, csv: Path, compared: list[dict[str, Any]], text: str, value: object
) -> None:
    run("compare", csv, "--target", "volume", "--duplicates", "last", "--test", text, "--season", "none")
    assert (compared[0]["test"], compared[0]["season"]) == (value, None)


def test_compare_writes_page_and_numbers_where_asked(
    run: Run, csv: Path, tmp_path: Path, compared: list[dict[str, Any]]
) -> None:
    done = run("compare", csv, "--target", "volume", "--duplicates", "last", "--page", "p.html", "--json", "n.json")
    assert done.code == 0
    *told, verdict, place = done.err.splitlines()
    assert "note: 2 duplicate timestamps: kept the last" in told
    assert (verdict, place) == (fake_comparison().verdict, f"the page is {tmp_path / 'p.html'}")
    assert {path.name for path in tmp_path.iterdir()} == {"p.html", "n.json"}
    assert (tmp_path / "p.html").read_text().startswith("<!doctype html>")
    assert json.loads((tmp_path / "n.json").read_text())["target"] == "volume"
    assert json.loads(run("compare", csv, "--target", "volume", "--duplicates", "last", "--format", "json").out)


def test_demo_compares_the_traffic_and_writes_one_page(
    run: Run, tmp_path: Path, compared: list[dict[str, Any]]
) -> None:
    done = run("demo", "--format", "table")
    assert done.code == 0
    assert "seasonal naive" in done.out
    assert [path.name for path in tmp_path.iterdir()] == ["tauflow-demo.html"]
    (asked,) = compared
    assert asked["data"].schema.targets == ("volume",)
    assert len(asked["data"].series[0]) == 40_575
    assert any("kept the last" in note for note in asked["data"].notes)
    assert asked["data"].series[0].future.sum() > 1000  # hours of holidays, not only their first ones
    (tmp_path / "tauflow-demo.html").unlink()
    assert run("demo", "--no-page", "--quiet").err == ""
    assert list(tmp_path.iterdir()) == []


def screen(width: int) -> Any:
    from rich.console import Console

    return Console(file=io.StringIO(), width=width, color_system="truecolor", force_terminal=True, highlight=False)


@pytest.mark.parametrize(
    ("width", "lost"), [(200, set()), (80, {"µs/step", "train s", "kind"}), (40, {"RMSE", "MASE"})]
)
def test_table_drops_columns_where_the_terminal_is_narrow(width: int, lost: set[str]) -> None:
    console = screen(width)
    console.print(table(console, fake_comparison().rows))
    told = console.file.getvalue()
    lines = re.sub(r"\x1b\[[0-9;]*m", "", told).splitlines()
    assert max(map(len, lines)) <= width
    assert all(name not in told for name in lost)
    for title in ("model", "MAE", "persistence"):
        assert title in told
    assert "…" not in told
    assert ("187.4 ± 2.1" in told) and ("1,482.6" in told)


def test_a_column_that_is_empty_is_not_shown() -> None:
    nan = float("nan")
    rows = [replace(row, mae=nan, rmse=nan, microseconds=None) for row in fake_comparison().rows]
    console = screen(200)
    console.print(table(console, rows))
    told = console.file.getvalue()
    assert "MASE" in told and "MAE" not in told and "RMSE" not in told and "µs/step" not in told
    bold = [line for line in told.splitlines() if "\x1b[1" in line]
    assert len(bold) == 1 and "cfc" in bold[0]


def test_only_the_best_row_is_bold() -> None:
    console = screen(200)
    console.print(table(console, fake_comparison().rows))
    bold = [line for line in console.file.getvalue().splitlines() if "\x1b[1" in line]
    assert len(bold) == 1
    assert "187.4" in bold[0]


def test_watch_counts_every_seed_and_baselines_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tauflow.cli.tables.comparison.console", lambda stderr: screen(100))
    with Watch(["cfc", "ridge"], 2, quiet=False) as watch:
        assert watch.bars is not None
        watch.told(estimators.Progress("cfc", 0, 6, 12, 0.5, 0.6))
        watch.told(estimators.Progress("cfc", 1, 12, 12, None, None, done=True))
        watch.told(estimators.Progress("ridge", 0, 12, 12, None, None, done=True))
        watch.told(estimators.Progress("unheard of", 0, 1, 1, None, None))
        tasks = {task.description: (task.completed, task.total) for task in watch.bars.tasks}
    assert tasks == {"cfc": (1.5, 2), "ridge": (1, 1), "seasonal_naive": (0, 1), "persistence": (0, 1)}


def test_watch_goes_on_from_window_to_window(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Watch(["cfc"], 1, quiet=False, windows=2) as watch:
        watch.told(estimators.Progress("cfc", 0, 1, 2, 0.5, None, window=2, windows=2))
        watch.told(estimators.Progress("cfc", 0, 2, 2, None, None, done=True, window=2, windows=2))
    assert capsys.readouterr().err == "window 2/2, cfc, seed 0, epoch 1/2 loss 0.5\nwindow 2/2, cfc, seed 0: done\n"
    monkeypatch.setattr("tauflow.cli.tables.comparison.console", lambda stderr: screen(100))
    with Watch(["cfc"], 1, quiet=False, windows=2) as watch:
        assert watch.bars is not None
        watch.told(estimators.Progress("cfc", 0, 4, 4, None, None, done=True, window=1, windows=2))
        watch.told(estimators.Progress("cfc", 0, 2, 4, 0.5, None, window=2, windows=2))
        task = watch.bars.tasks[0]
        assert (task.completed, task.total) == (1.5, 2) and task.fields["numbers"].startswith("window 2/2, seed 0")


def test_a_log_gets_a_line_an_epoch_and_the_verdict(
    run: Run, csv: Path, compared: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    with Watch(["cfc"], 1, quiet=False) as watch:
        for epoch in range(1, 13):
            watch.told(estimators.Progress("cfc", 0, epoch, 12, 0.5, 0.6))
        watch.told(estimators.Progress("cfc", 0, 12, 12, None, None, done=True))
        for epoch in range(1, 5001):
            watch.told(estimators.Progress("gru", 0, epoch, 5000, 0.5, None))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("cfc, seed 0, epoch ") == 12
    assert "cfc, seed 0, epoch 3/12 loss 0.5 validation 0.6\n" in err
    assert "cfc, seed 0: done\n" in err
    assert err.count("gru") == 50
    with Watch(["cfc"], 1, quiet=True) as watch:
        watch.told(estimators.Progress("cfc", 0, 1, 12, 0.5, 0.6))
    assert capsys.readouterr() == ("", "")
    words = ("compare", csv, "--target", "volume", "--duplicates", "last")
    assert run(*words).err.endswith(f"{fake_comparison().verdict}\n")
    assert run(*words, "--quiet").err == ""


# ---- mistakes


def mistake(done: Done, code: int, *words: str) -> None:
    assert done.code == code, done
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1, done.err
    for word in words:
        assert word in done.err
    assert "bug" not in done.err
    assert not re.search(
        r"(?<![-\w])(id|time|target|past|future|static|duplicates|zone|dayfirst|time_unit|h|strategy|test)=", done.err
    )
    for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", done.err) if code == 1 else ():
        assert option in OPTIONS, f"{option} is no option"


@pytest.mark.parametrize("command", [("check",), ("fit", "-o", "m.tau"), ("compare",)])
def test_files_that_are_no_tables(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "head.csv").write_text("ds,y\n")
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    mistake(run(*command, "nowhere.csv"), 1, "nowhere.csv", "No such file")
    mistake(run(*command, tmp_path), 1, "directory")
    for name in ("empty.csv", "head.csv", "picture.csv"):
        mistake(run(*command, name), 1, name)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("command", [("check",), ("fit", "-o", "m.tau"), ("compare",)])
def test_a_missing_column_offers_the_nearest(run: Run, csv: Path, command: tuple[str, ...]) -> None:
    mistake(run(*command, csv, "--target", "volum"), 1, "'volum'", "nearest: 'volume'")
    mistake(run(*command, csv, "--target", "volume", "--past", "temprature,holiday"), 1, "'temperature'")


def test_wrong_settings(run: Run, csv: Path) -> None:
    fit = ("fit", csv, "--target", "volume", "--duplicates", "last", "-o", "m.tau")
    compare = ("compare", csv, "--target", "volume", "--duplicates", "last")
    mistake(run(*fit, "--cell", "cfcc"), 1, "'cfcc'", "'cfc'")
    mistake(run(*compare, "--cells", "cfc,lstmm"), 1, "'lstmm'", "'lstm'")
    mistake(run(*compare, "--cells", " , "), 2, "--cells")
    mistake(run(*compare, "--test", "2"), 1, "--test is 2")
    mistake(run(*compare, "--test", "soon"), 1, "soon")
    mistake(run(*fit, "--season", "weekly"), 2, "--season", "weekly")
    mistake(run(*fit, "--duplicates", "newest"), 1, "'newest'", "last")
    mistake(run(*fit, "--zone", "Europe/Berln"), 1, "Europe/Berlin")
    for command in (fit, compare):
        mistake(run(*command, "--horizon", 0), 2, "--horizon")
    mistake(run(*fit, "--horizon", 1_000), 1, "smaller --horizon")
    mistake(run(*fit, "--strategy", "magic"), 1, "--strategy is")
    mistake(run(*fit, "--validation", "0.9"), 1, "--validation is")
    mistake(run("fit", csv, "--target", "volume", "-o", "m.tau"), 1, "--duplicates last")
    mistake(run("fit", csv, "-o", "m.tau"), 1, "give --target")


def test_wrong_words(run: Run, csv: Path) -> None:
    mistake(run("chek", csv), 2, "chek", "check")
    mistake(run("check"), 2, "FILE", "tauflow check --help")
    mistake(run("check", csv, "--targt", "volume"), 2, "--targt", "--target")
    mistake(run("fit", csv, "--target", "volume"), 2, "--output")
    mistake(run("check", csv, "--format", "xml"), 2, "xml", "csv")
    mistake(run("compare", csv, "--seeds", "many"), 2, "--seeds")


@pytest.mark.parametrize(
    "words", [("fit", "FILE", "-o"), ("compare", "FILE", "--page"), ("compare", "FILE", "--json"), ("demo", "-o")]
)
def test_outputs_that_cant_be_written_are_refused_before_work(
    run: Run, csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(tauflow.data, "read_table", lambda *_, **__: pytest.fail("work began"))
    command = [csv if word == "FILE" else word for word in words]
    mistake(run(*command, tmp_path), 1, "is a folder")
    mistake(run(*command, tmp_path / "none" / "out"), 1, "no folder", "mkdir -p")
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    mistake(run(*command, tmp_path / "out"), 1, "may not write")
    assert list(tmp_path.iterdir()) == []


def test_models_that_are_none(run: Run, csv: Path, model: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tau"
    body = bytearray(model.read_bytes())
    body[len(body) // 2] ^= 1
    damaged.write_bytes(body)
    mistake(run("predict", damaged, csv), 1, "damaged.tau")
    damaged.write_bytes(body[: len(body) // 3])
    mistake(run("predict", damaged, csv), 1, "damaged.tau")
    mistake(run("predict", csv, csv), 1, "traffic.csv")
    mistake(run("predict", "none.tau", csv), 1, "none.tau")
    mistake(run("predict", tmp_path, csv), 1)


def test_questions_that_the_model_cant_answer(run: Run, csv: Path, model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("when,price\n2020-01-01,1\n2020-01-02,2\n")
    mistake(run("predict", model, other), 1, "'ds'")
    mistake(run("predict", model, csv, "--duplicates", "error"), 1, "--duplicates last")
    common = ("predict", model, csv, "--duplicates", "last")
    mistake(run(*common, "--horizon", 7), 1, "7 steps", "6", "--strategy recursive")
    mistake(run(*common, "--times", "2020-01-01"), 1, "before")
    mistake(run(*common, "--times", "tomorrow morning"), 1, "times")
    mistake(run(*common, "--times", "2020-01-21 21:00", "--horizon", 2), 2, "not both")
    mistake(run(*common, "--future", "none.csv"), 1, "none.csv")


def test_messages_speak_of_options() -> None:
    said = {
        "give dayfirst=True or dayfirst=False": "give --dayfirst or --no-dayfirst",
        "say duplicates='last', 'first' or 'mean'": "say --duplicates last, 'first' or 'mean'",
        "fit with h=30, or strategy='recursive'": "fit with --horizon 30, or --strategy recursive",
        "h is 30 steps: use a smaller h": "--horizon is 30 steps: use a smaller --horizon",
        "give time=; there are: 'time=3', 'id'": "give --time; there are: 'time=3', 'id'",
        "give time_unit='s' to read it; it can't be x=1": "give --time-unit s to read it; it can't be x=1",
        "name them in past=, future= or static= to use them": "name them in --past, --future or --static to use them",
        "zone='Mars/Base one' was given": "--zone 'Mars/Base one' was given",
        "test is 2.0, try test=0.2": "--test is 2.0, try --test 0.2",
        "time is written YYYYMMDD": "time is written YYYYMMDD",
        "column 'h' has one": "column 'h' has one",
    }
    assert {message: in_options(message) for message in said} == said


@pytest.mark.parametrize("how", ["same name", "hard link", "symbolic link", "another spelling"])
def test_an_output_that_is_an_input_is_refused(
    run: Run, csv: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(tauflow.data, "read_table", lambda *_, **__: pytest.fail("work began"))
    table, saved = tmp_path / "t.csv", tmp_path / "m.tau"
    table.write_bytes(csv.read_bytes())
    saved.write_bytes(model.read_bytes())

    def other(path: Path) -> Path:
        link = tmp_path / f"other-{path.name}"
        if how == "hard link":
            os.link(path, link)
        if how == "symbolic link":
            link.symlink_to(path)
        (tmp_path / "in").mkdir(exist_ok=True)
        return {"same name": path, "another spelling": tmp_path / "in" / ".." / path.name}.get(how, link)

    out = other(table)
    for words in (
        ("fit", table, "--target", "volume", "-o", out),
        ("compare", table, "--page", out),
        ("compare", table, "--json", out),
        ("predict", saved, table, "-o", out),
        ("predict", saved, csv, "--future", table, "-o", out),
        ("predict", saved, table, "-o", other(saved)),
    ):
        mistake(run(*words), 1, "the file that is read")
    assert table.read_bytes() == csv.read_bytes() and saved.read_bytes() == model.read_bytes()
    mistake(run("compare", csv, "--page", "x", "--json", tmp_path / "x"), 2, "--page and --json")


@pytest.mark.parametrize(
    "words", [("fit", "FILE", "-o"), ("compare", "FILE", "--page"), ("demo", "-o"), ("predict", "M", "FILE", "-o")]
)
def test_devices_and_pipes_are_no_outputs(
    run: Run, csv: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(tauflow.data, "read_table", lambda *_, **__: pytest.fail("work began"))
    os.mkfifo(tmp_path / "pipe")
    command = [{"FILE": csv, "M": model}.get(word, word) for word in words]
    for place in ("/dev/null", tmp_path / "pipe"):
        mistake(run(*command, place), 1, "device, pipe or socket")


def test_a_closed_output_is_an_error_in_one_line(
    csv: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stdout", None)
        for words in (["check", str(csv)], ["--help"], ["demo"]):
            with pytest.raises(SystemExit) as end:
                main(words)
            assert end.value.code == 1
            assert (
                capsys.readouterr().err
                == "error: the standard output is closed: leave it open, or send it to /dev/null\n"
            )
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stderr", None)
        with pytest.raises(SystemExit) as end:
            main(["check", "nowhere.csv"])
        assert end.value.code == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ImportError("half loaded"), SystemError("in C")])
def test_ctrl_c_while_a_module_loads_is_130(run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Typer, the app, or numpy inside a command: whatever a module makes of the KeyboardInterrupt."""
    if not isinstance(error, KeyboardInterrupt):
        error.__context__ = KeyboardInterrupt()

    class Interrupted:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name in ("tauflow.cli.commands", "tauflow.estimators"):
                raise error

    monkeypatch.setattr(sys, "meta_path", [Interrupted, *sys.meta_path])
    if isinstance(error, KeyboardInterrupt):
        with monkeypatch.context() as fresh:
            fresh.delitem(sys.modules, "tauflow.cli.commands")
            fresh.delattr(tauflow.cli, "commands")
            assert run("--version") == Done(130, "", "interrupted\n")
    monkeypatch.delitem(sys.modules, "tauflow.estimators")
    monkeypatch.delattr(tauflow, "estimators")
    assert run("predict", "m.tau", "t.csv") == Done(130, "", "interrupted\n")


def test_the_entry_loads_nothing_that_ctrl_c_could_break(csv: Path) -> None:
    code = "import sys, tauflow.cli; print(*(name for name in sys.modules if name.startswith(('typer', 'rich', 'tauflow.'))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["tauflow.cli"]


def odd_tables(folder: Path) -> dict[str, tuple[str, list[str]]]:
    """name of the file -> its text and what fit must be told of it."""
    days = [d for d in pd.date_range("2024-01-01", periods=400, freq="D") if d.day <= 12][:90]
    hours = pd.date_range("2024-01-01", periods=90, freq="h")
    values = [round(10 + 3 * np.sin(k / 4), 3) for k in range(90)]

    def lines(head: str, line: str, stamps: Any = hours, **more: Any) -> str:
        rows = (line.format(t=t, y=y, k=k) for k, (t, y) in enumerate(zip(stamps, values, strict=True)))
        return "\n".join([head, *rows]) + "\n"

    repeated = lines("ds,y", "{t:%Y-%m-%d %H:%M},{y}") + "2024-01-02 00:00,99\n"
    many = "".join(lines("", f"{shop},{{t:%Y-%m-%d %H:%M}},{{y}}") for shop in ("north", "south, old", "-x"))
    many = many.replace("south, old", '"south, old"').replace("\n\n", "\n")
    return {
        "plain.csv": (lines("ds,y", "{t:%Y-%m-%d %H:%M},{y}"), []),
        "-o": (lines("ds,y", "{t:%Y-%m-%d %H:%M},{y}"), []),
        "--help": (lines("ds,y", "{t:%Y-%m-%d %H:%M},{y}"), []),
        "it's $HOME; rm.csv": (lines("ds,y", "{t:%Y-%m-%d %H:%M},{y}"), []),
        "ddmm.csv": (lines("when,load", "{t:%d/%m/%Y},{y}", days), ["--dayfirst", "--target", "load"]),
        "comma.csv": (lines("ds;y", "{t:%Y-%m-%d %H:%M};{k},125"), ["--decimal", ","]),
        "space.txt": (lines("ds y", "{t:%Y-%m-%d} {y}", days), ["--delimiter", " "]),
        "zone.csv": (lines("ds,y", "{t:%Y-%m-%d %H:%M},{y}"), ["--zone", "Europe/Berlin"]),
        "offset.csv": (lines("ds,y", "{t:%Y-%m-%dT%H:%M}+02:00,{y}"), []),
        "repeats.csv": (repeated, ["--duplicates", "last"]),
        "epoch.csv": (lines("ds,y", "{t:%s},{y}"), ["--time-unit", "s"]),
        "number.csv": (lines("ds,y", "{k},{y}"), []),
        "ids.csv": ("shop,ds,y\n" + many.lstrip("\n"), ["--id", "shop"]),
        "names.csv": (lines('"--time, or",--help', "{t:%Y-%m-%d %H:%M},{y}"), ["--time=--time, or", "--target=--help"]),
        "ahead.csv": (lines("ds,y,promo", "{t:%Y-%m-%d %H:%M},{y},{k}"), ["--future", "promo"]),
    }


def test_what_fit_tells_to_run_next_runs(run: Run, tmp_path: Path) -> None:
    """In a folder of odd tables: what fit was told of a table, predict remembers."""
    for number, (name, (text, told)) in enumerate(odd_tables(tmp_path).items()):
        (tmp_path / name).write_text(text)
        output = f"-m{number}.tau" if number % 2 else f"m {number}.tau"
        words = ("fit", f"./{name}", "--cell", "ridge", "--horizon", 2, "--context", 4, *told)
        done = run(*words, "--output", f"./{output}", "--format", "table")
        assert done.code == 0, (name, done.err)
        command = done.out.split("next, run:\n")[1].splitlines()[0]
        ran = run(*shlex.split(command)[1:])
        assert ran.code == 0, (command, ran.err)
        assert len(ran.out.splitlines()) in (3, 7), command
        assert json.loads(run(*words, "-o", f"./{output}").out)["next"] == command


def test_predict_writes_every_digit(run: Run, tmp_path: Path) -> None:
    stamps = pd.date_range("2024-01-01 00:00:00.1", periods=60, freq="100ms")
    fine = pd.DataFrame({"ds": stamps, "y": 5e-12 + 1e-13 * (np.arange(60) % 3)})
    fine.to_csv(tmp_path / "fine.csv", index=False)
    run("fit", "fine.csv", "--cell", "persistence", "--horizon", 3, "--context", 4, "-o", "fine.tau")
    rows = json.loads(run("predict", "fine.tau", "fine.csv", "--format", "json").out)
    wanted = pd.read_csv(io.StringIO(run("predict", "fine.tau", "fine.csv").out))
    assert [row["ds"] for row in rows] == [
        "2024-01-01T00:00:06.100000",
        "2024-01-01T00:00:06.200000",
        "2024-01-01T00:00:06.300000",
    ]
    assert [row["y"] for row in rows] == wanted["y"].tolist()
    assert rows[0]["y"] == pytest.approx(5.2e-12, rel=1e-6)
    epoch = pd.DataFrame({"ds": 1_609_680_000 + 3600 * np.arange(60), "y": np.arange(60.0)})
    epoch.to_csv(tmp_path / "epoch.csv", index=False)
    for name, words in (("number", ()), ("epoch", ("--time-unit", "s"))):
        run("fit", "epoch.csv", "--cell", "persistence", "--horizon", 2, "--context", 4, "-o", f"{name}.tau", *words)
        told = run("predict", f"{name}.tau", "epoch.csv", "--format", "table").out
        assert "1609896000" in told and "1609899600" in told
    (tmp_path / "tenths.csv").write_text("ds,y\n" + "".join(f"{k / 10},{k}\n" for k in range(60)))
    run("fit", "tenths.csv", "--cell", "persistence", "--horizon", 3, "--context", 4, "-o", "t.tau")
    assert [row["ds"] for row in json.loads(run("predict", "t.tau", "tenths.csv", "--format", "json").out)] == [
        6.0,
        6.1,
        6.2,
    ]


def test_times_with_a_comma_of_their_own(run: Run, tmp_path: Path) -> None:
    frame = pd.DataFrame({"ds": pd.date_range("2018-08-01", periods=62, freq="D"), "y": np.arange(62.0)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    run("fit", "t.csv", "--cell", "persistence", "--horizon", 9, "--context", 4, "-o", "m.tau")
    words = ("predict", "m.tau", "t.csv", "-q", "--times")
    assert run(*words, "Oct 2, 2018").out.splitlines()[1].startswith("2018-10-02,6")
    assert len(run(*words, "Oct 2, 2018, Oct 4, 2018,2018-10-05, 2018-10-06 08:00").out.splitlines()) == 5
    mistake(run(*words, "2018-10-02T00:00:00+02:00"), 1, "offset")
    mistake(run(*words, "Oct 2"), 1, "--times can't be read")


def test_notes_reach_the_person_in_every_command(run: Run, tmp_path: Path, compared: list[dict[str, Any]]) -> None:
    lines = [f"{1_609_459_200 + 3600 * k},{k % 7},x" for k in range(90)]
    (tmp_path / "t.csv").write_text("ds,y,other\n" + "\n".join(lines))
    fit = ("fit", "t.csv", "--cell", "persistence", "--horizon", 2, "--context", 4, "-o", "m.tau")
    for words in (fit, ("compare", "t.csv")):
        for view in ("table", "csv", "json"):
            assert "note: time looks like an epoch in s: give --time-unit s" in run(*words, "--format", view).err
        assert run(*words, "--quiet").err == ""
    (tmp_path / "again.csv").write_text("\n".join(["ds,y,other", *lines, lines[-1]]))
    predict = ("predict", "m.tau", "again.csv")
    assert "note: 1 duplicate" in run(*predict).err
    assert run(*predict, "--quiet").err == ""


def test_a_bug_says_so_and_how_to_see_it(run: Run, csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tauflow.data, "check", lambda *_, **__: {}["no such\nkey"])
    done = run("check", csv)
    assert done.code == 70
    assert done.err.count("\n") == 1
    assert f"tauflow --debug check {csv}" in done.err
    with pytest.raises(KeyError):
        main(["--debug", "check", str(csv)])


def test_a_package_that_is_missing_is_named(run: Run, csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")

    monkeypatch.setattr(tauflow.data, "check", broken)
    done = run("check", csv)
    assert done.code == 1 and done.err.count("\n") == 1
    assert "the package torch is not installed" in done.err and "pip install" in done.err


def test_interrupted_is_130(run: Run, csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tauflow.data, "check", press)
    assert run("check", csv) == Done(130, "", "interrupted\n")


def test_plain_is_one_printable_line() -> None:
    assert plain("a\n\tb\x07\x1b[0m é ± \u202e") == "a b\\x07\\x1b[0m é ± \\u202e"


OWN = """
from tauflow import cells

@cells.register
class Slow(cells.CTRNN):
    name = "slow_of_my_own"
"""


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "REGISTRY", dict(cells.REGISTRY))
    monkeypatch.setattr(cells, "IMPORTED", [])


@pytest.mark.usefixtures("registry")
def test_cells_of_ones_own_are_imported_by_every_command(
    run: Run, csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    known, own = dict(cells.REGISTRY), ("--import", "own.py")
    asked = (csv, *COLUMNS, "--cell", "slow_of_my_own", *QUICK, "-o", "own.tau", "--duplicates", "last")
    mistake(
        run("fit", *asked),
        1,
        "no model is called 'slow_of_my_own'",
        "one of your own is registered first, --import FILE.py",
    )
    fitted = run("fit", *asked, *own)
    assert fitted.code == 0, fitted.err
    command = json.loads(fitted.out)["next"]
    assert "--import own.py" in command
    monkeypatch.setattr(cells, "REGISTRY", dict(known))  # as in another process
    mistake(run("predict", "own.tau", csv), 1, "no model is called 'slow_of_my_own'", "--import FILE.py")
    done = run(*shlex.split(command)[1:], "--quiet")
    assert (done.code, done.err) == (0, "") and done.out.count("\n") == 7
    monkeypatch.setattr(cells, "REGISTRY", dict(known))
    seen: list[Any] = []
    monkeypatch.setattr(estimators, "compare", lambda *args, **_: seen.append(args[1]) or fake_comparison())
    assert run("compare", csv, *COLUMNS, "--cells", "slow_of_my_own", *own, "--duplicates", "last").code == 0
    assert seen == [("slow_of_my_own",)] and "slow_of_my_own" in cells.REGISTRY
    (tmp_path / "broken.py").write_text("1 / 0")
    mistake(run("predict", "own.tau", csv, "--import", "broken.py"), 1, "broken.py can't be run: ZeroDivisionError")
    mistake(run("predict", "own.tau", csv, "--import", "none.py"), 1, "none.py is not a Python file")


# ---- real processes


def test_help_and_check_load_no_heavy_package(csv: Path) -> None:
    code = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from tauflow.cli import main; main()"
    )
    for words in (["--help"], ["compare", "--help"], ["check", str(csv)]):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
        loaded = set(done.stderr.split())
        assert not loaded & {"torch", "pandas", "matplotlib", "jinja2"}, words


def test_a_reader_that_leaves_early_is_no_error(csv: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        tauflow_process("check", csv), stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (process.returncode, process.stderr) == (141, "")


def test_colours_on_a_terminal_unless_unwanted(csv: Path) -> None:
    words = tauflow_process("check", csv)
    coloured, bare = on_terminal(words, 60), on_terminal(words, 60, NO_COLOR="1")
    assert "\x1b[36m" in coloured
    assert "\x1b[36m" not in bare
    text = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    *facts, command = text.rstrip().splitlines()
    assert max(map(len, facts)) <= 60
    assert command.startswith("tauflow compare ")  # whole, to copy
    assert re.search(r"--horizon \d+$", command)


@pytest.mark.slow
def test_whole_way_in_real_processes(csv: Path, tmp_path: Path) -> None:
    columns = [*COLUMNS, *QUICK, "--duplicates", "last"]
    words = tauflow_process("compare", csv, *columns, "--cells", "ctrnn", "--page", "page.html", "--json", "all.json")
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(io.StringIO(done.stdout))
    assert set(rows["model"]) == {"ctrnn", "ridge", "seasonal_naive", "persistence"}
    assert rows["mae"].is_monotonic_increasing
    page = (tmp_path / "page.html").read_text()
    assert page.count("<svg") >= 7
    assert json.loads((tmp_path / "all.json").read_text())["rows"][0]["model"] == rows["model"][0]
    assert {path.name for path in tmp_path.iterdir()} == {"page.html", "all.json"}


@pytest.mark.slow
def test_ctrl_c_ends_a_comparison_and_its_processes(csv: Path, tmp_path: Path) -> None:
    words = tauflow_process(
        "compare", csv, "--target", "volume", "--duplicates", "last", "--epochs", 5000, "--page", "p.html", "-q"
    )
    process = subprocess.Popen(
        words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    for _ in range(600):  # a slow machine may load its libraries for long
        time.sleep(0.1)
        if members(process.pid) > 2:
            break
    time.sleep(4)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "interrupted\n"
    assert list(tmp_path.iterdir()) == []
    assert gone(process.pid)


def members(group: int) -> int:
    """How many processes a group has; where the system doesn't tell, enough."""
    if not Path("/proc/self/stat").exists():
        return 99
    found = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            found += int(file.read_text().rpartition(")")[2].split()[2]) == group
    return found


def gone(group: int) -> bool:
    """Has every process of the group ended within five seconds?"""
    for _ in range(50):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
