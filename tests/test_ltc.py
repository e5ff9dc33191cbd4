"""LTC: the equation itself, the memory of its initialisation, its time constants, the accuracy of its default step."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from tauflow import wirings
from tauflow.cells.base import CellError
from tauflow.cells.ltc import LTC, inverse_softplus
from tauflow.errors import WiringError
from tauflow.solvers import SOLVERS
from tauflow.wirings import Wiring

INPUTS = 8


def softplus(x: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(x))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_leak_is_the_equation() -> None:
    """Synapse by synapse, in plain Python."""
    wiring = wirings.random(3, 5, 2, 0.4, seed=1)
    cell = LTC(3, wiring).double()
    with torch.no_grad():
        cell.input_w.mul_(1.3)
        cell.input_b.add_(0.2)
    x, h = torch.randn(1, 3, dtype=torch.float64), torch.randn(1, 5, dtype=torch.float64)
    drive, rate = cell.leak(cell.project(x), h)
    p = {name: value.detach().numpy() for name, value in cell.named_parameters()}
    cm, gleak, w, sensory_w = (softplus(p[name]) for name in ("cm", "gleak", "w", "sensory_w"))
    for j in range(5):
        current, conductance = gleak[j] * p["vleak"][j], gleak[j]
        for i in range(3):
            if wiring.sensory[i, j]:
                u = p["input_w"][i] * x[0, i].item() + p["input_b"][i]
                g = sensory_w[i, j] * sigmoid(p["sensory_sigma"][i, j] * (u - p["sensory_mu"][i, j]))
                current, conductance = current + g * p["sensory_erev"][i, j], conductance + g
        for i in range(5):
            if wiring.synapses[i, j]:
                g = w[i, j] * sigmoid(p["sigma"][i, j] * (h[0, i].item() - p["mu"][i, j]))
                current, conductance = current + g * p["erev"][i, j], conductance + g
        assert drive[0, j].item() == pytest.approx(current / cm[j], rel=1e-12)
        assert rate[0, j].item() == pytest.approx(conductance / cm[j], rel=1e-12)
    np.testing.assert_array_equal(p["erev"], wiring.synapses)
    np.testing.assert_array_equal(p["sensory_erev"], wiring.sensory)


def test_output_is_the_motor_neurons_scaled() -> None:
    cell = LTC(2, wirings.dense(2, 5, 3))
    with torch.no_grad():
        cell.output_w.copy_(torch.tensor([1.0, 2.0, 3.0]))
        cell.output_b.fill_(0.5)
    h = torch.arange(10.0).reshape(2, 5)
    assert torch.equal(cell.output(h), torch.tensor([[0.5, 2.5, 6.5], [5.5, 12.5, 21.5]]))
    assert (cell.outputs, cell.state_size) == (3, 5)


def trace(cell: LTC, steps: int, seed: int) -> float:
    """|dh_t/dh_0| (the largest factor by which a small change survives) along a random, standardised input."""
    g = torch.Generator().manual_seed(seed)
    one, h = torch.ones(1), torch.zeros(1, cell.state_size)
    with torch.no_grad():
        for _ in range(20):
            h = cell.step(torch.randn(1, cell.inputs, generator=g), one, h)
    jacobian = torch.eye(cell.state_size)
    for _ in range(steps):
        x = torch.randn(1, cell.inputs, generator=g)

        def advance(v: Tensor, x: Tensor = x) -> Tensor:
            return cell.step(x, one, v[None])[0]

        jacobian = torch.autograd.functional.jacobian(advance, h[0]) @ jacobian
        h = advance(h[0])[None].detach()
    return float(torch.linalg.matrix_norm(jacobian, 2))


@pytest.mark.parametrize(("units", "memory"), [(8, 10), (8, 30), (8, 100), (32, 10), (32, 30), (128, 10), (128, 20)])
def test_state_remembers_for_the_chosen_horizon(units: int, memory: int) -> None:
    """1/e = 0.37 after `memory` steps, within a factor of 1.25."""
    cell = LTC(INPUTS, units, memory=float(memory))
    left = trace(cell, memory, seed=units)
    assert 1 / 1.25 < left * math.e < 1.25


def test_state_remembers_in_a_sparse_network_too() -> None:
    for units in (19, 64):
        left = trace(LTC(INPUTS, wirings.auto_ncp(INPUTS, units, 4), memory=20.0), 20, seed=units)
        assert 1 / 1.5 < left * math.e < 1.5


def test_ncps_initialisation_forgets_at_once() -> None:
    cell = LTC(INPUTS, 32, init="ncps", solver="semi_implicit", substeps=6)
    assert trace(cell, 5, seed=0) < 1e-4


def test_tau_is_the_time_constant_of_half_open_synapses() -> None:
    wiring = wirings.auto_ncp(INPUTS, 19, 4)
    cell = LTC(INPUTS, wiring, tau=(0.5, 50.0))
    torch.testing.assert_close(
        cell.time_constants()[list(wiring.layers[0])], torch.logspace(math.log10(0.5), math.log10(50.0), 9)
    )
    torch.testing.assert_close(LTC(INPUTS, 16, tau=5.0).time_constants(), torch.full((16,), 5.0))
    default = LTC(INPUTS, 16, memory=40.0).time_constants()
    assert default.min().item() == pytest.approx(0.1, rel=1e-4)
    assert default.max().item() == pytest.approx(40.0, rel=1e-4)
    cell = LTC(INPUTS, 16, tau=5.0).double()
    half = [torch.zeros_like(mu) for mu in (cell.mu, cell.sensory_mu)]
    with torch.no_grad():
        cell.mu.copy_(half[0])
        cell.sensory_mu.copy_(half[1])
    zeros = torch.zeros(1, INPUTS, dtype=torch.float64)
    _, rate = cell.leak(cell.project(zeros), torch.zeros(1, 16, dtype=torch.float64))
    torch.testing.assert_close(1 / rate[0], cell.time_constants())


def test_time_constant_is_liquid() -> None:
    """Open synapses make a neuron faster."""
    cell = LTC(1, 4)
    with torch.no_grad():
        cell.sensory_sigma.fill_(5.0)
    _, closed = cell.leak(cell.project(torch.full((1, 1), -5.0)), torch.zeros(1, 4))
    _, opened = cell.leak(cell.project(torch.full((1, 1), 5.0)), torch.zeros(1, 4))
    assert (opened > 1.5 * closed).all()


def test_default_step_is_more_accurate_than_six_unfolds_of_ncps() -> None:
    """Against 200 steps, at dt = 1: one exponential midpoint step costs two evaluations, the unfolds six."""
    torch.manual_seed(2)
    fine = LTC(INPUTS, 32, solver="exponential_midpoint", substeps=200).double()
    x, h, dt = (torch.randn(16, n, dtype=torch.float64) for n in (INPUTS, 32, 1))
    h, dt = 0.2 * h, torch.ones_like(dt[:, 0])
    errors = {}
    with torch.no_grad():
        exact = fine.step(x, dt, h)
        for solver, substeps in (("exponential_midpoint", 1), ("semi_implicit", 6)):
            cell = LTC(INPUTS, 32, solver=solver, substeps=substeps).double()
            cell.load_state_dict(fine.state_dict())
            errors[solver] = ((cell.step(x, dt, h) - exact).abs().mean() / exact.abs().mean()).item()
    assert errors["exponential_midpoint"] < 0.01
    assert errors["exponential_midpoint"] < errors["semi_implicit"] / 2


def test_positive_parameters_stay_positive() -> None:
    """Wherever an optimiser takes what is learned."""
    cell = LTC(2, 4)
    with torch.no_grad():
        for parameter in (cell.cm, cell.gleak, cell.w, cell.sensory_w):
            parameter.fill_(-1e4)
    _, rate = cell.leak(cell.project(torch.randn(3, 2)), torch.randn(3, 4))
    assert (rate > 0).all()
    new = cell.step(torch.randn(3, 2), torch.ones(3), torch.randn(3, 4))
    assert torch.isfinite(new).all()


def hull_of(cell: LTC) -> tuple[Tensor, Tensor]:
    hull = cell.hull()
    assert hull is not None
    return hull


def test_hull_follows_the_synapses() -> None:
    wiring = Wiring([[0, 1], [0, 0]], [[-1, 0]], 1)
    cell = LTC(1, wiring)
    with torch.no_grad():
        cell.vleak.copy_(torch.tensor([0.25, 0.5]))
    low, high = hull_of(cell)
    assert low.tolist() == [-1.0, 0.5]
    assert high.tolist() == [0.25, 1.0]
    low, high = hull_of(LTC(1, wiring, epsilon=1e-3))
    assert (low <= 0).all()
    assert (high >= 0).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_bound_is_claimed_only_for_solvers_that_keep_it(solver: str) -> None:
    bounded = solver in ("exponential", "exponential_midpoint", "semi_implicit")
    assert (LTC(2, 4, solver=solver).hull() is not None) == bounded


def test_unwired_synapses_have_no_influence_and_no_gradient() -> None:
    wiring = wirings.random(3, 6, None, 0.7, seed=2)
    cell = LTC(3, wiring)
    cell.step(torch.randn(4, 3), torch.ones(4), torch.randn(4, 6)).sum().backward()
    for parameter, mask in ((cell.w, wiring.synapses), (cell.sensory_w, wiring.sensory)):
        assert parameter.grad is not None
        assert (parameter.grad[torch.from_numpy(mask == 0)] == 0).all()
        assert (parameter.grad[torch.from_numpy(mask != 0)] != 0).all()


def test_inverse_softplus() -> None:
    value = torch.logspace(-8, 4, 100, dtype=torch.float64)
    torch.testing.assert_close(torch.nn.functional.softplus(inverse_softplus(value)), value, rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"inputs": 3, "units": wirings.dense(2, 4)}, WiringError, "the wiring is for 2 inputs, but the cell has 3"),
        ({"inputs": 2, "units": 4, "init": "zeros"}, CellError, "init is 'zeros', expected one of memory, ncps"),
        ({"inputs": 2, "units": 4, "memory": 0.0}, CellError, "memory is 0.0"),
        ({"inputs": 2, "units": 4, "memory": math.inf}, CellError, "memory is inf"),
        ({"inputs": 2, "units": 4, "tau": (5.0, 1.0)}, CellError, "tau is"),
        ({"inputs": 2, "units": 0}, WiringError, "units is 0"),
    ],
)
def test_says_what_is_wrong(options: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        LTC(**options)  # type: ignore[arg-type]
