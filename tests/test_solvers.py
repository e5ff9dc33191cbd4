"""The solvers against SciPy, closed forms and their own promises: order, exactness, bounds, and where they refuse."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import mpmath
import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from tauflow import cells, solvers
from tauflow.errors import StepSizeError
from tauflow.solvers import SOLVERS, Leak, SolverError, integrate

ORDER = {"exponential": 1, "exponential_midpoint": 2, "semi_implicit": 1, "etd2rk": 2, "euler": 1, "rk4": 4}
EXPLICIT = {"euler": 1.0, "rk4": 2.78}  # the longest step in time constants

W = torch.tensor([[0.9, -1.2, 0.4], [0.7, 0.3, -0.8], [-0.5, 1.1, 0.6]], dtype=torch.float64)
C = torch.tensor([0.3, -0.4, 0.8], dtype=torch.float64)
H0 = torch.tensor([[0.5, -0.3, 0.9]], dtype=torch.float64)


def ctrnn(rate: list[float]) -> Leak:
    """The primer's equation; a drive as large as the rate, so that fast neurons move too."""
    r = torch.tensor([rate], dtype=torch.float64)

    def leak(h: Tensor) -> tuple[Tensor, Tensor]:
        return r * torch.tanh(h @ W.T + C), r.expand_as(h)

    return leak


def gated(rate: list[float]) -> Leak:
    """A rate that depends on the state, as in GatedLTC."""
    r = torch.tensor([rate], dtype=torch.float64)

    def leak(h: Tensor) -> tuple[Tensor, Tensor]:
        f = r * torch.sigmoid(h @ W.T + C)
        return f * torch.tensor([1.0, -1.0, 0.5], dtype=torch.float64), 0.2 * r + f

    return leak


# name: (leak, time span, numbers of steps). The stiff ones have rates up to 1,000, with steps within Euler's limit.
PROBLEMS: dict[str, tuple[Leak, float, tuple[int, ...]]] = {
    "ctrnn": (ctrnn([1.0, 0.7, 1.5]), 2.0, (32, 64, 128)),
    "gated": (gated([1.0, 0.7, 1.5]), 2.0, (32, 64, 128)),
    "ctrnn-stiff": (ctrnn([1.0, 30.0, 1000.0]), 0.1, (400, 800, 1600)),
    "gated-stiff": (gated([1.0, 30.0, 1000.0]), 0.1, (400, 800, 1600)),
}


def robertson(h: Tensor) -> tuple[Tensor, Tensor]:
    """The rates of Robertson's problem."""
    rate = torch.tensor([[0.04, 1e4, 3e7]], dtype=h.dtype)
    return rate * torch.sigmoid(h @ W.to(h.dtype).T + C.to(h.dtype)), rate.expand_as(h)


@cache
def exact(leak: Leak, span: float, method: str = "DOP853") -> np.ndarray:
    """The state after `span` by SciPy."""

    def slope(_: float, h: np.ndarray) -> np.ndarray:
        v = torch.from_numpy(h)[None]
        drive, rate = leak(v)
        return (drive - rate * v)[0].numpy()

    result = solve_ivp(slope, (0, span), H0[0].numpy(), method=method, rtol=1e-12, atol=1e-14)
    assert result.success
    return result.y[:, -1]


@pytest.mark.parametrize("problem", PROBLEMS)
def test_two_references_agree(problem: str) -> None:
    leak, span, _ = PROBLEMS[problem]
    np.testing.assert_allclose(exact(leak, span, "Radau"), exact(leak, span), rtol=0, atol=1e-10)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", SOLVERS)
def test_order_of_convergence(name: str, problem: str) -> None:
    leak, span, counts = PROBLEMS[problem]
    truth = exact(leak, span)
    errors = [
        np.abs(integrate(name, leak, H0, torch.full((1, 1), span, dtype=torch.float64), n)[0].numpy() - truth).max()
        for n in counts
    ]
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert slope == pytest.approx(ORDER[name], abs=0.15), errors


@pytest.mark.parametrize("name", SOLVERS)
def test_a_gap_of_zero_is_the_identity(name: str) -> None:
    h = torch.randn(5, 3, dtype=torch.float64)
    for leak in (ctrnn([1e-6, 1.0, 1e6]), gated([1e-6, 1.0, 1e6])):
        assert torch.equal(integrate(name, leak, h, torch.zeros(5, 1, dtype=torch.float64)), h)


@pytest.mark.parametrize(("dtype", "count", "tolerance"), [(torch.float32, 10, 1e-6), (torch.float64, 1000, 1e-12)])
@pytest.mark.parametrize("name", ["exponential", "exponential_midpoint", "etd2rk"])
def test_exact_under_splitting_without_recurrent_weights(
    name: str, dtype: torch.dtype, count: int, tolerance: float
) -> None:
    """With W = 0 the equation is linear, and one step equals many, for every gap; each of them rounds once."""
    cell = cells.build("ctrnn", 2, 6, tau=(0.01, 100.0), solver=name).to(dtype)
    torch.nn.init.zeros_(cell.W)
    x, h = torch.randn(20, 2, dtype=dtype), torch.randn(20, 6, dtype=dtype)
    dt = torch.logspace(-3, 3, 20, dtype=dtype)
    with torch.no_grad():
        whole, split = cell.step(x, dt, h), h
        for _ in range(count):
            split = cell.step(x, dt / count, split)
    scale = cell.tau.detach().clamp(min=1)  # a state is as large as its tau
    assert ((whole - split) / scale).abs().max() <= tolerance


def test_exponential_is_the_closed_form() -> None:
    """h(dt) = h exp(-dt/tau) + tau s (1 - exp(-dt/tau)) for a constant drive s."""
    rate, drive, h = (
        torch.tensor([[0.1, 2.0]]).double(),
        torch.tensor([[0.3, -0.7]]).double(),
        torch.tensor([[1.0, 2.0]]).double(),
    )
    for dt in (1e-9, 0.3, 7.0, 1e4):
        step = solvers.exponential(lambda v: (drive, rate), h, torch.tensor([[dt]], dtype=torch.float64))
        truth = h * torch.exp(-dt * rate) + drive / rate * (1 - torch.exp(-dt * rate))
        torch.testing.assert_close(step, truth, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", solvers.BOUNDED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_robertson_rates_stay_bounded(name: str, dtype: torch.dtype) -> None:
    """Rates of 0.04, 1e4 and 3e7, and gaps from 1e-9 to 1e30: always within [0, 1], and at rest where SciPy is."""
    h = torch.rand(200, 3, dtype=dtype)
    gaps = torch.logspace(-9, 30, 200, dtype=dtype)[:, None]
    for _ in range(50):
        h = integrate(name, robertson, h, gaps)
        assert ((h >= 0) & (h <= 1)).all()
    rest = torch.from_numpy(exact(robertson, 1e3, "Radau")).to(dtype)
    at_rest = h[gaps[:, 0] > 1e3]
    torch.testing.assert_close(at_rest, rest.expand_as(at_rest), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("name", "limit"), EXPLICIT.items())
def test_explicit_solvers_refuse_long_steps_and_not_before(name: str, limit: float) -> None:
    def leak(h: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros_like(h), torch.tensor([[0.5, 1.0]], dtype=h.dtype).expand_as(h)

    h = torch.ones(2, 2)
    step = partial(integrate, name, leak, h)
    assert torch.isfinite(step(torch.tensor([[0.1], [limit]]))).all()
    too_long = torch.tensor([[0.1], [limit * 1.001]])
    with pytest.raises(StepSizeError, match=rf"{name} was given a step of .* limit is {limit:g}.*solver='exponential'"):
        step(too_long)
    assert torch.isfinite(step(too_long, substeps=2)).all()
    with pytest.raises(StepSizeError, match=r"use 10 times as many substeps"):
        step(torch.tensor([[0.1], [40 * limit]]), substeps=4)
    assert torch.isfinite(step(torch.tensor([[0.1], [40 * limit]]), substeps=40)).all()
    with pytest.raises(StepSizeError):
        integrate(name, lambda v: (v, torch.full_like(v, float("nan"))), h, torch.ones(2, 1))
    assert integrate(name, leak, h[:0], torch.ones(0, 1)).shape == (0, 2)


def test_explicit_solvers_stay_bounded_up_to_their_limit() -> None:
    """At its limit Euler keeps the bound; at 2.5 time constants a step, unchecked, the state would grow without end."""
    rate = torch.ones(1, 1)
    growing = torch.ones(1, 1)
    for _ in range(200):
        growing = growing + 2.5 * (-growing)  # Euler without the check
    assert growing.abs() > 1e30
    for name, limit in EXPLICIT.items():
        h = torch.ones(1, 1)
        for _ in range(200):
            h = integrate(name, lambda v: (torch.zeros_like(v), rate), h, torch.full((1, 1), limit))
            assert h.abs() <= 1.0


def test_etd2rk_on_endless_gaps() -> None:
    """dt phi2(dt rate) tends to 1/rate, also where dt rate overflows."""
    leak = ctrnn([1e-3, 1.0, 1e6])
    for dt in (1e6, 1e30, 1e300, 1e305):
        step = integrate("etd2rk", leak, H0, torch.full((1, 1), dt, dtype=torch.float64))
        drive, rate = leak(H0)
        drive_a, _ = leak(drive / rate)
        torch.testing.assert_close(step, drive_a / rate, rtol=1e-2, atol=1e-2)


def test_phi2_against_high_precision() -> None:
    z = np.concatenate([np.logspace(-12, 8, 401), [0.05, np.nextafter(0.05, 0)]])
    with mpmath.workdps(60):
        truth = [
            float((mpmath.exp(-mpmath.mpf(v)) - 1 + mpmath.mpf(v)) / mpmath.mpf(v)) for v in z.tolist()
        ]  # z phi2(z)
    ours = solvers._correction(torch.from_numpy(z), torch.ones(len(z), dtype=torch.float64))
    torch.testing.assert_close(ours, torch.tensor(truth, dtype=torch.float64), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", SOLVERS)
def test_gradients_over_an_ode_step(name: str) -> None:
    h = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    dt = torch.tensor([[0.3], [0.02]], dtype=torch.float64, requires_grad=True)  # both branches of phi2
    for leak in (ctrnn([0.5, 1.0, 2.0]), gated([0.5, 1.0, 2.0])):
        assert torch.autograd.gradcheck(lambda h, dt, leak=leak: integrate(name, leak, h, dt, 2), (h, dt))


@pytest.mark.parametrize("name", solvers.BOUNDED)
def test_gradients_stay_finite_where_steps_overflow(name: str) -> None:
    for dtype in (torch.float32, torch.float64):
        dt = torch.tensor([[0.0], [1e-30], [1e30], [3e38]], dtype=dtype, requires_grad=True)
        rate = torch.tensor([[1e-6, 1.0, 1e6]], dtype=dtype, requires_grad=True)
        integrate(
            name, lambda v, rate=rate: (torch.tanh(v), rate.expand_as(v)), torch.ones(4, 3, dtype=dtype), dt
        ).sum().backward()
        assert torch.isfinite(dt.grad).all()
        assert torch.isfinite(rate.grad).all()


def test_substeps_are_equal_steps() -> None:
    leak, dt = gated([1.0, 0.7, 1.5]), torch.tensor([[0.9]], dtype=torch.float64)
    for name in SOLVERS:
        h = H0
        for _ in range(3):
            h = SOLVERS[name](leak, h, dt / 3)
        assert torch.equal(integrate(name, leak, H0, dt, 3), h)


def test_an_unknown_solver_names_the_known_ones() -> None:
    known: list[Callable[[], object]] = [
        lambda: solvers.get("dopri5"),
        lambda: integrate("dopri5", ctrnn([1.0, 1.0, 1.0]), H0, H0[:, :1]),
        lambda: cells.build("ctrnn", 3, 5, solver="dopri5"),
    ]
    for call in known:
        with pytest.raises(SolverError, match=r"dopri5.*exponential.*semi_implicit.*euler.*rk4"):
            call()
