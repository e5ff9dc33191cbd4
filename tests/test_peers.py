"""What stands beside the liquid cells in a table: the same windows, nothing from after an origin, and what each is said to be."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import tauflow
from tauflow.data import Table, read_table
from tauflow.errors import DataError, MissingExtraError
from tauflow.estimators import Forecaster, ForecastError, Settings, compare
from tauflow.estimators.peers import NETWORKS, PEERS, SEEDLESS
from tauflow.estimators.peers.names import HOME
from tauflow.estimators.peers.nets.past import past
from tauflow.estimators.peers.neural import network
from tauflow.estimators.peers.peer import Peer
from tauflow.windows.learn import learn
from tauflow.windows.windows import windows

QUICK = {"h": 4, "context": 24, "units": 8, "epochs": 2, "steps": 4, "batch_size": 32}
EXTRA = {"auto_ets": "statsforecast", "auto_theta": "statsforecast", "lightgbm": "lightgbm"}


def table(rows: int = 400, trend: float = 0.0) -> Table:
    t = np.arange(rows)
    random = np.random.default_rng(0)
    y = np.sin(2 * np.pi * t / 24) + trend * t + 0.1 * random.normal(size=rows)
    frame = pd.DataFrame(
        {"ds": pd.date_range("2024-01-01", periods=rows, freq="h"), "y": y, "z": 2 * y + random.normal(size=rows)}
    )
    return read_table(frame, target="y", past="z")


def peer(name: str, **settings: object) -> Peer:
    if name in EXTRA:
        pytest.importorskip(EXTRA[name])
    return Peer(Settings(cell=name, **{**QUICK, **settings}))


def cut(whole: Table, rows: int) -> Table:
    one = whole.series[0]
    parts = {name: getattr(one, name)[:rows] for name in ("time", "y", "past", "future")}
    return replace(whole, series=(replace(one, **parts),))


@pytest.mark.parametrize("name", PEERS)
class TestEvery:
    def test_it_is_tested_on_the_windows_of_a_forecaster(self, name: str) -> None:
        whole = table()
        start = whole.series[0].time[320]
        found = peer(name).fit(cut(whole, 320)).tested(whole, start)
        other = Forecaster("seasonal_naive", h=4, context=24).fit(cut(whole, 320)).tested(whole, start)
        np.testing.assert_array_equal(found.origins, other.origins)
        np.testing.assert_array_equal(found.time, other.time)
        np.testing.assert_allclose(found.truth, other.truth)
        assert found.forecast.shape == found.truth.shape and np.isfinite(found.forecast).all()

    def test_nothing_after_an_origin_is_looked_at(self, name: str) -> None:
        """Rows after the last origin's are changed beyond recognition: no forecast moves."""
        whole = table()
        model = peer(name).fit(cut(whole, 320))
        one = whole.series[0]
        y, z = one.y.copy(), one.past.copy()
        y[350:], z[350:] = 1e3 * np.arange(50)[:, None], -7.0
        changed = replace(whole, series=(replace(one, y=y, past=z),))
        first, second = (model.tested(which, one.time[320]) for which in (whole, changed))
        before = first.origins[:, 1] < 350
        np.testing.assert_allclose(first.forecast[before], second.forecast[: before.sum()], rtol=1e-5, atol=1e-6)

    def test_it_bears_missing_values_and_gaps(self, name: str) -> None:
        whole = table()
        one = whole.series[0]
        y = one.y.copy()
        y[50:60], y[330] = np.nan, np.nan
        keep = np.delete(np.arange(400), np.r_[100:120, 340:345])
        holed = replace(one, time=one.time[keep], y=y[keep], past=one.past[keep], future=one.future[keep])
        whole = replace(whole, series=(holed,))
        model = peer(name).fit(cut(whole, 300))
        assert np.isfinite(model.tested(whole, one.time[320]).forecast).all()

    def test_it_is_no_forecaster(self, name: str) -> None:
        with pytest.raises(ForecastError, match=f"{name} stands in tables only"):
            Forecaster(name, **QUICK).fit(table(), progress=False)

    def test_too_few_rows_are_told(self, name: str) -> None:
        with pytest.raises(DataError):
            peer(name).fit(cut(table(), 12))


def test_the_names_are_no_cells_and_each_has_a_home() -> None:
    assert not set(PEERS) & set(tauflow.cells.names())
    assert set(NETWORKS) | set(SEEDLESS) == set(PEERS) == set(HOME)


@pytest.mark.parametrize("name", sorted(EXTRA))
def test_what_is_missing_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("statsforecast", "statsforecast.models", "lightgbm"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r'pip install "tauflow\[baselines\]"'):
        Peer(Settings(cell=name, **QUICK))


def test_drift_is_a_straight_line_from_the_first_value_through_the_last() -> None:
    whole = table(trend=0.5)
    model = peer("drift").fit(cut(whole, 320))
    found = model.tested(whole, whole.series[0].time[320])
    y, row = whole.series[0].y[:, 0], int(found.origins[5, 1])
    np.testing.assert_allclose(found.forecast[5, :, 0], y[row] + (y[row] - y[0]) / row * np.arange(1, 5), rtol=1e-5)


@pytest.mark.parametrize("name", ["auto_ets", "auto_theta", "lightgbm"])
def test_a_wave_is_learned(name: str) -> None:
    """Each is far better than the last value on a wave with noise, and does not lose its phase where the past grows long."""
    whole = table(1700)
    start = whole.series[0].time[1400]
    found = peer(name).fit(cut(whole, 1400)).tested(whole, start)
    naive = Forecaster("persistence", h=4, context=24).fit(cut(whole, 1400)).tested(whole, start)
    error, other = (np.nanmean(np.abs(one.forecast - one.truth)) for one in (found, naive))
    assert error < 0.45 * other


class TestNetworks:
    def test_they_begin_as_the_rule_that_they_correct(self) -> None:
        """Before training N-HiTS and the linear ones answer the last value; the others are near the best anchor."""
        whole = table()
        encoder = learn(whole, 4, None)
        batch = windows(whole, encoder, 24).batch(np.arange(50, 60))
        x, mask, query = (torch.from_numpy(batch[name]) for name in ("x", "mask", "query"))
        for name in ("nlinear", "dlinear", "nhits"):
            found = network(name, encoder, 24, 8)(x, mask, query)
            torch.testing.assert_close(found, x[:, -1:, :1].expand(-1, 4, -1), rtol=1e-4, atol=1e-4)

    def test_holes_are_carried_forward_and_the_first_value_backward(self) -> None:
        whole = table()
        y = whole.series[0].y.copy()
        y[:3], y[10:13] = np.nan, np.nan
        holed = replace(whole, series=(replace(whole.series[0], y=y),))
        encoder = learn(holed, 4, None)
        batch = windows(holed, encoder, 24).batch(np.array([20]))
        row = int(windows(holed, encoder, 24).origins[20, 1])
        found = past(torch.from_numpy(batch["x"]), encoder)[0, 0]
        wanted = pd.Series(y[:, 0]).ffill().bfill().to_numpy()[row - 23 : row + 1] if row >= 23 else None
        scale = encoder.targets[""]
        assert wanted is not None
        np.testing.assert_allclose(found, (wanted - scale.center[0]) / scale.scale[0], rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("name", NETWORKS)
    def test_they_learn(self, name: str) -> None:
        whole = table()
        trained = peer(name, epochs=6, steps=20, lr=1e-2)
        trained.fit(cut(whole, 320))
        losses = trained.history.validation
        assert min(losses) < 0.9 * losses[0] or min(losses) < 0.2

    @pytest.mark.parametrize("name", ["tcn", "transformer"])
    def test_masked_rows_change_nothing(self, name: str) -> None:
        """Rows before the series begins, whatever stands there."""
        whole = table()
        encoder = learn(whole, 4, None)
        net = network(name, encoder, 24, 8).eval()
        batch = windows(whole, encoder, 24).batch(np.array([5]))
        x, mask, query = (torch.from_numpy(batch[part]) for part in ("x", "mask", "query"))
        assert not mask.all()
        torch.testing.assert_close(net(x, mask, query), net(torch.where(mask[..., None], x, 9.0), mask, query))


def test_they_stand_in_a_comparison_beside_cells() -> None:
    found = compare(
        table(),
        ["ctrnn", "nlinear", "tcn", "drift"],
        h=4,
        context=24,
        epochs=1,
        units=8,
        seeds=(0, 1),
        jobs=1,
        forecaster={"steps": 3},
    )
    kinds = {row.model: (row.kind, row.seeds) for row in found.rows}
    assert kinds["nlinear"] == ("static", 2) and kinds["drift"] == ("trivial", 1) and kinds["ctrnn"] == ("liquid", 2)
    sizes = {row.model: row.parameters for row in found.rows}
    assert abs(sizes["tcn"] / sizes["ctrnn"] - 1) < 0.2
    assert all(row.seconds > 0 for row in found.rows if row.model in ("nlinear", "tcn"))


def test_options_for_a_peer_are_refused() -> None:
    with pytest.raises(ForecastError, match="nlinear has no options"):
        compare(table(), ["nlinear"], h=4, context=24, jobs=1, options={"nlinear": {"solver": "rk4"}})


def test_recursive_is_refused() -> None:
    with pytest.raises(ForecastError, match="'recursive', but nlinear answers all steps at once"):
        peer("nlinear", strategy="recursive")
