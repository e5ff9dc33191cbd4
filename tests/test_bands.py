"""Bands: they hold what they promise, look at nothing that was not known, never cross, and come back from their file."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from tauflow import Forecaster, OnlineForecaster, files, metrics
from tauflow.errors import DataError, ModelFileError
from tauflow.estimators import ForecastError
from tauflow.estimators.bands.calibration import MEMORY, Calibration, Course, Scored, calibrated, ranked
from tauflow.estimators.bands.shapes import SHAPES
from tauflow.estimators.settings import BANDS

KIND = [*BANDS]
QUICK: dict[str, Any] = {"h": 6, "context": 12, "season": None}


def noisy(rows: int, seed: int = 0, uneven: bool = False, ids: tuple[str, ...] = ("a",)) -> pd.DataFrame:
    """Counts whose noise is four times as large in one half of the day, and twice as large again for the second id."""
    random = np.random.default_rng(seed)
    parts = []
    for number, name in enumerate(ids):
        hour = np.arange(rows)
        if uneven:
            hour = np.sort(random.choice(rows * 2, rows, replace=False))
        level = 40 + 8 * np.sin(2 * np.pi * hour / 24)
        spread = np.where(hour % 24 < 12, 1.0, 4.0) * (1 + number)
        y = np.rint(np.maximum(level + spread * random.normal(size=rows), 0))
        stamps = pd.Timestamp("2024-01-01") + pd.to_timedelta(hour, unit="h")
        parts.append(pd.DataFrame({"unique_id": name, "ds": stamps, "y": y}))
    return pd.concat(parts, ignore_index=True)


@cache
def fitted(kind: str, uneven: bool = False, ids: tuple[str, ...] = ("a",)) -> tuple[Forecaster, pd.DataFrame]:
    frame = noisy(2400, uneven=uneven, ids=ids)
    if kind == "counts":  # a negative binomial is never narrower than Poisson: variance 30, and 480 in the noisy half
        noise = stats.nbinom.rvs(2, 2 / 32, size=2400, random_state=0), stats.poisson.rvs(30, size=2400, random_state=1)
        frame["y"] = np.where(frame["ds"].dt.hour >= 12, *noise).astype(float)
    cut = frame["ds"].iloc[1800 - 1]
    return Forecaster("ridge", bands=kind, **QUICK).fit(frame, until=cut, progress=False), frame


@pytest.mark.parametrize("kind", KIND)
@pytest.mark.parametrize("uneven", [False, True])
def test_a_band_holds_as_much_as_it_says_in_each_third(kind: str, uneven: bool) -> None:
    model, frame = fitted(kind, uneven)
    test = model.backtest(frame, str(frame["ds"].iloc[1800]), level=[50, 90])
    assert test.values is not None
    low90, low50, high50, high90 = (test.values[..., k] for k in range(4))
    wide = 0.06 if kind == "counts" else 0.035  # whole numbers are rounded outwards
    for third in np.array_split(np.arange(len(test.truth)), 3):
        assert metrics.covered(low90[third], high90[third], test.truth[third]) == pytest.approx(0.9, abs=wide)
        assert metrics.covered(low50[third], high50[third], test.truth[third]) == pytest.approx(0.5, abs=3 * wide)
    assert (low90 <= low50).all() and (low50 <= high50).all() and (high50 <= high90).all()
    if kind == "counts":
        assert (test.values == np.rint(test.values)).all()


@pytest.mark.parametrize("kind", KIND)
def test_a_band_is_wide_where_the_noise_is(kind: str) -> None:
    """The noise is four times as large in half of the hours, and the shape has to see it."""
    model, frame = fitted(kind)
    test = model.backtest(frame, str(frame["ds"].iloc[1800]), level=90)
    assert test.values is not None
    width = test.values[..., 0, -1] - test.values[..., 0, 0]
    noisy_hour = pd.to_datetime(test.time.reshape(-1)).hour.to_numpy().reshape(test.time.shape) >= 12
    assert width[noisy_hour].mean() > 2 * width[~noisy_hour].mean()


def test_each_id_has_a_width_of_its_own() -> None:
    """Two ids of the same scale of values, one with twice the noise, which also grows after the fit."""
    frame = noisy(2400, ids=("a", "b"))
    late = (frame["unique_id"] == "b") & (frame["ds"] >= frame["ds"].iloc[2100])
    frame.loc[late, "y"] += 30 * np.random.default_rng(1).normal(size=int(late.sum()))
    model = Forecaster("seasonal_naive", h=6, context=12).fit(frame, until=frame["ds"].iloc[1800], progress=False)

    def width(rows: int) -> list[float]:
        known = frame[frame["ds"] < frame["ds"].iloc[rows]]
        found = model.predict(known, level=90)
        return [float((part["y-hi-90"] - part["y-lo-90"]).mean()) for _, part in found.groupby("unique_id")]

    a, b = width(2088)  # the same hours follow both
    assert b > 1.5 * a
    later_a, later_b = width(2376)
    assert later_b > 1.6 * b and later_a == pytest.approx(a, rel=0.5)


@pytest.mark.parametrize("kind", KIND)
def test_nothing_after_an_origin_moves_its_band(kind: str) -> None:
    model, frame = fitted(kind)
    cut = 2100
    poisoned = frame.copy()
    poisoned.loc[cut:, "y"] = 1000.0
    start = str(frame["ds"].iloc[1800])
    one, two = (model.backtest(data, start, level=[90]) for data in (frame, poisoned))
    assert one.values is not None and two.values is not None
    same = one.origins[:, 1] < cut
    assert same.sum() > 250 and np.array_equal(one.values[same], two.values[same])
    assert not np.array_equal(one.values[~same], two.values[~same])
    alone = model.predict(frame.iloc[: cut - 1], level=[90])  # the last origin, by a table that ends there
    here = int(np.nonzero(one.origins[:, 1] == cut - 2)[0][0])
    assert np.allclose(alone[["y-lo-90", "y-hi-90"]].to_numpy(), one.values[here, :, 0], rtol=0.05)


def test_the_columns_have_nixtlas_names_in_their_order() -> None:
    model, frame = fitted("conformal")
    found = model.predict(frame, level=[95, 80], quantiles=[0.5, 0.1, 0.975])
    expected = ["y-lo-95", "y-lo-80", "y-hi-80", "y-hi-95", "y-q-10", "y-q-50", "y-q-97.5"]
    assert list(found.columns) == ["unique_id", "ds", "y", *expected]
    assert (found["y-q-97.5"] == found["y-hi-95"]).all() and (found["y-q-10"] == found["y-lo-80"]).all()
    assert list(model.predict(frame, level=90).columns)[-2:] == ["y-lo-90", "y-hi-90"]
    assert list(model.predict(frame).columns) == ["unique_id", "ds", "y"]


def test_between_two_steps_a_band_lies_between_theirs() -> None:
    model, frame = fitted("conformal")
    last = frame["ds"].iloc[-1]
    times = [last + pd.Timedelta(minutes=m) for m in (60, 90, 120)]
    found = model.predict(frame, times=times, level=90)
    course = Course(model.bands.calibration)  # type: ignore[union-attr]
    z = course.quantiles(np.array([0]), np.array([0.0]), np.array([[1.0, 1.5, 2.0]]), np.array([0.95]))[0, :, 0, 0]
    assert z[1] == pytest.approx((z[0] + z[2]) / 2)
    assert (found["y-hi-90"] > found["y-lo-90"]).all()


@pytest.mark.parametrize("kind", KIND)
def test_bands_come_back_from_their_file_to_the_last_bit(kind: str, tmp_path: Any) -> None:
    model, frame = fitted(kind)
    model.save(tmp_path / "one.tau")
    again = Forecaster.load(tmp_path / "one.tau")
    again.save(tmp_path / "two.tau")
    assert (tmp_path / "one.tau").read_bytes() == (tmp_path / "two.tau").read_bytes()
    asked = {"level": [80, 95], "quantiles": [0.5]}
    pd.testing.assert_frame_equal(again.predict(frame, **asked), model.predict(frame, **asked), check_exact=True)


def test_a_file_from_before_there_were_bands_says_so(tmp_path: Any) -> None:
    model, frame = fitted("conformal")
    model.save(tmp_path / "new.tau")
    file = files.read(tmp_path / "new.tau")
    config = {name: value for name, value in file.config.items() if name != "bands"}
    config["settings"] = {name: value for name, value in config["settings"].items() if name != "bands"}
    tensors = {name: value for name, value in file.tensors.items() if not name.startswith("bands.")}
    files.write(tmp_path / "old.tau", tensors, config, kind="forecaster")
    old = Forecaster.load(tmp_path / "old.tau")
    pd.testing.assert_frame_equal(old.predict(frame), model.predict(frame), check_exact=True)
    with pytest.raises(ForecastError, match="before there were any: fit it anew"):
        old.predict(frame, level=90)


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("bands.u", lambda t: t[:-1]),
        ("bands.typical", lambda t: -t),
        ("bands.weight", lambda t: t * 0),
        ("bands.sizes", lambda t: t.float()),
        ("bands.network.spread", lambda t: t * 0),
        ("bands.network.layers.0.weight", lambda t: t[:, 1:]),
        ("bands.total", None),
    ],
)
def test_edited_bands_are_refused(name: str, edit: Any, tmp_path: Any) -> None:
    model, _ = fitted("conformal")
    model.save(tmp_path / "one.tau")
    file = files.read(tmp_path / "one.tau")
    tensors = dict(file.tensors)
    if edit is None:
        del tensors[name]
    else:
        tensors[name] = edit(tensors[name]).contiguous()
    files.write(tmp_path / "bad.tau", tensors, file.config, kind="forecaster")
    with pytest.raises(ModelFileError, match="bands"):
        Forecaster.load(tmp_path / "bad.tau")


@pytest.mark.parametrize(
    ("settings", "asked", "said"),
    [
        ({"bands": None}, {"level": 90}, "fit it anew with bands='conformal'"),
        ({"strategy": "recursive"}, {"level": 90}, "strategy='direct'"),
        ({}, {"level": 0.9}, "give percent"),
        ({}, {"level": [90, 100]}, "expected percent"),
        ({}, {"level": []}, "expected percent"),
        ({}, {"quantiles": [10]}, "between 0 and 1"),
        ({}, {"quantiles": "0.1"}, "between 0 and 1"),
        ({}, {"levels": [90]}, "did you mean level="),
    ],
)
def test_what_can_not_be_answered_is_refused(settings: Any, asked: Any, said: str) -> None:
    model = Forecaster("persistence", **{**QUICK, **settings}).fit(noisy(300), progress=False)
    with pytest.raises((ForecastError, TypeError), match=said):
        model.predict(**asked)


def test_counts_want_whole_numbers_and_a_kind_must_be_known() -> None:
    with pytest.raises(DataError, match=r"holds 0\.5.*bands='conformal'"):
        Forecaster("persistence", bands="counts", **QUICK).fit(noisy(300).assign(y=0.5), progress=False)
    with pytest.raises(ForecastError, match="expected 'conformal', 'quantiles'"):
        Forecaster(bands="gaussian")  # type: ignore[arg-type]


def test_few_scores_are_told() -> None:
    model = Forecaster("persistence", **QUICK).fit(noisy(200), progress=False)
    assert not any("band" in note for note in model.notes)  # nobody has asked
    found = model.predict(level=99.9)
    assert any("take them as rough" in note for note in found.attrs["notes"])
    assert any("can't tell quantiles of 0.0005, 0.9995" in note for note in found.attrs["notes"])
    assert np.isfinite(found["y-hi-99.9"]).all()


@pytest.mark.parametrize("kind", KIND)
def test_a_score_and_its_value_are_inverses_and_rise(kind: str) -> None:
    shape, random = SHAPES[kind], np.random.default_rng(0)
    numbers = shape.described(torch.from_numpy(random.normal(size=(50, shape.raws)))).numpy()
    forecast = random.uniform(2, 9, size=50)
    truth = np.sort(random.uniform(0, 14, size=(30, 50)), axis=0)
    z = np.stack([shape.score(y, forecast, numbers) for y in truth])
    assert (np.diff(z, axis=0) >= 0).all()
    back = np.stack([shape.value(one, forecast, numbers) for one in z])
    assert np.allclose(back, truth, atol=1e-6)


def test_students_score_is_nearly_the_normal_score_of_t() -> None:
    t = np.linspace(-6, 6, 49)
    for n in (3.0, 8.0, 60.0):
        z = SHAPES["student"].score(t, np.zeros_like(t), np.stack([np.ones_like(t), np.full_like(t, n)], axis=-1))
        assert np.allclose(z, stats.norm.ppf(stats.t.cdf(t, n)), atol=0.05)


@pytest.mark.parametrize("kind", ["normal", "student", "counts"])
def test_a_likelihood_is_that_of_the_distribution(kind: str) -> None:
    random = np.random.default_rng(0)
    shape = SHAPES[kind]
    raw = torch.from_numpy(random.normal(size=(20, shape.raws)))
    y, f = torch.from_numpy(random.integers(0, 9, 20).astype(float)), torch.from_numpy(random.uniform(0, 9, 20))
    numbers, loss = shape.described(raw).numpy(), shape.loss(raw, y, f).numpy()
    if kind == "normal":
        expected = -stats.norm.logpdf(y, f + raw[:, 1], numbers[:, 0]) - 0.5 * np.log(2 * np.pi)
    elif kind == "student":
        expected = -stats.t.logpdf(y, numbers[:, 1], f + raw[:, 2], numbers[:, 0])
    else:
        m, r = (f.numpy() + 0.25) * np.exp(numbers[:, 0]), 1 / numbers[:, 1]
        expected = -stats.nbinom.logpmf(y, r, r / (r + m))
    assert np.allclose(loss, expected)


def test_ranks_are_those_of_conformal_prediction() -> None:
    """Of n scores the quantile p is the ceil((n + 1) p)-th: a next one of the same kind lies below it with at least p."""
    u = np.random.default_rng(0).permutation(np.arange(1.0, 500.0))[:, None, None]
    found = ranked(u, np.ones((1, 1)), np.array([0.05, 0.5, 0.95]))[0, 0]
    assert found.tolist() == [25.0, 250.0, 475.0]


def test_steps_of_few_scores_borrow_from_their_neighbours() -> None:
    random = np.random.default_rng(0)
    u = random.normal(size=(30, 40, 1)) * np.arange(1, 41)[None, :, None]
    found = ranked(u, np.abs(u).mean(axis=0), np.array([0.95]))[:, 0, 0] / np.arange(1, 41)
    assert np.abs(found[5:-5] - 1.645).mean() < 0.3
    u[:, 3:9] = np.nan
    typical = np.where(np.isfinite(u).any(axis=0), np.arange(1.0, 41.0)[:, None], 6.0)
    assert np.isfinite(ranked(u, typical, np.array([0.95]))).all()


def test_the_scale_forgets_and_only_knows_what_has_come() -> None:
    n, h = 600, 3
    at = np.arange(n)
    z = np.random.default_rng(0).normal(size=(n, h, 1))
    z[300:] *= 5
    time = at[:, None] + np.arange(1, h + 1)
    whole = Scored(np.zeros(n, int), at, time, z)
    old = Calibration(np.full((h, 1), 0.8), np.zeros((0, h, 1), np.float32), np.full((1, 1), 5.0), np.full((1, 1), 5.0))
    course = Course(old, whole)
    scale = course.scale(np.zeros(n, int), at)[:, 0]
    assert scale[:300].max() < 1.6 and scale[300] < 1.6 and scale[300 + 4 * int(MEMORY)] > 3.5
    shorter = Course(old, Scored(whole.number[:450], at[:450], time[:450], z[:450]))
    assert np.array_equal(shorter.scale(np.zeros(450, int), at[:450]), scale[:450, None])
    assert np.isnan(course.known(100.0)[-1, 1:]).all() and not np.isnan(course.known(100.0)[:-3]).any()


def test_a_calibration_keeps_its_newest_scores() -> None:
    n = 50
    scored = Scored(np.zeros(n, int), np.arange(n)[::-1], np.arange(n)[::-1, None] + 1, np.ones((n, 1, 1)))
    assert len(calibrated(scored, 1, 20).u) == 20


def test_bands_of_a_stream_follow_what_comes(tmp_path: Any) -> None:
    """The noise grows fourfold; the band of a model that is fed its rows holds again, and goes on to the same numbers from its file."""
    frame = noisy(2400)
    random = np.random.default_rng(5)
    frame.loc[1900:, "y"] += 16 * random.normal(size=500)
    model = Forecaster("ridge", h=3, context=12, season=None).fit(frame.iloc[:1800], progress=False)
    online = model.online()
    before = online.predict(level=[90])
    held = []
    for row in frame.iloc[1800:].to_dict("records"):
        found = online.predict(level=[90])
        held.append(bool(found["y-lo-90"].iloc[0] <= row["y"] <= found["y-hi-90"].iloc[0]))
        online.learn_one(row)
        if len(held) == 300:
            online.save(tmp_path / "online.tau")
            kept = online.predict(level=[90])
            pd.testing.assert_frame_equal(
                OnlineForecaster.load(tmp_path / "online.tau").predict(level=[90]), kept, check_exact=True
            )
    assert np.mean(held[200:]) == pytest.approx(0.9, abs=0.05)
    after = online.predict(level=[90])
    wide = [float((one["y-hi-90"] - one["y-lo-90"]).mean()) for one in (before, after)]
    assert wide[1] > 2 * wide[0]
    again = OnlineForecaster.load(tmp_path / "online.tau").learn(frame.iloc[2100:])
    pd.testing.assert_frame_equal(again.predict(level=[90]), after, check_exact=False, rtol=1e-6)
    bare = Forecaster("persistence", h=3, bands=None).fit(frame, progress=False).online()
    with pytest.raises(ForecastError, match="no bands"):
        bare.predict(level=90)
