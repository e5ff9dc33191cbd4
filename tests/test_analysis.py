"""Certificates against brute force: no bound is ever passed, and they are tight."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from tauflow import cells
from tauflow.analysis import AnalysisError, certify, time_constants
from tauflow.cells import CTRNN, GRUODE, LSTM, GatedLTC
from tauflow.errors import StateOverflowError
from tauflow.sequence import Recurrent
from tauflow.solvers import BOUNDED

UNBOUNDED = ("relu", "softplus", "gelu", "silu", "identity")


def gain(cell: CTRNN) -> float:
    """q, by the formula."""
    return (cell.tau * cell.sigma.lipschitz * cell.W.abs().sum(dim=1)).max().item()


def scaled(activation: str, q: float, seed: int, solver: str = "exponential", units: int = 8) -> CTRNN:
    """A random network whose gain is q."""
    torch.manual_seed(seed)
    cell = CTRNN(3, units, activation=activation, tau=(0.1, 50.0), solver=solver).double()
    with torch.no_grad():
        torch.nn.init.normal_(cell.W)
        torch.nn.init.normal_(cell.b)
        cell.W.mul_(q / gain(cell))
    return cell


def run(cell: CTRNN, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
    """All states, (batch, time, units)."""
    with torch.no_grad():
        return Recurrent(cell, "reference")(x, dt, None, h)[0]


def random_gaps(*shape: int) -> Tensor:
    return 10 ** (8 * torch.rand(shape, dtype=torch.float64) - 4)


@pytest.mark.parametrize("solver", BOUNDED)
@pytest.mark.parametrize("activation", UNBOUNDED)
def test_no_state_passes_the_bound(activation: str, solver: str) -> None:
    for seed, q in enumerate((0.1, 0.5, 0.9, 0.99)):
        cell = scaled(activation, q, seed, solver)
        certificate = certify(cell)
        assert certificate.certified
        assert certificate.q == pytest.approx(q)
        x = 2 * (2 * torch.rand(64, 40, 3).double() - 1)
        h = 5 * (2 * torch.rand(64, 8).double() - 1)
        bound = certificate.bound(x_bound=2.0, h0=5.0)
        assert run(cell, x, random_gaps(64, 40), h).abs().max() <= bound


@pytest.mark.parametrize("substeps", [1, 3])
@pytest.mark.parametrize("solver", BOUNDED)
def test_one_linear_neuron_contracts_by_its_factor(solver: str, substeps: int) -> None:
    """Where sigma is the identity and all weights are positive, the bound on the distance of two states is reached."""
    cell = CTRNN(1, 1, activation="identity", tau=2.0, solver=solver, substeps=substeps).double()
    with torch.no_grad():
        cell.W.fill_(0.3), cell.U.fill_(1.0), cell.b.fill_(0.1)
    for dt in (0.0, 0.1, 1.0, 7.0, 1e4):
        gap = torch.full((2, 1), dt, dtype=torch.float64)
        one, other = run(cell, torch.ones(2, 1, 1).double(), gap, torch.tensor([[0.0], [1.0]]).double())[:, 0, 0]
        assert certify(cell).contraction(dt) == pytest.approx((other - one).item(), rel=1e-12)


@pytest.mark.parametrize("q", [0.5, 0.9, 0.99])
def test_the_bound_is_tight(q: float) -> None:
    """One neuron that excites itself: h rises to 1 / (1 - q), 2, 10 and 99.99 (of 100)."""
    cell = CTRNN(1, 1, activation="relu", tau=1.0).double()
    with torch.no_grad():
        cell.W.fill_(q), cell.U.fill_(1.0), cell.b.fill_(0.0)
    h = run(cell, torch.ones(1, 920, 1).double(), torch.full((1, 920), 50.0).double(), torch.zeros(1, 1).double())[
        0, -1, 0
    ].item()
    bound = certify(cell).bound(1.0)
    assert bound == pytest.approx(1 / (1 - q))
    assert h == pytest.approx(bound, rel=2e-4)
    assert h <= bound * (1 + 1e-12)
    assert round(h, 2) == {0.5: 2.0, 0.9: 10.0, 0.99: 99.99}[q]


@pytest.mark.parametrize("solver", BOUNDED)
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "softplus"])
def test_states_come_closer_as_fast_as_stated(activation: str, solver: str) -> None:
    for seed, q in enumerate((0.2, 0.8, 1.0, 3.0)):
        cell = scaled(activation, q, seed, solver)
        certificate = certify(cell)
        x = torch.randn(256, 3).double()
        a, b = torch.randn(256, 8).double(), torch.randn(256, 8).double()
        for dt in (0.0, 0.01, 0.3, 2.0, 100.0, 1e6):
            gap = torch.full((256,), dt).double()
            with torch.no_grad():
                after = (cell.step(x, gap, a) - cell.step(x, gap, b)).abs().amax(dim=1)
            factor = certificate.contraction(dt)
            assert (after <= factor * (a - b).abs().amax(dim=1) * (1 + 1e-12) + 1e-12).all()
            assert q > 1 or factor <= 1 + 1e-12


def test_contraction_is_the_stated_formula() -> None:
    cell = CTRNN(3, 4, tau=2.0).double()
    certificate = certify(cell)
    a = 1 - np.exp(-0.7 / cell.tau[0].item())
    assert certificate.contraction(0.7) == pytest.approx((1 - a) + a * gain(cell), rel=1e-12)
    implicit = CTRNN(3, 4, tau=2.0, solver="semi_implicit").double()
    r = 0.7 / implicit.tau[0].item()
    a = r / (1 + r)
    assert certify(implicit).contraction(0.7) == pytest.approx((1 - a) + a * gain(implicit), rel=1e-12)
    two = CTRNN(3, 4, tau=2.0, substeps=2).double()
    a = 1 - np.exp(-0.35 / two.tau[0].item())
    assert certify(two).contraction(0.7) == pytest.approx(((1 - a) + a * gain(two)) ** 2, rel=1e-12)
    for bad in (-1.0, float("nan"), float("inf")):
        with pytest.raises(AnalysisError, match="finite gap"):
            certificate.contraction(bad)


def test_the_contraction_is_tight() -> None:
    """A linear neuron reaches the factor."""
    cell = CTRNN(1, 1, activation="identity", tau=1.0).double()
    with torch.no_grad():
        cell.W.fill_(0.6)
    apart = cell.step(torch.zeros(1, 1).double(), torch.tensor([0.5]).double(), torch.ones(1, 1).double())
    assert apart.item() == pytest.approx(certify(cell).contraction(0.5), rel=1e-12)


def test_gradients_through_time_keep_to_the_cap() -> None:
    """|dh_T / dh_0| <= the product of the factors, T = 100."""
    for activation in ("tanh", "relu", "sigmoid"):
        for q in (0.5, 0.95, 1.5):
            cell = scaled(activation, q, 7)
            h = torch.randn(1, 8).double().requires_grad_()
            y, _ = Recurrent(cell, "reference")(torch.randn(1, 100, 3).double(), 1.0, None, h)
            rows = torch.stack([torch.autograd.grad(y[0, -1, k], h, retain_graph=True)[0][0] for k in range(8)])
            assert rows.abs().sum(dim=1).max() <= certify(cell).contraction(1.0) ** 100 * (1 + 1e-9)


@pytest.mark.parametrize(("q", "before"), [(1.1, 2000), (2.0, 300), (10.0, 100)])
def test_an_overflow_is_named_at_its_step(q: float, before: int) -> None:
    """Brute force says at which step the state leaves float32; the error names the same, within one."""
    cell = CTRNN(1, 1, activation="relu", tau=1.0)
    with torch.no_grad():
        cell.W.fill_(q), cell.U.fill_(1.0), cell.b.fill_(1.0)
    certificate = certify(cell)
    assert not certificate.certified
    assert certificate.reason.startswith("not certified: relu is unbounded and q = ")
    with pytest.raises(AnalysisError, match="there is no bound: not certified"):
        certificate.bound(1.0)
    h, step, a = 0.0, 0, -np.expm1(-1.0)
    while h <= torch.finfo(torch.float32).max:
        h, step = (1 - a) * h + a * (q * h + 2.0), step + 1
    assert step < before
    with pytest.raises(StateOverflowError, match=r"sample 1 left the range of torch\.float32 at step \d+") as error:
        Recurrent(cell, "reference")(torch.stack([-1e6 * torch.ones(before, 1), torch.ones(before, 1)]), 1.0)
    named = int(str(error.value).split("at step ")[1].split(":")[0])
    assert abs(named - (step - 1)) <= 1
    y, last = Recurrent(cell, "reference")(torch.ones(1, named - 1, 1), 1.0)
    assert torch.isfinite(y).all()
    assert torch.isfinite(last).all()


def test_bounded_activations_are_certified_for_any_weights() -> None:
    cell = scaled("tanh", 50.0, 1)
    certificate = certify(cell)
    assert certificate.certified
    assert certificate.q == pytest.approx(50.0)
    assert certificate.low is not None
    assert certificate.high is not None
    torch.testing.assert_close(certificate.high, cell.tau.detach())
    torch.testing.assert_close(certificate.low, -cell.tau.detach())
    assert certificate.bound(1e30) == pytest.approx(cell.tau.max().item())
    y = run(cell, 100 * torch.randn(64, 40, 3).double(), random_gaps(64, 40), torch.zeros(64, 8).double())
    assert ((y >= certificate.low) & (y <= certificate.high)).all()


@pytest.mark.parametrize("name", cells.names())
def test_every_cell_gets_an_answer(name: str) -> None:
    cell = cells.build(name, 3, 5)
    certificate = certify(cell)
    hull = cell.hull()
    assert certificate.certified is (hull is not None)
    assert certificate.reason.startswith("not certified: ") is (hull is None)
    if hull is not None:
        assert certificate.low is not None
        assert torch.equal(certificate.low, hull[0])
        assert certificate.bound(1.0, h0=1e6) == 1e6
    if name != "ctrnn":
        with pytest.raises(AnalysisError, match="no contraction factor"):
            certificate.contraction(1.0)


def test_solvers_without_the_bound_are_not_certified() -> None:
    for cell in (CTRNN(3, 5, solver="rk4"), GatedLTC(3, 5, solver="etd2rk"), GRUODE(3, 5, solver="euler")):
        certificate = certify(cell)
        assert not certificate.certified
        assert f"the steps of {cell.solver} are no convex combinations; try solver='exponential'" in certificate.reason


def test_q_is_not_rounded_below_one() -> None:
    """In float32 a row sum a hair above one could look like one."""
    cell = CTRNN(1, 4, activation="relu", tau=1.0)
    with torch.no_grad():
        cell.W.fill_(0.25).add_(1e-7)
    assert not certify(cell).certified


def test_a_certificate_is_frozen() -> None:
    with pytest.raises(AttributeError):
        certify(CTRNN(3, 5)).certified = False  # type: ignore[misc]


def test_time_constants() -> None:
    torch.testing.assert_close(time_constants(CTRNN(3, 3, tau=(1.0, 100.0))), torch.tensor([1.0, 10.0, 100.0]))
    with pytest.raises(AnalysisError, match="LSTM has no time constants"):
        time_constants(LSTM(3, 5))
