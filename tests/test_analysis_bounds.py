"""Bounds against brute force: along random drives no time constant, no rate of contraction and no factor is ever passed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import tauflow
from tauflow.analysis import AnalysisError, Motion, bounds, counter_example, step_factor, worst_found
from tauflow.analysis.proof.bounds import step_factors
from tauflow.cells import Cell

DRIVES = 10_000
MADE = {
    "ctrnn": lambda: tauflow.CTRNN(2, 6, tau=(0.5, 5.0)),
    "ctrnn softsign": lambda: tauflow.CTRNN(2, 6, activation="softsign"),
    "ctrnn gelu": lambda: tauflow.CTRNN(2, 6, activation="gelu"),
    "gated_ltc": lambda: tauflow.GatedLTC(2, 6, tau=(0.5, 5.0)),
    "gated_ltc softplus": lambda: tauflow.GatedLTC(2, 6, activation="softplus"),
    "gated_ltc relu": lambda: tauflow.GatedLTC(2, 6, activation="relu"),
    "ltc": lambda: tauflow.LTC(2, 6, memory=5.0),
    "ltc ncps": lambda: tauflow.LTC(2, 6, init="ncps", epsilon=1e-8),
    "gruode": lambda: tauflow.GRUODE(2, 6),
}


def made(kind: str, gain: float, seed: int) -> Cell:
    """A random cell; its recurrent weights, or how steep its synapses are, times a gain."""
    torch.manual_seed(seed)
    cell = MADE[kind]().double()
    with torch.no_grad():
        (cell.sigma if kind.startswith("ltc") else cell.W).mul_(gain)
        if kind.startswith(("ctrnn", "gated")):
            torch.nn.init.normal_(cell.b)
    return cell


def drives(cell: Cell, count: int) -> tuple[Tensor, Tensor]:
    """Inputs of any size, and states within the hull (or of any size, where there is none)."""
    u = torch.randn(count, 2).double() * 10 ** torch.empty(count, 1).double().uniform_(-1, 1.5)
    hull = cell.hull()
    low, high = hull if hull is not None else (-3 * torch.ones(6).double(), 3 * torch.ones(6).double())
    h = low + (high - low) * torch.rand(count, 6).double()
    corner = torch.where(torch.rand(count, 6) < 0.5, low, high)
    return u, torch.where(torch.rand(count, 1) < 0.3, corner, h)


def log_norm(J: Tensor, norm: str, weights: np.ndarray) -> Tensor:
    """mu(J), (count,), in the norm of a bound."""
    d = torch.from_numpy(weights)
    scaled = J * d[None, None, :] / d[None, :, None]
    if norm == "2-norm":
        return torch.linalg.eigvalsh((scaled + scaled.mT) / 2).amax(dim=1)
    own = scaled.diagonal(dim1=1, dim2=2)
    return (own + scaled.abs().sum(dim=2) - own.abs()).amax(dim=1)


def size(v: Tensor, norm: str, weights: np.ndarray) -> Tensor:
    scaled = v / torch.from_numpy(weights)
    return scaled.norm(dim=1) if norm == "2-norm" else scaled.abs().amax(dim=1)


@pytest.mark.parametrize("gain", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("kind", MADE)
def test_no_drive_contracts_less_than_the_bound(kind, gain):
    for seed in range(3):
        cell = made(kind, gain, seed)
        (layer,) = bounds(cell).layers
        u, h = drives(cell, DRIVES // 3 + 1)
        mu = log_norm(Motion(cell).flow_jacobians(u, h), layer.norm, layer.weights)
        assert mu.max() <= -layer.rate + 1e-9


@pytest.mark.parametrize("kind", ["ctrnn", "gated_ltc", "ltc"])
def test_two_trajectories_come_together_as_the_bound_says(kind):
    for seed in range(3):
        cell = made(kind, 0.1 if kind == "ltc" else 0.5, seed)
        found = bounds(cell)
        (layer,) = found.layers
        assert found.certified and "certified: any two" in found.reason
        motion = Motion(cell)
        _, h = drives(cell, 64)
        _, other = drives(cell, 64)
        first = size(h - other, layer.norm, layer.weights)
        for step in range(1, 41):
            u = 5 * torch.randn(64, 2).double()
            for _ in range(10):
                dt = torch.full((64,), 0.005).double()
                h, other = motion.step(u, dt, h), motion.step(u, dt, other)
            assert (
                size(h - other, layer.norm, layer.weights) <= 1.002 * first * np.exp(-layer.rate * 0.05 * step) + 1e-12
            ).all()


@pytest.mark.parametrize("kind", [kind for kind in MADE if "gelu" not in kind])
def test_time_constants_stay_within_their_bounds(kind):
    cell = made(kind, 2.0, 0)
    (layer,) = bounds(cell).layers
    u, h = drives(cell, DRIVES)
    tau = 1 / cell.leak(cell.project(u), h)[1].detach().numpy()
    assert (tau >= layer.fastest * (1 - 1e-12)).all() and (tau <= layer.slowest * (1 + 1e-12)).all()
    if kind in ("gated_ltc", "ltc ncps"):  # and they are met
        closed, open_ = -1e4 * torch.ones(1, 2).double(), 1e4 * torch.ones(1, 2).double()
        if kind == "gated_ltc":
            with torch.no_grad():
                cell.U.fill_(1.0)
            for x, bound in ((closed, layer.slowest), (open_, layer.fastest)):
                met = 1 / cell.leak(cell.project(x), h[:1])[1].detach().numpy()[0]
                np.testing.assert_allclose(met, bound, rtol=1e-6)


def test_the_closed_bound_of_a_gated_ltc_in_the_max_norm():
    """m = min_i 1/tau_i - (c_i - 1)_+^2 / (4 c_i), which is never better than the bound with weights and signs."""
    for seed in range(5):
        cell = made("gated_ltc", 3.0, seed)
        with torch.no_grad():
            c = cell.A.abs() * cell.W.abs().sum(dim=1)
            plain = float((1 / cell.tau - (c - 1).clamp(min=0) ** 2 / (4 * c)).min())
        rate = bounds(cell).rate
        assert rate is not None and rate >= plain - 1e-12


def test_perrons_weights_give_the_rate_of_the_comparison_matrix():
    """Of a CTRNN whose synapses all excite, at the steepest slope: the bound is what the network does at rest."""
    torch.manual_seed(0)
    cell = tauflow.CTRNN(2, 6, tau=(0.5, 5.0)).double()
    with torch.no_grad():
        cell.W.abs_()
    at_rest = Motion(cell).flow_jacobians(torch.zeros(1, 2).double(), torch.zeros(1, 6).double())[0]
    slowest = torch.linalg.eigvals(at_rest).real.max()
    assert bounds(cell).rate == pytest.approx(-float(slowest), rel=1e-6)


def test_a_bound_that_is_not_met_is_not_called_unstable():
    cell = made("gated_ltc", 50.0, 0)
    found = bounds(cell)
    assert not found.certified and found.rate is not None and "proves nothing either way" in found.reason
    unknown = bounds(tauflow.Stack(tauflow.GatedLTC(2, 3), tauflow.LSTM(3, 4)))
    assert not unknown.certified and unknown.rate is None and "lstm" in unknown.reason


def test_a_cascade_is_as_slow_as_its_slowest_layer_and_counts_in_the_unit_of_the_data():
    torch.manual_seed(0)
    first, second = tauflow.CTRNN(2, 3, tau=1.0), tauflow.CTRNN(3, 4, tau=20.0)
    with torch.no_grad():
        for cell in (first, second):
            cell.W.mul_(0.3)
    alone = [bounds(cell).rate for cell in (first, second)]
    assert bounds(tauflow.Stack(first, second)).rate == min(alone)
    minutes = tauflow.Network(2, 1, core=tauflow.Stack(first, second), period=60.0)
    assert bounds(minutes).rate == pytest.approx(min(alone) / 60)
    frame = bounds(minutes).frame()
    assert len(frame) == 7 and frame["slowest"].max() == pytest.approx(1200)


STEPS = {
    "ctrnn": lambda: tauflow.CTRNN(2, 6, tau=(0.5, 5.0)),
    "ctrnn gelu": lambda: tauflow.CTRNN(2, 6, activation="gelu"),
    "ctrnn implicit": lambda: tauflow.CTRNN(2, 6, solver="semi_implicit", substeps=2),
    "ctrnn midpoint": lambda: tauflow.CTRNN(2, 6, solver="exponential_midpoint"),
    "gated_ltc": lambda: tauflow.GatedLTC(2, 6, tau=(0.5, 5.0)),
    "cfc": lambda: tauflow.CfC(2, 6, backbone_units=8),
    "cfc deep": lambda: tauflow.CfC(2, 6, backbone_layers=2, backbone_units=8, activation="tanh"),
    "cfc bare": lambda: tauflow.CfC(2, 6, backbone_layers=0),
    "cfc no gate": lambda: tauflow.CfC(2, 6, mode="no_gate", backbone_layers=0),
    "cfc pure": lambda: tauflow.CfC(2, 6, mode="pure", backbone_layers=0),
    "wired": lambda: tauflow.WiredCfC(2, tauflow.wirings.ncp(2, 3, 2, 1, 2, 2, 1, 2)),
    "wired ncps": lambda: tauflow.cells.build("wired_cfc_ncps", 2, 6),
    "rnn": lambda: tauflow.RNN(2, 6),
    "gru": lambda: tauflow.GRU(2, 6),
    "gru_decay": lambda: tauflow.cells.build("gru_decay", 2, 6),
}


@pytest.mark.parametrize("kind", STEPS)
def test_no_step_passes_its_factor(kind):
    """The norm of its Jacobian, in the norm that was named; 10,000 drives each, of weights small and large."""
    for seed, (gain, dt) in enumerate(((0.5, 7.0), (1.0, 1.0), (4.0, 0.1))):
        torch.manual_seed(seed)
        motion = Motion(STEPS[kind]())
        cell = motion.layers[0].cell
        for name, weight in cell.named_parameters():
            if "tau" not in name:
                weight.data.mul_(gain)
        u, h = drives(cell, DRIVES // 3 + 1)
        J = motion.jacobians(u, torch.full((len(u),), dt, dtype=torch.float64), h)
        ((factor, norm, d),) = step_factors(cell, dt)
        scaled = J * d / d[:, None]
        size = torch.linalg.matrix_norm(scaled, 2) if norm == "2-norm" else scaled.abs().sum(dim=2).amax(dim=1)
        assert size.max() <= factor * (1 + 1e-9) + 1e-12
        assert factor == step_factor(motion.model, dt)


def test_a_step_of_a_linear_network_is_as_its_factor_says():
    """One CTRNN neuron, whose step is known; a wired CfC one neuron a layer; a rnn at rest."""
    cell = tauflow.CTRNN(1, 1, activation="identity", tau=2.0)
    with torch.no_grad():
        cell.W.fill_(-0.3)
    a = 1 - np.exp(-0.35)
    assert step_factor(cell, 0.7) == pytest.approx(1 - a, rel=1e-6)  # the slope may be zero
    with torch.no_grad():
        cell.W.fill_(0.3)
    assert step_factor(cell, 0.7) == pytest.approx(1 - a + a * 0.6, rel=1e-6)


def test_the_two_norm_brings_a_random_network_nearer_to_what_it_does():
    """Of 32 neurons, drawn at random: the max norm of before is a multiple of the bound, and the bound within a third of the truth."""
    for gain in (0.8, 3.0):
        torch.manual_seed(0)
        cell = tauflow.CTRNN(3, 32, tau=1.0).double()
        with torch.no_grad():
            cell.W.normal_().mul_(gain / 32**0.5)
        (layer,) = bounds(cell).layers
        rows = cell.W.detach().abs().sum(dim=1).max() - 1
        assert layer.norm == "2-norm" and 0 < 1 - layer.rate < 0.6 * float(rows + 1)
        proved, found = worst_found(cell, draws=32)
        assert proved <= found and 1 - found > 0.66 * (1 - proved)


@pytest.mark.parametrize("kind", ["ctrnn", "gated_ltc", "ltc", "gruode"])
def test_what_is_found_lies_behind_what_is_proved(kind):
    proved, found = worst_found(made(kind, 2.0, 0), draws=16)
    assert proved <= found + 1e-9
    with pytest.raises(AnalysisError, match="one cell that has a bound"):
        worst_found(tauflow.CfC(2, 3))


def test_a_gruode_has_no_rate_since_its_gate_may_close():
    torch.manual_seed(0)
    cell = tauflow.GRUODE(2, 6)
    with torch.no_grad():
        cell.W.mul_(0.01)
    found = bounds(cell)
    assert found.rate == 0 and not found.certified and found.layers[0].gain is None


def test_two_states_that_stay_apart_are_shown():
    cell = tauflow.CTRNN(1, 3, tau=1.0).double()
    with torch.no_grad():
        cell.W.copy_(2 * torch.eye(3)), cell.U.zero_(), cell.b.zero_()
    found = counter_example(tauflow.Network(1, 1, core=cell, period=60.0))
    assert found is not None and "it does not forget" in found.reason and found.distance[1] > 0.5
    motion = Motion(cell)
    both = torch.from_numpy(np.stack([found.first, found.second]))
    one = torch.ones(2, dtype=torch.float64)
    torch.testing.assert_close(motion.step(torch.zeros(2, 1).double(), one, both), both, atol=1e-6, rtol=0)


def test_what_forgets_has_no_counter_example():
    for kind in ("gated_ltc", "ltc", "ctrnn"):
        cell = made(kind, 0.1 if kind == "ltc" else 0.5, 0)
        assert bounds(cell).certified and counter_example(cell) is None
    torch.manual_seed(0)
    assert counter_example(tauflow.Network(2, 1, "cfc", 8)) is None  # though nothing is proved of it
    with pytest.raises(AnalysisError, match="expected \\(tries, inputs\\)"):
        counter_example(tauflow.CfC(2, 3), torch.zeros(2))


def test_time_constants_of_implicit_steps_are_their_own():
    cell = tauflow.CTRNN(2, 1, tau=3.0, solver="semi_implicit").double()
    with torch.no_grad():
        cell.W.zero_(), cell.U.zero_(), cell.b.zero_()
    after = float(
        cell.step(torch.zeros(1, 2).double(), torch.tensor([2.0]).double(), torch.ones(1, 1).double()).detach()
    )
    assert bounds(cell, dt=2.0).layers[0].slowest[0] == pytest.approx(-2.0 / np.log(after))
    assert bounds(cell).layers[0].slowest[0] == pytest.approx(3.0)
    with pytest.raises(AnalysisError, match="dt is 0"):
        bounds(cell, dt=0)


def test_what_has_no_factor_is_refused():
    with pytest.raises(AnalysisError, match="no factor of a step is known for LTC"):
        step_factor(tauflow.LTC(2, 3), 1.0)
    with pytest.raises(AnalysisError, match="dt is -1"):
        step_factor(tauflow.CfC(2, 3), -1.0)
