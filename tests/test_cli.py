"""The command line: what it prints, where, with which exit code, and one line for every mistake a person makes.

Most commands run inside this process; a few run as real processes, where pipes, signals and start-up count.
"""

from __future__ import annotations

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from comparisons import MODELS, fake_comparison

import tauflow
from tauflow import estimators
from tauflow.cli import main
from tauflow.cli.comparison import Watch, table
from tauflow.cli.options import asks, reading
from tauflow.cli.output import plain

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
    assert "1 d" in told
    rows = pd.read_csv(io.StringIO(run("check", csv, "--format", "csv").out))
    assert list(rows.columns) == ["what", "finding"]


def test_what_check_tells_to_run_next_runs(run: Run, csv: Path, tmp_path: Path, compared: list[dict[str, Any]]) -> None:
    odd = tmp_path / "odd table.csv"
    odd.write_text(csv.read_text().replace("ds,volume", 'when,"power, kW"', 1))
    command = json.loads(run("check", odd).out)["command"]
    done = run(*shlex.split(command)[1:])
    assert (done.code, done.err) == (0, "")
    (asked,) = compared
    assert asked["data"].schema.targets == ("power, kW",)
    assert asked["h"] == 24


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
    assert (done.code, done.err) == (0, "")
    facts = json.loads(done.out)
    assert facts["model"] == "m.tau"
    assert facts["parameters"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["m.tau"]
    done = run("predict", "m.tau", csv, "--duplicates", "last")
    assert (done.code, done.err) == (0, "")
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
    assert (holiday.code, holiday.err) == (0, "")
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
    assert (done.code, done.err) == (0, "")
    (asked,) = compared
    data = asked.pop("data")
    assert (data.schema.past, data.schema.future) == (("temperature",), ("holiday",))
    assert asked == {
        "cells": ("cfc", "gru"), "h": 6, "test": 0.1, "seeds": range(5, 7), "units": 4, "context": 12, "epochs": 1,
        "season": [24.0, 168.0],
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
    assert done.err == f"the page is {tmp_path / 'p.html'}\n"
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


def test_only_the_best_row_is_bold() -> None:
    console = screen(200)
    console.print(table(console, fake_comparison().rows))
    bold = [line for line in console.file.getvalue().splitlines() if "\x1b[1" in line]
    assert len(bold) == 1
    assert "187.4" in bold[0]


def test_watch_counts_every_seed_and_baselines_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tauflow.cli.comparison.console", lambda stderr: screen(100))
    with Watch(["cfc", "ridge"], 2, quiet=False) as watch:
        assert watch.bars is not None
        watch.told(estimators.Progress("cfc", 0, 6, 12, 0.5, 0.6))
        watch.told(estimators.Progress("cfc", 1, 12, 12, None, None, done=True))
        watch.told(estimators.Progress("ridge", 0, 12, 12, None, None, done=True))
        watch.told(estimators.Progress("unheard of", 0, 1, 1, None, None))
        tasks = {task.description: (task.completed, task.total) for task in watch.bars.tasks}
    assert tasks == {"cfc": (1.5, 2), "ridge": (1, 1), "seasonal_naive": (0, 1), "persistence": (0, 1)}


def test_watch_is_silent_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Watch(["cfc"], 1, quiet=False) as watch:
        watch.told(estimators.Progress("cfc", 0, 1, 12, 0.5, 0.6))
    assert capsys.readouterr() == ("", "")


# ---- mistakes


def mistake(done: Done, code: int, *words: str) -> None:
    assert done.code == code, done
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1, done.err
    for word in words:
        assert word in done.err
    assert "bug" not in done.err


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
    mistake(run(*compare, "--test", "2"), 1, "test is 2")
    mistake(run(*compare, "--test", "soon"), 1, "soon")
    mistake(run(*fit, "--season", "weekly"), 2, "--season", "weekly")
    mistake(run(*fit, "--duplicates", "newest"), 1, "'newest'", "last")
    mistake(run(*fit, "--zone", "Europe/Berln"), 1, "Europe/Berlin")
    for command in (fit, compare):
        mistake(run(*command, "--horizon", 0), 2, "--horizon")
    mistake(run(*fit, "--horizon", 1_000), 1, "smaller h")
    mistake(run("fit", csv, "--target", "volume", "-o", "m.tau"), 1, "duplicates")


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
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
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
    mistake(run("predict", model, csv), 1, "duplicates")
    common = ("predict", model, csv, "--duplicates", "last")
    mistake(run(*common, "--horizon", 7), 1, "7 steps", "6")
    mistake(run(*common, "--times", "2020-01-01"), 1, "before")
    mistake(run(*common, "--times", "tomorrow morning"), 1, "times")
    mistake(run(*common, "--times", "2020-01-21 21:00", "--horizon", 2), 2, "not both")
    mistake(run(*common, "--future", "none.csv"), 1, "none.csv")


def test_a_bug_says_so_and_how_to_see_it(run: Run, csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tauflow.data, "check", lambda *_, **__: {}["no such\nkey"])
    done = run("check", csv)
    assert done.code == 70
    assert done.err.count("\n") == 1
    assert f"tauflow --debug check {csv}" in done.err
    with pytest.raises(KeyError):
        main(["--debug", "check", str(csv)])


def test_interrupted_is_130(run: Run, csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tauflow.data, "check", press)
    assert run("check", csv) == Done(130, "", "interrupted\n")


def test_plain_is_one_printable_line() -> None:
    assert plain("a\n\tb\x07\x1b[0m é ± \u202e") == "a b\\x07\\x1b[0m é ± \\u202e"


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
    assert command.endswith("--horizon 24")


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
        "compare", csv, "--target", "volume", "--duplicates", "last", "--epochs", 5000, "--page", "p.html"
    )
    process = subprocess.Popen(
        words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    time.sleep(8)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == "interrupted\n"
    assert list(tmp_path.iterdir()) == []
    assert gone(process.pid)


def gone(group: int) -> bool:
    """Has every process of the group ended within five seconds?"""
    for _ in range(50):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
