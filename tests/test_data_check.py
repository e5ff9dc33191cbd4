"""`check` describes dirt that `read_table` refuses, and the command that it suggests can be run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tauflow import datasets
from tauflow.data import check, read_table
from tauflow.data.advice import duration
from tauflow.data.season import nearest_on_grid, seasons
from tauflow.errors import DataError

HOUR = 3600.0


@pytest.fixture(scope="module")
def traffic_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "traffic.csv"
    datasets.traffic().to_csv(path, index=False)
    return path


def test_traffic(traffic_csv: Path) -> None:
    found = check(traffic_csv)
    assert (found.row_count, found.id_count, found.id, found.time) == (48_204, 1, None, "ds")
    assert (found.duplicates, found.unsorted, found.long_gaps) == (7_629, 0, 2_588)
    assert (found.typical_gap, found.longest_gap) == (HOUR, 7387 * HOUR)
    assert (found.start, found.end) == ("2012-10-02 09:00:00", "2018-09-30 23:00:00")
    assert found.targets[0] == "volume"
    assert found.seasons == (24, 168)
    assert found.outliers["temp_K"] == 10 and found.columns["rain"].furthest == 9831.3
    assert found.categories == {"holiday": ("False", "True")}
    assert found.command == f"tauflow compare {traffic_csv} --target volume --duplicates last --horizon 24"
    assert read_table(traffic_csv, past=["rain", "weather"], **found.options).series[0].y.shape == (40_575, 1)
    assert len({name for name, _ in found.rows()}) > 8
    assert found.rows()[-1] == ("next", found.command)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["duplicates"] == 7_629


def test_a_frame_and_its_file_check_the_same(traffic_csv: Path) -> None:
    one, other = check(traffic_csv).to_dict(), check(datasets.traffic()).to_dict()
    for name in ("source", "command"):
        assert one.pop(name) != other.pop(name)
    assert one == other


def test_dirt_is_described(tmp_path: Path) -> None:
    path = tmp_path / "a b.csv"
    path.write_text("when,level,note,x,x,bad\n2,1,a,1,2,1\n1,,b,1,2,z\n1,inf,c,3,4,2\n")
    found = check(path, time="when")
    assert (found.duplicates, found.conflicts, found.unsorted) == (1, 1, 1)
    assert set(found.unreadable) == {"level", "bad", "x"}
    assert "line 4" in found.unreadable["level"] and "line 3" in found.unreadable["bad"]
    assert "'x' stands more than once" in found.unreadable["x"]
    assert found.columns["note"].observed == 3
    assert found.command == "" and found.obstacle.startswith(
        "no column of numbers is there to be forecast; mend 'level' first"
    )


def test_missing_and_constant() -> None:
    found = check({"ds": np.arange(40), "y": np.arange(40.0) % 7, "c": np.full(40, 2.0), "m": [None, *range(39)]})
    assert found.missing == {"m": 1} and found.constant == ("c",)
    assert found.targets[0] == "y" and "c" not in found.targets
    assert found.command == "tauflow compare data.csv --horizon 2"


def test_options_are_carried_into_the_command(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    epoch = 1_349_168_400
    path.write_text("stamp;who;load;z\n" + "".join(f"{epoch + 60 * i};s{i % 2};{i},5;{i}\n" for i in range(50)))
    found = check(path, time="stamp", id="who", past="z")
    assert found.options == {"past": "z", "time": "stamp", "id": "who", "target": "load", "time_unit": "s"}
    assert found.kind == "number" and found.id_count == 2
    again = check(path, **found.options)
    assert again.kind == "timestamp" and again.typical_gap == 120.0
    assert "--id who" in again.command and "--time-unit s" in again.command
    table = read_table(path, **found.options)
    assert len(table) == 2 and table.schema.past == ("z",)


def test_what_has_no_time_is_refused() -> None:
    with pytest.raises(DataError, match="no column that holds time"):
        check({"y": [1.0, 2.0]})
    with pytest.raises(DataError, match="nearest: 'y'"):
        check({"ds": [1, 2], "y": [1.0, 2.0]}, target="yy")


@pytest.mark.parametrize("rows", [1, 2])
def test_few_rows(rows: int) -> None:
    found = check({"ds": np.arange(rows), "y": np.arange(rows)})
    assert found.row_count == rows and found.to_dict()["long_gaps"] == 0
    assert found.rows()


def daily_and_weekly(hours: Any) -> Any:
    return np.sin(2 * np.pi * hours / 24) + 0.7 * np.cos(2 * np.pi * hours / 168)


def test_seasons() -> None:
    rng = np.random.default_rng(1)
    hours = np.arange(24 * 7 * 12.0)
    noise = 0.2 * rng.standard_normal(len(hours))
    assert seasons(hours * HOUR, daily_and_weekly(hours) + noise, HOUR) == (24, 168)
    assert seasons(hours * HOUR, np.sin(2 * np.pi * hours / 24) + noise, HOUR) == (24,)
    assert seasons(hours * HOUR, noise, HOUR) == ()
    assert seasons(hours * HOUR, np.cumsum(noise), HOUR) == ()
    kept = np.sort(rng.choice(len(hours), len(hours) // 2, replace=False))  # gaps: half of the rows are gone
    assert seasons(hours[kept] * HOUR, (daily_and_weekly(hours) + noise)[kept], HOUR) == (24, 168)


def test_nearest_on_grid() -> None:
    seconds = np.array([0.0, 1.1, 2.0, 5.0])
    grid = nearest_on_grid(seconds, np.arange(4.0), 1.0)
    np.testing.assert_array_equal(grid, [0, 1, 2, np.nan, np.nan, 3])


def test_duration() -> None:
    assert [duration(s) for s in (0.5, 90, 3600, 129_600)] == ["0.5 s", "1.5 min", "1 h", "1.5 d"]


@pytest.mark.parametrize(
    ("stamps", "step"),
    [
        (pd.date_range("2019-01-31", periods=40, freq="ME"), "1 month, on the last day of the month"),
        (pd.date_range("2019-01-01", periods=40, freq="QS"), "3 months, on the same day"),
        (pd.date_range("2020-01-01", periods=90, freq="B"), "1 day, Monday to Friday"),
        (pd.date_range("2021-03-01", periods=60, tz="Europe/Berlin"), "1 d on the clock of Europe/Berlin"),
        (pd.date_range("2021-01-01", periods=60, freq="15min"), "15 min, the median gap"),
        (np.r_[0.0, np.cumsum([1.0, 2.0, 1.0] * 20)], "1, the median gap; 33% of the gaps differ from it"),
    ],
    ids=["month ends", "quarters", "business days", "local days", "minutes", "numbers"],
)
def test_the_step_is_told_and_why(stamps, step):
    found = check(
        {"ds": stamps if isinstance(stamps, np.ndarray) else pd.Series(stamps), "y": np.arange(float(len(stamps)))}
    )
    assert dict(found.rows())["step"] == step


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("big", [1e301, 1e308, -1.7e308])
@pytest.mark.parametrize("shape", ["all", "in turn", "one"])
def test_values_near_the_limit_are_named_before_a_command_is_told(big, shape):
    y = {"all": np.full(60, big), "in turn": np.where(np.arange(60) % 2, big, -big), "one": np.r_[np.arange(59.0), big]}
    found = check({"ds": pd.date_range("2021", periods=60).to_numpy(), "y": y[shape]})
    assert "too large to be computed with" in found.unreadable["y"] and not found.command
