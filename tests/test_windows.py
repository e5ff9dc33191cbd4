"""What a model sees at an origin: nothing after it, gaps as they are, values found where they stand."""

from __future__ import annotations

import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tauflow.data import read_table
from tauflow.data.clock import wall_clock
from tauflow.data.series import Schema, Series, Table
from tauflow.errors import DataError
from tauflow.estimators import Forecaster
from tauflow.estimators.network import WindowSource
from tauflow.estimators.tables import upto
from tauflow.windows.calendar import Calendar, calendar_for
from tauflow.windows.learn import learn
from tauflow.windows.queries import anchor_values
from tauflow.windows.rows import nearest, rows_of
from tauflow.windows.scaling import robust_scale
from tauflow.windows.windows import mostly_full, window_set, windows

HOUR = 3_600_000_000_000


def hourly(rows: int = 24 * 40, drop: float = 0.1, seed: int = 0) -> pd.DataFrame:
    """A daily wave with a weekly one, some rows missing, some values missing."""
    rng = np.random.default_rng(seed)
    time = pd.date_range("2024-01-01", periods=rows, freq="h")
    y = 100 + 30 * np.sin(np.arange(rows) * 2 * np.pi / 24) + 10 * (time.day_of_week >= 5) + rng.normal(size=rows)
    y[rng.random(rows) < 0.02] = np.nan
    frame = pd.DataFrame({"ds": time, "y": y, "temperature": rng.normal(size=rows), "holiday": time.day_of_week == 6})
    return frame[rng.random(rows) >= drop]


@pytest.fixture(scope="module")
def table():
    return read_table(hourly(), past=["temperature"], future=["holiday"])


def test_nearest_finds_the_nearest_row_within_the_tolerance():
    time = np.array([0, 10, 30], np.int64)
    index, found = nearest(time, np.array([-4, 4, 6, 21, 40]), 5)
    assert index.tolist() == [0, 0, 1, 2, 2]
    assert found.tolist() == [True, True, True, False, False]


def test_the_last_known_row_is_carried_forward_within_its_series():
    nan = np.nan
    frame = {"t": [0, 1, 2, 3, 4] * 2, "id": list("aaaaabbbbb"), "v": [nan, 1, nan, 3, nan, nan, nan, 5, nan, 7]}
    table = read_table(
        {"t": np.array(frame["t"], float), "id": frame["id"], "v": frame["v"]}, time="t", target="v", id="id"
    )
    rows = rows_of(table.series, learn(table, 1, None))
    assert rows.last[:, 0].tolist() == [-1, 1, 1, 3, 3, -1, -1, 7, 7, 9]


def test_the_encoder_finds_step_rhythms_and_base(table):
    encoder = learn(table, 24, None)
    assert encoder.step == HOUR
    assert encoder.calendar == Calendar(day=True, week=True)
    assert encoder.lags == (24, 48, 168, 336)
    assert encoder.lags[encoder.base[0]] in (168, 336)  # the weekend makes a week the better season


def test_gaps_are_in_steps_and_missing_history_is_masked(table):
    found = windows(table, learn(table, 6, None), 20)
    batch = found.batch(np.arange(len(found)))
    series = table.series[0]
    assert not batch["mask"][0, 0] and batch["mask"][0, -1]
    number = len(found) // 2
    row = found.origins[number, 1]
    expected = np.diff(series.time[row - 20 : row + 1]) / HOUR
    np.testing.assert_array_equal(batch["dt"][number], expected.astype(np.float32))
    assert batch["dt"].max() > 1.5


def test_targets_stand_where_rows_stand(table):
    encoder = learn(table, 6, None)
    found = windows(table, encoder, 8)
    batch = found.batch(np.arange(len(found)))
    series = table.series[0]
    known = {int(t): v for t, v in zip(series.time, series.y[:, 0], strict=True)}
    scale = encoder.targets[series.id]
    for n in (0, 50, len(found) - 1):
        for k in range(6):
            value = known.get(int(series.time[found.origins[n, 1]] + (k + 1) * HOUR), np.nan)
            got = float(scale.invert(batch["target"][n, k, :].astype(float))[0])
            assert (np.isnan(value) and np.isnan(got)) or got == pytest.approx(value, rel=1e-5)


def test_nothing_after_the_origin_is_seen(table):
    """Change every value after an origin: its context and queries stay bit-equal, but for what is known ahead."""
    encoder = learn(table, 24, None)
    series = table.series[0]
    row = len(series) - 200
    y, past = series.y.copy(), series.past.copy()
    y[row + 1 :], past[row + 1 :] = 1e6, -1e6
    changed = replace(table, series=(replace(series, y=y, past=past),))
    for context in (1, 48):
        before, after = windows(table, encoder, context), windows(changed, encoder, context)
        one = before.batch(np.nonzero(before.origins[:, 1] <= row)[0])
        two = after.batch(np.nonzero(after.origins[:, 1] <= row)[0])
        same = one["time"][:, -1] == two["time"][:, -1]
        assert same.mean() > 0.9
        for name in ("x", "dt", "mask"):
            assert np.array_equal(one[name], two[name]), name
        assert np.array_equal(one["query"], two["query"])


def test_an_encoder_knows_nothing_after_until(table):
    until = float(table.series[0].time[600])
    series = table.series[0]
    y, past, future = series.y.copy(), series.past.copy(), series.future.copy()
    for values in (y, past, future):
        values[600:] = 1e9
    changed = replace(table, series=(replace(series, y=y, past=past, future=future),))
    one, two = learn(table, 24, until), learn(changed, 24, until)
    assert (one.step, one.lags, one.ranking, one.calendar) == (two.step, two.lags, two.ranking, two.calendar)
    for a, b in ((one.exogenous, two.exogenous), (one.targets[series.id], two.targets[series.id])):
        assert np.array_equal(a.center, b.center) and np.array_equal(a.scale, b.scale)
    assert np.array_equal(one.error[series.id], two.error[series.id])


def test_windows_stay_within_their_part(table):
    encoder = learn(table, 24, None)
    series = table.series[0]
    cut = float(series.time[500])
    train, test = windows(table, encoder, 8, end=cut), windows(table, encoder, 8, start=cut)
    assert encoder.moments.ahead(series.time[train.origins[:, 1]], 24).max() < cut
    assert series.time[test.origins[:, 1]].min() >= cut


def test_numbers_as_time_have_no_calendar():
    t = np.cumsum(np.random.default_rng(0).exponential(size=300))
    table = read_table({"t": t, "v": np.sin(t)}, time="t", target="v")
    encoder = learn(table, 5, None, season=(6.28,))
    assert encoder.calendar == Calendar()
    assert len(encoder.lags) == 2
    batch = windows(table, encoder, 10).batch(np.arange(50))
    assert np.isfinite(batch["query"]).all() and np.isfinite(batch["x"]).all()


def test_the_clock_is_the_local_one():
    time = np.array([np.datetime64(f"2024-{month:02d}-15T07:00", "ns").astype(np.int64) for month in (1, 7)])
    local = wall_clock(time, "Europe/Berlin")
    assert ((local // HOUR) % 24).tolist() == [8, 9]
    columns = Calendar(day=True, zone="Europe/Berlin").columns(time)
    assert not np.allclose(columns[0], columns[1])


def test_rhythms_follow_the_spacing_of_rows():
    schema = read_table(hourly(100)).schema
    day = 24 * HOUR
    assert calendar_for(schema, HOUR, 800 * day) == Calendar(day=True, week=True, year=True)
    assert calendar_for(schema, day, 800 * day) == Calendar(day=False, week=True, year=True)
    assert calendar_for(schema, 7 * day, 800 * day) == Calendar(day=False, week=False, year=True)
    assert calendar_for(schema, HOUR, 2 * day) == Calendar()


def test_robust_scaling_is_not_moved_by_absurd_values():
    values = np.random.default_rng(0).normal(10, 2, size=(1000, 1))
    dirty = values.copy()
    dirty[:5] = 1e9
    a, b = robust_scale(values), robust_scale(dirty)
    assert b.center[0] == pytest.approx(a.center[0], rel=0.01)
    assert b.scale[0] == pytest.approx(a.scale[0], rel=0.02) == pytest.approx(2, rel=0.1)
    np.testing.assert_allclose(a.invert(a.apply(values)), values)


@pytest.mark.parametrize("values", [[5.0] * 10, [np.nan] * 10, [0.0] * 9 + [1.0], [1e300, -1e300], [1e-300, 2e-300]])
def test_scaling_never_divides_by_zero(values):
    scale = robust_scale(np.array(values)[:, None])
    assert scale.scale[0] > 0 and np.isfinite(scale.scale[0])
    known = np.isfinite(values)
    assert np.isfinite(scale.apply(np.array(values)[known, None])).all()


def test_a_table_without_history_is_refused():
    with pytest.raises(DataError, match="fewer than two rows"):
        learn(read_table({"ds": [1.0], "y": [2.0]}), 1, None)


@pytest.mark.parametrize("origin", [10, 11])
def test_a_row_after_the_origin_is_not_even_known_to_exist(origin):
    """A lag that lands between a row before the origin and one after it means the one before."""
    time = np.concatenate([np.arange(0.0, 101.0, 10.0), [106.0, 116.0, 126.0]])
    table = read_table({"t": time, "v": np.arange(len(time), dtype=float)}, time="t", target="v")
    encoder = learn(table, 2, 101.0, season=(2.0,))
    assert encoder.lags == (2.0, 4.0)
    found, cut = (rows_of([series], encoder) for series in (table.series[0], upto(table.series[0], origin)))
    for rows in (found, cut):  # 124 - 20 = 104: rows stand at 100 and, known at origin 11 alone, at 106
        values, known = anchor_values(encoder, rows, np.array([0]), np.array([origin]), np.array([[124.0]]))
        assert known.all()
        assert values[0, 0, 0, 0] == rows.z[origin]


def test_short_contexts_train_only_where_history_is_short(table):
    encoder = learn(table, 6, None)
    long, short = (mostly_full(windows(table, encoder, context)) for context in (20, 500))
    assert long.batch(np.arange(len(long)))["mask"].all()
    assert len(short) == len(windows(table, encoder, 500))
    assert not short.batch(np.arange(5))["mask"].all()


def test_missing_history_is_zero(table):
    """Ridge reads it, whatever the mask says."""
    encoder = learn(table, 6, None)
    batch = windows(table, encoder, 20).batch(np.arange(5))
    assert not batch["mask"][:, 0].any()
    assert (batch["x"][~batch["mask"]] == 0).all() and (batch["x"][batch["mask"]] != 0).any()


@pytest.mark.parametrize("h", [1, 23, 24, 25, 170])
def test_lags_reach_back_past_the_origin_from_the_farthest_query(table, h):
    assert min(learn(table, h, None).lags) >= h


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e6 / 7])
def test_a_column_that_is_constant_up_to_rounding_is_not_divided_by_its_rounding(value):
    wobbly = value * (1 + np.finfo(float).eps * (np.arange(100) % 3 - 1))
    assert len(np.unique(wobbly)) > 1
    assert robust_scale(wobbly[:, None]).scale[0] == 1.0


def test_the_year_of_months_and_quarters_has_a_lag():
    def lags(freq: str, rows: int, h: int) -> tuple[float, ...]:
        stamps = pd.date_range(end="2020-01-01", periods=rows, freq=freq)
        return learn(read_table({"ds": stamps, "y": np.arange(float(rows))}), h, None).lags

    assert [lags("MS", 120, h) for h in (6, 11, 12)] == [(12, 24)] * 3
    assert lags("MS", 120, 13) == (24, 36)
    assert lags("QS", 40, 4) == (4, 8)
    assert lags("6MS", 40, 2) == (2, 4)
    assert lags("YS", 40, 2) == ()
    assert lags("W", 300, 52) == (52, 104)
    assert lags("B", 600, 5) == (5, 10, 260)
    assert lags("D", 800, 7) == (7, 14, 365.25)


@pytest.mark.parametrize(("freq", "pattern"), [("MS", [1, 5, 3, 9, 2, 8, 4, 7, 6, 0, 11, 10]), ("QE", [1, 5, 3, 9])])
def test_the_naive_forecast_of_a_year_is_last_years_value(freq, pattern):
    rows = 10 * len(pattern)
    stamps = pd.date_range(end="2020-01-31", periods=rows, freq=freq)
    frame = pd.DataFrame({"ds": stamps, "y": np.tile(np.array(pattern, float), 10)})
    forecast = Forecaster("seasonal_naive", h=len(pattern), context=2).fit(frame, progress=False).predict()
    assert forecast["y"].tolist() == pytest.approx(pattern, abs=1e-5)


@pytest.mark.parametrize("last", ["2021-03-27 00:00", "2021-03-28 00:00", "2021-10-30 00:00", "2021-10-31 00:00"])
def test_a_day_ago_is_the_same_hour_on_the_clock(last):
    """Open from 8 to 18 o'clock in Berlin, whatever summer time does."""
    time = pd.date_range(end=pd.Timestamp(last, tz="Europe/Berlin"), periods=24 * 40, freq="h")
    frame = pd.DataFrame({"ds": time, "y": np.where((time.hour >= 8) & (time.hour < 18), 10.0, 1.0)})
    forecast = Forecaster("seasonal_naive", h=48, context=24).fit(frame, progress=False).predict()
    open_ = (forecast["ds"].dt.hour >= 8) & (forecast["ds"].dt.hour < 18)
    assert np.abs(forecast["y"] - np.where(open_, 10.0, 1.0)).max() < 1e-5


def test_offsets_count_strides_of_the_calendar():
    for freq in ("MS", "ME", "QE", "B", "D"):
        stamps = pd.date_range("2018-01-31", periods=90, freq=freq)
        table = read_table({"ds": stamps, "y": np.arange(90.0)})
        moments = learn(table, 3, None).moments
        time = table.series[0].time
        assert moments.offset(time[20], time[21:]).tolist() == list(range(1, 70))
        between = moments.offset(time[20], np.linspace(time[20], time[40], 999).astype(np.int64))
        assert (np.diff(between) >= 0).all()
    friday, saturday = (np.datetime64(day, "ns").astype(np.int64) for day in ("2021-01-08", "2021-01-09"))
    table = read_table({"ds": pd.date_range("2020-01-01", periods=90, freq="B"), "y": np.arange(90.0)})
    assert learn(table, 3, None).moments.offset(friday, saturday) == pytest.approx(1 / 3)


def uneven(rows: int = 260, seed: int = 0) -> pd.DataFrame:
    """Rows at any time, with a past, a future-known and a text column."""
    rng = np.random.default_rng(seed)
    t = np.cumsum(rng.exponential(size=rows)).round(3)
    return pd.DataFrame({
        "t": t, "v": np.sin(t / 3) + 0.1 * rng.normal(size=rows), "p": rng.normal(size=rows),
        "f": rng.normal(size=rows), "w": rng.choice(["a", "b", "c"], rows),
    })  # fmt: skip


UNEVEN = {"time": "t", "target": "v", "past": ["p", "w"], "future": ["f"]}


class Tried:
    """A model, its table and its backtest, as a name that hypothesis can print."""

    def __init__(self, model, table, backtest):
        self.model, self.table, self.backtest = model, table, backtest


@pytest.fixture(scope="module", params=["ridge", "seasonal_naive"])
def tested(request):
    frame = uneven()
    model = Forecaster(request.param, h=4, context=8, season=[6])
    table = read_table(frame, **UNEVEN)
    model.fit(table, until=float(frame["t"][180]), progress=False)
    return Tried(model, table, model.backtest(table, float(frame["t"][180])))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.floats(0, 0.999), seed=st.integers(0, 2**31), keep=st.floats(0, 1))
def test_a_backtest_is_the_forecast_from_the_table_cut_there(tested, choice, seed, keep):
    """Also where rows after the cut come, go and change: of them only what is known ahead may count."""
    model, table, backtest = tested.model, tested.table, tested.backtest
    rng = np.random.default_rng(seed)
    n = int(choice * len(backtest.origins))
    row = int(backtest.origins[n, 1])
    one, times = table.series[0], backtest.time[n]
    later = slice(row + 1, None)
    ahead = Series(one.id, one.time[later], np.full_like(one.y[later], np.nan), one.past[later] * np.nan, one.future[later],
                   one.static)  # fmt: skip
    cut = upto(one, row)
    known = Series(one.id, *(np.concatenate([getattr(cut, k), getattr(ahead, k)]) for k in ("time", "y", "past", "future")),
                   one.static)  # fmt: skip
    forecast = model.predict(replace(table, series=(known,)), times=times)
    assert forecast["v"].tolist() == pytest.approx(
        backtest.forecast[n, np.argsort(times), 0].tolist(), rel=1e-9, abs=1e-12
    )

    moved = np.unique(np.concatenate([one.time[later][rng.random(len(one) - row - 1) < keep],
                                      one.time[row] + rng.exponential(2, size=9) + 1e-6]))  # fmt: skip
    change = len(moved)
    other = Series(one.id, np.concatenate([cut.time, moved]), np.concatenate([cut.y, rng.normal(size=(change, 1))]),
                   np.concatenate([cut.past, rng.normal(size=(change, 2))]),
                   np.concatenate([cut.future, np.full((change, 1), np.nan)]), one.static)  # fmt: skip
    origin = np.array([[0, row]])
    seen = [
        window_set(replace(table, series=(series,)), model.encoder, 8, origin).batch(np.array([0]), times[None])
        for series in (cut, other)
    ]
    for name in ("x", "dt", "mask", "query"):
        assert np.array_equal(seen[0][name], seen[1][name]), name


@pytest.mark.parametrize("freq", ["MS", "B", "h"])
def test_calendars_do_not_look_ahead_either(freq):
    rng = np.random.default_rng(0)
    stamps = pd.date_range("2019-01-01", periods=400, freq=freq, tz="Europe/Berlin")[rng.random(400) > 0.1]
    table = read_table({"ds": stamps, "y": rng.normal(size=len(stamps))})
    encoder, one = learn(table, 5, None), table.series[0]
    for row in rng.integers(60, len(stamps) - 1, size=12):
        time = encoder.moments.ahead(one.time[[row]], 5)
        whole, cut = (
            window_set(replace(table, series=(series,)), encoder, 6, np.array([[0, row]])).batch(np.array([0]), time)
            for series in (one, upto(one, int(row)))
        )
        assert all(np.array_equal(whole[name], cut[name]) for name in ("x", "dt", "mask", "query"))


class EnoughError(Exception):
    """Ends a fit at its first run."""


class Seen:
    """Stands in for training and keeps what it was given."""

    def __call__(self, model, source, *, validation, **_):
        self.training, self.judging = source.windows, validation.windows
        raise EnoughError


def test_networks_train_on_rows_before_those_that_judge_them(table, monkeypatch):
    seen = Seen()
    monkeypatch.setattr("tauflow.estimators.learned.learner.train", seen)
    with pytest.raises(EnoughError):
        Forecaster("gru", h=6, context=12).fit(table, progress=False)
    training, judging = (w.batch(np.arange(len(w))) for w in (seen.training, seen.judging))
    first_judged = table.series[0].time[seen.judging.origins[:, 1]].min()
    assert training["time"].max() < first_judged
    assert len(seen.judging) == pytest.approx(0.15 * len(table.series[0]), rel=0.1)
    assert len(training["x"]) > 4 * len(judging["x"])


def test_what_is_learned_of_a_table_comes_from_its_training_part(table):
    """Values of the validation part change neither scales nor seasons nor their ranking."""
    one = table.series[0]
    y, past = one.y.copy(), one.past.copy()
    late = len(y) * 9 // 10
    y[late:] = 1e6 * np.random.default_rng(0).normal(size=y[late:].shape)
    past[late:] = -1e6
    other = replace(table, series=(replace(one, y=np.where(np.isnan(one.y), np.nan, y), past=past),))
    a, b = (Forecaster("seasonal_naive", h=6).fit(t, progress=False).encoder for t in (table, other))
    assert (a.step, a.lags, a.ranking, a.calendar) == (b.step, b.lags, b.ranking, b.calendar)
    for x, z in ((a.targets[""], b.targets[""]), (a.exogenous, b.exogenous)):
        assert np.array_equal(x.center, z.center) and np.array_equal(x.scale, z.scale)
    assert np.array_equal(a.error[""], b.error[""])


def nothing(found):
    """A start of zeros that takes no memory (N, h, targets)."""
    return np.broadcast_to(np.float32(0), (len(found), found.encoder.h, len(found.encoder.schema.targets)))


def test_each_pass_over_the_windows_has_its_own_order(table):
    found = windows(table, learn(table, 6, None), 8)
    count = len(found)
    steps = -(-count // 50)
    start = nothing(found)
    source = WindowSource(found, start, 50, 2 * steps, seed=3)
    order = np.concatenate([source._chosen(step) for step in range(2 * steps)])
    passes = order[:count], order[count : 2 * count]
    assert all(np.array_equal(np.sort(one), np.arange(count)) for one in passes)
    assert not np.array_equal(*passes)
    again = WindowSource(found, start, 50, 2 * steps, seed=3)
    assert np.array_equal(again._chosen(steps), source._chosen(steps))  # from the middle, as after a resume
    assert not np.array_equal(WindowSource(found, start, 50, 1, seed=4)._chosen(0), order[:50])


def test_a_recursive_forecast_sees_what_is_known_ahead():
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    time = pd.date_range("2021-01-01", periods=300, freq="h")
    frame = pd.DataFrame({"ds": time, "y": 10 * x, "x": x})
    model = Forecaster("ridge", h=6, context=3, strategy="recursive").fit(
        frame, future=["x"], target="y", progress=False
    )
    ahead = pd.DataFrame({"ds": time[-1] + pd.to_timedelta(np.arange(1, 7), "h"), "x": [1.0, -1, 0, 2, -2, 1]})
    assert model.predict(future=ahead)["y"].tolist() == pytest.approx([10, -10, 0, 20, -20, 10], abs=0.5)


def panel(series: int, rows: int) -> Table:
    none, time = np.zeros((rows, 0)), HOUR * np.arange(rows)
    y = np.sin(np.arange(rows) / 4)[:, None]
    made = tuple(Series(str(n), time, y + n, none, none, np.zeros(0)) for n in range(series))
    return Table(made, Schema("id", "ds", ("y",)))


def test_memory_grows_with_the_rows_and_by_no_more_than_60_bytes_each():
    kept = []
    for series in (100, 200):
        table = panel(series, 200)
        encoder = learn(table, 24, None)
        tracemalloc.start()
        found = windows(table, encoder, 48)
        source = WindowSource(found, nothing(found), 256, 4, seed=0)
        for _ in source.batches(0):
            pass
        kept.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    assert (kept[1] - kept[0]) / (100 * 200) < 60


def test_a_batch_of_many_series_takes_no_longer_than_one_of_few():
    """In steps of Python, which no other work on the machine can disturb."""

    def calls(series: int) -> int:
        found = windows(panel(series, 40), learn(panel(series, 40), 6, None), 8)
        index = np.random.default_rng(0).permutation(len(found))[:200]
        count = 0

        def tick(frame, event, argument):
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(tick)
        try:
            found.batch(index)
        finally:
            sys.setprofile(None)
        return count

    assert calls(300) <= 1.1 * calls(30)
