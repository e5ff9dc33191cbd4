"""The file of NumPy alone gives the numbers of stream(), refuses what it refuses, and imports nothing of ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import tauflow
from tauflow import Bidirectional, Network, Recurrent
from tauflow.deploy import plan
from tauflow.deploy.numpy_ import write
from tests import deployed


def made(network: Any, given: Any = None) -> Any:
    space: dict[str, Any] = {}
    exec(write(plan(network), "walker"), space)
    return space["Walker"](*(() if given is None else (given,)))


@pytest.mark.parametrize("kind", deployed.MADE)
def test_a_thousand_uneven_steps(kind: str) -> None:
    network = deployed.make(kind)
    x, dt, given = deployed.samples(network, 1000)
    mine = made(network, given)
    ys = np.stack([mine(one, float(gap)) for one, gap in zip(x, dt, strict=True)])
    assert deployed.worst(ys, deployed.streamed(network, x, dt, given)) <= 1e-6


def test_it_refuses_as_a_stream_does_and_stays_where_it_was() -> None:
    mine = made(deployed.make("cfc"))
    mine([1, 2, 3, 4], 0.5)
    before = mine.state
    for x, dt, told in [
        ([1, 2, 3], 1.0, "expected \\(4,\\)"),
        ([1, 2, 3, np.nan], 1.0, "holds NaN"),
        ([1, 2, 3, 1e31], 1.0, "beyond 1e"),
        ([1, 2, 3, 4], -1e-38, "dt is -1e-38"),
        ([1, 2, 3, 4], np.nan, "dt is nan"),
        ([1, 2, 3, 4], np.inf, "dt is inf"),
    ]:
        with pytest.raises(ValueError, match=told):
            mine(x, dt)
        assert np.array_equal(mine.state, before)


def test_a_step_too_long_for_euler_and_a_state_that_overflows() -> None:
    mine = made(deployed.make("ctrnn euler"))
    with pytest.raises(ValueError, match="too long for Euler"):
        mine([1, 2, 3, 4], 1000.0)
    network = deployed.make("ctrnn relu")
    with torch.no_grad():
        network.cell.W.fill_(1e30)
    mine = made(network)
    with pytest.raises(ValueError, match="leave the range"):  # noqa: PT012
        for _ in range(5):
            before = mine.state
            mine([1, 2, 3, 4], 10.0)
    assert np.array_equal(mine.state, before)


def test_instances_states_and_resets() -> None:
    network = deployed.make("stack")
    space: dict[str, Any] = {}
    exec(write(plan(network), "arm_2"), space)
    first, second = space["Arm2"](), space["Arm2"]()
    y = first([1, 2, 3, 4], 0.5)
    second.state = first.state
    assert np.array_equal(first([0, 1, 0, 1], 2.0), second([0, 1, 0, 1], 2.0))
    first.reset()
    assert np.array_equal(first([1, 2, 3, 4], 0.5), y)
    stream = network.stream()
    stream([1.0, 2.0, 3.0, 4.0], 0.5)
    first.reset()
    first([1, 2, 3, 4], 0.5)
    np.testing.assert_allclose(first.state, stream.state, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="finite numbers"):
        first.state = np.full(first.state_size, np.nan)


@pytest.mark.parametrize("kind", ["ltc wired", "records with gaps", "lstm"])
def test_in_float64(kind: str) -> None:
    network = deployed.make(kind).double()
    x, dt, _ = deployed.samples(network, 200)
    x, dt = x.astype(float), dt.astype(float)
    mine = made(network)
    ys = np.stack([mine(one, float(gap)) for one, gap in zip(x, dt, strict=True)])
    assert ys.dtype == float and deployed.worst(ys, deployed.streamed(network, x, dt, None)) <= 1e-14


def test_it_imports_numpy_alone() -> None:
    text = write(plan(deployed.make("records with gaps")), "walker")
    imports = {line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imports == {"__future__", "base64", "io", "math", "typing", "numpy"}
    assert "def gelu" not in text and "def lstm" not in text


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (lambda: Bidirectional(tauflow.CfC(2, 3), tauflow.CfC(2, 3)), "reads the future"),
        (lambda: Network(2, 1, Bidirectional(tauflow.CfC(2, 3), tauflow.CfC(2, 3))), "does not run sample by sample"),
        (lambda: Network(2, 1, encoder=torch.nn.Linear(2, 3)), "encoder is a Linear of your own"),
        (lambda: torch.nn.LSTM(2, 3), "a LSTM of your own"),
        (lambda: Recurrent(tauflow.CTRNN(2, 3, solver="rk4")), "no solver rk4"),
        (lambda: Network(2, 1, "tcn"), "TCN does not run sample by sample"),
        (lambda: Recurrent(tauflow.MixedMemory(tauflow.CfC(2, 3))), "not for MixedMemory"),
        (lambda: 7, "a int can't be exported"),
    ],
)
def test_what_can_not_be_exported_is_refused_by_name(network: Any, told: str) -> None:
    with pytest.raises(tauflow.TauflowError, match=told):
        plan(network())


def test_a_weight_that_is_nan_is_named() -> None:
    network = deployed.make("gru")
    with torch.no_grad():
        network.cell.bias_hh[1] = float("nan")
    with pytest.raises(tauflow.TauflowError, match="bias_hh holds NaN"):
        plan(network)
