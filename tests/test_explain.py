"""Explanations against closed forms and against the model asked again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tauflow
from benchmarks.explain import TRAINED, found_in, planted
from tauflow.explain import ExplanationError, IncompleteWarning, integrated_gradients, occlusion
from tests.test_analysis_spectrum import drive, linear

CELLS = list(TRAINED)


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_the_truth_that_was_planted_is_found(cell):
    net, correlation, _ = planted(cell, 0)
    assert correlation > 0.8, "it did not learn, so there is nothing to find"
    assert found_in(net, 0, torch.zeros(3))


def test_a_linear_network_is_attributed_in_closed_form():
    """h_T = sum_t w_t (x_t - x'), w_t = tau (1 - exp(-dt_t/tau)) exp(-(time since)/tau) U, whatever the path, if gaps stand still."""
    cell = linear(units=3).requires_grad_(False)
    x, dt = drive(12, 2)
    mean = torch.tensor([0.5, -1.0]).double()
    found = integrated_gradients(cell, x, dt, output=1, baseline=mean, baseline_dt=dt, nodes=2)
    tau, U = float(cell.tau[1]), cell.U[1].detach()
    since = dt.sum() - dt.cumsum(dim=0)
    w = tau * (1 - torch.exp(-dt / tau)) * torch.exp(-since / tau)
    np.testing.assert_allclose(found.attribution, (w[:, None] * U * (x - mean)).numpy(), atol=1e-12)
    assert (found.gap == 0).all() and abs(found.error) < 1e-12 and found.nodes == 2


@pytest.mark.parametrize("cell", CELLS)
def test_attributions_add_up_to_the_change_and_the_model_is_not_changed(cell):
    torch.manual_seed(0)
    below = tauflow.cells.build(cell, 3, 8)
    model = tauflow.Stack(below, tauflow.GatedLTC(below.outputs, 4))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x, dt = drive(60, 3)
    found = integrated_gradients(model, x, dt, baseline=torch.zeros(3))
    total = found.attribution.sum() + found.gap.sum()
    assert total == pytest.approx(found.answer - found.base, rel=1e-4)
    assert abs(found.error) <= 1e-4 * abs(found.change) and np.abs(found.gap).sum() > 0
    with torch.no_grad():
        answer = model(x[None].float(), dt[None].float())[0][0, -1, 0]
    assert found.answer == pytest.approx(float(answer), abs=1e-5)
    assert sum(found.shares().values()) == pytest.approx(1)
    assert model.training and all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("pool", [None, "mean"])
def test_a_network_starts_from_what_its_scale_has_measured(pool):
    torch.manual_seed(0)
    net = tauflow.Network(["a", "b", "c"], 2, "gated_ltc", 6, missing="missing", pool=pool, period=2.0)
    x, dt = drive(20, 3)
    x = (10 + 3 * x).float()
    with pytest.raises(ExplanationError, match=r"not known here: network.measure\(batch\)"):
        integrated_gradients(net, x, dt)
    net.scale.measure(x)
    net.measured.fill_(True)
    x[4, 1] = torch.nan
    found = integrated_gradients(net, x, dt.float(), output=1, at=-3)
    assert found.attribution[4, 1] == 0 and (found.attribution[-2:] == 0).all() and (found.gap[-2:] == 0).all()
    assert abs(found.error) <= 1e-4 * abs(found.change)
    assert list(found.frame().columns) == ["time", "a", "b", "c", "gap"]
    at_mean = integrated_gradients(net, net.scale.mean.expand(20, -1), dt.float())
    assert (at_mean.attribution == 0).all()


def test_masked_samples_are_left_out():
    torch.manual_seed(0)
    cell = tauflow.CfC(2, 4)
    x, dt = drive(15, 2)
    mask = torch.arange(15) != 5
    some = integrated_gradients(cell, x, dt, mask, baseline=torch.zeros(2))
    rest = integrated_gradients(cell, x[mask], dt[mask], baseline=torch.zeros(2))
    np.testing.assert_array_equal(some.attribution, rest.attribution)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("at", [-1, 5])
def test_occlusion_is_the_answer_without_the_sample(cell, at):
    torch.manual_seed(0)
    model = tauflow.Recurrent(tauflow.cells.build(cell, 2, 4)).double()
    x, dt = drive(9, 2)
    found = occlusion(model, x, dt, at=at, output=2)
    last = at % 9
    for sample in range(last + 1):
        keep = [t for t in range(last + 1) if t != sample]
        gaps = dt.clone()
        if sample < last:
            gaps[sample + 1] += dt[sample]
        with torch.no_grad():
            without = model(x[None, keep], gaps[None, keep])[0][0, -1, 2]
        assert found.answer - found.effect[sample] == pytest.approx(float(without), abs=1e-12)
    assert (found.effect[last + 1 :] == 0).all() and list(found.frame().columns) == ["time", "effect"]


def step_at_a_half(steepness: float) -> tauflow.CTRNN:
    cell = tauflow.CTRNN(1, 1, tau=1.0).double()
    with torch.no_grad():
        cell.U.fill_(steepness)
        cell.b.fill_(-steepness / 2)
        cell.W.zero_()
    return cell


def test_a_steep_step_is_found_by_halving_the_path():
    found = integrated_gradients(step_at_a_half(1e6), torch.ones(1, 1), 1.0, baseline=torch.zeros(1))
    assert abs(found.error) <= 1e-4 * abs(found.change) and found.nodes < 2000


def test_an_integral_that_is_not_complete_is_told():
    """A jump between two neighbouring numbers, which no gradient sees."""
    with pytest.warns(IncompleteWarning, match="the answer jumps along the way"):
        found = integrated_gradients(step_at_a_half(1e18), torch.ones(1, 1), 1.0, baseline=torch.zeros(1))
    assert abs(found.error) > 1e-4 * abs(found.change)


def test_what_can_not_be_answered_is_refused():
    x, dt = drive(9, 2)
    with pytest.raises(ExplanationError, match="output is 7"):
        integrated_gradients(linear(), x, dt, output=7, baseline=torch.zeros(2))
    with pytest.raises(ExplanationError, match="at is 9"):
        occlusion(linear(), x, dt, at=9)
    with pytest.raises(ExplanationError, match="nothing would remain"):
        occlusion(linear(), x, dt, at=0)
    with pytest.raises(ExplanationError, match="can't explain a Linear"):
        occlusion(torch.nn.Linear(2, 2), x, dt)
    with pytest.raises(tauflow.TauflowError, match="baseline has shape"):
        integrated_gradients(linear(), x, dt, baseline=torch.zeros(3))


def test_rows_of_data_as_baselines_are_averaged() -> None:
    torch.manual_seed(0)
    net = tauflow.Network(3, 1, "gated_ltc", 6)
    x, dt, rows = torch.randn(8, 3), torch.rand(8) + 0.5, torch.randn(4, 8, 3)
    found = integrated_gradients(net, x, dt, baseline=rows)
    each = [integrated_gradients(net, x, dt, baseline=row) for row in rows]
    np.testing.assert_allclose(found.attribution, np.mean([one.attribution for one in each], axis=0))
    assert found.base == pytest.approx(np.mean([one.base for one in each])) and found.complete
    assert found.attribution.sum() + found.gap.sum() == pytest.approx(found.change, rel=1e-4)
    with pytest.raises(ExplanationError, match="no rows"):
        integrated_gradients(net, x, dt, baseline=torch.zeros(0, 8, 3))
