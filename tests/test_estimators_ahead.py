"""What is given is used or refused, and a gap is told: unknown keywords, future rows, categories, dead series."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import tauflow
from tauflow.data import read_table
from tauflow.errors import DataError, TauflowError
from tauflow.estimators import Forecaster, ForecastError

QUICK = {"h": 6, "context": 8}
ROWS = 240


def prices(ids: tuple[str, ...] = ()) -> pd.DataFrame:
    """y = 5 + 3 price; the price is known ahead, and so is the sky."""
    stamps = pd.date_range("2024-01-01", periods=ROWS, freq="h")
    random = np.random.default_rng(0)
    parts = []
    for name in ids or ("",):
        price = random.normal(size=ROWS)
        frame = pd.DataFrame(
            {"ds": stamps, "price": price, "sky": np.where(price > 0, "sun", "rain"), "y": 5 + 3 * price}
        )
        parts.append(frame.assign(unique_id=name) if name else frame)
    return pd.concat(parts, ignore_index=True)


def ahead(rows: int = 6, shift: int = 0, **columns) -> pd.DataFrame:
    stamps = pd.date_range("2024-01-11", periods=rows, freq="h") + pd.Timedelta(hours=shift)
    price = np.arange(rows) - 2.0
    return pd.DataFrame({"ds": stamps, "price": price, "sky": np.where(price > 0, "sun", "rain"), **columns})


@pytest.fixture(scope="module")
def model():
    return Forecaster("ridge", season=None, **QUICK).fit(prices(), future=["price", "sky"])


@pytest.mark.parametrize("word", ["n", "horizon", "fh", "steps", "levels", "quantile", "foo", "X", "futr_df", "tmies"])
def test_unknown_keywords_are_refused_and_the_right_one_is_named(model, word):
    right = {
        "n": "h=",
        "horizon": "h=",
        "fh": "h=",
        "steps": "h=",
        "X": "future=",
        "futr_df": "future=",
        "tmies": "times=",
        "levels": "level=",
        "quantile": "quantiles=",
    }
    for data in (None, prices()):
        with pytest.raises(TypeError, match=f"predict.*'{word}'") as refused:
            model.predict(data, **{word: 2})
        assert isinstance(refused.value, TauflowError)
        assert right.get(word, "") in str(refused.value)
    with pytest.raises(TypeError, match=f"'{word}'"):
        model.backtest(prices(), "3D", **{word: 2})
    with pytest.raises(TypeError, match=f"'{word}'"):
        Forecaster("ridge").fit(prices(), **{word: 2})
    with pytest.raises(TypeError, match=f"'{word}'"):
        tauflow.compare(prices(), **{word: 2})


def test_settings_given_to_fit_are_told_where_they_belong():
    for word, right in (("epochs", "Forecaster(epochs="), ("horizon", "Forecaster(h="), ("model", "Forecaster(cell=")):
        with pytest.raises(TypeError) as refused:
            Forecaster("ridge").fit(prices(), **{word: 2})
        assert right in str(refused.value)


def test_arguments_that_would_be_ignored_are_refused(model):
    for given in ({"dayfirst": True}, {"target": "y"}, {"duplicates": "last", "zone": "UTC"}):
        with pytest.raises(DataError, match="no table to read"):
            model.predict(**given)
    with pytest.raises(ForecastError, match="h and times"):
        model.predict(h=3, times=["2024-01-11 02:00"])
    with pytest.raises(DataError, match="without future-known columns"):
        Forecaster("persistence", **QUICK).fit(prices()[["ds", "y"]]).predict(future=ahead())


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_what_is_known_ahead_decides_the_forecast(strategy):
    model = Forecaster("ridge", season=None, strategy=strategy, **QUICK).fit(prices(), future=["price"])
    forecast = model.predict(future=ahead())
    np.testing.assert_allclose(forecast["y"], 5 + 3 * ahead()["price"], atol=0.5)
    assert forecast.attrs["notes"] == []


def test_hours_that_are_unknown_are_counted(model):
    (note,) = model.predict().attrs["notes"]
    assert "'price' at 6 of 6" in note and "'sky' at 6 of 6" in note and "future=" in note
    (note,) = model.predict(future=ahead(4)).attrs["notes"]
    assert "'price' at 2 of 6" in note
    (note,) = model.predict(h=3, future=ahead(shift=2)).attrs["notes"]
    assert "'price' at 2 of 3" in note
    holes = ahead()
    holes.loc[[1, 3], "price"] = np.nan
    (note,) = model.predict(future=holes).attrs["notes"]
    assert "'price' at 2 of 6" in note and "sky" not in note
    assert model.predict(future=ahead()).attrs["notes"] == []
    assert model.predict(future=ahead(100)).attrs["notes"] == []
    (note,) = model.predict(times=["2024-01-11 02:00", "2024-01-11 05:30"], future=ahead(4)).attrs["notes"]
    assert "'price' at 1 of 2" in note


@pytest.mark.parametrize("shift", [10, -50, 24 * 366])
def test_future_rows_that_meet_no_asked_time_are_refused(model, shift):
    with pytest.raises(DataError, match=r"future has 6 rows from .* but none at a time that is forecast, 2024-01-11"):
        model.predict(future=ahead(shift=shift))


def test_rows_ahead_in_the_table_itself_count_and_future_completes_them(model):
    table = pd.concat([prices(), ahead(3)])
    (note,) = model.predict(table).attrs["notes"]
    assert "'price' at 3 of 6" in note
    both = model.predict(table, future=ahead().iloc[3:])
    assert both.attrs["notes"] == []
    pd.testing.assert_frame_equal(both, model.predict(prices(), future=ahead()))
    other = ahead().assign(price=9.0)
    assert model.predict(table, future=other)["y"].between(30, 34).all()  # what future says counts


def test_a_category_never_seen_is_told(model):
    notes = model.predict(future=ahead(sky="snow")).attrs["notes"]
    assert any("'sky' are categories not seen before" in note for note in notes)
    table = prices()
    table.loc[ROWS - 3 :, "sky"] = "snow"
    for data in (table, read_table(table, target="y", future=["price", "sky"])):
        notes = model.predict(data, future=ahead()).attrs["notes"]
        assert any(note.startswith("3 values of 'sky' are categories not seen before") for note in notes)


def test_future_needs_no_static_past_or_target_columns():
    frame = prices(("a", "b")).assign(site=1.0, wind=2.0)
    frame.loc[frame["unique_id"] == "b", "site"] = 3.0
    model = Forecaster("ridge", season=None, **QUICK).fit(frame, future="price", static="site", past="wind")
    both = pd.concat([ahead().assign(unique_id=name) for name in ("a", "b")])[["unique_id", "ds", "price"]]
    assert model.predict(future=both).attrs["notes"] == []
    (note,) = model.predict(future=both.query("unique_id == 'a'")).attrs["notes"]
    assert "'price' at 6 of 12" in note
    with pytest.raises(DataError, match="'c'"):
        model.predict(future=ahead().assign(unique_id="c"))


def test_recursive_forecasts_see_what_is_known_ahead():
    """On a network too: with other prices ahead each step of the forecast is another."""
    settings = {"epochs": 1, "steps": 4, "units": 4, "strategy": "recursive", **QUICK}
    model = Forecaster("gru", season=None, **settings).fit(prices(), future="price", progress=False)
    low, high = (model.predict(future=ahead(price=value))["y"].to_numpy() for value in (-2.0, 2.0))
    assert (np.abs(low - high) > 1e-6).all()


# Series that can't be forecast


def fleet() -> pd.DataFrame:
    frame = prices(("old", "new", "dead"))
    frame = frame[~((frame["unique_id"] == "old") & (frame["ds"] > "2024-01-08"))]
    return frame.assign(y=frame["y"].where(frame["unique_id"] != "dead"))


@pytest.mark.parametrize("cell", ["persistence", "ridge"])
def test_a_dead_series_does_not_stop_the_others(cell, tmp_path):
    model = Forecaster(cell, **QUICK).fit(fleet())
    assert "not learned from for want of a known target value: 1 series: dead" in model.notes
    forecast = model.predict()
    assert forecast["unique_id"].value_counts().to_dict() == {"old": 6, "new": 6}
    assert forecast.attrs["notes"] == ["not forecast for want of a known target value: 1 series: dead"]
    model.save(tmp_path / "m.tau")
    pd.testing.assert_frame_equal(Forecaster.load(tmp_path / "m.tau").predict(fleet()), forecast)
    with pytest.raises(DataError, match="no value in column 'y'"):
        model.predict(fleet().query("unique_id == 'dead'"))


def test_times_that_one_series_can_not_answer_do_not_stop_the_others():
    model = Forecaster("persistence", **QUICK).fit(fleet())
    forecast = model.predict(times=["2024-01-11 02:00"])
    assert forecast["unique_id"].tolist() == ["new"]
    assert any("too far" in note and "old" in note for note in forecast.attrs["notes"])
    forecast = model.predict(times=["2024-01-08 02:00"])
    assert forecast["unique_id"].tolist() == ["old"]
    assert any("not after their last row" in note and "new" in note for note in forecast.attrs["notes"])
    with pytest.raises(ForecastError, match="steps ahead"):
        model.predict(times=["2025-01-01"])
    with pytest.raises(ForecastError, match="at or before"):
        model.predict(times=["2024-01-01"])


# Settings


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
def test_whole_numbers_of_numpy_are_whole_numbers(kind, tmp_path):
    settings = {
        name: kind(value)
        for name, value in {"h": 3, "units": 4, "context": 8, "epochs": 1, "steps": 2, "seed": 1}.items()
    }
    model = Forecaster("gru", **settings).fit(prices()[["ds", "y"]], progress=False)
    model.save(tmp_path / "m.tau")
    again = Forecaster.load(tmp_path / "m.tau")
    assert again.settings == model.settings and type(again.settings.h) is int
    assert len(again.predict(prices()[["ds", "y"]], h=kind(2))) == 2
    for wrong in (np.float64(2), np.bool_(True), True):
        with pytest.raises(ForecastError, match="whole number"):
            Forecaster(h=wrong)


@pytest.mark.parametrize(
    ("season", "periods"),
    [
        ("auto", None),
        (None, ()),
        (7, (7.0,)),
        (7.5, (7.5,)),
        (np.int64(7), (7.0,)),
        (np.array([7, 14]), (7.0, 14.0)),
        ([], ()),
    ],
)
def test_a_season_is_a_number_or_several(season, periods):
    assert Forecaster(season=season).settings.season == periods


@pytest.mark.parametrize("season", ["24", "7,14", "weekly", ["x"], [[1]], object(), [0], -3, float("nan")])
def test_seasons_that_are_none_are_refused(season):
    with pytest.raises(ForecastError, match="season is"):
        Forecaster(season=season)


def test_few_windows_are_told():
    short = prices()[["ds", "y"]].iloc[:40]
    model = Forecaster("gru", epochs=1, steps=2, **QUICK).fit(short, progress=False)
    assert any("windows: too few" in note for note in model.notes)
    longer = Forecaster("gru", epochs=1, steps=2, **QUICK).fit(prices()[["ds", "y"]], progress=False)
    assert not any("too few" in note for note in longer.notes)


def test_the_notes_of_the_reader_stay_with_the_model():
    frame = pd.concat([prices(), prices().iloc[5:8].assign(y=1.0)])
    model = Forecaster("persistence", **QUICK).fit(frame, duplicates="last")
    assert any("kept the last" in note for note in model.notes)
    assert any("not used: price, sky" in note for note in model.notes)


# Networks


def test_every_seed_starts_from_its_own_weights():
    models = [Forecaster("gru", units=4, epochs=1, steps=1, lr=1e-9, seed=seed, **QUICK) for seed in (0, 1, 0)]
    first, other, again = (
        torch.cat(
            [
                p.detach().reshape(-1)
                for p in model.fit(prices()[["ds", "y"]], progress=False).predictor.networks.parameters()
            ]
        )
        for model in models
    )
    assert (first - other).abs().max() > 0.01
    assert torch.equal(first, again)


def test_a_fitted_network_is_not_in_training_mode():
    model = Forecaster("cfc", units=4, epochs=1, steps=1, options={"dropout": 0.5}, **QUICK)
    model.fit(prices()[["ds", "y"]], progress=False)
    assert not any(module.training for module in model.predictor.networks.modules())
    pd.testing.assert_frame_equal(model.predict(), model.predict(), check_exact=True)


def test_a_series_that_fit_never_saw_is_forecast_and_told() -> None:
    hour = np.arange(60)
    table = pd.concat([pd.DataFrame({"unique_id": k, "ds": hour, "y": k + np.sin(hour)}) for k in (1, 2, 3)])
    model = Forecaster("ridge", h=3, context=12, bands=None).fit(table, target="y", id="unique_id", progress=False)
    assert model.predict(table).attrs["notes"] == []
    asked = pd.concat([table[table["unique_id"] < 3], table[table["unique_id"] == 3].assign(unique_id=7)])
    forecast = model.predict(asked)
    assert sorted(set(forecast["unique_id"])) == [1, 2, 7]
    (note,) = forecast.attrs["notes"]
    assert note.startswith("not in the table of fit: 1 series: 7; forecast by what the others taught")
