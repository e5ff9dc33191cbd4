"""A schema remembers how a table was read; later tables and single moments are read by it, or refused."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tauflow.data import Schema, parse_times, read_table
from tauflow.errors import DataError


def schema_of(stamps: Any, **options: Any) -> Schema:
    return read_table({"ds": stamps, "y": np.arange(float(len(stamps)))}, **options).schema


def moment(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


NAIVE = schema_of(["2018-10-01", "2018-10-02"])
BERLIN = schema_of(["2018-10-01 08:00", "2018-10-02 08:00"], zone="Europe/Berlin")
AWARE = schema_of(["2018-10-01T08:00+02:00", "2018-10-02T08:00+02:00"])
DAY_FIRST = schema_of(["13/09/2018", "14/09/2018"])
SECONDS = schema_of([1_538_352_000, 1_538_438_400], time_unit="s")
NUMBERS = schema_of([0.5, 1.5])
MONTHS = schema_of([201811, 201812, 201901])


@pytest.mark.parametrize(
    ("schema", "given", "expected"),
    [
        (NAIVE, "2018-10-02", ["2018-10-02"]),
        (NAIVE, ["2018-10-02", "2018-10-03 07:30"], ["2018-10-02", "2018-10-03T07:30"]),
        (NAIVE, "Oct 2, 2018", ["2018-10-02"]),
        (NAIVE, ["2 October 2018 9 PM"], ["2018-10-02T21:00"]),
        (NAIVE, dt.datetime(2018, 10, 2, 3), ["2018-10-02T03:00"]),
        (NAIVE, dt.date(2018, 10, 2), ["2018-10-02"]),
        (NAIVE, pd.Timestamp("2018-10-02 00:00:00.123456789"), ["2018-10-02T00:00:00.123456789"]),
        (NAIVE, pd.date_range("2018-10-02", periods=2), ["2018-10-02", "2018-10-03"]),
        (NAIVE, pd.period_range("2018-10", periods=2, freq="M"), ["2018-10-01", "2018-11-01"]),
        (NAIVE, pd.Series(pd.to_datetime(["2018-10-02"])), ["2018-10-02"]),
        (NAIVE, pl.Series(["2018-10-02"]), ["2018-10-02"]),
        (NAIVE, np.array(["2018-10-02", "2018-10-01"], dtype="M8[D]"), ["2018-10-02", "2018-10-01"]),
        (NAIVE, [moment("2018-10-02"), moment("2018-10-03")], ["2018-10-02", "2018-10-03"]),
        (NAIVE, float(moment("2018-10-02")), ["2018-10-02"]),
        (NAIVE, 20181002, ["2018-10-02"]),
        (NAIVE, "2018Q4", ["2018-10-01"]),
        (NAIVE, [], []),
        (BERLIN, "2018-10-02 08:00", ["2018-10-02T06:00"]),
        (BERLIN, "2018-10-02T08:00+02:00", ["2018-10-02T06:00"]),
        (BERLIN, ["2021-10-31 02:30+02:00", "2021-10-31 02:30+01:00"], ["2021-10-31T00:30", "2021-10-31T01:30"]),
        (AWARE, ["2018-10-02T08:00+02:00", "2018-10-02T08:00Z"], ["2018-10-02T06:00", "2018-10-02T08:00"]),
        (AWARE, pd.Timestamp("2018-10-02 08:00", tz="Europe/Berlin"), ["2018-10-02T06:00"]),
        (AWARE, pd.date_range("2018-10-02", periods=1, tz="UTC"), ["2018-10-02"]),
        (DAY_FIRST, ["02/10/2018", "10/02/2018"], ["2018-10-02", "2018-02-10"]),
        (DAY_FIRST, "2018-10-02", ["2018-10-02"]),
        (SECONDS, [1_538_438_400.5], ["2018-10-02T00:00:00.5"]),
        (SECONDS, "1538438400.25", ["2018-10-02T00:00:00.25"]),
        (SECONDS, "2018-10-02T00:00Z", ["2018-10-02"]),
        (MONTHS, [201902, 201903], ["2019-02-01", "2019-03-01"]),
        (MONTHS, "201902", ["2019-02-01"]),
        (MONTHS, "2019-02", ["2019-02-01"]),
    ],
)
def test_moments(schema: Schema, given: Any, expected: list[str]) -> None:
    found = parse_times(given, schema)
    assert found.dtype == np.int64 and found.tolist() == [moment(text) for text in expected]


@pytest.mark.parametrize("given", [2.5, "2.5", [2.5], np.array([2.5]), pd.Series([2.5]), np.float32(2.5)])
def test_moments_of_plain_numbers(given: Any) -> None:
    found = parse_times(given, NUMBERS)
    assert found.dtype == np.float64 and found.tolist() == [2.5]
    assert parse_times(2019, NUMBERS).tolist() == [2019] and parse_times([44_197], NUMBERS).tolist() == [44_197]


@pytest.mark.parametrize(
    ("schema", "given", "message"),
    [
        (NAIVE, "tomorrow-ish", "--times: 'tomorrow-ish' is no time stamp"),
        (NAIVE, ["2018-10-02", "x"], r"--times\[1\]: 'x' is no time stamp"),
        (NAIVE, "02/10/2018", "could be two dates.*YYYY-MM-DD"),
        (NAIVE, "2018-10-02T00:00+02:00", "has an offset, the stamps of the table have none"),
        (NAIVE, pd.Timestamp("2018-10-02", tz="UTC"), "has an offset"),
        (NAIVE, ["2018-10-02", "2018-10-02T00:00Z"], "other rows without"),
        (NAIVE, 7.5, "--times has 7.5; expected what column 'ds' holds, time stamps"),
        (NAIVE, [None], "--times"),
        (NAIVE, [pd.NaT], "--times"),
        (NAIVE, True, "true/false"),
        (BERLIN, "2021-03-28 02:30", "does not exist in Europe/Berlin"),
        (BERLIN, "2021-10-31 02:30", "came twice in Europe/Berlin"),
        (AWARE, "2018-10-02 08:00", "has no offset, the stamps of the table have one"),
        (AWARE, dt.datetime(2018, 10, 2), "has no offset"),
        (DAY_FIRST, "10/25/2018", "month that does not exist"),
        (SECONDS, "2018-10-02", "has no offset"),
        (NUMBERS, "2018-10-02", "expected what column 'ds' holds, plain numbers"),
        (NUMBERS, dt.date(2018, 10, 2), "plain numbers"),
        (MONTHS, 201913, "is no YYYYMM date"),
    ],
)
def test_moments_that_are_refused(schema: Schema, given: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_times(given, schema, "--times")


@pytest.mark.parametrize("schema", [NAIVE, BERLIN, AWARE, DAY_FIRST, SECONDS, NUMBERS, MONTHS])
def test_a_schema_is_plain_json(schema: Schema) -> None:
    told = json.loads(json.dumps(asdict(schema)))
    tuples = {name: tuple(value) for name, value in told.items() if isinstance(value, list)}
    again = Schema(**told | tuples)
    assert again == schema and asdict(again) == asdict(schema)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["2018-10-01", "2018-10-02"], ["2018-10-03T00:00Z"]),
        (["2018-10-01T00:00Z", "2018-10-02T00:00Z"], ["2018-10-03"]),
    ],
)
def test_two_clocks_never_mix(first: list[str], second: list[str]) -> None:
    schema = schema_of(first)
    later = {"ds": second, "y": [np.nan]}
    with pytest.raises(DataError, match=r"stamps with(out)? an offset, the table before had them"):
        read_table(later, schema=schema)
    for stamps in (pd.to_datetime(second), pd.Series(pd.to_datetime(second))):
        with pytest.raises(DataError, match="the table before had them"):
            read_table(pd.DataFrame({"ds": stamps, "y": [np.nan]}), schema=schema)


def test_a_zone_joins_the_clocks() -> None:
    aware = read_table({"ds": ["2018-10-02T08:00+02:00"], "y": [1]}, schema=BERLIN)
    naive = read_table({"ds": ["2018-10-02 08:00"], "y": [1]}, schema=BERLIN)
    told = read_table({"ds": ["2018-10-02 08:00"], "y": [1]}, schema=AWARE, zone="Europe/Berlin")
    for table in (aware, naive, told):
        assert table.series[0].time.tolist() == [moment("2018-10-02T06:00")]


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("ds,y\n01/02/2018,1\n02/02/2018,2\n", {"dayfirst": True}),
        ("ds,y\n01/02/2018,1\n02/02/2018,2\n", {"dayfirst": False}),
        ('ds,y\n2018-10-01,"1,100"\n2018-10-02,"1,200"\n', {"decimal": ","}),
        ("ds;y\n2018-10-01;1.100\n2018-10-02;1.200\n", {"decimal": "."}),
        ("ds y\n2018-10-01 1\n2018-10-02 2\n", {"delimiter": " "}),
        ("ds,y\n2018-10-01,1\n2018-10-01,2\n", {"duplicates": "last"}),
        ("ds,y\n1538352000,1\n1538438400,2\n", {"time_unit": "s"}),
        ("ds,y\n44197,1\n44198,2\n", {"time_unit": "excel"}),
        ("ds,y\n2018,1\n2019,2\n", {"time_unit": "number"}),
        ("ds,y\n200101,1\n200102,2\n", {"time_unit": "YYYYMM"}),
        ("ds,y\n2018-10-01 02:00,1\n2018-10-02 02:00,2\n", {"zone": "Europe/Berlin"}),
        ("Date,Time,y\n2018-10-01,02:00,1\n2018-10-02,02:00,2\n", {"time": "Date,Time"}),
        ("year,month,y\n2018,1,1\n2018,2,2\n", {}),
    ],
)
def test_the_file_that_was_read_is_read_again_by_its_schema(text: str, options: dict[str, Any], tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", text)
    first = read_table(path, **options)
    told = Schema(
        **{k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(json.dumps(asdict(first.schema))).items()}
    )
    again = read_table(path, schema=told)
    assert asdict(again.schema) == asdict(first.schema)
    np.testing.assert_array_equal(again.series[0].time, first.series[0].time)
    np.testing.assert_array_equal(again.series[0].y, first.series[0].y)


def test_what_a_schema_remembers_gives_way_to_what_is_there(tmp_path: Path) -> None:
    """A table of the same columns written otherwise is read as it is written, not as the first one was."""
    first = read_table(write(tmp_path, "a.csv", "ds y\n2018-10-01 1\n2018-10-02 2\n"), delimiter=" ").schema
    assert read_table(write(tmp_path, "b.csv", "ds,y\n2018-10-03,5\n"), schema=first).series[0].y.tolist() == [[5]]
    comma = read_table(write(tmp_path, "c.csv", 'ds,y\n2018-10-01,"1,5"\n'), decimal=",").schema
    assert read_table(write(tmp_path, "d.csv", "ds,y\n2018-10-03,5.25\n"), schema=comma).series[0].y.tolist() == [
        [5.25]
    ]
    assert read_table({"ds": pd.to_datetime(["2019-04-01"]), "y": [1]}, schema=MONTHS).series[0].time.tolist() == [
        moment("2019-04-01")
    ]
    with pytest.raises(DataError, match="month that does not exist"):
        read_table({"ds": ["10/25/2018"], "y": [1]}, schema=DAY_FIRST)
