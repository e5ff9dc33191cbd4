"""Tables, times and cuts are read by one rule, that of `read_table`, on the clock of the table that the model learned from."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tauflow
from tauflow.data import read_table
from tauflow.errors import DataError, TauflowError
from tauflow.estimators import Forecaster, ForecastError
from tauflow.estimators.comparing.split import test_start as start_of_test
from tauflow.estimators.reading import moment

QUICK = {"h": 6, "context": 8}
HOUR = 3_600_000_000_000


def hourly(rows: int = 300, start: str = "2024-01-01", zone: str | None = None, **columns) -> pd.DataFrame:
    stamps = pd.date_range(start, periods=rows, freq="h", tz=zone)
    return pd.DataFrame({"ds": stamps, "y": 10 + np.sin(np.arange(rows) / 24 * 2 * np.pi), **columns})


def fit(data, **settings):
    return Forecaster("seasonal_naive", **QUICK).fit(data, **settings)


@pytest.fixture(scope="module")
def naive():
    return fit(hourly())


@pytest.fixture(scope="module")
def berlin():
    return fit(hourly(zone="Europe/Berlin"))


# Times


@pytest.mark.parametrize("order", ["day first", "day first by option"])
def test_times_are_day_first_where_the_table_is(tmp_path, order):
    days = pd.date_range("2018-03-01", periods=300, freq="D")
    if order == "day first by option":
        days = days[days.day <= 12]  # no row tells
    frame = pd.DataFrame({"ds": days.strftime("%d/%m/%Y"), "y": np.arange(len(days)) % 7.0})
    settings = {"dayfirst": True} if order == "day first by option" else {}
    path = tmp_path / "t.csv"
    frame.to_csv(path, index=False)
    model = Forecaster("persistence", h=2, context=2, validation=0.4).fit(path, **settings)
    after = pd.Timestamp("2018-12-26") if order == "day first" else pd.Timestamp("2018-12-13")
    wanted = after.strftime("%d/%m/%Y")
    assert model.predict(times=[wanted])["ds"].tolist() == [after]
    model.save(tmp_path / "m.tau")
    again = Forecaster.load(tmp_path / "m.tau")
    assert again.predict(path, times=wanted)["ds"].tolist() == [after]
    if order == "day first":
        with pytest.raises(ForecastError, match="at or before"):
            model.predict(times=["10/02/2018"])  # 10 February


STAMPS = [
    ["2024-01-13 12:30"],
    ["2024-01-14", "2024-01-13 14:30"],
    ["13 January 2024 12:30", "2024-01-13T14:30:15.25"],
    "2024-01-13 12:30",
    pd.Timestamp("2024-01-13 12:30"),
    np.datetime64("2024-01-13T12:30"),
    dt.datetime(2024, 1, 13, 12, 30),
    dt.date(2024, 1, 14),
    pd.Series(pd.to_datetime(["2024-01-13 12:30", "2024-01-13 13:30"])),
    pl.Series([dt.datetime(2024, 1, 13, 12, 30)]),
    pd.DatetimeIndex(["2024-01-13 12:30"]),
    pd.DataFrame({"ds": ["2024-01-13 12:30"]}),
    (one for one in ["2024-01-13 12:30"]),
    ["Jan 13, 2024 12:30"],
]


@pytest.mark.parametrize("times", STAMPS, ids=[str(k) for k in range(len(STAMPS))])
def test_every_form_of_a_time_stamp_is_read(times):
    frame = hourly().iloc[:297]  # to 2024-01-13 08:00
    found = Forecaster("persistence", h=24, context=8).fit(frame).predict(times=times)["ds"]
    assert (len(found) >= 1 and found.between("2024-01-13 12:00", "2024-01-14").all()) or found[0] == pd.Timestamp(
        "2024-01-13"
    )


def test_offsets_in_times_tell_the_two_hours_of_autumn_apart():
    model = fit(hourly(294, "2021-10-18 18:00", "Europe/Berlin"))
    last = model.table.series[0].time[-1]
    assert pd.Timestamp(last, tz="UTC") < pd.Timestamp("2021-10-31 00:30", tz="UTC")
    asked = ["2021-10-31 02:30+02:00", "2021-10-31 02:30+01:00"]
    found = (
        Forecaster("persistence", h=9, context=8)
        .fit(hourly(294, "2021-10-18 18:00", "Europe/Berlin"))
        .predict(times=asked)
    )
    assert [str(stamp) for stamp in found["ds"]] == ["2021-10-31 02:30:00+02:00", "2021-10-31 02:30:00+01:00"]
    with pytest.raises(DataError, match=r"came twice.*\+hh:mm"):
        model.predict(times=["2021-10-31 02:30"], zone="Europe/Berlin")


@pytest.mark.parametrize("times", [["tomorrow-ish"], [None], [], "soon", [[1, 2]], [object()]])
def test_times_that_are_none_are_refused_in_our_words(naive, times):
    with pytest.raises(DataError, match=r"^times") as refused:
        naive.predict(times=times)
    assert not re.search("pandas|utc=|ambiguous=|format", str(refused.value))


@pytest.mark.parametrize(("unit", "scale"), [("s", 1e9), ("ms", 1e6)])
def test_epochs_keep_their_fractions(unit, scale):
    start = 1_538_092_800_000_000_000
    table = {"t": (start + HOUR * np.arange(200)) // int(scale), "y": np.arange(200) % 5.0}
    model = Forecaster("persistence", h=6, context=8).fit(table, time="t", time_unit=unit)
    last = table["t"][-1]
    asked = [last + 0.9 * HOUR / scale + 0.5, last + HOUR / scale]
    assert model.predict(times=asked)["t"].tolist() == pytest.approx(asked, abs=1e-6)
    assert model.predict()["t"].dtype == np.int64
    assert model.predict(times=[str(int(asked[1]))])["t"].tolist() == [int(asked[1])]


@pytest.mark.parametrize("step", [0.1, 0.25, 1e-3, 7.0])
def test_steps_of_a_number_are_added_without_noise(step):
    time = [float(f"{k * step:.6g}") for k in range(200)]
    model = Forecaster("persistence", h=30, context=8).fit({"t": time, "y": np.arange(200) % 5.0}, time="t")
    assert model.predict()["t"].tolist() == [float(f"{k * step:.6g}") for k in range(200, 230)]


def test_numbers_as_time_may_be_written_as_text():
    model = Forecaster("persistence", h=6, context=8).fit({"t": np.arange(99.0), "y": np.arange(99.0)}, time="t")
    assert model.predict(times=["99.5", "100"])["t"].tolist() == [99.5, 100.0]
    for times in (["2020-01-01"], [pd.Timestamp("2020")], ["nan"], [np.inf]):
        with pytest.raises(DataError, match=r"^times"):
            model.predict(times=times)


# Two clocks


AWARE = ["2024-01-13 14:00+02:00", pd.Timestamp("2024-01-13 14:00", tz="Europe/Berlin"), "2024-01-13T14:00Z"]


@pytest.mark.parametrize("stamp", AWARE)
def test_a_model_without_a_zone_refuses_stamps_with_one(naive, stamp):
    with pytest.raises(DataError, match="has an offset"):
        naive.predict(times=[stamp])
    with pytest.raises(DataError, match="has an offset"):
        fit(hourly(), until=stamp)
    with pytest.raises(DataError, match="has an offset"):
        start_of_test(read_table(hourly()), stamp)
    with pytest.raises(DataError, match="has an offset"):
        naive.backtest(hourly(), stamp)


def test_rows_on_another_clock_are_refused(naive, berlin, tmp_path):
    there = hourly(zone="Europe/Berlin")
    forms = [there, read_table(there), pl.from_pandas(there)]
    there.to_csv(tmp_path / "aware.csv", index=False)
    for data in (*forms, tmp_path / "aware.csv"):
        for call in (naive.predict, lambda data: naive.backtest(data, "5D")):
            with pytest.raises(DataError, match="has stamps with an offset"):
                call(data)
    hourly().to_csv(tmp_path / "naive.csv", index=False)
    for data in (hourly(), read_table(hourly()), tmp_path / "naive.csv"):
        for call in (berlin.predict, lambda data: berlin.backtest(data, "5D")):
            with pytest.raises(DataError, match="has stamps without an offset"):
                call(data)
    assert len(berlin.predict(hourly(), zone="UTC")) == 6  # a named clock is no mixture
    with pytest.raises(DataError, match="has no offset"):
        berlin.predict(times=["2024-01-13 14:00"])
    assert str(berlin.predict(times=["2024-01-13 14:00"], zone="UTC")["ds"][0]) == "2024-01-13 15:00:00+01:00"
    assert str(berlin.predict(times=["2024-01-13 14:00Z"])["ds"][0]) == "2024-01-13 15:00:00+01:00"


def test_a_model_whose_zone_was_named_reads_both(tmp_path):
    path = tmp_path / "t.csv"
    hourly().to_csv(path, index=False)
    fit(path, zone="Europe/Berlin").save(tmp_path / "m.tau")
    model = Forecaster.load(tmp_path / "m.tau")
    assert [str(stamp) for stamp in model.predict(path, h=1)["ds"]] == ["2024-01-13 12:00:00+01:00"]
    local = model.predict(path, times=["2024-01-13 14:00"])
    pd.testing.assert_frame_equal(local, model.predict(path, times=["2024-01-13 13:00Z"]))


def test_future_on_another_clock_is_refused():
    model = Forecaster("ridge", **QUICK).fit(hourly(price=np.arange(300.0)), future="price")
    ahead = pd.DataFrame({"ds": pd.date_range("2024-01-13 12:00", periods=6, freq="h"), "price": 1.0})
    assert len(model.predict(future=ahead)) == 6
    with pytest.raises(DataError, match="has stamps with an offset"):
        model.predict(future=ahead.assign(ds=ahead["ds"].dt.tz_localize("Europe/Berlin")))
    there = Forecaster("ridge", **QUICK).fit(hourly(zone="Europe/Berlin", price=np.arange(300.0)), future="price")
    with pytest.raises(DataError, match="has stamps without an offset"):
        there.predict(future=ahead)


# Cuts


CUTS = ["2024-01-10", "2024-01-10 00:00", pd.Timestamp("2024-01-10"), dt.date(2024, 1, 10), np.datetime64("2024-01-10"),
        float(pd.Timestamp("2024-01-10").value), pd.Timestamp("2024-01-10").value, "83h", "3d 11 h",
        pd.Timedelta("83h"), dt.timedelta(hours=83), np.timedelta64(83, "h")]  # fmt: skip


@pytest.mark.parametrize("cut", CUTS, ids=[repr(cut) for cut in CUTS])
def test_until_start_and_test_take_the_same_moments(cut):
    frame = hourly()  # to 2024-01-13 11:00, so 83 h after the 10th
    model = fit(frame, until=cut)
    assert len(model.table.series[0]) == 216
    assert model.backtest(frame, cut).origins[0, 1] == 216
    assert model.backtest(frame, "2024-01-09", end=cut).time.max() < pd.Timestamp("2024-01-10").value
    if not isinstance(cut, (int, float)):  # a number is a share of the rows there
        assert start_of_test(read_table(frame), cut) == pd.Timestamp("2024-01-10").value


def test_a_cut_without_an_offset_is_on_the_clock_of_the_table():
    frame = hourly(zone="Europe/Berlin")
    for cut in (
        "2024-01-10",
        pd.Timestamp("2024-01-10"),
        "2024-01-09 23:00Z",
        pd.Timestamp("2024-01-10", tz="Europe/Berlin"),
    ):
        assert len(fit(frame, until=cut).table.series[0]) == 216


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("start", [0, 1_538_092_800])
def test_epoch_tables_are_cut_by_their_own_numbers(unit, start):
    scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    frame = {"t": (start + np.arange(200)) * scale, "y": np.sin(np.arange(200.0))}
    table = read_table(frame, time="t", target="y", time_unit=unit)
    for cut in (int(frame["t"][150]), str(frame["t"][150]), "49s"):
        assert moment(cut, table, "until") == (start + 150) * 10**9
    assert len(fit(table, until=int(frame["t"][150])).table.series[0]) == 150
    compared = tauflow.compare(table, ["ridge"], test="50s", jobs=1, **QUICK)
    assert compared.train_rows == 149


@pytest.mark.parametrize("cut", ["soon", "12M", "1 fortnight", float("nan"), [], object(), True])
def test_cuts_that_are_none_are_refused_by_name(cut):
    frame = hourly()
    model = fit(frame)
    for name, call in (("until", lambda: fit(frame, until=cut)), ("start", lambda: model.backtest(frame, cut))):
        with pytest.raises(DataError, match=f"^{name}"):
            call()


def test_number_tables_have_no_lengths():
    table = {"t": np.arange(200.0), "y": np.arange(200) % 7.0}
    assert len(Forecaster("persistence", **QUICK).fit(table, time="t", until=100).table.series[0]) == 100
    assert len(Forecaster("persistence", **QUICK).fit(table, time="t", until="100.5").table.series[0]) == 101
    for cut in ("90D", "2020-01-01", pd.Timestamp("2020")):
        with pytest.raises(DataError, match=r"^until"):
            Forecaster("persistence", **QUICK).fit(table, time="t", until=cut)


# The model's own columns and way of reading


def test_backtest_reads_a_frame_as_fit_did(tmp_path):
    frame = hourly(load=1000 + np.arange(300.0), x=np.arange(300) % 5.0)
    for options in ({"target": "load"}, {"target": "load", "past": ["x"]}, {"target": ["load", "x"], "future": ["y"]}):
        model = fit(frame, **options)
        table = read_table(frame, **options)
        whole = model.backtest(table, "3D")
        frame.to_csv(tmp_path / "t.csv", index=False)
        columns = {name: frame[name].tolist() for name in frame}  # to_dict makes whole numbers of stamps in pandas 2.2
        for data in (frame, pl.from_pandas(frame), tmp_path / "t.csv", columns):
            found = model.backtest(data, "3D")
            np.testing.assert_array_equal(found.truth, whole.truth)
            np.testing.assert_array_equal(found.forecast, whole.forecast)
        assert np.nanmin(found.truth[..., 0]) > 1000
    with pytest.raises(DataError, match="fitted with load"):
        fit(frame, target="load").backtest(read_table(frame, target="y"), "3D")
    with pytest.raises(DataError, match="fitted with x"):
        fit(frame, target="load", past=["x"]).predict(read_table(frame, target="load"))
    with pytest.raises(TauflowError):
        fit(frame, target="load").backtest(frame.drop(columns="load"), "3D")


READINGS = [
    ("date;y", "{:%d/%m/%Y};{}", {"dayfirst": True}, 60),
    ("date y", "{:%Y-%m-%d} {}", {"delimiter": " "}, 60),
    ("date;y", "{:%Y-%m-%d};{},500", {"decimal": ",", "delimiter": ";"}, 60),
    ("date,y", "{:%Y-%m-%d %H:%M},{}", {"zone": "America/Sao_Paulo"}, 60),
    ("date,y", "{:%Y%m%d},{}", {}, 60),
]


@pytest.mark.parametrize(("head", "line", "options", "rows"), READINGS, ids=[str(one[2]) for one in READINGS])
def test_a_model_file_remembers_how_its_table_was_read(tmp_path, head, line, options, rows):
    days = pd.date_range("2024-01-01 03:00", periods=5 * rows, freq="D")
    days = days[days.day <= 12][:rows]  # no row tells which is the day
    path = tmp_path / "t.csv"
    path.write_text("\n".join([head, *(line.format(day, k % 7) for k, day in enumerate(days))]) + "\n")
    model = Forecaster("persistence", h=2, context=2, validation=0.4).fit(path, time="date", **options)
    model.save(tmp_path / "m.tau")
    again = Forecaster.load(tmp_path / "m.tau")
    pd.testing.assert_frame_equal(again.predict(path), model.predict())
    comma = tmp_path / "comma.csv"  # another way to write a table is still found
    comma.write_text("date,y\n" + "".join(f"{day:%Y-%m-%d %H:%M},{k}\n" for k, day in enumerate(days)))
    if "decimal" not in options and options and head != "date;y":
        assert len(again.predict(comma)) == 2


def test_repeats_are_treated_as_in_fit(tmp_path):
    frame = pd.concat([hourly(), hourly().iloc[5:8].assign(y=1.0)])
    fit(frame, duplicates="last").save(tmp_path / "m.tau")
    model = Forecaster.load(tmp_path / "m.tau")
    forecast = model.predict(frame)
    assert any("kept the last" in note for note in forecast.attrs["notes"])
    with pytest.raises(DataError, match="duplicates"):
        model.predict(frame, duplicates="error")


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        ([1, 2, 10], np.int64),
        (np.array([1, 2, 10], np.int32), np.int64),
        (pd.array([1, 2, 10], "Int64"), np.int64),
        ([1.5, 2.0, 10.0], np.float64),
        (["a", "b", "c"], str),
        (["1", "2", "10"], str),
        (pd.Categorical(["a", "b", "c"]), str),
        ([True, False, True], str),
    ],
)
def test_ids_keep_their_type(ids, kind, tmp_path):
    column = pd.Series(ids).repeat(60).reset_index(drop=True)
    frame = pd.DataFrame({"unique_id": column, "ds": list(pd.date_range("2024", periods=60, freq="h")) * 3, "y": 1.0})
    if kind is str and column.dtype == bool:
        frame = frame.drop_duplicates(["unique_id", "ds"])
    frame["y"] = np.arange(len(frame)) % 7.0
    model = Forecaster("persistence", h=2, context=4).fit(frame)
    forecast = model.predict()
    assert {type(one) for one in forecast["unique_id"].tolist()} == {{np.int64: int, np.float64: float, str: str}[kind]}
    if column.dtype != bool:
        assert len(forecast.merge(frame[["unique_id"]].drop_duplicates(), on="unique_id")) == 6
    model.save(tmp_path / "m.tau")
    again = Forecaster.load(tmp_path / "m.tau")
    pd.testing.assert_frame_equal(again.predict(frame), forecast)


def test_ids_of_a_file_are_numbers_where_all_are_written_as_one(tmp_path):
    for names, kind in (
        (["1", "2", "10"], int),
        (["007", "8", "9"], str),
        (["-3", "0", "4"], int),
        (["1.0", "2", "3"], str),
    ):
        path = tmp_path / "t.csv"
        lines = [f"{name},2024-01-{day:02d},{day % 5}" for name in names for day in range(1, 31)]
        path.write_text("unique_id,ds,y\n" + "\n".join(lines))
        forecast = Forecaster("persistence", h=2, context=4).fit(path).predict()
        assert {type(one) for one in forecast["unique_id"].tolist()} == {kind}
        assert set(map(str, forecast["unique_id"])) == set(names)


def test_a_pandas_series_is_a_table():
    frame = hourly()
    series = pd.Series(frame["y"].to_numpy(), pd.DatetimeIndex(frame["ds"]), name="load")
    forecast = fit(series).predict()
    assert list(forecast.columns) == ["ds", "load"]
    np.testing.assert_array_equal(forecast["load"], fit(frame).predict()["y"])
    assert list(fit(series.rename(None)).predict().columns)[1] == "y"


def test_compare_and_check_are_public():
    from tauflow import data, estimators

    assert tauflow.compare is estimators.compare and tauflow.check is data.check
    assert {"compare", "check"} <= set(tauflow.__all__)
