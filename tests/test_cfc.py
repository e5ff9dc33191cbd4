"""CfC and wired CfC: the formulas in NumPy, dropout that drops, time in units of tau, no influence without a path."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tauflow import wirings
from tauflow.activations import ACTIVATIONS
from tauflow.cells.base import CellError
from tauflow.cells.cfc import CfC
from tauflow.cells.wired_cfc import NcpsWiredCfC, WiredCfC
from tauflow.errors import TauflowError, WiringError
from tauflow.sequence import Recurrent
from tauflow.wirings import Wiring


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_step_is_the_formula(mode: str, layers: int) -> None:
    cell = CfC(3, 5, mode, backbone_layers=layers, backbone_units=7).double()
    x, h, dt = torch.randn(4, 3).double(), torch.randn(4, 5).double(), torch.rand(4).double()
    p = {name: value.detach().numpy() for name, value in cell.named_parameters()}

    def affine(name: str, z: np.ndarray) -> np.ndarray:
        return z @ p[name + ".weight"].T + p[name + ".bias"]

    z = np.concatenate([x, h], axis=1)
    for layer in range(layers):
        z = 1.7159 * np.tanh(0.666 * affine(f"backbone.{2 * layer}", z))
    gap = dt.numpy()[:, None]
    f = affine("ff1", z)
    if mode == "pure":
        expected = p["A"] - p["A"] * np.exp(-gap * (np.abs(p["w_tau"]) + np.abs(f))) * f
    else:
        f1, f2 = np.tanh(f), np.tanh(affine("ff2", z))
        s = sigmoid(affine("time_a", z) * gap + affine("time_b", z))
        expected = f1 * (1 - s) + f2 * s if mode == "default" else f1 + f2 * s
    np.testing.assert_allclose(cell.step(x, dt, h).detach().numpy(), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_of_the_backbone(name: str) -> None:
    cell = CfC(2, 3, activation=name, backbone_units=4)
    x, h = torch.randn(5, 2), torch.randn(5, 3)
    first = cell.backbone[0]
    assert isinstance(first, nn.Linear)
    expected = ACTIVATIONS[name](first(torch.cat([x, h], dim=1)))
    assert torch.equal(cell.backbone(torch.cat([x, h], dim=1)), expected)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_dropout_drops_behind_every_layer(layers: int) -> None:
    cell = CfC(2, 3, backbone_layers=layers, backbone_units=2000, dropout=0.3)
    z = torch.randn(4, 5)
    for k in range(layers):
        z = cell.backbone[2 * k + 1](cell.backbone[2 * k](z))
        assert (z == 0).double().mean().item() == pytest.approx(0.3, abs=0.03)
    x, h, dt = torch.randn(4, 2), torch.randn(4, 3), torch.ones(4)
    assert not torch.equal(cell.step(x, dt, h), cell.step(x, dt, h))
    cell.eval()
    assert torch.equal(cell.step(x, dt, h), cell.step(x, dt, h))
    like = CfC(2, 3, backbone_layers=layers, backbone_units=2000)
    like.load_state_dict(cell.state_dict())  # dropout does not renumber the layers
    assert torch.equal(like.step(x, dt, h), cell.step(x, dt, h))


@pytest.mark.parametrize("mode", ["default", "no_gate"])
def test_tau_is_the_unit_of_time(mode: str) -> None:
    """A cell for seconds and the same for hours agree on the same gap."""
    torch.manual_seed(3)
    hours = CfC(2, 3, mode)
    torch.manual_seed(3)
    seconds = CfC(2, 3, mode, tau=3600.0)
    x, h, dt = torch.randn(4, 2), torch.randn(4, 3), torch.rand(4)
    torch.testing.assert_close(seconds.step(x, 3600 * dt, h), hours.step(x, dt, h))


def test_pure_starts_with_its_time_constants() -> None:
    cell = CfC(2, 3, "pure", tau=(1.0, 100.0))
    torch.testing.assert_close(cell.w_tau.detach(), torch.tensor([[1.0, 0.1, 0.01]]))
    assert torch.equal(cell.A.detach(), torch.ones(1, 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "gate"}, "mode is 'gate', expected one of default, no_gate, pure"),
        ({"backbone_layers": -1}, "backbone_layers is -1"),
        ({"backbone_layers": 1.5}, "backbone_layers is 1.5"),
        ({"backbone_units": 0}, "backbone_units is 0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"dropout": float("nan")}, "dropout is nan"),
        ({"activation": "swish"}, "no activation is called 'swish'"),
        ({"tau": 0.0}, "tau is 0.0"),
    ],
)
def test_says_what_is_wrong(options: dict[str, object], message: str) -> None:
    with pytest.raises(TauflowError, match=message):
        CfC(2, 3, **options)  # type: ignore[arg-type]


# ---- wired


WIRINGS = {
    "auto_ncp": wirings.auto_ncp(3, 16, 3, sparsity=0.7, seed=4),
    "ncp": wirings.ncp(4, 6, 4, 2, 2, 2, 3, 2),
    "random": wirings.random(3, 9, 4, 0.8, seed=1),
    "dense": wirings.dense(2, 5, 2),
    "layers against the numbers": Wiring(
        [[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 1, 0, 1]], [[0, 0, 1, 0]], 1, ((2,), (3,), (1,), (0,))
    ),
}


def jacobian(cell: WiredCfC, steps: int) -> Tensor:
    """(inputs + units, units): how much each input of any step, and each state at the start, moves each last state."""
    cell = cell.double()
    total = torch.zeros(cell.inputs + cell.state_size, cell.state_size, dtype=torch.float64)
    for seed in range(3):
        g = torch.Generator().manual_seed(seed)
        x = torch.randn(steps, cell.inputs, generator=g, dtype=torch.float64)
        h = torch.randn(cell.state_size, generator=g, dtype=torch.float64)

        def last(x: Tensor, h: Tensor) -> Tensor:
            return Recurrent(cell)(x[None], None, None, h[None])[1][0]

        by_x, by_h = torch.autograd.functional.jacobian(last, (x, h))
        total += torch.cat([by_x.abs().sum(dim=1), by_h.abs()], dim=1).T
    return total


@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
@pytest.mark.parametrize("name", WIRINGS)
def test_no_path_no_influence(mode: str, name: str) -> None:
    wiring = WIRINGS[name]
    influence = jacobian(WiredCfC(wiring.inputs, wiring, mode), steps=wiring.units + 1)
    reachable = torch.from_numpy(wiring.reachable())
    assert torch.equal(influence != 0, reachable)


def test_ncps_mode_ignores_the_wiring_in_its_gates() -> None:
    """Why the strict form exists: in the arithmetic of ncps an input moves neurons that it has no path to."""
    wiring = wirings.auto_ncp(3, 16, 3, sparsity=0.7, seed=4)
    inter = list(wiring.layers[0])
    one_step = wiring.sensory[:, inter] != 0
    x = torch.randn(3, requires_grad=True)
    for make, extra in ((WiredCfC, False), (NcpsWiredCfC, True)):
        cell = make(3, wiring)
        order = inter if make is WiredCfC else list(range(len(inter)))  # neurons here, layers there

        def first(x: Tensor, cell: WiredCfC | NcpsWiredCfC = cell, order: list[int] = order) -> Tensor:
            return cell.step(x[None], torch.ones(1), torch.zeros(1, 16))[0, order]

        influence = torch.autograd.functional.jacobian(first, x).T.numpy() != 0
        assert (influence & ~one_step).any() == extra


def test_state_is_in_the_order_of_the_neurons() -> None:
    """The column of neuron n belongs to neuron n: its type, and its place in the output."""
    wiring = wirings.auto_ncp(3, 16, 3, seed=4)
    cell = WiredCfC(3, wiring)
    x, h, dt = torch.randn(2, 3), torch.randn(2, 16), torch.ones(2)
    new = cell.step(x, dt, h)
    first, inter = cell.layers()[0], list(wiring.layers[0])
    assert {wiring.type_of(neuron) for neuron in inter} == {"inter"}
    torch.testing.assert_close(new[:, inter], first.step(x, dt, h[:, inter]))
    assert torch.equal(cell.output(new), new[:, :3])
    theirs = NcpsWiredCfC(3, wiring)
    assert torch.equal(theirs.output(new), new[:, 13:])


def test_a_number_is_an_auto_ncp() -> None:
    assert WiredCfC(3, 20).wiring == wirings.auto_ncp(3, 20, 6)
    assert WiredCfC(3, 2).wiring == wirings.dense(3, 2)
    assert WiredCfC(3, 20).outputs == 6


@pytest.mark.parametrize(
    ("wiring", "message"),
    [
        (Wiring([[0, 0], [0, 0]], [[1, 1]], 1, ((1,), (0,))), "from input 0 to neuron 0"),
        (Wiring([[0, 1], [1, 0]], [[0, 1]], 1, ((1,), (0,))), "from neuron 0 to neuron 1"),
        (wirings.dense(2, 3), "the wiring is for 2 inputs"),
    ],
)
def test_refuses_a_wiring_that_layers_cannot_carry(wiring: Wiring, message: str) -> None:
    for make in (WiredCfC, NcpsWiredCfC):
        with pytest.raises(WiringError, match=message):
            make(1, wiring)


def test_wired_mode_is_checked() -> None:
    with pytest.raises(CellError, match="mode is 'fast'"):
        WiredCfC(3, 8, "fast")


@pytest.mark.parametrize("layers", [((2, 3), (1, 0)), ((3, 2), (0, 1))], ids=str)
def test_weights_of_a_wiring_that_orders_its_neurons_otherwise_are_refused(layers):
    """The same numbers would come out in another order; of the same wiring they are taken, and ncps's own have no order."""
    synapses, sensory = np.zeros((4, 4), int), np.zeros((3, 4), int)
    sensory[:, 2:], synapses[2:, :2] = 1, 1
    first, other = (Wiring(synapses, sensory, 2, layers=order) for order in (((2, 3), (0, 1)), layers))
    state = WiredCfC(3, first).state_dict()
    WiredCfC(3, first).load_state_dict(state)
    WiredCfC(3, first).load_state_dict({name: value for name, value in state.items() if name != "neurons"})
    with pytest.raises(WiringError, match="layers hold other neurons"):
        WiredCfC(3, other).load_state_dict(state)
    with pytest.raises(WiringError, match="layers hold other neurons"):
        Recurrent(WiredCfC(3, other)).load_state_dict(Recurrent(WiredCfC(3, first)).state_dict())
