"""What a model sees at an origin: nothing after it, gaps as they are, values found where they stand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tauflow.data import read_table
from tauflow.data.clock import wall_clock
from tauflow.errors import DataError
from tauflow.estimators.tables import upto
from tauflow.windows.calendar import Calendar, calendar_for
from tauflow.windows.learn import learn
from tauflow.windows.queries import anchor_values
from tauflow.windows.rows import nearest, rows_of
from tauflow.windows.scaling import robust_scale
from tauflow.windows.windows import mostly_full, windows

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
