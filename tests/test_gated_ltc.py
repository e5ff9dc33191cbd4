"""GatedLTC against equation 1 by SciPy, and what its theorems promise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from tauflow.activations import ACTIVATIONS, ActivationError
from tauflow.cells import GatedLTC
from tauflow.cells.gated_ltc import INVERSE
from tauflow.sequence import Recurrent


@pytest.mark.parametrize("solver", ["rk4", "exponential_midpoint"])
def test_follows_equation_1(solver: str) -> None:
    """dh/dt = -(1/tau + f) h + f A, with x held over each uneven gap."""
    cell = GatedLTC(2, 4, tau=(0.5, 5.0), solver=solver, substeps=100).double()
    x, dt = torch.randn(1, 5, 2).double(), 0.2 + torch.rand(1, 5).double()
    y, _ = Recurrent(cell)(x, dt)
    W, U, b, tau, A = (p.detach().numpy() for p in (cell.W, cell.U, cell.b, cell.tau, cell.A))
    h = np.zeros(4)
    for t in range(5):
        u = U @ x[0, t].numpy() + b

        def slope(_: float, h: np.ndarray, u: np.ndarray = u) -> np.ndarray:
            f = 1 / (1 + np.exp(-(W @ h + u)))
            return -(1 / tau + f) * h + f * A

        h = solve_ivp(slope, (0, dt[0, t].item()), h, rtol=1e-12, atol=1e-13).y[:, -1]
        np.testing.assert_allclose(y[0, t].detach().numpy(), h, rtol=0, atol=1e-5 if solver != "rk4" else 1e-9)


@pytest.mark.parametrize("activation", INVERSE)
def test_a_resting_gate_is_as_slow_as_tau(activation: str) -> None:
    cell = GatedLTC(3, 5, activation=activation, tau=(2.0, 50.0))
    torch.testing.assert_close(cell.sigma(cell.b), 1 / cell.tau, rtol=1e-5, atol=1e-7)


def test_signed_gates_are_refused() -> None:
    for name in ACTIVATIONS:
        if name in INVERSE:
            assert GatedLTC(3, 5, activation=name).sigma.low >= 0
        else:
            with pytest.raises(ActivationError, match=rf"{name} can be negative.*sigmoid"):
                GatedLTC(3, 5, activation=name)


def test_the_effective_time_constant_stays_in_its_interval() -> None:
    """tau_sys = 1 / rate lies in [tau / (1 + tau f_max), tau], for any weights and any input (theorem 1)."""
    cell = GatedLTC(3, 16, tau=(0.01, 1000.0)).double()
    with torch.no_grad():
        for p in (cell.W, cell.U, cell.b):
            p.mul_(30)
    _, rate = cell.leak(100 * torch.randn(1000, 3).double(), 10 * torch.randn(1000, 16).double())
    tau = cell.time_constants()
    assert (1 / rate <= tau * (1 + 1e-15)).all()
    assert (1 / rate >= tau / (1 + tau) * (1 - 1e-15)).all()


def test_a_long_gap_ends_between_rest_and_its_goal() -> None:
    cell = GatedLTC(3, 6)
    _, h = Recurrent(cell)(torch.randn(50, 20, 3), 1e6)
    low, high = cell.hull() or (None, None)
    assert low is not None
    assert (h >= low).all()
    assert (h <= high).all()
    assert (h.abs() > 0).all()
    assert GatedLTC(3, 6, solver="etd2rk").hull() is None
