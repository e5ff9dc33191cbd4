"""A stride: what follows a row on the calendar, found from the stamps alone, and on the clock of their zone."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from tauflow.data import read_table
from tauflow.data.clock import moment_of, offsets, wall_clock
from tauflow.data.stride import Clock, Even, Months, Weekdays, describe_step, find_stride
from tauflow.estimators import Forecaster

DAYS = pd.offsets.Day


def native(stamps) -> np.ndarray:
    return pd.DatetimeIndex(stamps).as_unit("ns").asi8


def holes(stamps: pd.DatetimeIndex, *missing: int) -> pd.DatetimeIndex:
    return stamps.delete(list(missing))


def every(freq: str, last: str, rows: int = 40, tz: str | None = None) -> pd.DatetimeIndex:
    return pd.date_range(end=last, periods=rows, freq=freq, tz=tz)


CALENDARS = {
    "month starts": (every("MS", "2019-12-01"), "2020-01-01 2020-02-01 2020-03-01"),
    "month starts before March": (every("MS", "2020-02-01"), "2020-03-01 2020-04-01"),
    "month ends": (every("ME", "2020-01-31"), "2020-02-29 2020-03-31 2020-04-30"),
    "month ends, two missing": (holes(every("ME", "2020-01-31"), 5, 20), "2020-02-29 2020-03-31"),
    "the 15th": (every("MS", "2020-01-01") + DAYS(14), "2020-02-15 2020-03-15"),
    "the 30th": (
        pd.DatetimeIndex([pd.Timestamp("2015-01-30") + pd.DateOffset(months=k) for k in range(38)]),
        "2018-03-30 2018-04-30",
    ),
    "last business days": (every("BME", "2020-01-31"), "2020-02-28 2020-03-31 2020-04-30 2020-05-29"),
    "first business days": (every("BMS", "2020-01-31"), "2020-02-03 2020-03-02 2020-04-01"),
    "quarter starts": (every("QS", "2020-01-01"), "2020-04-01 2020-07-01 2020-10-01"),
    "quarter ends": (every("QE", "2019-12-31"), "2020-03-31 2020-06-30 2020-09-30"),
    "half years": (every("6MS", "2020-01-01"), "2020-07-01 2021-01-01"),
    "years": (every("YS", "2020-01-01"), "2021-01-01 2022-01-01 2023-01-01"),
    "year ends": (every("YE", "2019-12-31"), "2020-12-31 2021-12-31"),
    "ends of February": (every("YE-FEB", "2020-02-29"), "2021-02-28 2022-02-28 2023-02-28 2024-02-29"),
    "business days": (every("B", "2020-12-04", 300), "2020-12-07 2020-12-08"),
    "business days with holidays": (holes(every("B", "2020-12-04", 300), 7, 50, 51, 120), "2020-12-07 2020-12-08"),
    "five weeks of business days": (every("B", "2020-12-04", 25), "2020-12-07 2020-12-08"),
    "all but Sundays": (
        pd.DatetimeIndex([d for d in every("D", "2020-12-05", 60) if d.weekday() != 6]),
        "2020-12-07 2020-12-08",
    ),
    "weeks": (every("W-WED", "2020-12-02"), "2020-12-09 2020-12-16"),
    "days": (every("D", "2020-12-04"), "2020-12-05 2020-12-06"),
}


@pytest.mark.parametrize("name", CALENDARS)
def test_rows_are_followed_as_the_calendar_says(name):
    stamps, expected = CALENDARS[name]
    frame = pd.DataFrame({"ds": stamps, "y": np.arange(len(stamps), dtype=float)})
    forecast = Forecaster("persistence", h=len(expected.split()), context=2).fit(frame, progress=False).predict()
    assert forecast["ds"].tolist() == [pd.Timestamp(day) for day in expected.split()]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("freq", ["D", "B", "7D"])
def test_local_midnight_is_followed_by_local_midnight(zone, freq):
    for last in ("2021-03-13", "2021-03-27", "2021-10-30", "2021-11-06"):
        wanted = pd.date_range(pd.date_range("2021-01-04", last, freq=freq, tz=zone)[-1], periods=6, freq=freq)
        stamps = pd.date_range("2021-01-04", last, freq=freq, tz=zone)
        stride = find_stride([native(stamps)], zone)
        assert stride.whole(native(wanted[:1]), np.arange(6), zone).tolist() == native(wanted).tolist()
        assert stride.whole(native(wanted[-1:]), -np.arange(6), zone).tolist() == native(wanted)[::-1].tolist()


def test_a_day_that_begins_at_one_is_followed_by_midnight():
    """In São Paulo the clock skipped midnight."""
    zone = "America/Sao_Paulo"
    days = [
        pd.Timestamp(day).tz_localize(zone, nonexistent="shift_forward")
        for day in pd.date_range("2018-09-01", "2018-11-07")
    ]
    time = native(days)
    stride = find_stride([time[:60]], zone)
    assert isinstance(stride, Clock)
    for row in (62, 63, 64):  # the day before, the day itself, the day after
        assert stride.whole(time[row : row + 1], np.array([1, 2]), zone).tolist() == time[row + 1 : row + 3].tolist()


def test_hours_of_a_zone_are_hours_that_pass_and_shifts_follow_the_clock():
    hours = pd.date_range("2021-03-01", "2021-04-10", freq="h", tz="Europe/Berlin")
    assert find_stride([native(hours)], "Europe/Berlin") == Even(3600e9)
    shifts = hours[hours.hour % 8 == 6]
    stride = find_stride([native(shifts)], "Europe/Berlin")
    assert isinstance(stride, Clock)
    before = native(shifts[shifts < "2021-03-28"])[-1:]
    assert (
        stride.whole(before, np.arange(1, 7), "Europe/Berlin").tolist()
        == native(shifts)[np.searchsorted(native(shifts), before[0]) + 1 :][:6].tolist()
    )


def test_uneven_rows_keep_the_median_gap():
    rng = np.random.default_rng(0)
    time = np.cumsum(rng.exponential(size=400) * 3600e9).astype(np.int64)
    assert find_stride([time], None) == Even(float(np.median(np.diff(time))))
    days = every("D", "2020-12-04", 60)[rng.random(60) > 0.3]  # weekdays are missing by chance
    assert isinstance(find_stride([native(days)], None), Even)
    assert "of the gaps differ" in describe_step([native(days)], None)


def test_two_weeks_of_business_days_are_enough():
    assert find_stride([native(every("B", "2020-12-04", 10))], None) == Weekdays("1111100")


def test_series_of_two_habits_keep_each_its_own():
    stride = find_stride([native(every("MS", "2020-01-01")), native(every("ME", "2020-01-31"))], None)
    ends = native(["2020-01-31", "2020-01-01", "2020-02-15"])
    assert stride.whole(ends, np.array(1), None).tolist() == native(["2020-02-29", "2020-02-01", "2020-03-15"]).tolist()


@pytest.mark.parametrize("scale", [0.1, 0.25, 1.0, 1e-3])
def test_numbers_stay_as_short_as_they_were_written(scale):
    frame = {"t": [float(repr(round(k * scale, 6))) for k in range(200)], "y": np.arange(200.0)}
    table = read_table(frame, time="t", target="y")
    forecast = Forecaster("persistence", h=12, context=2).fit(table, progress=False).predict()
    assert [repr(float(t)) for t in forecast["t"]] == [repr(round((199 + k) * scale, 6)) for k in range(1, 13)]


@pytest.mark.parametrize(
    ("stamps", "zone", "words"),
    [
        (every("ME", "2020-01-31"), None, "1 month, on the last day of the month"),
        (every("MS", "2020-01-01"), None, "1 month, on the same day"),
        (every("YS", "2020-01-01"), None, "1 year, on the same day"),
        (every("B", "2020-01-31", 200), None, "1 day, Monday to Friday"),
        (every("D", "2020-01-31", 40, "Europe/Berlin"), "Europe/Berlin", "1 d on the clock of Europe/Berlin"),
        (every("h", "2020-01-31"), None, "1 h, the median gap"),
        (every("D", "2020-01-31", 1), None, "unknown: no series has two rows"),
    ],
)
def test_the_step_is_said_in_words(stamps, zone, words):
    assert describe_step([native(stamps)], zone) == words


def test_the_stride_comes_back_from_a_file(tmp_path):
    for stamps in (
        every("ME", "2020-01-31"),
        every("B", "2020-12-04", 60),
        every("D", "2021-03-27", 40, "Europe/Berlin"),
    ):
        model = Forecaster("persistence", h=3, context=2).fit(pd.DataFrame({"ds": stamps, "y": 1.0}), progress=False)
        model.save(tmp_path / "model.tau")
        again = Forecaster.load(tmp_path / "model.tau")
        assert again.encoder.stride == model.encoder.stride
        assert isinstance(again.encoder.stride, Months | Weekdays | Clock)


ZONES = ["Europe/Berlin", "America/Sao_Paulo", "Africa/Casablanca", "Australia/Lord_Howe", "Pacific/Apia", "UTC+05:30"]


@pytest.mark.parametrize("zone", ZONES)
def test_the_clock_is_that_of_python(zone):
    ends = np.array(["1930-01-01", "2080-01-01"], "M8[ns]").astype(np.int64)
    time = np.random.default_rng(0).integers(*ends, size=500)
    place = dt.timezone(dt.timedelta(hours=5, minutes=30)) if zone == "UTC+05:30" else ZoneInfo(zone)
    began = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    there = [(began + dt.timedelta(seconds=ns // 10**9)).astimezone(place).replace(tzinfo=None) for ns in time.tolist()]
    shown = np.array(there, "M8[s]").astype(np.int64) * 10**9 + time % 10**9
    assert wall_clock(time, zone).tolist() == shown.tolist()
    assert moment_of(shown, zone, time).tolist() == time.tolist()
    assert offsets(np.zeros(0, np.int64), zone).tolist() == []


def test_an_hour_that_the_clock_skips_is_the_one_after_and_one_shown_twice_the_one_near_by():
    half_past_two = native(["2021-03-28 02:30", "2021-10-31 02:30"])
    utc = native(["2021-03-28 01:30", "2021-10-31 00:30", "2021-10-31 01:30"])
    hour = 3_600_000_000_000
    for near in (-hour, 0, hour):
        assert moment_of(half_past_two[:1], "Europe/Berlin", utc[:1] + near).tolist() == utc[:1].tolist()
    for near in utc[1:]:
        assert moment_of(half_past_two[1:], "Europe/Berlin", np.array([near])).tolist() == [near]


@pytest.mark.parametrize("hour", range(8))
@pytest.mark.parametrize("month", [3, 10])
def test_shifts_that_begin_where_the_clock_changes_follow_it(hour, month):
    """Three shifts a day, whatever their hour: also those that begin at the very moment of the change."""
    zone = "Europe/Berlin"
    days = pd.date_range(f"2021-{month:02d}-01", periods=40)
    shifts = [
        (day + pd.Timedelta(hours=h)).tz_localize(zone, nonexistent="shift_forward", ambiguous=True)
        for day in days
        for h in (hour, hour + 8, hour + 16)
    ]
    time = native(shifts)
    stride = find_stride([time], zone)
    assert stride == Clock(8 * 3600 * 10**9, hour * 3600 * 10**9)
    for row in range(75, len(time) - 3):
        assert stride.whole(time[row : row + 1], np.arange(3), zone).tolist() == time[row : row + 3].tolist()
