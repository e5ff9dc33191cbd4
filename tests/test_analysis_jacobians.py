"""Jacobians by equation against automatic differentiation, for every leak, solver and number of substeps."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

import tauflow
from tauflow.analysis import Motion, jacobians, spectrum
from tauflow.analysis.motion import derivative
from tests.test_analysis_spectrum import drive

MADE = {
    "ctrnn": lambda **o: tauflow.CTRNN(2, 5, tau=(0.5, 4.0), **o),
    "ctrnn gelu": lambda **o: tauflow.CTRNN(2, 5, activation="gelu", **o),
    "gated_ltc": lambda **o: tauflow.GatedLTC(2, 5, tau=(0.5, 4.0), **o),
    "gated_ltc softplus": lambda **o: tauflow.GatedLTC(2, 5, activation="softplus", **o),
    "ltc": lambda **o: tauflow.LTC(2, tauflow.wirings.auto_ncp(2, 6, 1), memory=4.0, **o),
    "ltc ncps": lambda **o: tauflow.LTC(2, 5, init="ncps", epsilon=1e-8, **o),
    "gruode": lambda **o: tauflow.GRUODE(2, 5, **o),
}


@pytest.mark.parametrize("solver", jacobians._STEPS)
@pytest.mark.parametrize("kind", MADE)
def test_they_are_those_of_automatic_differentiation(kind, solver):
    torch.manual_seed(0)
    for substeps in (1, 3):
        motion = Motion(MADE[kind](solver=solver, substeps=substeps))
        x, dt = drive(40, 2)
        u, dt, h = 3 * x, 0.05 * dt, torch.randn(40, motion.state_size).double()
        found = jacobians.step_jacobian(motion.layers[0].cell, u, dt, h)
        expected = derivative(lambda v, t, s, m=motion: m.step(v[None], t[None], s[None])[0], u, dt, h)
        torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-9)
    flow = derivative(lambda v, s: motion.flow(v[None], s[None])[0], u, h)
    torch.testing.assert_close(jacobians.flow_jacobian(motion.layers[0].cell, u, h), flow, atol=1e-11, rtol=1e-9)


def test_a_cell_of_ones_own_goes_by_automatic_differentiation():
    class Louder(tauflow.CTRNN):
        name = ""

        def leak(self, u, h):
            drive, rate = super().leak(u, h)
            return 2 * drive, rate

    motion = Motion(Louder(2, 4))
    assert not jacobians.known(motion.layers[0].cell)
    h = torch.randn(3, 4).double()
    J = motion.flow_jacobians(torch.zeros(3, 2).double(), h)
    step = torch.zeros(3, 4).double()
    step[:, 1] = 1e-6
    at = torch.zeros(3, 2).double()
    torch.testing.assert_close(
        J[:, :, 1], (motion.flow(at, h + step) - motion.flow(at, h - step)) / 2e-6, atol=1e-8, rtol=0
    )


def test_an_unknown_solver_goes_by_automatic_differentiation():
    x, dt = drive(30, 2)
    cell = tauflow.GatedLTC(2, 4, solver="etd2rk")
    assert jacobians.step_jacobian(cell.double(), x, dt, torch.zeros(30, 4).double()) is None
    assert np.isfinite(spectrum(cell, x, dt).exponents).all()


@pytest.mark.parametrize("fast", [1.0, 30.0])
def test_steps_that_are_looked_at_together_give_the_exponents_of_single_ones(monkeypatch, fast):
    """Also where the neurons are so different that several steps together would lose the order of the directions."""
    torch.manual_seed(0)
    cell = tauflow.GatedLTC(2, 6, tau=(0.2, 200.0))
    x, dt = drive(3000, 2)
    together = spectrum(cell, x, fast * dt, warm_up=1.0)
    monkeypatch.setattr(sys.modules["tauflow.analysis.spectrum"], "ROWS", 10**9)
    alone = spectrum(cell, x, fast * dt, warm_up=1.0)
    np.testing.assert_allclose(together.exponents, alone.exponents, rtol=2e-3)
    assert together.exponents.sum() == pytest.approx(together.log_det, rel=1e-9)
