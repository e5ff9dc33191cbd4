"""Every model file exports, answering as its stream does, or is refused by name with the reason before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

import tauflow
from tauflow import Bidirectional, CfC, Classifier, Forecaster, Recurrent, Regressor
from tauflow.agents import WORLDS, make, policy
from tauflow.cells.mixed_memory import MixedMemory
from tauflow.cli import app
from tauflow.deploy import ExportError, export
from tauflow.deploy.c99 import host
from tauflow.estimators.sequences.deployable import deployable, read
from tests import deployed

X = np.random.default_rng(0).normal(size=(40, 12, 2))
LABELS = (X[:, :, 0].mean(axis=1) > 0).astype(int)
ALONE: dict[str, Any] = {"causal": True, "beside": (), "patch": 1, "units": 4, "epochs": 2, "members": 2}
needs_c = pytest.mark.skipif(host.compiler() is None, reason="there is no C compiler on this machine")
pytestmark = pytest.mark.filterwarnings("ignore:.*gaps are longer")


def fitted(kind: str, **how: Any) -> Any:
    how = {**ALONE, **how}
    return (
        Classifier("cfc", **how).fit(X, LABELS)
        if kind == "classifier"
        else Regressor("gated_ltc", **how).fit(X, X.sum(axis=(1, 2)) * 10 + 300)
    )


@needs_c
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_a_fitted_model_that_its_members_alone_decide(kind: str, tmp_path: Path) -> None:
    whole = fitted(kind)
    whole.save(tmp_path / "model.tau")
    network, stream = read(tmp_path / "model.tau"), whole.stream()
    inner = network.stream()
    for x in X[0].astype(np.float32):
        said, expected = inner(x, 1.0), np.atleast_1d(stream(x, 1.0))
        np.testing.assert_allclose(np.exp(said) if kind == "classifier" else said, expected, rtol=1e-4)
    for number, (to, numbers) in enumerate([("c", "float"), ("c", "int16"), ("c", "int8"), ("numpy", "float")]):
        done = export(network, to, tmp_path / f"out{number}", "net", numbers=numbers)
        assert done.error is not None and done.error <= {"float": 1e-6, "int16": 2e-3, "int8": 1.2e-2}[numbers]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"causal": False}, "causal=True"),
        ({"beside": ("summaries",)}, "beside the network count summaries"),
        ({"patch": 3}, "patches of 3 samples"),
    ],
)
def test_a_fitted_model_that_is_more_says_what(how: dict[str, Any], told: str) -> None:
    with pytest.raises(ExportError, match=f"this Classifier can't be exported: .*{told}"):
        deployable(fitted("classifier", **how))


def test_what_is_refused_by_name(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"time": pd.date_range("2024-01-01", periods=120, freq="h"), "load": np.sin(np.arange(120) / 4)}
    )
    Forecaster("ctrnn", h=2, units=4, context=8, epochs=1).fit(table, target="load").save(tmp_path / "forecaster.tau")
    Path(tmp_path / "walk.tau").write_bytes(b"no model")
    tauflow.save(Bidirectional(CfC(2, 3), CfC(2, 3)), tmp_path / "both.tau")
    tauflow.save(Recurrent(MixedMemory(CfC(2, 3))), tmp_path / "mixed.tau")
    told = {
        "forecaster": "a forecaster can't be exported: it answers questions about times of a table",
        "both": "a Bidirectional reads the future",
        "mixed": "MixedMemory",
        "walk": "no tauflow file",
    }
    for name, reason in told.items():
        done = CliRunner().invoke(
            app, ["export", str(tmp_path / f"{name}.tau"), "--to", "c", "-o", str(tmp_path / "out")]
        )
        text = " ".join((str(done.exception) + done.output).split())
        assert done.exit_code != 0 and (reason in text or name == "walk"), text
        assert not (tmp_path / "out").exists()


@needs_c
def test_the_command_line_writes_whole_numbers(tmp_path: Path) -> None:
    tauflow.save(deployed.make("network"), tmp_path / "walker.tau")
    rows = np.random.default_rng(0).normal(1, 2, size=(200, 4))
    np.savetxt(tmp_path / "log.csv", rows, delimiter=",", header="a,b,c,d", comments="")
    how = ["--to", "c", "--numbers", "int16", "--calibrate", str(tmp_path / "log.csv"), "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["export", str(tmp_path / "walker.tau"), *how])
    assert done.exit_code == 0, done.output
    assert '"c int16"' in done.output and (tmp_path / "out" / "walker_float.h").exists()


def test_a_policy_is_a_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = policy(make(next(iter(WORLDS)), 1), units=5, hidden=8)
    done = export(net, "numpy", tmp_path / "out", "cart")
    assert done.error is not None and done.error <= 1e-6
