"""The next command that `check` prints is run; where none can run, what must be mended is said."""

from __future__ import annotations

import re
import shlex
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tauflow import estimators
from tauflow.cli import main
from tauflow.data import check, read_table

N = 80
HOURS = [str(np.datetime64("2021-01-01T00") + k).replace("T", " ") + ":00" for k in range(N)]
DATES = [hour[:10] for hour in HOURS]
DAYS = [str(np.datetime64("2021-01-01") + k) for k in range(N)]
WAVE = [f"{10 + 3 * np.sin(k / 4) + k % 3:.2f}" for k in range(N)]


def csv(header: str, *columns: Any) -> str:
    rows = ["" if header is None else header]
    rows += [",".join(str(value) for value in row) for row in zip(*columns, strict=True)]
    return "\n".join(rows) + "\n"


def shops(names: list[str], header: str, numbers: Any = None) -> str:
    """One row a day and shop."""
    rows = [
        f"{day},{name},{(numbers or float)(k + 7 * j)}"
        for k, day in enumerate(DAYS[:40])
        for j, name in enumerate(names)
    ]
    return "\n".join([header, *rows]) + "\n"


EPOCHS = [1_609_459_200 + 3600 * k for k in range(N)]
# name: text, words that the command has, words that it has not
RUN: dict[str, tuple[str, str, str]] = {
    "plain": (csv("ds,y", HOURS, WAVE), "", "--target"),
    "other names": (csv("when,load", HOURS, WAVE), "--time when --target load", ""),
    "index written beside": (csv(",date,load", range(N), DAYS, WAVE), "--target load", "column 1"),
    "ids without a name": (shops(["A", "B"], "Date,Ticker,Close"), "--id Ticker --target Close", "--duplicates"),
    "ids by number": (shops(["1", "2", "3"], "date,store,units_sold"), "--id store --target units_sold", "--duplicates"),
    "ids in two columns": (
        csv("date,shop,item,sales", *zip(*[(d, s, i, k) for k, d in enumerate(DAYS[:30]) for s in "ab" for i in "xy"], strict=True)),
        "--id shop,item --target sales",
        "--duplicates",
    ),
    "price beside what is sold": (
        csv("date,store,price,units_sold", *zip(*[(d, s, 5 + k % 7, k % 11) for k, d in enumerate(DAYS) for s in "ab"], strict=True)),
        "--id store --target units_sold",
        "price",
    ),
    "size of a shop": (
        csv("date,store,size_m2,revenue", *zip(*[(d, s, len(s), k % 9) for k, d in enumerate(DAYS) for s in ("a", "bb")], strict=True)),
        "--target revenue",
        "size",
    ),
    "date and time": (csv("Date,Time,load", [h[:10] for h in HOURS], [h[11:] for h in HOURS], WAVE), "--time Date,Time --target load", ""),
    "date and hour": (csv("date,hour,load", DATES, [int(h[11:13]) for h in HOURS], WAVE), "--time date,hour", "--target hour"),
    "year to hour": (
        csv("year,month,day,hour,temp", *([h[a:b] for h in HOURS] for a, b in ((0, 4), (5, 7), (8, 10), (11, 13))), WAVE),
        "--time year,month,day,hour --target temp",
        "",
    ),
    "calendar beside the stamps": (
        csv("ts,month,weekday,hour,glucose,isig", HOURS, [1] * N, [k % 7 for k in range(N)], [k % 24 for k in range(N)], WAVE, WAVE),
        "--target glucose",
        "hour",
    ),
    "year and quarter": (
        csv("year,quarter,gdp", [1990 + k // 4 for k in range(N)], [k % 4 + 1 for k in range(N)], WAVE),
        "--time year,quarter --target gdp",
        "",
    ),
    "years": (csv("year,births", range(1900, 1900 + N), WAVE), "--time year --target births", ""),
    "YYYYMM": (csv("date,y", [f"{2010 + k // 12}{k % 12 + 1:02d}" for k in range(N)], WAVE), "--time date", "--time-unit"),
    "epoch": (csv("timestamp,y", EPOCHS, WAVE), "--time timestamp --time-unit s", ""),
    "epoch with an exponent": (csv("timestamp,y", [f"{e:.8E}" for e in EPOCHS], WAVE), "--time timestamp", "--time-unit"),
    "plain numbers": (csv("t,y", [k / 10 for k in range(N)], WAVE), "--time t", "--time-unit"),
    "per cent": (csv("ds,y", DAYS, [f"{k % 9}%" for k in range(N)]), "", ""),
    "true and false": (csv("ds,y", DAYS, [k % 3 == 0 for k in range(N)]), "", ""),
    "day first": (csv("ds,y", ["/".join(reversed(d.split("-"))) for d in DAYS], WAVE), "", "--dayfirst"),
    "decimal comma": (csv("ds,y", DAYS, WAVE).replace(",", ";").replace(".", ","), "", "--decimal"),
    "one bad cell beside": (csv("ds,y,z", DAYS, WAVE, ["n.a. (sensor)" if k == 51 else k for k in range(N)]), "", "--target"),
    "equal rows twice": (csv("ds,y", DAYS, WAVE) + f"{DAYS[3]},{WAVE[3]}\n", "", "--duplicates"),
    "one row twice": (csv("ds,y", DAYS, WAVE) + f"{DAYS[3]},99\n", "--duplicates last", ""),
    "weather twice an hour": (
        csv("ds,y,rain", HOURS, WAVE, [k % 2 for k in range(N)]) + f"{HOURS[3]},{WAVE[3]},9\n",
        "--duplicates last",
        "",
    ),
    "out of order": (csv("ds,y", DAYS[::-1], WAVE), "", ""),
    "names that look like options": (csv("ds,--help,-o", DAYS, WAVE, WAVE), "--target=--help", ""),
    "names with blanks and quotes": (csv("time stamp,it's T", DAYS, WAVE), "--time 'time stamp'", ""),
    "categories beside": (csv("ds,y,sky", DAYS, WAVE, ["fog" if k % 2 else "rain" for k in range(N)]), "", ""),
    "few rows": (csv("ds,y", DAYS[:20], WAVE[:20]), "--horizon 1", ""),
    "the word beside the words": (csv("ds,y,z", HOURS, WAVE, [k % 5 for k in range(N)]), "", "--target"),
    "a day beside its moment": (csv("date,ts,load", [h[:10] for h in HOURS], HOURS, WAVE), "--time ts --target load", ""),
}  # fmt: skip


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimators, "compare", partial(estimators.compare, jobs=1))


@pytest.mark.parametrize("name", RUN)
def test_the_next_command_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quickly: None
) -> None:
    text, has, has_not = RUN[name]
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(text)
    found = check("t.csv")
    assert found.obstacle == "" and found.command.startswith("tauflow compare t.csv")
    assert has in found.command and (not has_not or has_not not in found.command)
    table = read_table("t.csv", **found.options)
    assert sum(len(series) for series in table.series) >= 0.98 * found.row_count - 1  # next to no row is lost
    with pytest.raises(SystemExit) as end:
        main([*shlex.split(found.command)[1:], "--cells", "ridge", "--context", "4", "-q", "--format", "json"])
    told = capsys.readouterr()
    assert (end.value.code, told.err) == (0, "")
    assert '"ridge"' in told.out


# name: text, what check says must be done
OBSTACLES: dict[str, tuple[str, str]] = {
    "a bad cell": (csv("ds,y", DAYS, ["n.a. (sensor)" if k == 51 else k for k in range(N)]), "mend 'y' first: line 53"),
    "units": (
        csv("ds,load", DAYS, [f"{w} kW" for w in WAVE]),
        "'load' has '1[0-9.]* kW', a number with something round it",
    ),
    "money": (csv("ds,y", DAYS, [f'"$1,0{k + 10}.50"' for k in range(N)]), r"'y' has '\$1,010.50'"),
    "open decimal mark": (csv("ds,y", DAYS, [f'"1,{100 + k}"' for k in range(N)]), r"decimal='\.' or decimal=','"),
    "words alone": (csv("ds,y", DAYS, ["fog" if k % 2 else "rain" for k in range(N)]), "no column of numbers"),
    "constant": (csv("ds,z", DAYS, [5] * N), "no column of numbers that change"),
    "one row": (csv("ds,y", DAYS[:1], WAVE[:1]), "1 rows are too few"),
    "five rows": (csv("ds,y", DAYS[:5], WAVE[:5]), "5 rows are too few"),
    "infinite": (csv("ds,y", DAYS, ["inf", *WAVE[1:]]), "mend 'y' first: line 2.*infinite"),
    "twice in the header": (csv("ds,y,y", DAYS, WAVE, WAVE), "'y' stands more than once"),
    "many rows of one time": (
        csv("ds,y", [d for d in DAYS for _ in range(3)], [k * 0.37 % 5 for k in range(3 * N)]),
        "160 rows repeat a time with another 'y', and no column tells them apart",
    ),
    "a target that was named": (csv("ds,y,z", DAYS, WAVE, ["x", *WAVE[1:]]), "mend 'z' first: line"),
}


@pytest.mark.parametrize("name", OBSTACLES)
def test_what_must_be_mended_is_said(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, message = OBSTACLES[name]
    path = tmp_path / "t.csv"
    path.write_text(text)
    options = {"target": "z"} if "named" in name else {}
    found = check(path, **options)
    assert found.command == "" and found.rows()[-1] == ("next", found.obstacle)
    assert re.search(message, found.obstacle)
    with pytest.raises(SystemExit) as end:
        main(["check", str(path), "--format", "table", *(("--target", "z") if options else ())])
    told = capsys.readouterr().out
    assert end.value.code == 0 and "next, run" not in told and "first" in told


def test_a_path_that_looks_like_an_option_is_written_as_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-o").write_text(csv("ds,y", DAYS, WAVE))
    assert check("-o").command.startswith("tauflow compare ./-o --horizon")


def test_no_season_of_words() -> None:
    found = check({"ds": np.arange(200) * 86_400 * 10**9, "y": ["a", "b"] * 100}, time_unit="ns")
    assert found.seasons == () and found.obstacle


def test_the_id_that_was_found_is_told() -> None:
    found = check({"date": DAYS * 2, "station": ["a"] * N + ["b"] * N, "temp": np.arange(2.0 * N)})
    assert (found.id, found.id_count, found.conflicts, found.typical_gap) == ("station", 2, 0, 86_400.0)
    assert any("differ in 'station'" in note for note in found.notes)


def test_candidates_are_listed() -> None:
    rows = dict(found for found in check({"ds": DAYS, "a": np.arange(N) % 7, "b": np.arange(N) % 9}).rows())
    assert rows["could be forecast"] == "a, b (--target NAME chooses)"


@pytest.mark.parametrize("lag", [7, 12])
def test_the_season_is_the_one_of_the_series(lag: int) -> None:
    """A pattern that comes back after `lag` steps is found there and not beside it, where only it can be found."""
    step = {7: 86_400.0, 12: 300.0}[lag]
    rng = np.random.default_rng(0)
    once = rng.standard_normal(lag)
    times = (np.arange(lag * 30) * step * 1e9).astype("int64").view("M8[ns]")
    found = check({"ds": times, "y": np.tile(once, 30)})
    assert found.seasons[0] == lag


def could_be_forecast(**columns: Any) -> str:
    rows = dict(found for found in check({"ds": DAYS, **columns}).rows())
    return str(rows.get("could be forecast", rows.get("next"))).removesuffix(" (--target NAME chooses)")


def test_what_never_changes_is_never_known_or_marks_a_row_could_not_be_forecast() -> None:
    a, b = np.arange(N) % 7, np.arange(N) % 9
    nothing = np.full(N, np.nan)
    assert could_be_forecast(value=[5] * N, load=nothing, a=a, b=b) == "a, b"
    assert could_be_forecast(row=np.arange(N), is_open=np.arange(N) % 2, two=np.arange(N) % 2, a=a, b=b) == "a, b"
    height = {"station": ["a", "b"] * (N // 2), "height": np.arange(N // 2 * 2) % 2 + 0.5}
    days = np.repeat(DAYS[: N // 2], 2)
    found = check({"ds": days, **height, "a": (np.arange(N // 2 * 2) * 7) % 11, "b": (np.arange(N // 2 * 2) * 5) % 13})
    assert dict(found.rows())["could be forecast"].startswith("a, b (")  # the height of a station is no series


def test_names_that_are_often_forecast_come_first() -> None:
    names = ["other", "price", "sales_total", "kwh", "load", "y"]
    columns = {name: np.arange(N) % (k + 7) for k, name in enumerate(names)}
    assert could_be_forecast(**columns) == "y, load, sales_total, kwh, price, other"
