"""The card against networks whose stability is known, two starts against a closed form, and pictures of every result."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import tauflow
from tauflow import analysis
from tauflow.analysis import meeting, stability
from tauflow.cells import CTRNN
from tauflow.cli.commands import run
from tauflow.errors import DataError, TauflowError
from tauflow.estimators.looking import looked_at, opened
from tauflow.network import Network
from tests.test_analysis_rest import pitchfork
from tests.test_analysis_spectrum import drive


def network(core: str = "gated_ltc", period: float = 60.0) -> Network:
    torch.manual_seed(0)
    net = Network(["flow", "heat"], 1, core, 6, period=period)
    net.measured.fill_(True)
    return net


def leak(tau: float) -> CTRNN:
    cell = CTRNN(2, 3, tau=tau).double()
    torch.nn.init.zeros_(cell.W)
    return cell


def test_two_starts_of_a_leak_meet_as_its_time_constant_says():
    x, dt = drive(200, 2)
    found = meeting(tauflow.Network(2, 1, core=leak(5.0).float(), period=60.0), x, 60 * dt)
    np.testing.assert_allclose(found.distance, np.exp(-found.time / 300), rtol=1e-6, atol=1e-15)
    assert found.halved == pytest.approx(300 * np.log(2), abs=60 * float(dt.max()))
    assert found.gone == pytest.approx(300 * np.log(1000), abs=60 * float(dt.max()))
    assert meeting(leak(1e5), x, dt).gone == np.inf and len(found.frame()) == 201


def test_the_card_of_a_leak_says_what_is_known_of_it():
    x, dt = drive(600, 2)
    found = stability(leak(5.0), x, dt, unit="h")
    said = dict(found.lines)
    assert list(said) == ["bounded", "forgets", "proved", "steps", "speed"]
    assert said["bounded"].startswith("no state leaves -5 .. 5")
    assert said["forgets"].startswith("a disturbance falls to a third in 5 h")
    assert said["proved"].endswith("in the end within 5 h to a third")
    assert said["steps"] == "every gap of yours is within 1 % of the equation"
    assert found.counter is None and str(found).count("\n") == 4 and len(found.frame()) == 5


def test_the_card_shows_a_counter_example_and_chaos():
    x, dt = drive(300, 1)
    two = dict(stability(pitchfork(), 0 * x, dt).lines)
    assert two["proved"].startswith("disproved: it does not forget")
    torch.manual_seed(3)
    wild = CTRNN(1, 60, tau=1.0).double()
    with torch.no_grad():
        wild.W.normal_().mul_(5 / 60**0.5), wild.U.zero_(), wild.b.fill_(0.1)
    assert "(chaos)" in dict(stability(wild, torch.zeros(1500, 1), 0.1 * torch.ones(1500)).lines)["forgets"]


def test_the_card_names_the_gaps_that_are_too_long_and_what_a_solver_refuses():
    x, dt = drive(300, 2)
    cell = tauflow.GatedLTC(2, 8, tau=(1.0, 10.0))
    line = dict(stability(cell, x, 3 * dt, unit="s").lines)["steps"]
    margin = analysis.step_margin(cell, x, 3 * dt)
    assert f"{margin.largest:.3g} s" in line and f"substeps={margin.substeps}" in line
    explicit = tauflow.CTRNN(2, 4, tau=50.0, solver="euler")
    assert analysis.step_margin(explicit, x, dt).limit == pytest.approx(50.0)
    assert "the solver refuses gaps beyond 50 s" in dict(stability(explicit, x, dt, unit="s").lines)["steps"]
    assert "no equation behind it" in dict(stability(tauflow.CfC(2, 4), x, dt).lines)["steps"]


def test_without_data_the_card_says_what_holds_for_all():
    found = stability(network())
    said = dict(found.lines)
    assert said["forgets"] == "give data to measure it" == said["steps"][:23] and "time constants from" in said["speed"]
    numbers = json.loads(json.dumps(found.to_dict(), allow_nan=False))["numbers"]
    assert numbers["certified"] is found.bounds.certified and numbers["memory"] is None


@pytest.mark.parametrize("core", ["gated_ltc", "ltc", "cfc", "lstm"])
def test_a_network_is_left_as_it_was(core):
    net = network(core).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    x, dt = drive(120, 2)
    stability(net, x.float(), 60 * dt.float()).to_dict()
    assert net.training and all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.fixture
def files(tmp_path: Path):
    net = network(period=1.0)
    tauflow.save(net, tmp_path / "net.tau")
    rng = np.random.default_rng(0)
    time = np.cumsum(rng.exponential(2.0, 300))
    table = pd.DataFrame({"when": pd.Timestamp("2024-01-01") + pd.to_timedelta(time, unit="min")})
    table["flow"], table["heat"] = rng.normal(size=(2, 300))
    table.loc[5, "heat"] = np.nan
    table.to_csv(tmp_path / "data.csv", index=False)
    return tmp_path


def test_the_command_prints_what_the_library_says(files: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["stability", str(files / "net.tau"), str(files / "data.csv"), "--unit", "min"]
    assert run([*arguments, "--json", "--plot", str(files / "card.svg")]) == 0
    told = json.loads(capsys.readouterr().out)
    seen = looked_at(opened(files / "net.tau"), files / "data.csv", unit="min")
    found = stability(seen.model, seen.x, seen.dt, seen.mask, unit="min")
    assert told == json.loads(json.dumps(found.to_dict())) and told["unit"] == "min"
    assert "<svg" in (files / "card.svg").read_text()
    assert seen.mask is not None and not bool(seen.mask[5]) and seen.dt is not None and float(seen.dt[5]) == 0
    stamps = pd.read_csv(files / "data.csv", parse_dates=["when"])["when"]
    assert float(seen.dt.sum()) == pytest.approx((stamps.iloc[-1] - stamps.iloc[0]) / pd.Timedelta("1min"))
    assert run([*arguments, "--format", "table"]) == 0 and "bounded" in capsys.readouterr().out
    assert run(["stability", str(files / "net.tau")]) == 0 and "give data" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--time", "when"], "there is no table to read with it"),
        (["data.csv", "--unit", "weeks"], "unit is 'weeks'"),
        (["data.csv", "--series", "b"], "no series is called 'b'"),
        (["other.csv"], "flow"),
    ],
)
def test_what_the_command_can_not_do_is_one_line(files, options, said, capsys, monkeypatch):
    monkeypatch.chdir(files)
    pd.DataFrame({"when": ["2024-01-01"], "a": [1.0]}).to_csv("other.csv", index=False)
    assert run(["stability", "net.tau", *options]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error


def test_a_forecaster_is_looked_at_in_steps_and_learns_its_time_constants(tmp_path: Path):
    rng = np.random.default_rng(0)
    day = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=400, freq="h"), "y": np.cumsum(rng.normal(size=400))})
    settings = {"h": 2, "units": 4, "context": 12, "epochs": 1, "steps": 2}
    model = tauflow.Forecaster("gated_ltc", **settings, options={"tau": "auto"}).fit(day, target="y", progress=False)
    tau = model.predictor.network.recurrent.cell.config()["tau"]
    assert 1.0 <= tau[0] <= tau[1] <= 12.0
    model.save(tmp_path / "model.tau")
    again = opened(tmp_path / "model.tau")
    pd.testing.assert_frame_equal(again.predict(day), model.predict(day))
    seen = looked_at(again, day, rows=100)
    assert seen.unit == "steps" and len(seen.x) == 100
    assert "steps" in dict(stability(seen.model, seen.x, seen.dt, seen.mask, unit=seen.unit).lines)["forgets"]
    with pytest.raises(DataError, match="ridge is no network"):
        looked_at(tauflow.Forecaster("ridge", h=2, context=12).fit(day, target="y"), day)
    with pytest.raises(TauflowError, match="lstm has no time constants"):
        tauflow.Forecaster("lstm", **settings, options={"tau": "auto"}).fit(day, target="y", progress=False)


def test_a_log_with_gaps_is_read_as_exports_and_the_server_read_it(tmp_path: Path) -> None:
    model = tauflow.Network(["angle", "speed"], 1, "ctrnn", 3)
    rng = np.random.default_rng(0)
    log = pd.DataFrame({"angle": rng.normal(size=6), "speed": rng.normal(size=6), "dt": [9.0, 0.5, 0.25, 0.125, 2, 1]})
    log.to_csv(tmp_path / "log.csv", index=False)
    for data in (log, tmp_path / "log.csv", {name: log[name].to_numpy() for name in log}):
        seen = looked_at(model, data)
        assert seen.dt is not None and seen.dt.tolist() == [0, 0.5, 0.25, 0.125, 2, 1]
        assert seen.x is not None and np.allclose(seen.x, log[["angle", "speed"]])
    stamped = looked_at(model, log.assign(t=np.arange(6)), {"time": "t"})
    assert stamped.dt is not None and stamped.dt.tolist() == [0, 1, 1, 1, 1, 1]
    hours = log.assign(time=pd.date_range("2024", periods=6, freq="h"))
    told = looked_at(model, hours, unit="h")
    assert told.dt is not None and told.dt.tolist() == [0, 1, 1, 1, 1, 1]  # a time beside dt is the time
    log.loc[3, "dt"] = -1
    with pytest.raises(DataError, match=r"dt of row 3 is -1.0, expected the time since the row before"):
        looked_at(model, log)
