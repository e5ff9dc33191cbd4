"""The error of one step against what is known of it: exact where the equation is linear, of the solver's order elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

import tauflow
from tauflow.analysis import AnalysisError, step_margin
from tauflow.cells import CTRNN, GatedLTC
from tests.test_analysis_spectrum import drive


def test_a_linear_leak_without_synapses_has_no_error():
    cell = CTRNN(2, 4)
    torch.nn.init.zeros_(cell.W)
    x, dt = drive(50, 2)
    found = step_margin(cell, x, dt)
    assert found.error.max() < 1e-12 and found.largest == np.inf and found.share == 0 and found.substeps == 1


def test_the_error_is_that_against_scipy():
    """One neuron, one step from rest, its input held: the truth by an adaptive solver of order 8."""
    torch.manual_seed(0)
    cell = GatedLTC(1, 1, tau=2.0).double()
    with torch.no_grad():
        cell.W.fill_(2.0)
        cell.b.fill_(-1.0)
    x, dt = torch.tensor([[1.0], [1.0]]).double(), torch.tensor([0.5, 3.0]).double()
    found = step_margin(cell, x, dt)
    cell.requires_grad_(False)
    W, U, b, A, tau = (float(p) for p in (cell.W, cell.U, cell.b, cell.A, cell.tau))

    def slope(_, h):
        f = 1 / (1 + np.exp(-(W * h + U + b)))
        return f * A - (1 / tau + f) * h

    run = tauflow.Recurrent(cell)(x[None], dt[None])[0][0, :, 0].detach().numpy()
    before = [0.0, run[0]]
    exact = [solve_ivp(slope, (0, 3.0), [h], method="DOP853", rtol=1e-12, atol=1e-14).y[0, -1] for h in before]
    one = [float(cell.step(x[:1], torch.tensor([3.0]).double(), torch.tensor([[h]]).double())) for h in before]
    expected = np.sqrt(np.mean((np.array(one) - exact) ** 2) / np.mean(run**2))
    assert found.error[-1] == pytest.approx(expected, rel=1e-2)
    assert abs(found.error[-1] - expected) < 2 * found.reference_error


@pytest.mark.parametrize(("solver", "order"), [("exponential", 2), ("exponential_midpoint", 3), ("semi_implicit", 2)])
def test_a_short_step_has_the_error_of_its_order(solver, order):
    torch.manual_seed(0)
    x, dt = drive(200, 2)
    found = step_margin(CTRNN(2, 6, tau=2.0, solver=solver), x, 0.1 * dt)
    slopes = np.diff(np.log(found.error[:8])) / np.diff(np.log(found.dt[:8]))
    assert slopes.mean() == pytest.approx(order, abs=0.1)


def test_the_margin_the_share_and_the_substeps_are_those_of_the_curve():
    torch.manual_seed(0)
    cell = GatedLTC(2, 8, tau=(1.0, 10.0))
    x, dt = drive(300, 2)
    found = step_margin(cell, x, 3 * dt, tolerance=0.02)
    assert 0 < found.largest < 3 * float(dt.max()) and found.substeps is not None and found.substeps > 1
    assert found.share == pytest.approx(float((3 * dt > found.largest).double().mean()))
    assert found.reference_error < 0.02 / 100
    below, above = found.error[found.dt < found.largest], found.error[found.dt > found.largest]
    assert below.max() <= 0.02 < above.min()
    finer = GatedLTC(2, 8, tau=(1.0, 10.0), substeps=found.substeps)
    finer.load_state_dict(cell.state_dict())
    after = step_margin(finer, x, 3 * dt, tolerance=0.02)
    assert after.largest == np.inf and after.share == 0


def test_gaps_are_told_in_the_unit_of_the_data():
    torch.manual_seed(0)
    cell = GatedLTC(2, 8, tau=(1.0, 10.0))
    x, dt = drive(300, 2)
    hours = step_margin(cell, x, 3 * dt)
    seconds = step_margin(tauflow.Network(2, 1, core=cell, period=3600.0), x, 3600 * 3 * dt)
    assert seconds.largest == pytest.approx(3600 * hours.largest, rel=1e-3)
    np.testing.assert_allclose(seconds.dt, 3600 * hours.dt, rtol=1e-6)


def test_a_gap_that_an_explicit_solver_refuses_is_beyond():
    torch.manual_seed(0)
    x, dt = drive(100, 2)
    found = step_margin(CTRNN(2, 4, tau=20.0, solver="euler"), x, dt.clamp(max=2.0), tolerance=1.0)
    assert found.largest == np.inf
    short = CTRNN(2, 4, tau=2.1, solver="euler")
    assert step_margin(short, x, dt.clamp(max=2.0)).largest < 2.1


def test_what_can_not_be_answered_is_refused():
    x, dt = drive(30, 2)
    with pytest.raises(AnalysisError, match="only leaks"):
        step_margin(tauflow.CfC(2, 4), x, dt)
    with pytest.raises(AnalysisError, match="tolerance is 0"):
        step_margin(CTRNN(2, 4), x, dt, tolerance=0)
    with pytest.raises(AnalysisError, match="zero everywhere"):
        step_margin(CTRNN(2, 4), x, 0 * dt)
