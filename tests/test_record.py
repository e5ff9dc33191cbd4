"""The record of a run against the equations, one sample at a time: what a neuron is said to have done is what it did."""

from __future__ import annotations

import time

import pytest
import torch
from torch import Tensor

import tauflow
from tauflow import CTRNN, LTC, CfC, GatedLTC, MixedMemory, Network, Recurrent, Stack, cells, wirings
from tauflow.cells import Cell, LeakCell

TIME = 9


def data(seed: int = 0, rows: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, TIME, 3, generator=g, dtype=torch.float64)
    return x, torch.rand(rows, TIME, generator=g, dtype=torch.float64), torch.rand(rows, TIME, generator=g) > 0.2


def cell_of(name: str) -> Cell:
    torch.manual_seed(1)
    return (MixedMemory(CfC(3, 5)) if name == "mixed" else cells.build(name, 3, 5)).double()


@pytest.mark.parametrize("name", [*cells.names(), "mixed"])
def test_the_record_is_that_of_the_reference_step_by_step(name):
    net = Recurrent(cell_of(name))
    x, dt, mask = data()
    start = 0.1 * torch.randn(2, net.state_size).double()
    record, (layer,) = (found := net.trace(x, dt, mask, start)), found.layers
    plain, h = Recurrent(net.cell, "reference"), start
    torch.testing.assert_close(record.answer, plain(x, dt, mask, start)[0].detach())
    for t in range(TIME):
        before, now = h, slice(t, t + 1)
        _, h = plain(x[:, now], dt[:, now], mask[:, now], h)
        torch.testing.assert_close(layer.states[:, t], h.detach())
        real = mask[:, t]
        for gate, values in net.cell.gates(x[:, t], dt[:, t], before).items():
            torch.testing.assert_close(layer.gates[gate][real, t], values[real].detach())
            assert gate == "f" or ((values >= 0) & (values <= 1)).all()
        if isinstance(net.cell, LeakCell):
            drive, rate = net.cell.leak(net.cell.project(x[:, t]), before)
            torch.testing.assert_close(layer.drive[real, t], drive[real].detach())
            torch.testing.assert_close(layer.rate[real, t], rate[real].detach())
            torch.testing.assert_close(layer.tau, 1 / layer.rate)
    assert isinstance(net.cell, LeakCell) or layer.drive is layer.rate is layer.tau is None
    torch.testing.assert_close(record.time, (dt * mask).cumsum(1))
    frame = record.frame(1)
    assert len(frame) == int(mask[1].sum()) and f"{layer.cell}.h0" in frame


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "gelu", "relu"])
def test_saturation_is_how_much_of_the_slope_is_gone(activation):
    """Against a difference of the drive by an input that enters one neuron alone."""
    kind = GatedLTC if activation in ("sigmoid", "softplus", "relu") else CTRNN
    torch.manual_seed(0)
    cell = kind(3, 5, activation=activation).double()
    x, dt, _ = data()
    with torch.no_grad():
        cell.U.mul_(4)
    (layer,) = Recurrent(cell).trace(x, dt).layers
    before = torch.cat([torch.zeros(2, 1, 5).double(), layer.states[:, :-1]], dim=1).flatten(0, 1)

    def sigma(shift: float) -> Tensor:
        with torch.no_grad():
            cell.b.add_(shift)
            drive, _ = cell.leak(x.flatten(0, 1), before)
            cell.b.sub_(shift)
        return (drive / cell.A if kind is GatedLTC else drive).detach()

    slope = (sigma(1e-6) - sigma(-1e-6)) / 2e-6
    expected = 1 - slope.abs() / cell.sigma.lipschitz
    torch.testing.assert_close(layer.saturation.flatten(0, 1), expected.clamp(min=0), atol=1e-6, rtol=1e-5)
    assert expected.max() > 0.1


@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
def test_the_saturation_of_a_cfc_is_that_of_what_its_gate_lets_through(mode):
    torch.manual_seed(0)
    cell = CfC(3, 5, mode=mode).double()
    x, dt, _ = data()
    with torch.no_grad():
        for branch in ("ff1",) if mode == "pure" else ("ff1", "ff2"):
            getattr(cell, branch).weight.mul_(30)
    (layer,) = Recurrent(cell).trace(x, dt).layers
    assert (layer.saturation is None) is (mode == "pure")
    if layer.saturation is not None:
        assert layer.saturation.min() >= 0 and layer.saturation.mean() > 0.5 and layer.saturation.max() <= 1


def test_a_saturated_ltc_is_said_to_be_so():
    torch.manual_seed(0)
    cell = LTC(3, 5).double()
    calm, loud = (Recurrent(cell).trace(k * data()[0]).layers[0].saturation for k in (0.1, 1e4))
    with torch.no_grad():
        cell.sigma.zero_(), cell.sensory_sigma.zero_()
    assert calm.mean() < 0.8 * loud.mean() and loud.max() <= 1 + 1e-12
    assert Recurrent(cell).trace(data()[0]).layers[0].saturation.abs().max() < 1e-12  # every synapse half open


@pytest.mark.parametrize("epsilon", [0.0, 1e-3])
@pytest.mark.parametrize("wired", [False, True])
def test_currents_of_synapses_add_up_to_what_moves_the_neuron(wired, epsilon):
    torch.manual_seed(0)
    cell = LTC(3, wirings.ncp(3, 4, 3, 2, 2, 2, 1, 2) if wired else 6, epsilon=epsilon).double()
    net = Stack(CTRNN(3, 3).double(), cell)
    x, dt, mask = data()
    layer = net.trace(x, dt, mask).layers[1]
    found = layer.synapses()
    before = torch.cat([torch.zeros(2, 1, cell.units).double(), layer.states[:, :-1]], dim=1)
    torch.testing.assert_close(found.total() / found.cm, layer.drive - layer.rate * before, atol=1e-13, rtol=0)
    assert len(found.source) == int(cell.sparsity_mask.sum() + cell.sensory_sparsity_mask.sum())
    one = int((~found.sensory).nonzero()[0])
    i, j = int(found.source[one]), int(found.target[one])
    opening = torch.sigmoid(cell.sigma[i, j] * (before[..., i] - cell.mu[i, j]))
    g = (cell.positive(cell.w) * cell.sparsity_mask)[i, j] * opening
    torch.testing.assert_close(found.conductance[..., one], g.detach())
    torch.testing.assert_close(found.current[..., one], (g * (cell.erev[i, j] - before[..., j])).detach())
    assert len(found.frame()) == len(found.source) and net.trace(x).layers[0].synapses() is None


def test_synapses_are_those_of_the_run_though_the_cell_learns_on():
    torch.manual_seed(0)
    net = Recurrent(LTC(3, 4))
    x = torch.randn(1, 5, 3)
    record = net.trace(x)
    expected = net.trace(x).layers[0].synapses().current
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(1)
    torch.testing.assert_close(record.layers[0].synapses().current, expected)


def test_a_cell_of_ones_own_is_recorded_by_its_steps():
    class Louder(CTRNN):
        name = ""

        def leak(self, u, h):
            drive, rate = super().leak(u, h)
            return 2 * drive, rate

    net = Recurrent(Louder(3, 4).double())
    x, dt, mask = data()
    record = net.trace(x, dt, mask)
    torch.testing.assert_close(record.answer, net(x, dt, mask)[0].detach())
    assert record.layers[0].cell == "Louder"


def test_a_network_is_left_as_it_was_and_a_sequence_may_be_empty():
    net = Network(3, 1, "ltc", 4).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert net.trace(torch.zeros(1, 0, 3)).states.shape == (1, 0, 4)
    net.trace(torch.randn(2, 4, 3))
    assert net.training and all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    with pytest.raises(tauflow.TauflowError, match=r"x\[0, 1\]|sample 0"):
        Recurrent(CfC(3, 4)).trace(torch.tensor([[[0.0] * 3, [float("nan")] * 3]]))


@pytest.mark.parametrize("name", ["ltc", "gated_ltc", "cfc"])
def test_a_long_run_takes_no_time(name):
    """24 neurons, 800 samples: 0.02 s here, 1 s allowed on any machine."""
    net = Network(3, 1, name, 24)
    began = time.process_time()
    net.trace(torch.randn(1, 800, 3)).frame()
    assert time.process_time() - began < 1.0
