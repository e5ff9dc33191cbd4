"""GRUODE against its equation by SciPy, and against the discrete GRU."""

from __future__ import annotations

import numpy as np
import torch
from scipy.integrate import solve_ivp

from tauflow.cells import GRUODE
from tauflow.sequence import Recurrent


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def test_follows_the_equation() -> None:
    """dh/dt = (1 - z) (g - h), the rows of W, U and b in the order r, z, g."""
    cell = GRUODE(2, 4, solver="rk4", substeps=10).double()
    torch.nn.init.normal_(cell.b)
    x, dt = torch.randn(1, 5, 2).double(), 0.5 + torch.rand(1, 5).double()
    y, _ = Recurrent(cell)(x, dt)
    W, U, b = (p.detach().numpy() for p in (cell.W, cell.U, cell.b))
    h = np.zeros(4)
    for t in range(5):
        u = U @ x[0, t].numpy() + b

        def slope(_: float, h: np.ndarray, u: np.ndarray = u) -> np.ndarray:
            r, z = sigmoid(W[:4] @ h + u[:4]), sigmoid(W[4:8] @ h + u[4:8])
            return (1 - z) * (np.tanh(W[8:] @ (r * h) + u[8:]) - h)

        h = solve_ivp(slope, (0, dt[0, t].item()), h, rtol=1e-12, atol=1e-13).y[:, -1]
        np.testing.assert_allclose(y[0, t].detach().numpy(), h, rtol=0, atol=1e-7)


def test_an_euler_step_of_one_is_a_gru() -> None:
    """h + (1 - z)(g - h) = z h + (1 - z) g, the discrete GRU of Cho et al. 2014 (reset gate before the product)."""
    cell = GRUODE(2, 4, solver="euler").double()
    x, h = torch.randn(7, 2).double(), torch.randn(7, 4).double()
    W_r, W_z, W_g = cell.W.chunk(3)
    u_r, u_z, u_g = cell.project(x).chunk(3, dim=1)
    r, z = torch.sigmoid(h @ W_r.T + u_r), torch.sigmoid(h @ W_z.T + u_z)
    expected = z * h + (1 - z) * torch.tanh((r * h) @ W_g.T + u_g)
    torch.testing.assert_close(cell.step(x, torch.ones(7).double(), h), expected)


def test_a_saturated_gate_holds_the_state() -> None:
    """1 - z underflows where z saturates; the rate stays positive and the state where it was."""
    cell = GRUODE(2, 4)
    with torch.no_grad():
        cell.b[4:8] = 1e4
    x, h = torch.randn(3, 2), 0.5 * torch.randn(3, 4).clamp(-1, 1)
    drive, rate = cell.leak(cell.project(x), h)
    assert (rate > 0).all()
    assert torch.isfinite(drive / rate).all()
    assert torch.equal(cell.step(x, torch.ones(3), h), h)


def test_starts_with_slow_neurons() -> None:
    cell = GRUODE(3, 8)
    with torch.no_grad():
        _, rate = cell.leak(cell.project(torch.zeros(1, 3)), torch.zeros(1, 8))
    assert rate.max() < 0.3
    assert rate.min() < 0.02
    assert (rate.diff() < 0).all()
