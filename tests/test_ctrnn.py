"""CTRNN against the equation by SciPy, and its time constants."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from tauflow import cells
from tauflow.activations import ACTIVATIONS, ActivationError, activation
from tauflow.cells import CTRNN
from tauflow.cells.base import CellError
from tauflow.sequence import Recurrent


@pytest.mark.parametrize("sigma", ["tanh", "sigmoid", "softplus", "lecun_tanh"])
def test_follows_the_equation(sigma: str) -> None:
    """dh/dt = -h/tau + sigma(W h + U x + b), with x held over each uneven gap."""
    cell = CTRNN(2, 4, activation=sigma, tau=(0.5, 5.0), solver="rk4", substeps=60).double()
    torch.nn.init.normal_(cell.b)
    x, dt = torch.randn(1, 6, 2).double(), 0.2 + torch.rand(1, 6).double()
    y, _ = Recurrent(cell)(x, dt)
    W, U, b, tau = (p.detach().numpy() for p in (cell.W, cell.U, cell.b, cell.tau))
    h = np.zeros(4)
    for t in range(6):
        u = U @ x[0, t].numpy() + b

        def slope(_: float, h: np.ndarray, u: np.ndarray = u) -> np.ndarray:
            return -h / tau + activation(sigma)(torch.from_numpy(W @ h + u)).numpy()

        h = solve_ivp(slope, (0, dt[0, t].item()), h, rtol=1e-12, atol=1e-13).y[:, -1]
        np.testing.assert_allclose(y[0, t].detach().numpy(), h, rtol=0, atol=1e-7)


def test_the_first_form_of_the_primer() -> None:
    """tau = 1, not learned: dh/dt = -h + sigma(W h + U x + b), so long gaps end at the fixed point h = sigma(...)."""
    cell = CTRNN(2, 4, tau=1.0, learn_tau=False)
    assert torch.equal(cell.tau, torch.ones(4))
    assert not cell.log_tau.requires_grad
    x = torch.randn(1, 1, 2).expand(1, 60, 2)
    _, h = Recurrent(cell)(x, 5.0)
    torch.testing.assert_close(torch.tanh(h @ cell.W.T + x[:, 0] @ cell.U.T + cell.b), h, rtol=0, atol=1e-6)


def test_time_constants_are_spread_and_positive() -> None:
    cell = CTRNN(3, 5, tau=(0.1, 1000.0))
    torch.testing.assert_close(cell.time_constants(), torch.tensor([0.1, 1.0, 10.0, 100.0, 1000.0]), rtol=1e-5, atol=0)
    with torch.no_grad():
        cell.log_tau.copy_(torch.tensor([-1e9, -20.0, 0.0, 20.0, 1e9]))
    assert (cell.tau > 1e-7).all()
    assert (cell.tau < 1e7).all()


def test_tau_is_how_long_a_neuron_remembers() -> None:
    cell = CTRNN(1, 3, tau=(1.0, 100.0)).double()
    for p in (cell.W, cell.U, cell.b):
        torch.nn.init.zeros_(p)
    h = cell.step(torch.zeros(1, 1).double(), torch.tensor([10.0]).double(), torch.ones(1, 3).double())
    torch.testing.assert_close(h, torch.exp(-10 / cell.tau)[None], rtol=1e-11, atol=0)


@pytest.mark.parametrize("tau", [0.0, -1.0, (2.0, 1.0), (0.0, 1.0), float("inf"), float("nan"), (1.0, float("inf"))])
def test_impossible_time_constants_are_refused(tau: object) -> None:
    with pytest.raises(CellError, match="expected a positive number or \\(shortest, longest\\)"):
        CTRNN(3, 5, tau=tau)  # type: ignore[arg-type]


@pytest.mark.parametrize("substeps", [0, -1, 1.5, True, "2"])
def test_impossible_substeps_are_refused(substeps: object) -> None:
    with pytest.raises(CellError, match="substeps"):
        CTRNN(3, 5, substeps=substeps)  # type: ignore[arg-type]


def test_an_unknown_activation_names_the_known_ones() -> None:
    with pytest.raises(ActivationError, match=r"'swish'.*tanh, sigmoid, relu"):
        CTRNN(3, 5, activation="swish")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_range_and_slope_of_the_activations(name: str) -> None:
    """What the theory is told of sigma: it stays within its range, and its Lipschitz constant is its steepest slope."""
    sigma = activation(name)
    z = torch.cat([torch.linspace(-30, 30, 600_001), torch.tensor([-1e30, 1e30])]).double().requires_grad_()
    s = sigma(z)
    assert ((s >= sigma.low) & (s <= sigma.high)).all()
    (slope,) = torch.autograd.grad(s[:-2].sum(), z)
    assert slope.abs().max() <= sigma.lipschitz * (1 + 1e-12)
    assert slope.abs().max() >= 0.99 * sigma.lipschitz
    if sigma.bounded:
        assert s.min() <= sigma.low + 0.05
        assert s.max() >= sigma.high - 0.05


def test_the_bound_is_there_where_the_theory_gives_it() -> None:
    assert CTRNN(3, 5, activation="relu").hull() is None
    for solver in ("etd2rk", "euler", "rk4"):
        assert CTRNN(3, 5, solver=solver).hull() is None
    low, high = CTRNN(3, 5, activation="sigmoid", tau=(1.0, 10.0)).hull() or (None, None)
    assert low is not None
    assert torch.equal(low, torch.zeros(5))
    torch.testing.assert_close(high, CTRNN(3, 5).tau.detach())


def test_registry_errors_say_what_there_is() -> None:
    with pytest.raises(CellError, match=r"'ctrn'; did you mean 'ctrnn'\? there are .*ctrnn"):
        cells.get("ctrn")
    with pytest.raises(CellError, match=r"CTRNN has no option 'color'; it has inputs, units, activation"):
        cells.build("ctrnn", 3, 5, color=1)
    for size in (0, -2, True, 2.0, "3"):
        with pytest.raises(CellError, match=r"expected a whole number >= 1"):
            CTRNN(size, 5)  # type: ignore[arg-type]
