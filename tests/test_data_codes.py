"""Codes are no quantities: dates written as numbers, periods and moments over several columns are read, or asked about."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tauflow.data import Table, read_table
from tauflow.errors import DataError


def stamps(table: Table) -> list[str]:
    """The times of the first series, short."""
    texts = [str(np.datetime64(int(t), "ns").astype("M8[ms]")) for t in table.series[0].time]
    return [text.removesuffix(".000").removesuffix(":00").removesuffix("T00:00") for text in texts]


def csv(folder: Path, header: str, rows: list[str]) -> Path:
    path = folder / "t.csv"
    path.write_text(header + ",y\n" + "".join(f"{row},{i}.5\n" for i, row in enumerate(rows)))
    return path


YEARS = [str(year) for year in range(1980, 1983)]
READ: dict[str, tuple[str, list[str], list[str]]] = {
    "YYYYMM": ("date", ["201911", "201912", "202001"], ["2019-11-01", "2019-12-01", "2020-01-01"]),
    "YYYYMM float": ("date", ["201911.0", "201912.0", "202001.0"], ["2019-11-01", "2019-12-01", "2020-01-01"]),
    "YYYYMMDD": ("date", ["20210131", "20210201"], ["2021-01-31", "2021-02-01"]),
    "YYYYMMDD float": ("date", ["20210131.0", "20210201.0"], ["2021-01-31", "2021-02-01"]),
    "YYYYMMDDHH": ("ds", ["2021013123", "2021020100"], ["2021-01-31T23:00", "2021-02-01"]),
    "YYYYMMDDHHMM": ("ds", ["202101312359", "202102010000"], ["2021-01-31T23:59", "2021-02-01"]),
    "YYYYMMDDHHMMSS": ("ds", ["20210131235930", "20210201000000"], ["2021-01-31T23:59:30", "2021-02-01"]),
    "packed clock": ("ds", ["20210131 2359", "20210201 0000"], ["2021-01-31T23:59", "2021-02-01"]),
    "hour alone": ("ds", ["2021-01-31 23", "2021-02-01 00"], ["2021-01-31T23:00", "2021-02-01"]),
    "years": ("year", YEARS, [f"{year}-01-01" for year in YEARS]),
    "quarter": ("ds", ["2019Q4", "2020Q1"], ["2019-10-01", "2020-01-01"]),
    "quarter, dash": ("ds", ["2019-Q4", "2020-Q1"], ["2019-10-01", "2020-01-01"]),
    "quarter first": ("ds", ["Q4 2019", "Q1 2020"], ["2019-10-01", "2020-01-01"]),
    "4Q2019": ("ds", ["4Q2019", "1Q2020"], ["2019-10-01", "2020-01-01"]),
    "week": ("ds", ["2020-W53", "2021-W01"], ["2020-12-28", "2021-01-04"]),
    "week, packed": ("ds", ["2020W53", "2021W01"], ["2020-12-28", "2021-01-04"]),
    "day of a week": ("ds", ["2019-W05-1", "2019-W05-2"], ["2019-01-28", "2019-01-29"]),
    "day of a week, packed": ("ds", ["2019W051", "2019W05-2"], ["2019-01-28", "2019-01-29"]),
    "day of the year": ("ds", ["2020-366", "2021-001"], ["2020-12-31", "2021-01-01"]),
    "month name": ("ds", ["Dec 2019", "Jan 2020"], ["2019-12-01", "2020-01-01"]),
    "month name, dash": ("ds", ["Dec-2019", "January-2020"], ["2019-12-01", "2020-01-01"]),
    "month name last": ("ds", ["2019 Dec", "2020 Jan"], ["2019-12-01", "2020-01-01"]),
    "month/year": ("ds", ["12/2019", "01/2020"], ["2019-12-01", "2020-01-01"]),
    "year/month": ("ds", ["2019/12", "2020/01"], ["2019-12-01", "2020-01-01"]),
    "12-hour clock": ("ds", ["2021-01-31 12:30 AM", "2021-01-31 12:30 PM"], ["2021-01-31T00:30", "2021-01-31T12:30"]),
    "12-hour clock, hour alone": ("ds", ["Jan 31 2021 3 PM", "Jan 31 2021 11 PM"], ["2021-01-31T15:00", "2021-01-31T23:00"]),
    "day first and offset": ("ds", ["31.01.2021 01:00 +0100", "01.02.2021 01:00 +0100"], ["2021-01-31", "2021-02-01"]),
    "RFC 2822": ("ds", ['"Sun, 31 Jan 2021 23:00:00 +0100"', '"Mon, 1 Feb 2021 00:00:00 GMT"'], ["2021-01-31T22:00", "2021-02-01"]),
    "JavaScript": (
        "ds",
        ["Sun Jan 31 2021 23:00:00 GMT+0100 (Central European Standard Time)", "Mon Feb 01 2021 01:00:00 GMT+0100 (CET)"],
        ["2021-01-31T22:00", "2021-02-01"],
    ),
    "web server": ("ds", ["31/Jan/2021:23:00:00 +0100", "01/Feb/2021:01:00:00 +0100"], ["2021-01-31T22:00", "2021-02-01"]),
    "ctime": ("ds", ["Sun Jan 31 23:00:00 2021", "Mon Feb  1 00:00:00 2021"], ["2021-01-31T23:00", "2021-02-01"]),
    "bracketed zone": (
        "ds",
        ["2021-01-31T23:00:00+01:00[Europe/Berlin]", "2021-02-01T01:00:00+01:00[Europe/Berlin]"],
        ["2021-01-31T22:00", "2021-02-01"],
    ),
    "UTC+1": ("ds", ["2021-01-31 23:00 UTC+1", "2021-02-01 01:00 UTC+01:00"], ["2021-01-31T22:00", "2021-02-01"]),
    "clock first": ("ds", ["23:00 31/01/2021", "00:00 01/02/2021"], ["2021-01-31T23:00", "2021-02-01"]),
    "Date, Time": ("Date,Time", ["2021-01-31,23:00", "2021-02-01,00:00"], ["2021-01-31T23:00", "2021-02-01"]),
    "Date, Time day first": ("Date,Time", ["31/01/2021,23:00", "01/02/2021,00:00"], ["2021-01-31T23:00", "2021-02-01"]),
    "date, hour": ("date,hour", ["2021-01-31,23", "2021-02-01,0"], ["2021-01-31T23:00", "2021-02-01"]),
    "year, month": ("year,month", ["2019,12", "2020,1"], ["2019-12-01", "2020-01-01"]),
    "year, month name": ("Year,Month", ["2019,Dec", "2020,Jan"], ["2019-12-01", "2020-01-01"]),
    "year, quarter": ("year,quarter", ["2019,4", "2020,1"], ["2019-10-01", "2020-01-01"]),
    "year, quarter Q": ("year,quarter", ["2019,Q4", "2020,Q1"], ["2019-10-01", "2020-01-01"]),
    "year, month, day": ("year,month,day", ["2021,1,31", "2021,2,1"], ["2021-01-31", "2021-02-01"]),
    "year to hour": ("year,month,day,hour", ["2021,1,31,23", "2021,2,1,0"], ["2021-01-31T23:00", "2021-02-01"]),
    "year to minute": ("yr,mo,dd,hh,mi", ["2021,1,31,23,5", "2021,2,1,0,0"], ["2021-01-31T23:05", "2021-02-01"]),
    "a day and its moment": ("date,ts", ["2021-01-31,2021-01-31 23:00", "2021-02-01,2021-02-01 00:00"], ["2021-01-31T23:00", "2021-02-01"]),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_read_as_dates(name: str, tmp_path: Path) -> None:
    header, rows, expected = READ[name]
    table = read_table(csv(tmp_path, header, rows), target="y")
    assert table.schema.kind == "timestamp"
    assert stamps(table) == expected
    assert table.series[0].y.ravel().tolist() == [i + 0.5 for i in range(len(rows))]


REFUSED: dict[str, tuple[str, list[str], str]] = {
    "Excel": ("date", ["44197", "44198"], "time_unit='excel' to read 44197 as 2021-01-01, or time_unit='number'"),
    "Excel with hours": ("timestamp", ["44197.5", "44197.75"], "time_unit='excel' to read 44197.5 as 2021-01-01 12:00"),
    "years under another name": ("ds", ["1999", "2000"], "time_unit='YYYY' to read 1999 as 1999-01-01"),
    "year and week": ("date", ["202050", "202053"], "time_unit='YYYYWW' to read 202050 as 2020-12-07"),
    "year and week by name": ("yearweek", ["202101", "202102"], "time_unit='YYYYWW'"),
    "YYMMDD": ("date", ["210130", "210131"], "time_unit='YYMMDD' to read 210130 as 2021-01-30"),
    "year and quarter": ("date", ["20194", "20201"], "time_unit='YYYYQ' to read 20194 as 2019-10-01"),
    "year and day": ("date", ["2020366", "2021001"], "time_unit='YYYYDDD' to read 2020366 as 2020-12-31"),
    "year.month": ("date", ["2019.11", "2019.12"], "write 2019-11, or give time_unit='number'"),
    "a code that breaks off": ("date", ["20210131", "20210132", "20210201"], "line 3: 20210132 is no date"),
    "two-digit year": ("ds", ["Jan-19", "Feb-19"], "two-digit year; write"),
    "two-digit quarter": ("ds", ["Q1 19", "Q2 19"], "two-digit year; write"),
    "month or quarter": ("ds", ["1/2019", "2/2019"], "month or a quarter; write 2019-01 or 2019Q1"),
    "week 53 of a year of 52": ("ds", ["2021-W52", "2021-W53"], "a week that does not exist"),
    "quarter 5": ("ds", ["2021Q4", "2021Q5"], "a quarter that does not exist"),
    "month 13": ("year,month", ["2021,12", "2021,13"], "time="),
    "zone's short name, day first": ("ds", ["31-01-2021 00:00 DST", "31-01-2021 01:00 DST"], "short name.*zone="),
    "zone's long name": ("ds", ["2021-01-31 00:00 Europe/Berlin"], "zone='Europe/Berlin'"),
    "zone in brackets alone": ("ds", ["2021-01-31T00:00[Europe/Berlin]", "2021-01-31T01:00"], "zone="),
    "span": ("ds", ["01.01.2021 00:00 - 01.01.2021 01:00"], "span of time; keep its start"),
    "span of hours": ("ds", ["2021-01-01 01:00-02:00", "2021-01-01 02:00-03:00"], "span of time"),
    "two orders of the day": ("ds", ["03.02.2021", "02/15/2021"], r"dayfirst=|change places"),
    "clock without its date": ("ds", ["09:00", "10:00"], "time='date,time'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_what_to_type(name: str, tmp_path: Path) -> None:
    header, rows, message = REFUSED[name]
    with pytest.raises(DataError, match=message):
        read_table(csv(tmp_path, header, rows), target="y")


@pytest.mark.parametrize(
    ("unit", "numbers", "expected"),
    [
        ("excel", ["44197", "44197.75"], ["2021-01-01", "2021-01-01T18:00"]),
        ("YYYY", ["1999", "2000"], ["1999-01-01", "2000-01-01"]),
        ("YYYYMM", ["200101", "200102"], ["2001-01-01", "2001-02-01"]),
        ("YYMMDD", ["200101", "200102"], ["2020-01-01", "2020-01-02"]),
        ("YYYYWW", ["202053", "202101"], ["2020-12-28", "2021-01-04"]),
        ("YYYYQ", ["20194", "20201"], ["2019-10-01", "2020-01-01"]),
        ("YYYYDDD", ["2020366", "2021001"], ["2020-12-31", "2021-01-01"]),
    ],
)
def test_what_was_asked_can_be_typed(unit: str, numbers: list[str], expected: list[str], tmp_path: Path) -> None:
    path = csv(tmp_path, "t", numbers)
    assert stamps(read_table(path, time_unit=unit)) == expected
    assert stamps(read_table({"t": np.array(numbers, dtype=float), "y": [1, 2]}, time_unit=unit)) == expected
    plain = read_table(path, time_unit="number").series[0]
    assert plain.time.tolist() == [float(number) for number in numbers]
    with pytest.raises(DataError, match=f"is no {unit} date"):
        read_table({"t": [1.5, 2.5], "y": [1, 2]}, time_unit=unit)


@pytest.mark.parametrize(
    "numbers", [np.arange(60.0), np.arange(0, 1, 0.1), [-5, 0, 5], np.arange(10**6, 10**6 + 9), [1000.5, 2012.9]]
)
def test_plain_numbers_stay_plain(numbers: Any) -> None:
    table = read_table({"t": numbers, "y": np.arange(float(len(numbers)))})
    assert table.schema.kind == "number" and not [note for note in table.notes if "time" in note]


@pytest.mark.parametrize(
    ("days", "name"), [(np.arange(43_000.0, 43_010), "t"), (np.arange(1959, 1961, 1 / 12) + 0.01, "t")]
)
def test_numbers_that_may_be_dates_are_noted(days: Any, name: str) -> None:
    table = read_table({name: days, "y": np.arange(float(len(days)))})
    assert table.schema.kind == "number" and any("time" in note for note in table.notes)


def sources(dates: list[str]) -> dict[str, Any]:
    """The same column in every type that people keep it in."""
    at = pd.to_datetime(dates)
    whole = [int(date.replace("-", "")) for date in dates]
    y = [1.5, 2.5, 3.5]
    frame = pd.DataFrame({"date": dates, "y": y})
    return {
        "text": frame,
        "stamps": frame.assign(date=at),
        "stamps in seconds": frame.assign(date=at.astype("M8[s]")),
        "days": frame.assign(date=[d.date() for d in at]),
        "objects": frame.assign(date=np.array([d.to_pydatetime() for d in at], dtype=object)),
        "periods": frame.assign(date=at.to_period("D")),
        "categories": frame.assign(date=pd.Categorical(dates)),
        "strings": frame.assign(date=pd.array(dates, dtype="string")),
        "integers": frame.assign(date=whole),
        "nullable integers": frame.assign(date=pd.array(whole, dtype="Int64")),
        "floats": frame.assign(date=np.array(whole, dtype=float)),
        "index": frame.assign(date=at).set_index("date"),
        "index of periods": frame.assign(date=at.to_period("D")).set_index("date"),
        "index of text": frame.set_index("date"),
        "several levels": frame.assign(date=at, k="a").set_index(["k", "date"]),
        "column": frame.assign(date=at).set_index("date")["y"],
        "column of periods": frame.assign(date=at.to_period("D")).set_index("date")["y"],
        "polars": pl.DataFrame({"date": dates, "y": y}),
        "polars days": pl.DataFrame({"date": [d.date() for d in at], "y": y}),
        "polars integers": pl.DataFrame({"date": whole, "y": y}),
        "arrow": pa.table({"date": dates, "y": y}),
        "arrow days": pa.table({"date": [d.date() for d in at], "y": y}),
        "dict": {"date": dates, "y": y},
        "dict of integers": {"date": whole, "y": y},
    }


DATES = ["2021-01-30", "2021-01-31", "2021-02-01"]


@pytest.mark.parametrize("name", sources(DATES))
def test_the_same_moments_from_every_type(name: str) -> None:
    table = read_table(sources(DATES)[name], target="y")
    assert (table.schema.kind, table.schema.zone, table.schema.aware) == ("timestamp", None, False)
    assert stamps(table) == DATES
    assert table.series[0].y.ravel().tolist() == [1.5, 2.5, 3.5]


@pytest.mark.parametrize("frequency", ["M", "Q", "W", "Y"])
def test_periods_are_their_start(frequency: str, tmp_path: Path) -> None:
    periods = pd.period_range("2019-01-01", periods=4, freq=frequency)
    frame = pd.DataFrame({"ds": periods, "y": np.arange(4.0)})
    expected = periods.to_timestamp().as_unit("ns").asi8.tolist()
    assert read_table(frame).series[0].time.tolist() == expected
    if frequency in "MQ":  # a week is written as a span, a year as a number
        frame.to_csv(tmp_path / "t.csv", index=False)
        assert read_table(tmp_path / "t.csv").series[0].time.tolist() == expected


def test_clocks_of_a_frame_join_their_dates() -> None:
    frame = pd.DataFrame(
        {"Date": pd.to_datetime(DATES), "Time": [dt.time(9), dt.time(9, 30), dt.time(10)], "y": [1, 2, 3]}
    )
    table = read_table(frame)
    assert (table.schema.time, stamps(table)[1]) == ("Date,Time", "2021-01-31T09:30")
    assert "time is read from the columns Date, Time together" in table.notes
    assert stamps(read_table(pl.from_pandas(frame), time="Date,Time", target="y")) == stamps(table)


def test_columns_are_joined_as_named(tmp_path: Path) -> None:
    path = csv(tmp_path, "when,sunrise,Jahr,Monat", ["2021-01-31,7:45 AM,2019,12", "2021-02-01,7:44 AM,2020,1"])
    assert stamps(read_table(path, target="y")) == ["2021-01-31", "2021-02-01"]  # a sunrise is no clock of the row
    assert stamps(read_table(path, time="when,sunrise", target="y"))[0] == "2021-01-31T07:45"
    assert stamps(read_table(path, time="Jahr, Monat", target="y")) == ["2019-12-01", "2020-01-01"]
    with pytest.raises(DataError, match="no moment; expected a date and a clock"):
        read_table(path, time="sunrise,Monat", target="y")
    with pytest.raises(DataError, match="no column 'Tag'"):
        read_table(path, time="Jahr,Tag", target="y")


def test_ids_of_two_columns(tmp_path: Path) -> None:
    path = csv(tmp_path, "ds,shop,item", [f"2021-01-0{d},{s},{i}" for d in (1, 2) for s in "ab" for i in (7, 8)])
    table = read_table(path, id="shop,item", target="y")
    assert [series.id for series in table.series] == ["a/7", "a/8", "b/7", "b/8"]
    assert table.schema.id == "shop,item" and len(read_table(path, schema=table.schema)) == 4


@pytest.mark.parametrize("flags", [[True, False, True], pd.array([True, False, True], dtype="boolean"),
                                   np.array([True, False, True], dtype=object), ["True", "False", "True"],
                                   ["TRUE", "FALSE", "TRUE"], pd.array(["true", "false", "true"], dtype="string")])  # fmt: skip
def test_targets_that_are_true_or_false(flags: Any, tmp_path: Path) -> None:
    frame = pd.DataFrame({"ds": DATES, "y": flags})
    frame.to_csv(tmp_path / "t.csv", index=False)
    for source in (frame, tmp_path / "t.csv", pl.from_pandas(frame.astype({"y": str}))):
        table = read_table(source)
        assert table.series[0].y.ravel().tolist() == [1, 0, 1]
        assert "'y' is true or false: read as 1 and 0" in table.notes


def test_a_missing_flag_is_missing() -> None:
    for flags in (pd.array([True, None, False], dtype="boolean"), ["True", "", "False"], [True, None, False]):
        np.testing.assert_array_equal(read_table({"ds": DATES, "y": flags}).series[0].y.ravel(), [1, np.nan, 0])
    with pytest.raises(DataError, match="'True', which is no number"):
        read_table({"ds": DATES, "y": ["1", "True", "0"]})


@pytest.mark.parametrize("block", [1 << 22, 16])
def test_per_cents(block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tauflow.data.read.text.BLOCK", block)
    table = read_table(csv(tmp_path, "ds,p", ["2021-01-01,12%", "2021-01-02,", "2021-01-03,-3.5 %"]), target="p")
    np.testing.assert_array_equal(table.series[0].y.ravel(), [12, np.nan, -3.5])
    assert "'p' is written in per cent: 12% is read as 12" in table.notes
    for rows in (["2021-01-01,12%", "2021-01-02,13"], ["2021-01-01,12", "2021-01-02,13%"]):
        with pytest.raises(DataError, match=r"column 'p' has '1[23]%?', which is no number"):
            read_table(csv(tmp_path, "ds,p", rows), target="p")


def test_epochs_in_two_units_are_noted() -> None:
    table = read_table({"t": [1_609_459_200, 1_609_462_800_000], "y": [1, 2]})
    assert any("epochs in s and ms mixed" in note for note in table.notes)
    table = read_table({"t": [1_609_459_200, 1_609_462_800], "y": [1, 2]}, time_unit="ms")
    assert any("puts all rows at 1970-01-19: is it 's'?" in note for note in table.notes)


@pytest.mark.parametrize("first", ["2019-01", "2010-10", "1999-12"])
def test_months_before_years_are_not_numbers(first):
    months = pd.date_range(first, periods=30, freq="MS")
    text = [month.strftime("%m.%Y") for month in months]
    for stamps in (np.array(text, object), np.array(text, float)):
        with pytest.raises(DataError, match=f"could be months and years written {text[0]}; write {first}, or"):
            read_table({"ds": stamps, "y": np.arange(30.0)})
    assert read_table({"ds": np.array(text, float), "y": np.arange(30.0)}, time_unit="number").schema.kind == "number"
    assert read_table({"ds": np.arange(1, 13, 0.5), "y": np.arange(24.0)}).schema.kind == "number"
