"""Lyapunov spectra against closed forms, against two trajectories, and against a system whose exponents are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import tauflow
from tauflow.analysis import AnalysisError, Motion, lyapunov, spectrum
from tauflow.cells import CTRNN


def linear(units: int = 6, tau: float | tuple[float, float] = (1.0, 10.0), inputs: int = 2) -> CTRNN:
    torch.manual_seed(0)
    cell = CTRNN(inputs, units, activation="identity", tau=tau).double()
    torch.nn.init.zeros_(cell.W)
    return cell


def drive(samples: int, inputs: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Inputs and very uneven gaps."""
    made = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, inputs, generator=made, dtype=torch.float64)
    return x, torch.empty(samples, dtype=torch.float64).exponential_(generator=made) + 0.05


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_a_linear_leak_has_the_exponents_of_its_time_constants(scale):
    cell = linear()
    x, dt = drive(1500, 2)
    found = spectrum(cell, x, scale * dt, warm_up=30)
    np.testing.assert_allclose(found.exponents, -1 / np.sort(cell.tau.detach().numpy())[::-1], rtol=1e-6)
    assert found.settled and (found.error < 1e-6).all()
    np.testing.assert_allclose(found.memory, np.sort(cell.tau.detach().numpy())[::-1], rtol=1e-6)


def test_a_symmetric_linear_network_has_those_of_its_eigenvalues():
    """The exponential step of equal taus: h' = (1 - a) h + a tau W h, so log |1 - a + a tau w| over the gaps."""
    cell = linear(tau=2.0)
    with torch.no_grad():
        rotation = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))[0]
        w = torch.tensor([0.4, 0.2, 0.1, -0.1, -0.2, -0.3], dtype=torch.float64)
        cell.W.copy_(rotation @ torch.diag(w) @ rotation.T)
    x, dt = drive(3000, 2)
    a = 1 - torch.exp(-dt[:, None] / 2)
    growth = torch.log((1 - a + a * 2 * w).abs())
    found = spectrum(cell, x, dt, warm_up=20)
    start = int(torch.searchsorted(dt.cumsum(0), found.warm_up)) + 1
    expected = (growth[start:].sum(0) / dt[start:].sum()).sort(descending=True).values
    np.testing.assert_allclose(found.exponents, expected.numpy(), rtol=1e-6)


def two_trajectories(motion: Motion, x: Tensor, dt: Tensor, warm_up: float) -> float:
    """The largest exponent by Benettin's first method: a neighbour, pulled back to 1e-7 at every step."""
    row = motion.read(x, dt)
    h = motion.initial_state()
    apart = torch.randn(len(h), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    apart *= 1e-7 / apart.norm()
    growth, passed = 0.0, 0.0
    for u, t, gap in zip(row.u, row.dt, row.gaps, strict=True):
        both = motion.step(u.expand(2, -1), t.expand(2), torch.stack([h, h + apart]))
        passed += float(gap)
        apart, h = both[1] - both[0], both[0]
        if passed > warm_up + 1e-9:
            growth += float(torch.log(apart.norm() / 1e-7))
        apart *= 1e-7 / apart.norm()
    return growth / (passed - warm_up)


@pytest.mark.parametrize(("gain", "seed"), [(0.5, 3), (1.2, 3), (2.0, 4), (2.0, 6)])
def test_a_driven_tanh_network_agrees_with_two_trajectories(gain, seed):
    torch.manual_seed(seed)
    cell = CTRNN(2, 16, tau=(1.0, 5.0)).double()
    with torch.no_grad():
        cell.W.normal_().mul_(gain / 4 / cell.tau)
    x, dt = drive(2500, 2)
    found = spectrum(cell, x, dt, count=2)
    assert found.exponents[0] == pytest.approx(two_trajectories(Motion(cell), x, dt, found.warm_up), abs=1e-4)


@pytest.mark.parametrize("cell", ["ctrnn", "ltc", "gated_ltc", "cfc", "gruode", "gru", "lstm"])
def test_the_sum_of_the_exponents_is_the_mean_of_log_det(cell):
    torch.manual_seed(0)
    model = tauflow.Recurrent(tauflow.cells.build(cell, 2, 4))
    x, dt = drive(200, 2)
    found = spectrum(model, x, dt)
    assert found.exponents.sum() == pytest.approx(found.log_det, rel=1e-9)


@pytest.mark.parametrize("cell", ["ctrnn", "ltc", "gated_ltc", "cfc", "gruode", "lstm"])
def test_jacobians_are_those_of_finite_differences(cell):
    torch.manual_seed(0)
    below = tauflow.cells.build(cell, 2, 4)
    motion = Motion(tauflow.Stack(below, tauflow.GatedLTC(below.outputs, 3)))
    x, dt = drive(5, 2)
    row = motion.read(x, dt)
    h = torch.cat([motion.initial_state()[None], motion.states(row)[:-1]])
    J = motion.jacobians(row.u, row.dt, h)
    for column in range(motion.state_size):
        small = torch.zeros_like(h)
        small[:, column] = 1e-6
        slope = (motion.step(row.u, row.dt, h + small) - motion.step(row.u, row.dt, h - small)) / 2e-6
        torch.testing.assert_close(J[:, :, column], slope, atol=1e-8, rtol=1e-6)


def test_a_network_counts_in_the_unit_of_its_data():
    torch.manual_seed(0)
    cell = linear()
    slow = tauflow.Network(2, 1, core=cell.float(), period=60.0)
    x, dt = drive(1500, 2)
    found = spectrum(slow, x.float(), 60 * dt.float(), warm_up=30, count=1)
    assert found.exponents[0] == pytest.approx(-1 / 600, rel=1e-5)
    assert next(slow.parameters()).dtype == torch.float32


def test_masked_samples_do_not_count():
    torch.manual_seed(0)
    cell = tauflow.GatedLTC(2, 4)
    x, dt = drive(120, 2)
    mask = torch.arange(120) % 3 != 1
    some, all_real = spectrum(cell, x, dt, mask), spectrum(cell, x[mask], dt[mask])
    np.testing.assert_array_equal(some.exponents, all_real.exponents)


COPIES = 16  # of a system, side by side from different starts: a long average in a short time


def lorenz(v: np.ndarray) -> np.ndarray:
    """Slopes of the states v[:, :, 0] and of their variational equations, (copies, 3, 4)."""
    x, y, z = v[:, 0, :1], v[:, 1, :1], v[:, 2, :1]
    a, b, c = v[:, 0], v[:, 1], v[:, 2]
    slope = np.stack([10 * (b - a), (28 - z) * a - b - x * c, y * a + x * b - 8 / 3 * c], axis=1)
    slope[:, 1, 0] += (x * z)[:, 0]  # of the state itself x z and x y count once
    slope[:, 2, 0] -= (x * y)[:, 0]
    return slope


def lorenz_step(h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Five RK4 steps of 0.01: the state after 0.05, and its Jacobian."""
    v = np.concatenate([h.reshape(COPIES, 3, 1), np.tile(np.eye(3), (COPIES, 1, 1))], axis=2)
    for _ in range(5):
        k1 = lorenz(v)
        k2 = lorenz(v + 0.005 * k1)
        k3 = lorenz(v + 0.005 * k2)
        v = v + 0.01 / 6 * (k1 + 2 * k2 + 2 * k3 + lorenz(v + 0.01 * k3))
    J = np.zeros((COPIES, 3, COPIES, 3))
    J[np.arange(COPIES), :, np.arange(COPIES)] = v[:, :, 1:]
    return v[:, :, 0].reshape(-1), J.reshape(3 * COPIES, 3 * COPIES)


@pytest.mark.slow
def test_lorenz():
    start = np.array([1.0, 1.0, 20.0]) + np.random.default_rng(0).normal(size=(COPIES, 3))
    after = [start.reshape(-1)]

    def jacobian(h: Tensor) -> Tensor:
        after[0], J = lorenz_step(h.numpy())
        return torch.from_numpy(J)

    found = lyapunov(
        lambda h: torch.from_numpy(after[0]),  # what came with the Jacobian
        jacobian,
        torch.from_numpy(start.reshape(-1)),
        dt=0.05,
        steps=3000,
    )
    largest, middle, smallest = found.exponents.reshape(3, COPIES).mean(axis=1)
    assert largest == pytest.approx(0.906, rel=0.01)
    assert middle == pytest.approx(0, abs=0.01)
    assert smallest == pytest.approx(-14.57, rel=0.01)
    assert found.log_det == pytest.approx(COPIES * -(10 + 1 + 8 / 3), rel=1e-4)  # RK4's own error


def test_an_automatic_jacobian_is_taken_where_none_is_given():
    """A logistic map at r = 4: its exponent is log 2."""
    found = lyapunov(lambda h: 4 * h * (1 - h), None, torch.tensor([0.3], dtype=torch.float64), dt=1.0, steps=1000)
    assert found.exponents[0] == pytest.approx(np.log(2), abs=0.01)


def test_the_warm_up_is_cut_to_half_and_said():
    x, dt = drive(40, 2)
    found = spectrum(linear(), x, dt, warm_up=1000)
    assert not found.settled and found.warm_up < float(dt.sum()) * 0.7
    assert list(found.frame().columns) == ["exponent", "low", "high", "memory"]


def test_what_can_not_be_answered_is_refused():
    x, dt = drive(40, 2)
    with pytest.raises(AnalysisError, match="20 samples"):
        spectrum(linear(), x[:10], dt[:10])
    with pytest.raises(AnalysisError, match="count is 9"):
        spectrum(linear(), x, dt, count=9)
    with pytest.raises(AnalysisError, match="Bidirectional"):
        spectrum(tauflow.Bidirectional(linear(), linear()), x, dt)
    with pytest.raises(tauflow.TauflowError, match="one row of data"):
        spectrum(linear(), x[None], dt[None])
