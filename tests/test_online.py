"""Learning on: the rules against closed forms, the guard, the forecaster that is fed rows, and its file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import tauflow
from tauflow.errors import DataError, ModelFileError
from tauflow.estimators import Forecaster, ForecastError
from tauflow.estimators.online import OnlineForecaster
from tauflow.estimators.online.drift import PageHinkley
from tauflow.estimators.online.guard import WARM, Guard
from tauflow.estimators.online.least_squares import PRIOR, RIDGE, ForgettingLeastSquares, gram
from tauflow.estimators.online.level import PRIOR as LEVEL_PRIOR
from tauflow.estimators.online.level import Level


def frame(rows: int, shift: float = 0.0, seed: int = 0, start: int = 0) -> pd.DataFrame:
    """A daily wave with noise, hourly; `shift` is added from its middle on."""
    t = np.arange(start, start + rows)
    y = np.sin(2 * np.pi * t / 24) + 0.1 * np.random.default_rng([seed, start]).normal(size=rows)
    y[rows // 2 :] += shift
    return pd.DataFrame({"ds": pd.Timestamp("2024-01-01") + pd.to_timedelta(t, unit="h"), "y": y})


@pytest.fixture(scope="module")
def model() -> Forecaster:
    return Forecaster("cfc", h=6, units=8, context=24, epochs=2, steps=20, batch_size=64).fit(
        frame(600), progress=False
    )


@pytest.fixture(scope="module")
def rigid() -> Forecaster:
    """It knows no season but the calendar's, so that it can't follow a wave that has grown."""
    model = Forecaster("cfc", h=6, units=8, context=24, season=None, epochs=4, steps=40, batch_size=64)
    return model.fit(frame(600), progress=False)


def grown(rows: int, start: int) -> pd.DataFrame:
    """As `frame`, three times as high."""
    found = frame(rows, start=start)
    found["y"] *= 3
    return found


@pytest.fixture(scope="module")
def many() -> Forecaster:
    parts = [frame(300, seed=k).assign(unique_id=name) for k, name in enumerate(("a", "b"))]
    return Forecaster("ridge", h=4, context=12).fit(pd.concat(parts), progress=False)


class TestLeastSquares:
    def test_it_is_weighted_ridge_regression_on_all_rows_with_their_ages(self) -> None:
        """What row-by-row learning gives is the closed form of one weighted problem; residuals so small that none is clipped."""
        random, memory = np.random.default_rng(0), 20.0
        f, G = random.normal(size=(60, 2, 5)), np.eye(5)
        e = f @ random.normal(size=(5, 3))
        rule = ForgettingLeastSquares(G, 3, memory)
        rule.s = 1e6
        for row, lacked in zip(f, e, strict=True):
            rule.learn(row, lacked)
        age = (1 - 1 / memory) ** np.arange(59, -1, -1)
        A = np.einsum("i,ipf,ipg->fg", age, f, f) / 2 + PRIOR * (G + RIDGE * np.eye(5))
        B = np.einsum("i,ipf,ipt->ft", age, f, e) / 2
        np.testing.assert_allclose(rule.W, np.linalg.solve(A, B), rtol=1e-9)

    def test_what_is_unknown_pulls_nowhere(self) -> None:
        """A target that is never known stays uncorrected, and one that is known learns what it would have learned alone."""
        random = np.random.default_rng(1)
        both, alone = (ForgettingLeastSquares(np.eye(4), n, 50) for n in (2, 1))
        for _ in range(80):
            f = random.normal(size=(3, 4))
            e = (f @ np.ones((4, 1))) + 0.1 * random.normal(size=(3, 1))
            both.learn(f, np.hstack([e, np.full((3, 1), np.nan)]))
            alone.learn(f, e)
        np.testing.assert_allclose(both.W[:, :1], alone.W, rtol=1e-9)
        assert (both.W[:, 1] == 0).all() and np.abs(both.W[:, 0]).min() > 0.3

    def test_a_wild_row_counts_little(self) -> None:
        def learned(wild: float) -> float:
            rule, random = ForgettingLeastSquares(np.eye(1), 1, 100), np.random.default_rng(2)
            for k in range(100):
                rule.learn(np.ones((1, 1)), np.full((1, 1), wild if k == 80 else 1 + 0.1 * random.normal()))
            return float(rule.W[0, 0])

        assert abs(learned(1000.0) - learned(1.0)) < 0.05

    def test_it_does_not_wind_up_where_the_input_stands_still(self) -> None:
        rule = ForgettingLeastSquares(np.eye(2), 1, 10)
        for _ in range(5000):
            rule.learn(np.array([[1.0, 0.0]]), np.array([[0.5]]))
        rule.learn(np.array([[0.0, 1.0]]), np.array([[1.0]]))
        assert abs(rule.W[1, 0]) < 0.1

    def test_rows_with_nothing_known_change_nothing(self) -> None:
        rule = ForgettingLeastSquares(np.eye(2), 1, 10)
        rule.learn(np.ones((1, 2)), np.array([[1.0]]))
        before = rule.W.copy()
        rule.learn(np.ones((1, 2)), np.array([[np.nan]]))
        assert (before == rule.W).all()

    def test_gram_is_the_mean_product(self) -> None:
        np.testing.assert_allclose(gram(np.array([[[1.0, 2.0]], [[3.0, 4.0]]])), [[5, 7], [7, 10]])


def test_level_is_the_mean_of_the_last_errors_with_a_pull_to_zero() -> None:
    level = Level(2, 1, memory=10)
    for _ in range(500):
        level.learn(np.array([0]), np.array([[3.0]]))
    n = 1 / (1 - 0.9)
    assert level.value[0, 0] == pytest.approx(3 * n / (n + LEVEL_PRIOR))
    assert level.value[1, 0] == 0


class TestGuard:
    def test_the_better_way_gets_the_weight(self) -> None:
        guard = Guard(2, recent=50, margin=0.02)
        for _ in range(100):
            guard.learn(np.array([1.0, 0.5]), 0.5)
        assert guard.weights[1] > 0.99
        assert guard.weights.sum() == pytest.approx(1)

    def test_the_frozen_model_answers_alone_at_first_and_where_the_answers_were_worse(self) -> None:
        guard = Guard(2, recent=50, margin=0.02)
        assert guard.weights.tolist() == [1, 0]
        tripped = [guard.learn(np.array([1.0, 0.5]), 1.03) for _ in range(30)]
        assert guard.weights.tolist() == [1, 0]
        assert sum(tripped) == 1 and tripped.index(True) == next(
            k for k in range(30) if (1 - (1 - 1 / 50) ** (k + 1)) * 50 >= WARM
        )
        for _ in range(200):
            guard.learn(np.array([1.0, 0.5]), 1.0)
        assert guard.weights[1] > 0.99

    def test_a_margin_that_is_kept_trips_nothing(self) -> None:
        guard = Guard(2, recent=50, margin=0.05)
        assert not any(guard.learn(np.array([1.0, 1.2]), 1.04) for _ in range(300))


class TestPageHinkley:
    def test_a_rise_is_told_once_soon_after_it(self) -> None:
        random, alarm = np.random.default_rng(0), PageHinkley()
        told = [k for k in range(2000) if alarm.seen(random.exponential() * (1 if k < 1000 else 3))]
        assert len(told) == 1 and 1000 < told[0] < 1060

    @pytest.mark.parametrize("seed", range(5))
    def test_nothing_is_told_where_nothing_changes_or_where_it_gets_better(self, seed: int) -> None:
        random, alarm = np.random.default_rng(seed), PageHinkley()
        assert not any(alarm.seen(abs(random.normal()) * (1 if k < 2000 else 0.2)) for k in range(4000))


class TestForecaster:
    @pytest.mark.parametrize("weights", [None, "readout"])
    def test_before_anything_is_learned_it_answers_as_the_frozen_model(
        self, model: Forecaster, weights: str | None
    ) -> None:
        later = frame(5, start=600)
        online = model.online(frame(600), weights=weights).learn(later)
        pd.testing.assert_frame_equal(online.predict(), model.predict(pd.concat([frame(600), later])), atol=1e-6)

    def test_without_weights_it_stays_the_frozen_model(self, model: Forecaster) -> None:
        later = frame(200, shift=3.0, start=600)
        online = model.online(weights=None).learn(later)
        pd.testing.assert_frame_equal(online.predict(), model.predict(pd.concat([frame(600), later])), atol=1e-5)
        assert online.shares == {"frozen": 1.0}

    def test_it_follows_a_change_and_the_frozen_model_does_not_move(self, rigid: Forecaster) -> None:
        before = {name: value.clone() for name, value in rigid.predictor.network.state_dict().items()}
        online = rigid.online().learn(grown(300, start=600))
        errors = []
        for start in range(900, 948, 6):
            coming = grown(6, start=start)
            frozen = rigid.predict(pd.concat([frame(600), grown(start - 600, start=600)]))
            errors.append([np.abs(found - coming.y).mean() for found in (online.predict_one()["y"], frozen.y)])
            online.learn(coming)
        ours, theirs = np.mean(errors, axis=0)
        assert ours < 0.5 * theirs
        assert online.shares["frozen"] < 0.1
        assert online.errors["answered"] < 0.5 * online.errors["frozen"]
        assert all(torch.equal(before[name], value) for name, value in rigid.predictor.network.state_dict().items())

    def test_a_shift_is_told(self, model: Forecaster) -> None:
        online = model.online().learn(frame(400, shift=4.0, start=600))
        times = online.drift_times
        shifted = frame(400, start=600).ds.iloc[200]
        assert len(times) >= 1 and pd.Timedelta(0) <= times[0] - shifted < pd.Timedelta("24h")

    def test_where_nothing_shifts_it_is_hardly_worse(self, model: Forecaster) -> None:
        online = model.online().learn(frame(1500, start=600))
        assert online.errors["answered"] <= 1.02 * online.errors["frozen"]

    @pytest.mark.parametrize("weights", ["readout", "all"])
    def test_one_by_one_gives_what_a_batch_gives(self, model: Forecaster, weights: str) -> None:
        rows = frame(80, shift=1.0, start=600)
        whole, single = (model.online(weights=weights, lr=1e-3) for _ in range(2))
        whole.learn(rows)
        for row in rows.to_dict("records"):
            single.learn_one(row)
        np.testing.assert_allclose(single.predict_one()["y"], whole.predict_one()["y"], rtol=1e-5)
        assert single.rows == whole.rows == 80

    def test_no_answer_sees_what_comes_after_it(self, model: Forecaster) -> None:
        """Whatever follows the 60th row, what is answered after it is the same."""
        first, given = frame(60, start=600), []
        for shift in (0.0, 50.0):
            rest = frame(60, start=660)
            rest["y"] += shift
            online = model.online(weights="all")
            found = online.replay(pd.concat([first, rest]))
            given.append(found[found.ds <= first.ds.iloc[-1]].to_numpy())
        np.testing.assert_array_equal(given[0], given[1])

    def test_replay_tells_what_was_forecast(self, model: Forecaster) -> None:
        rows = frame(40, start=600)
        online, again = model.online(), model.online()
        found = online.replay(rows)
        assert list(found.columns) == ["ds", "cutoff", "y", "y-frozen", "y-online"]
        assert len(found) == sum(min(k, 6) for k in range(1, 41))
        again.learn(rows[:30])
        asked = found[found.cutoff == rows.ds[29]]
        np.testing.assert_allclose(asked["y-online"], again.predict_one()["y"], rtol=1e-6)
        np.testing.assert_allclose(asked["y"], rows.y[30:36])
        np.testing.assert_array_equal(online.predict_one()["y"], model.online().learn(rows).predict_one()["y"])

    def test_all_weights_learn(self, rigid: Forecaster) -> None:
        online = rigid.online(weights="all", lr=3e-3).learn(grown(300, start=600))
        assert set(online.shares) == {"frozen", "level", "readout", "all"}
        assert online.errors["all"] < 0.8 * online.errors["frozen"]

    def test_memory_is_bounded(self, model: Forecaster) -> None:
        online = model.online()
        sizes = []
        for k in range(6):
            online.learn(frame(400, start=600 + 400 * k))
            sizes.append(len(online.table.series[0]))
        assert max(sizes) <= 2 * min(sizes) < 2400
        assert len(online.waiting[""]) <= 4 * 6

    def test_missing_values_and_gaps_are_borne(self, model: Forecaster) -> None:
        rows = frame(200, start=600)
        rows.loc[20:60, "y"] = np.nan
        rows = rows.drop(index=range(100, 130))
        online = model.online().learn(rows)
        assert np.isfinite(online.predict_one()["y"]).all()

    def test_several_series(self, many: Forecaster) -> None:
        online = many.online()
        rows = pd.concat([frame(200, start=300, seed=k, shift=5.0 * k).assign(unique_id=n) for k, n in enumerate("ab")])
        online.learn(rows)
        assert list(online.predict()["unique_id"].unique()) == ["a", "b"]
        one = online.predict_one(id="b")
        np.testing.assert_allclose(one["y"], online.predict().query("unique_id == 'b'").y)
        assert one["y"].mean() > 3
        with pytest.raises(ForecastError, match="2 series: name one"):
            online.predict_one()
        with pytest.raises(ForecastError, match="id is 'c', expected one of 'a', 'b'"):
            online.predict_one(id="c")
        with pytest.raises(DataError, match="series 'c' is not among"):
            online.learn_one({"unique_id": "c", "ds": "2024-03-01", "y": 1.0})


class TestRefusals:
    def test_rows_out_of_order_are_refused_and_nothing_changes(self, model: Forecaster) -> None:
        online = model.online().learn(frame(10, start=600))
        before = online.predict_one()["y"]
        with pytest.raises(DataError, match="comes after the row at 2024-01-26 09:00:00"):
            online.learn(frame(10, start=605))
        np.testing.assert_array_equal(online.predict_one()["y"], before)
        assert online.rows == 10

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"weights": "some"}, "weights is 'some'"),
            ({"memory": 1}, "memory is 1, expected a number of rows"),
            ({"recent": True}, "recent is True"),
            ({"margin": -0.1}, "margin is -0.1"),
            ({"lr": 0}, "lr is 0"),
        ],
    )
    def test_settings(self, model: Forecaster, given: dict, told: str) -> None:
        with pytest.raises(ForecastError, match=told):
            model.online(**given)

    def test_what_has_no_network_has_no_weights_but_the_readout(self, many: Forecaster) -> None:
        with pytest.raises(ForecastError, match="ridge is no network: use weights='readout'"):
            many.online(weights="all")

    def test_recursive_models(self) -> None:
        recursive = Forecaster("ridge", h=4, context=12, strategy="recursive").fit(frame(200), progress=False)
        with pytest.raises(ForecastError, match="'recursive'"):
            recursive.online()

    def test_a_loaded_model_needs_a_history(self, model: Forecaster, tmp_path) -> None:
        model.save(tmp_path / "m.tau")
        loaded = Forecaster.load(tmp_path / "m.tau")
        with pytest.raises(DataError, match="a loaded forecaster has no data"):
            loaded.online()
        loaded.online(frame(600))

    def test_unknown_words(self, model: Forecaster) -> None:
        with pytest.raises(TypeError, match="online"):
            model.online(forgetting=0.9)


class TestFile:
    @pytest.mark.parametrize("weights", ["readout", "all", None])
    def test_it_goes_on_to_the_same_bits(self, model: Forecaster, tmp_path, weights: str | None) -> None:
        first, second = frame(150, shift=2.0, start=600), frame(60, start=750)
        online = model.online(weights=weights).learn(first)
        online.save(tmp_path / "online.tau")
        loaded = OnlineForecaster.load(tmp_path / "online.tau")
        assert loaded.shares == online.shares and list(loaded.drift_times) == list(online.drift_times)
        for one in (online, loaded):
            one.learn(second)
        np.testing.assert_array_equal(loaded.predict_one()["y"], online.predict_one()["y"])
        assert loaded.rows == 210 and loaded.rollbacks == online.rollbacks

    def test_several_series_and_unknown_values(self, many: Forecaster, tmp_path) -> None:
        rows = pd.concat([frame(50, start=300, seed=k).assign(unique_id=n) for k, n in enumerate("ab")])
        rows.iloc[10:20, rows.columns.get_loc("y")] = np.nan
        online = many.online().learn(rows)
        online.save(tmp_path / "online.tau")
        pd.testing.assert_frame_equal(OnlineForecaster.load(tmp_path / "online.tau").predict(), online.predict())

    def test_other_files_are_refused(self, model: Forecaster, tmp_path) -> None:
        model.save(tmp_path / "m.tau")
        with pytest.raises(ModelFileError, match="holds a forecaster, expected a online-forecaster"):
            OnlineForecaster.load(tmp_path / "m.tau")

    @pytest.mark.parametrize(
        ("name", "change", "told"),
        [
            ("readout.W", lambda t: t[:-1], "readout.W is torch.float64"),
            ("readout.A", lambda t: t * float("nan"), "readout.A holds NaN"),
            ("waiting.features", lambda t: t.double(), "waiting.features is torch.float64"),
            ("guard.loss", lambda t: t[:1], "guard.loss"),
            ("rows.count", lambda t: t * 0, "rows.count"),
            ("model.weights.0.norm.weight", lambda t: t[:3], "norm.weight"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, model: Forecaster, tmp_path, name: str, change, told: str) -> None:
        path = tmp_path / "online.tau"
        model.online().learn(frame(20, start=600)).save(path)
        file = tauflow.files.read(path, finite=False)
        tensors = {**file.tensors, name: change(file.tensors[name])}
        tauflow.files.write(path, tensors, file.config, kind=file.kind, finite=False)
        with pytest.raises(ModelFileError, match=told):
            OnlineForecaster.load(path)
