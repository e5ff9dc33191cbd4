"""Cycles, bifurcations and portraits against systems whose motion is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tauflow
from tauflow.analysis import AnalysisError, bifurcation, cycles, portrait
from tauflow.cells import CTRNN


def oscillator(turn: float = 2.0, gain: float = 2.0, substeps: int = 1) -> CTRNN:
    """Two neurons that chase each other: dh/dt = -h + tanh(W h), W a rotation times gain; period about 2 pi / turn near rest."""
    cell = CTRNN(1, 2, tau=1.0, substeps=substeps).double()
    with torch.no_grad():
        cell.W.copy_(torch.tensor([[gain, -turn], [turn, gain]])), cell.U.zero_(), cell.b.zero_()
    return cell


def pitchfork() -> CTRNN:
    """One neuron, dh/dt = -h + tanh(2 h + x): three states of rest for |x| < 0.5328, one beyond."""
    cell = CTRNN(1, 1, tau=1.0).double()
    with torch.no_grad():
        cell.W.fill_(2.0), cell.U.fill_(1.0), cell.b.zero_()
    return cell


def test_a_cycle_has_the_period_of_what_is_seen():
    """Against the mean time between upward crossings of the first neuron."""
    found = cycles(oscillator(), [0.0], 0.05, starts=8)
    assert len(found.period) == 1 and found.hits.sum() + found.resting == 8
    first = found.turns[0][:, 0]
    up = np.flatnonzero((first[:-1] < 0) & (first[1:] >= 0))
    at = up - first[up] / (first[up + 1] - first[up])
    assert found.period[0] == pytest.approx(0.05 * np.diff(at).mean(), rel=1e-2)
    assert found.returns[0] < 0.01 and abs(found.exponent[0]) < 0.01 + found.error[0]
    assert list(found.frame().columns)[:2] == ["period", "size"]


def test_periods_are_in_the_unit_of_the_data():
    slow = tauflow.Network(1, 1, core=oscillator().float(), period=60.0, scale=None)
    plain = cycles(oscillator().float(), [0.0], 0.05, starts=4)
    assert cycles(slow, [0.0], 3.0, starts=4).period[0] == pytest.approx(60 * plain.period[0], rel=1e-5)


def test_what_rests_does_not_turn():
    found = cycles(pitchfork(), [0.0], 0.2, starts=6, steps=300)
    assert len(found.period) == 0 and found.resting == 6 and found.frame().empty


def test_chaos_does_not_come_back():
    """A random network of strong synapses; its largest exponent is above zero."""
    torch.manual_seed(3)
    cell = CTRNN(1, 60, tau=1.0).double()
    with torch.no_grad():
        cell.W.normal_().mul_(5 / 60**0.5), cell.U.zero_(), cell.b.zero_()
    found = cycles(cell, [0.0], 0.1, starts=2, steps=1500)
    assert np.isnan(found.period).any() and found.exponent.max() - found.error.max() > 0.02


def test_a_fold_is_found_where_it_is():
    """Rest: x = atanh(h) - 2 h; states appear in pairs at |x| = 0.5328 (h = sqrt(1/2))."""
    fold = float(np.sqrt(0.5) * 2 - np.arctanh(np.sqrt(0.5)))
    found = bifurcation(pitchfork(), [0.0], 0, np.linspace(-1, 1, 41), starts=32)
    assert [change[2:] for change in found.changes] == [((1, 0), (2, 1)), ((2, 1), (1, 0))]
    for low, high, *_ in found.changes:
        assert low <= fold <= high or low <= -fold <= high
    np.testing.assert_allclose(np.arctanh(found.states[:, 0]) - 2 * found.states[:, 0], found.value, atol=1e-8)
    assert (found.stable == (np.abs(found.states[:, 0]) > np.sqrt(0.5))).all()
    assert found.name == "x0" and next(iter(found.frame().columns)) == "x0"


def test_a_network_is_followed_by_the_name_of_its_input_and_shows_its_answer():
    torch.manual_seed(0)
    net = tauflow.Network(["a", "b"], ["out"], "gated_ltc", 4)
    found = bifurcation(net, [0.0, 1.0], "b", [0.0, 1.0, 2.0], starts=8)
    x = torch.tensor([[0.0, 2.0]]).expand(600, -1)[None]
    assert found.axis == "out" and len(found.value) == 3
    assert found.shown[-1] == pytest.approx(float(net(x)[0][0, -1, 0].detach()), abs=1e-4)
    for along, values, said in (("c", [0, 1], "one of a, b"), (0, [1.0], "two or more")):
        with pytest.raises(AnalysisError, match=said):
            bifurcation(net, [0.0, 1.0], along, values)


def test_a_portrait_lies_in_the_plane_of_the_motion():
    torch.manual_seed(0)
    cell = CTRNN(1, 6, activation="identity", tau=1.0).double()
    with torch.no_grad():
        cell.W.zero_(), cell.U.zero_(), cell.b.zero_()
        cell.W[:2, :2] = torch.tensor([[0.0, -0.8], [0.8, 0.0]])
        cell.W[2:, 2:] = -15 * torch.eye(4)  # gone at once
    found = portrait(cell, [0.0], 0.05, starts=12)
    assert found.explained.sum() > 0.8 and np.abs(found.directions[:, 2:]).max() < 0.2
    assert found.stable.tolist() == [True]
    np.testing.assert_allclose(found.points[0], -found.middle @ found.directions.T, atol=1e-6)
    rotation = np.einsum("ghk,ghk->gh", found.grid - found.points[0], found.arrows)
    assert (rotation < 1e-9).all()  # every arrow leads towards rest
    assert found.paths.shape == (12, 201, 2) and len(found.frame()) == 12 * 201


def test_what_can_not_be_answered_is_refused():
    with pytest.raises(AnalysisError, match="one state"):
        portrait(pitchfork(), [0.0])
    with pytest.raises(AnalysisError, match="dt is 0"):
        cycles(pitchfork(), [0.0], 0.0)
    with pytest.raises(AnalysisError, match="steps 10"):
        cycles(pitchfork(), [0.0], steps=10)
