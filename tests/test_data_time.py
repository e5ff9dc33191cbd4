"""Time: exact seconds across clock changes, leap days and units; what can't be known is refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tauflow.data import Series, read_table
from tauflow.data.read.chunk import as_tokens
from tauflow.data.read.times.stamps import parse_stamps
from tauflow.errors import DataError, ShapeError, TimeError

# zone, the night of the spring change and of the autumn change of 2021, on the wall clock; change at this hour (spring)
CHANGES = [
    ("Europe/Berlin", "2021-03-28", "2021-10-31", 1.0),
    ("America/Chicago", "2021-03-14", "2021-11-07", 1.0),
    ("Australia/Lord_Howe", "2021-10-03", "2021-04-04", 0.5),
    ("America/Santiago", "2021-09-05", "2021-04-03", 1.0),
]


def read(stamps: list[str] | list[object], **options: object) -> Series:
    table = read_table({"ds": np.array(stamps, dtype=object), "y": np.arange(float(len(stamps)))}, **options)
    return table.series[0]


@pytest.mark.parametrize(("zone", "spring", "autumn", "shift"), CHANGES)
@pytest.mark.parametrize("season", ["spring", "autumn"])
def test_elapsed_seconds_across_a_clock_change(zone: str, spring: str, autumn: str, shift: float, season: str) -> None:
    """Real clocks, every 15 minutes for two days: naive stamps with zone=, stamps with an offset, aware columns."""
    night = dt.datetime.fromisoformat(spring if season == "spring" else autumn).replace(tzinfo=ZoneInfo(zone))
    start = (night - dt.timedelta(days=1)).astimezone(dt.UTC)
    local = [(start + dt.timedelta(minutes=15 * k)).astimezone(ZoneInfo(zone)) for k in range(4 * 60)]
    offsets = {t.utcoffset() for t in local}
    assert len(offsets) == 2 and max(offsets) - min(offsets) == dt.timedelta(hours=shift)
    true = np.array([int(t.timestamp()) for t in local]) * 10**9
    naive = [t.replace(tzinfo=None).isoformat(" ") for t in local]
    for series in (
        read(naive, zone=zone),
        read([t.isoformat() for t in local]),
        read(list(local)),
        read_table(pd.DataFrame({"ds": pd.to_datetime(local, utc=True).tz_convert(zone), "y": 1.0})).series[0],
        read_table(pl.DataFrame({"ds": pl.Series(local), "y": [1.0] * len(local)})).series[0],
    ):
        np.testing.assert_array_equal(series.time, true)
        np.testing.assert_array_equal(series.gaps()[1:], 900.0)
    assert read_table({"ds": naive, "y": np.zeros(len(naive))}, zone=zone).schema.zone == zone


def test_a_time_that_the_clock_skips() -> None:
    with pytest.raises(DataError, match="row 1: 2021-03-28 02:30:00 does not exist in Europe/Berlin"):
        read(["2021-03-28 01:30", "2021-03-28 02:30", "2021-03-28 03:30"], zone="Europe/Berlin")


@pytest.mark.parametrize(
    "stamps",
    [
        ["2021-10-31 01:00", "2021-10-31 02:00", "2021-10-31 03:00"],  # which 02:00?
        ["2021-10-31 02:30"],
        ["2021-10-31 03:00", "2021-10-31 02:30", "2021-10-31 02:00", "2021-10-31 01:00"],  # backwards
        ["2021-10-31 01:00", "2021-10-31 01:00", "2021-10-31 02:00", "2021-10-31 02:00"],  # repeats everywhere
        ["2021-10-31 05:00", "2021-10-31 02:30", "2021-10-31 02:15", "2021-10-31 01:00"],
    ],
)
def test_a_time_that_came_twice_is_refused_where_the_rows_do_not_tell(stamps: list[str]) -> None:
    with pytest.raises(DataError, match="came twice in Europe/Berlin"):
        read(stamps, zone="Europe/Berlin", duplicates="last")


def test_a_time_that_came_twice_is_told_by_the_step_back() -> None:
    stamps = ["2021-10-31 01:30", "2021-10-31 02:30", "2021-10-31 02:00", "2021-10-31 02:45", "2021-10-31 03:00"]
    frame = {"ds": stamps * 2, "unique_id": ["b"] * 5 + ["a"] * 5, "y": np.arange(10.0)}
    table = read_table(frame, zone="Europe/Berlin")
    assert [s.id for s in table.series] == ["a", "b"]
    for series in table.series:
        np.testing.assert_array_equal(series.gaps(), [0, 3600, 1800, 2700, 900])
    assert any("6 stamps fell in an hour that Europe/Berlin has twice" in note for note in table.notes)


def test_zone_is_known_and_fits() -> None:
    with pytest.raises(DataError, match=r"nearest: .*'Europe/Berlin'"):
        read(["2021-10-31 01:30"], zone="Europe/Berlim")
    with pytest.raises(DataError, match="plain numbers"):
        read_table({"ds": [1.0, 2.0], "y": [1, 2]}, zone="Europe/Berlin")


def test_leap_days() -> None:
    series = read(["2012-02-28", "2012-02-29", "2012-03-01", "2000-02-29", "2100-02-28", "2100-03-01"])
    np.testing.assert_array_equal(np.diff(series.time[-2:]), 86_400 * 10**9)
    np.testing.assert_array_equal(series.gaps()[2:4], [86_400, 86_400])


EPOCH = 1_349_168_400


@pytest.mark.parametrize(("unit", "scale"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_epochs(unit: str, scale: int, tmp_path: Path) -> None:
    numbers = [EPOCH * scale, (EPOCH + 3600) * scale]
    path = tmp_path / "t.csv"
    path.write_text(f"ds,y\n{numbers[0]},1\n{numbers[1]},2\n")
    for source in (path, {"ds": np.array(numbers), "y": [1, 2]}, pl.DataFrame({"ds": numbers, "y": [1, 2]})):
        table = read_table(source, time_unit=unit)
        assert table.series[0].time.tolist() == [EPOCH * 10**9, (EPOCH + 3600) * 10**9]
        assert (table.schema.kind, table.schema.zone, table.schema.time_unit) == ("timestamp", "UTC", unit)
        if unit == "ns":
            with pytest.raises(DataError, match="give time_unit='ns'"):
                read_table(source)
            continue
        plain = read_table(source)
        assert plain.schema.kind == "number" and plain.series[0].time.dtype == np.float64
        assert any(f"time_unit='{unit}'" in note for note in plain.notes)
    for stamps in (np.array(numbers, dtype=f"M8[{unit}]"), pd.Series(np.array(numbers, dtype=f"M8[{unit}]"))):
        assert read_table({"ds": stamps, "y": [1, 2]}).series[0].time.tolist()[0] == EPOCH * 10**9


def test_fractions_of_epochs(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f'ds,y\n"{EPOCH},1",1\n{EPOCH}.123456789,2\n')
    assert read_table(path, time_unit="s").series[0].time.tolist() == [
        EPOCH * 10**9 + 10**8,
        EPOCH * 10**9 + 123_456_789,
    ]
    assert read_table({"ds": [EPOCH + 0.1], "y": [1]}, time_unit="s").series[0].time.tolist() == [EPOCH * 10**9 + 10**8]


def test_an_epoch_is_a_number() -> None:
    for text in ("1,349", "1e9", "x", "1.2.3"):
        with pytest.raises(DataError, match=f"row 0: '{text}' is no number of s"):
            read_table({"ds": [text], "y": [1]}, time_unit="s")
    assert read_table({"ds": ["-1.5"], "y": [1]}, time_unit="s").series[0].time.tolist() == [-1_500_000_000]


@pytest.mark.parametrize("options", [{"time_unit": "s"}, {}])
def test_float32_epochs_are_refused(options: dict[str, str]) -> None:
    numbers = np.array([EPOCH, EPOCH + 60], dtype=np.float32)
    for source in (
        {"ds": numbers, "y": [1, 2]},
        pd.DataFrame({"ds": numbers, "y": [1, 2]}),
        pl.DataFrame({"ds": numbers, "y": [1, 2]}),
    ):
        with pytest.raises(DataError, match="float32, whose steps are 128"):
            read_table(source, **options)
    assert read_table({"ds": np.arange(3, dtype=np.float32), "y": [1, 2, 3]}).series[0].gaps().tolist() == [0, 1, 1]


def test_units_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="check time_unit="):
        read_table({"ds": [EPOCH * 10**9], "y": [1]}, time_unit="s")
    with pytest.raises(DataError, match="expected one of s, ms"):
        read_table({"ds": [1], "y": [1]}, time_unit="h")
    with pytest.raises(DataError, match="holds time stamps already"):
        read_table({"ds": np.array(["2012-10-02"], "M8[s]"), "y": [1]}, time_unit="s")
    with pytest.raises(DataError, match="1678"):
        read_table({"ds": np.array(["9999-12-31"], "M8[s]"), "y": [1]})
    with pytest.raises(DataError, match="1678"):
        read_table(pl.DataFrame({"ds": [dt.date(9999, 12, 31)], "y": [1]}))


SPELLINGS = [
    "2012-10-02 09:05:00",
    "2012-10-02T09:05",
    "2012-10-02 9:05:00.000",
    "2012-10-02T09:05:00,000000000",
    "2012/10/2 09:05",
    "2012.10.02 09:05:00",
    "2012-10-02T09:05Z",
    "2012-10-02 09:05:00 UTC",
    "2012-10-02T11:05:00+02:00",
    "2012-10-02T04:05-0500",
    "2012-10-02 14:35:00 +0530",
    "2012-10-02 11:05+02",
    "20121002T090500Z",
    "20121002T0905",
    "2 October 2012 09:05",
    "02-Oct-2012 09:05:00",
    "Oct 2, 2012 9:05 AM",
    "October 2 2012, 09:05:00 am",
    "Tue, 02 Oct 2012 09:05:00 GMT",
    "2. Oct. 2012 09:05",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_spellings(text: str) -> None:
    stamps = parse_stamps(as_tokens([text]), None, str)
    assert stamps is not None
    assert stamps.nanoseconds.tolist() == [(EPOCH + 300) * 10**9]
    assert stamps.aware.tolist() == [
        text[-1] == "Z" or "UTC" in text or "GMT" in text or "+" in text or "-0500" in text
    ]


def test_more_spellings() -> None:
    def at(text: str, dayfirst: bool | None = None) -> str:
        stamps = parse_stamps(as_tokens([text]), dayfirst, str)
        assert stamps is not None
        return str(stamps.nanoseconds.view("M8[ns]")[0])[:16]

    assert at("10/2/2012 9:05 PM", dayfirst=False) == at("2.10.2012 21:05", dayfirst=True) == "2012-10-02T21:05"
    assert at("2012-10-02 12:00 AM") == at("2012-10-01 24:00") == "2012-10-02T00:00"
    assert at("2012-10-02 12:00 pm") == "2012-10-02T12:00"
    assert at("2012-10") == at("01/10/2012", dayfirst=True) == "2012-10-01T00:00"
    assert at("25/12/2012") == at("12/25/2012") == "2012-12-25T00:00"
    assert at("03-03-2012") == "2012-03-03T00:00"  # either way


@given(st.lists(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2250, 1, 1)), min_size=1, max_size=20), st.data())
@settings(deadline=None)
def test_any_stamp_reads_as_python_reads_it(times: list[dt.datetime], data: st.DataObject) -> None:
    hours = data.draw(st.integers(-12, 14))
    zone = dt.timezone(dt.timedelta(hours=hours, minutes=data.draw(st.integers(0, 59))))
    aware = [t.replace(tzinfo=zone) for t in times]
    stamps = parse_stamps(as_tokens([t.isoformat() for t in aware]), None, str)
    assert stamps is not None
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert stamps.nanoseconds.tolist() == [(t - epoch) // dt.timedelta(microseconds=1) * 1000 for t in aware]


def test_dates_without_marks() -> None:
    for column in (["20121002", "20121003"], [20121002, 20121003]):
        table = read_table({"ds": column, "y": [1, 2]})
        assert table.series[0].gaps().tolist() == [0, 86_400]
        assert any("YYYYMMDD" in note for note in table.notes)
    counts = {"ds": [20121002, 20129999], "y": [1, 2]}
    with pytest.raises(DataError, match=r"row 1: 20129999 is no date.*time_unit='number'"):
        read_table(counts)
    assert read_table(counts, time_unit="number").schema.kind == "number"


def test_series_says_what_is_wrong() -> None:
    empty = np.empty((2, 0))
    with pytest.raises(ShapeError, match=r"y has shape \(2,\)"):
        Series("a", np.array([1, 2]), np.zeros(2), empty, empty, np.empty(0))
    with pytest.raises(TimeError, match="'a': time must increase"):
        Series("a", np.array([2, 2]), np.zeros((2, 1)), empty, empty, np.empty(0))
    one = Series("a", np.array([5]), np.zeros((1, 1)), empty[:1], empty[:1], np.empty(0))
    assert one.gaps().tolist() == [0] and np.isnan(one.typical_gap()) and len(one) == 1
