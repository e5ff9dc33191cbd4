"""Pruning: what is left out exactly changes nothing where it was constant or unheard, and the loss is what was promised."""

from __future__ import annotations

import pytest
import torch

import tauflow
from tauflow.errors import ShapeError
from tauflow.explain import ExplanationError, prune
from tauflow.explain.inside.smaller import without_neurons

DENSE = ["ctrnn", "gated_ltc", "cfc", "gruode", "rnn", "gru", "lstm"]
AROUND = [
    {},
    {"readout": "deep", "encoder": "dense", "missing": "missing"},
    {"readout": "skip", "pool": "several", "head": "classes"},
    {"readout": "wide", "static": 2, "pool": {"name": "several", "kinds": ["attention", "mean"]}},
]


def silenced(cell: str, around: dict, gone: list[int]) -> tauflow.Network:
    """A network in which nobody hears the neurons `gone`."""
    torch.manual_seed(0)
    net = tauflow.Network(3, 2, cell, 7, **around).double()
    parameters = dict(net.core.cell.named_parameters())
    with torch.no_grad():
        for name, matrix in parameters.items():
            if matrix.ndim == 2 and matrix.shape[1] in (7, 7 + net.core.inputs) and "_ih" not in name and name != "U":
                matrix[:, [matrix.shape[1] - 7 + i for i in gone]] = 0
        first = net.readout.map if around.get("readout") is None else net.readout.layers[0]
        for kind in range(1 if net.pool is None else len(net.pool.kinds)):
            first.weight[:, [7 * kind + i for i in gone]] = 0
        if net.pool is not None and "attention" in net.pool.kinds:
            net.pool.score.weight[:, gone] = 0
    return net.eval()


def data(net: tauflow.Network, rows: int = 6) -> dict:
    made = torch.Generator().manual_seed(1)
    given = {
        "x": torch.randn(rows, 9, 3, generator=made).double(),
        "dt": torch.rand(rows, 9, generator=made).double(),
        "mask": torch.rand(rows, 9, generator=made) < 0.8,
    }
    if net.static:
        given["static"] = torch.randn(rows, net.static, generator=made).double()
    return given


@pytest.mark.parametrize("around", AROUND, ids=["plain", "deep", "skip", "wide"])
@pytest.mark.parametrize("cell", DENSE)
def test_a_neuron_that_nobody_hears_can_go(cell: str, around: dict) -> None:
    net = silenced(cell, around, [1, 4])
    less = without_neurons(net, [0, 2, 3, 5, 6], torch.zeros(7).double())
    given = data(net)
    with torch.no_grad():
        expected, got = net(**given)[0], less(**given)[0]
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-14)
    assert less.core.outputs == 5 and not less.training


@pytest.mark.parametrize("cell", ["ctrnn", "gated_ltc"])
def test_what_a_constant_neuron_said_becomes_a_bias(cell: str) -> None:
    """Started where it stays, a neuron that hears nobody is constant; its mean stands in the biases then."""
    torch.manual_seed(0)
    net = tauflow.Network(3, 1, cell, 6).double().eval()
    own = net.core.cell
    with torch.no_grad():
        own.W[2], own.U[2], own.b[2] = 0, 0, 0.4
        drive, rate = own.leak(torch.zeros(1, 3).double(), torch.zeros(1, 6).double())
    constant = (drive / rate)[0, 2]
    state = net.initial_state(6)
    state[:, 2] = constant
    mean = torch.zeros(6).double()
    mean[2] = constant
    less = without_neurons(net, [0, 1, 3, 4, 5], mean)
    given = data(net)
    with torch.no_grad():
        expected, got = net(**given, state=state)[0], less(**given)[0]
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", [*DENSE, "ltc"])
@pytest.mark.parametrize("worse", [0.0, 0.05])
def test_the_loss_is_what_was_promised_and_the_model_stays(cell: str, worse: float) -> None:
    torch.manual_seed(0)
    net = tauflow.Network(3, 1, cell, 8)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    given = {name: value.float() if value.is_floating_point() else value for name, value in data(net, 30).items()}
    y = torch.randn(30, 9, 1, generator=torch.Generator().manual_seed(2))
    found = prune(net, y=y, worse=worse, **given)
    assert found.after <= found.before * (1 + worse) + 1e-12
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items()) and net.training
    with torch.no_grad():
        answer = found.network.eval()(**given)[0]
        assert float(found.network.loss(answer, y, given["mask"])) == pytest.approx(found.after, rel=1e-4)
    assert found.parameters[1] <= found.parameters[0] and "left out" in found.words()
    assert (len(found.kept) < found.of) == (found.parameters[1] < found.parameters[0])
    found.network.stream()(given["x"][0, 0].numpy(), 0.5)


def test_a_network_of_which_half_is_noise_loses_that_half() -> None:
    net = silenced("gated_ltc", {}, [1, 4, 5])
    given = data(net, 40)
    with torch.no_grad():
        y = net(**given)[0] + 0.1 * torch.randn(40, 9, 2, generator=torch.Generator().manual_seed(3)).double()
    found = prune(net, y=y, worse=0.001, **given)
    assert set(found.kept) <= {0, 2, 3, 6}
    assert found.after == pytest.approx(found.before, rel=1e-3)


def test_a_wired_ltc_loses_synapses_and_streams_the_same() -> None:
    torch.manual_seed(0)
    net = tauflow.Network(3, 1, "ltc", tauflow.wirings.auto_ncp(3, 12, 1)).double()
    given = data(net, 30)
    y = torch.zeros(30, 9, 1)
    found = prune(net, y=y, worse=0.2, **given)
    wiring = found.network.core.cell.wiring
    assert wiring.synapse_count + wiring.sensory_synapse_count == len(found.kept) < found.of
    less = found.network.eval()
    stream = less.stream()
    with torch.no_grad():
        whole = less(given["x"][:1], given["dt"][:1])[0][0].numpy()
    for sample, gap, expected in zip(given["x"][0].numpy(), given["dt"][0].tolist(), whole, strict=True):
        assert stream(sample, gap) == pytest.approx(expected, abs=1e-12)


def test_what_can_not_be_pruned_is_refused() -> None:
    x, y = torch.zeros(2, 5, 3), torch.zeros(2, 5, 1)
    net = tauflow.Network(3, 1, "ctrnn", 4)
    with pytest.raises(ExplanationError, match="worse is -1"):
        prune(net, x, y, worse=-1)
    with pytest.raises(ShapeError, match="expected"):
        prune(net, x[0], y)
    two = tauflow.Network(3, 1, tauflow.Stack(tauflow.CTRNN(3, 4), tauflow.CTRNN(4, 4)))
    with pytest.raises(ExplanationError, match="can't prune a Stack"):
        prune(two, x, y)
    with pytest.raises(ExplanationError, match="layers of their own"):
        prune(tauflow.Network(3, 1, "wired_cfc", 8), x, y)
