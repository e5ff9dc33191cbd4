"""Speed against a closed form: a linear leak answers to a step, damps noise and forgets as its time constant says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tauflow
from tauflow.analysis import AnalysisError, at_speed, speed_table
from tests.test_analysis_spectrum import drive


def leaky(tau: float = 5.0) -> tauflow.Network:
    """One neuron that shows itself: h' = h + (1 - exp(-dt/tau)) (tau x - h)."""
    cell = tauflow.CTRNN(1, 1, activation="identity", tau=tau)
    net = tauflow.Network(1, 1, core=cell, scale=None, period=2.0)
    with torch.no_grad():
        cell.W.zero_()
        cell.U.fill_(1.0)
        net.readout.map.weight.fill_(1.0)
        net.readout.map.bias.zero_()
    return net


def test_a_linear_leak_has_the_speed_of_its_time_constant():
    net = leaky()
    x, _ = drive(600, 1)
    found = speed_table(net, x.float(), 0.5, speeds=(0.5, 1.0, 4.0))
    tau = 10.0 / found.speed  # in the unit of dt
    np.testing.assert_allclose(found.exponent, -1 / tau, rtol=1e-5)
    assert (np.abs(found.response - np.log(10) * tau) <= 0.5).all()  # a sample is 0.5 long
    a = 1 - np.exp(-0.5 / tau)
    np.testing.assert_allclose(found.noise_gain, 5 * np.sqrt(a / (2 - a)), rtol=0.2)
    assert list(found.frame().columns)[:3] == ["speed", "response", "noise_gain"]


def test_a_network_at_a_speed_is_the_network_on_faster_data():
    torch.manual_seed(0)
    net = tauflow.Network(2, 1, "gated_ltc", 4, period=3.0)
    x, dt = drive(20, 2)
    x, dt = x.float()[None], dt.float()[None]
    with torch.no_grad():
        torch.testing.assert_close(at_speed(net, 2.5)(x, dt)[0], net(x, 2.5 * dt)[0])
    assert float(net.period) == 3.0


def test_what_has_no_speed_is_refused():
    with pytest.raises(AnalysisError, match="multiply its dt"):
        at_speed(tauflow.Recurrent(tauflow.CfC(2, 3)), 2.0)
    with pytest.raises(AnalysisError, match="speed is 0"):
        at_speed(leaky(), 0.0)
