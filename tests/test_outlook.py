"""A forecast shows itself: the rows before it, its band, several series and targets, clocks with a zone, numbers as time."""

from __future__ import annotations

from typing import Any

import matplotlib.collections
import numpy as np
import pandas as pd
import pytest

from tauflow import Forecaster

QUICK: dict[str, Any] = {"h": 6, "context": 12}


def frame(rows: int = 300, **more: Any) -> pd.DataFrame:
    hour = np.arange(rows)
    noise = np.random.default_rng(0).normal(size=rows)
    return pd.DataFrame(
        {"ds": pd.date_range("2024-01-01", periods=rows, freq="h"), "y": np.sin(hour / 4) + 0.1 * noise, **more}
    )


def test_the_rows_before_the_forecast_and_its_band_are_drawn() -> None:
    data = frame()
    model = Forecaster("ridge", **QUICK).fit(data, progress=False)
    found = model.outlook()
    (panel,) = found.panels
    expected = model.predict(level=80)
    assert (panel.forecast == expected["y"]).all() and (panel.ahead == expected["ds"].to_numpy()).all()
    assert (panel.band[0] == expected["y-lo-80"]).all() and (panel.band[1] == expected["y-hi-80"]).all()
    assert panel.values[-1] == data["y"].iloc[-1] and panel.before[-1] == data["ds"].iloc[-1].to_datetime64()
    (axes,) = model.plot().axes
    assert [len(line.get_xdata()) for line in axes.lines[:2]] == [96, 6]
    assert any(isinstance(one, matplotlib.collections.PolyCollection) for one in axes.collections)
    pd.testing.assert_frame_equal(found.frame(), expected)
    shown = model._repr_html_()
    assert "<svg" in shown and "the next 6 steps of y" in shown and "80 % band" in shown


def test_several_series_and_targets_have_a_panel_each_and_the_rest_is_counted() -> None:
    data = pd.concat([frame(z=k + np.arange(300.0)).assign(unique_id=f"<{k}>") for k in range(3)])
    model = Forecaster("ridge", **QUICK).fit(data, target=["y", "z"], progress=False)
    found = model.outlook()
    assert [(one.name, one.target) for one in found.panels] == [("<0>", "y"), ("<0>", "z"), ("<1>", "y"), ("<1>", "z")]
    assert "2 more are not drawn" in found.sentence
    assert "&lt;0&gt;" in model._repr_html_()


@pytest.mark.parametrize("kind", ["zone", "number"])
def test_before_and_ahead_stand_on_one_clock(kind: str) -> None:
    data = frame()
    if kind == "zone":
        data["ds"] = data["ds"].dt.tz_localize("Europe/Paris")
    else:
        data["ds"] = np.arange(300) * 0.5
    model = Forecaster("seasonal_naive", bands=None, **QUICK).fit(data, progress=False)
    (panel,) = model.outlook().panels
    assert panel.band is None
    step = (panel.before[-1] - panel.before[-2]) / (np.timedelta64(1, "h") if kind == "zone" else 1)
    ahead = (panel.ahead[0] - panel.before[-1]) / (np.timedelta64(1, "h") if kind == "zone" else 1)
    assert step == ahead == (1 if kind == "zone" else 0.5)


def test_one_that_was_not_fitted_or_was_loaded_says_what_it_is(tmp_path: Any) -> None:
    assert Forecaster("ridge")._repr_html_() == "<code>Forecaster(cell=&#x27;ridge&#x27;, h=24, not fitted)</code>"
    Forecaster("ridge", **QUICK).fit(frame(), progress=False).save(tmp_path / "m.tau")
    loaded = Forecaster.load(tmp_path / "m.tau")
    assert "fitted" in loaded._repr_html_() and "<svg" not in loaded._repr_html_()
    assert len(loaded.outlook(frame()).panels) == 1
    with pytest.raises(TypeError, match="knows no argument 'targets'"):
        loaded.outlook(frame(), targets="y")
