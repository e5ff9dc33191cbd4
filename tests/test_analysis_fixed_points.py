"""Fixed points where they are known: bistable neurons, Hopfield's memories, a linear network, a cell without a flow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

import tauflow
from tauflow.analysis import AnalysisError, Motion, fixed_points
from tauflow.cells import CTRNN


def bistable(units: int, gain: float = 2.0) -> CTRNN:
    """Neurons that each hear themselves alone: h = tanh(2 h) has the roots 0 and +-0.957504."""
    cell = CTRNN(1, units, tau=1.0).double()
    with torch.no_grad():
        cell.W.copy_(gain * torch.eye(units))
        cell.U.fill_(1.0)
    return cell


@pytest.mark.parametrize("units", [1, 2, 3])
def test_all_states_of_bistable_neurons_are_found(units):
    found = fixed_points(bistable(units), [0.0])
    root = brentq(lambda h: np.tanh(2 * h) - h, 0.5, 1.5, xtol=1e-14)
    grid = np.stack(np.meshgrid(*[[-root, 0.0, root]] * units), axis=-1).reshape(-1, units)
    assert len(found.states) == 3**units
    assert all(np.abs(found.states - point).max(axis=1).min() < 1e-9 for point in grid)
    np.testing.assert_array_equal(found.stable, np.abs(found.states).min(axis=1) > 0.5)
    assert found.stable.sum() == 2**units and (found.residual < 1e-10).all()


def test_an_input_leaves_one_state():
    """The bifurcation along the input: three states at 0, one at 1."""
    assert [len(fixed_points(bistable(1), [x]).states) for x in (0.0, 0.2, 1.0)] == [3, 3, 1]


def test_growth_and_factor_are_those_of_the_equation():
    found = fixed_points(bistable(1), [0.0], dt=0.5)
    slope = -1 + 2 * (1 - np.tanh(2 * found.states[:, 0]) ** 2)
    np.testing.assert_allclose(found.growth, slope, atol=1e-9)
    a = 1 - np.exp(-0.5)
    np.testing.assert_allclose(found.factor, 1 - a + a * (slope + 1), atol=1e-9)


@pytest.mark.parametrize("units", [64])
def test_the_memories_of_a_hopfield_network_are_found(units):
    torch.manual_seed(0)
    memories = torch.randint(2, (3, units)).double() * 2 - 1
    cell = CTRNN(1, units, tau=1.0).double()
    with torch.no_grad():
        cell.W.copy_(3 * memories.T @ memories / units)
        cell.W.fill_diagonal_(0)
    found = fixed_points(cell, [0.0], starts=64)
    signs = np.sign(found.states[found.stable])
    assert all((signs == memory).all(axis=1).any() for memory in memories.numpy())


def test_a_linear_network_rests_where_its_equation_says():
    torch.manual_seed(0)
    cell = CTRNN(2, 5, activation="identity", tau=(0.5, 2.0)).double()
    with torch.no_grad():
        cell.W.mul_(0.3)
        expected = torch.linalg.solve(
            torch.diag(1 / cell.tau) - cell.W, cell.U @ torch.tensor([1.0, -2.0]).double() + cell.b
        )
    found = fixed_points(cell, [1.0, -2.0], starts=8)
    np.testing.assert_allclose(found.states, expected[None].numpy(), atol=1e-10)
    assert found.stable.all() and found.hits.sum() + found.lost == 8


@pytest.mark.parametrize("cell", ["cfc", "gru", "ltc", "gated_ltc", "gruode"])
def test_a_state_that_rests_is_not_moved_by_a_step(cell):
    torch.manual_seed(0)
    model = tauflow.Recurrent(tauflow.cells.build(cell, 2, 5))
    found = fixed_points(model, [0.5, -1.0], dt=0.7, starts=16)
    assert found.stable.any()
    motion = Motion(model)
    row = motion.read(torch.tensor([[0.5, -1.0]]).expand(1, -1), 0.7)
    h = torch.from_numpy(found.states)
    torch.testing.assert_close(motion.step(row.u.expand(len(h), -1), row.dt.expand(len(h)), h), h, atol=1e-9, rtol=0)


def test_states_that_were_met_are_starts():
    at = torch.full((1, 1), 0.9)
    assert fixed_points(bistable(1), [0.0], starts=2, states=at).hits.sum() == 3
    assert list(fixed_points(bistable(1), [0.0]).frame().columns)[:3] == ["stable", "growth", "factor"]


def test_what_can_not_be_answered_is_refused():
    with pytest.raises(AnalysisError, match="dt is 0"):
        fixed_points(bistable(1), [0.0], dt=0.0)
    with pytest.raises(AnalysisError, match="starts is 1"):
        fixed_points(bistable(1), [0.0], starts=1)
