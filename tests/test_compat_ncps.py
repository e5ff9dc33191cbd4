"""tauflow.compat.ncps against the installed ncps 1.0.1 on torch: numbers, gradients, checkpoints, seeds, whole scripts.

Both sides are built from the same seed and fed the same values; an error is relative to the largest value where that
is more than one.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from tauflow import cells, wirings
from tauflow.compat import ncps as ours
from tauflow.errors import ShapeError, TauflowError, TimeError, WiringError

theirs_torch = pytest.importorskip("ncps.torch")
theirs_wirings = pytest.importorskip("ncps.wirings")

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
BATCH, TIME, INPUTS = 3, 7, 4
Make = Callable[[ModuleType, ModuleType], nn.Module]

NETWORKS: dict[str, Make] = {
    "ltc-int": lambda T, W: T.LTC(INPUTS, 6),
    "ltc-dense": lambda T, W: T.LTC(INPUTS, W.FullyConnected(6, 2, self_connections=False)),
    "ltc-random": lambda T, W: T.LTC(INPUTS, W.Random(8, 3, sparsity_level=0.6, random_seed=5)),
    "ltc-ncp": lambda T, W: T.LTC(INPUTS, W.NCP(6, 4, 2, 3, 2, 5, 3)),
    "ltc-auto_ncp": lambda T, W: T.LTC(INPUTS, W.AutoNCP(12, 3)),
    "ltc-explicit": lambda T, W: T.LTC(INPUTS, W.AutoNCP(12, 3), implicit_param_constraints=False),
    "ltc-linear": lambda T, W: T.LTC(INPUTS, 6, input_mapping="linear", output_mapping="linear"),
    "ltc-no-mapping": lambda T, W: T.LTC(INPUTS, 6, input_mapping=None, output_mapping=None),
    "ltc-unfolds": lambda T, W: T.LTC(INPUTS, 6, ode_unfolds=3, epsilon=1e-3),
    "ltc-last": lambda T, W: T.LTC(INPUTS, 6, return_sequences=False),
    "ltc-mixed": lambda T, W: T.LTC(INPUTS, W.AutoNCP(12, 3), mixed_memory=True),
    "cfc-default": lambda T, W: T.CfC(INPUTS, 6),
    "cfc-no_gate": lambda T, W: T.CfC(INPUTS, 6, mode="no_gate", activation="relu"),
    "cfc-pure": lambda T, W: T.CfC(INPUTS, 6, mode="pure", activation="tanh"),
    "cfc-backbone-0": lambda T, W: T.CfC(INPUTS, 6, backbone_layers=0),
    "cfc-backbone-3": lambda T, W: T.CfC(INPUTS, 6, backbone_layers=3, backbone_units=9, activation="silu"),
    "cfc-projection": lambda T, W: T.CfC(INPUTS, 6, proj_size=2, activation="gelu"),
    "cfc-mixed": lambda T, W: T.CfC(INPUTS, 6, mixed_memory=True, proj_size=2, return_sequences=False),
    "cfc-mixed-pure": lambda T, W: T.CfC(INPUTS, 6, mixed_memory=True, mode="pure"),
    "wired-dense": lambda T, W: T.CfC(INPUTS, W.FullyConnected(6, 2)),
    "wired-random": lambda T, W: T.CfC(INPUTS, W.Random(8, 8, sparsity_level=0.6), mode="pure"),
    "wired-ncp": lambda T, W: T.CfC(INPUTS, W.NCP(6, 4, 2, 3, 2, 5, 3), mode="no_gate"),
    "wired-auto_ncp": lambda T, W: T.CfC(INPUTS, W.AutoNCP(12, 3), proj_size=2),
    "wired-mixed": lambda T, W: T.CfC(INPUTS, W.AutoNCP(12, 3), mixed_memory=True),
}


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Modules and states are made in this number type, which is how ncps reaches float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def pair(make: Make, seed: int = 1) -> tuple[Any, Any]:
    """(theirs, ours) from the same seed."""
    torch.manual_seed(seed)
    a = make(theirs_torch, theirs_wirings)
    torch.manual_seed(seed)
    return a, make(ours.torch, ours.wirings)


def values(network: Any, batch: int = BATCH) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
    """x, the parts of a state, and time spans per sample."""
    g = torch.Generator().manual_seed(7)
    x = torch.randn(batch, TIME, INPUTS, generator=g, dtype=torch.float64)
    state = 0.5 * torch.randn(2, batch, network.state_size, generator=g, dtype=torch.float64)
    spans = 0.1 + 2 * torch.rand(batch, TIME, generator=g, dtype=torch.float64)
    dtype = torch.get_default_dtype()
    return x.to(dtype), tuple(state[: 2 if network.use_mixed else 1].to(dtype)), spans.to(dtype)


def run(network: Any, x: Tensor, state: tuple[Tensor, ...] | None, spans: Tensor | None) -> list[Tensor]:
    """Output, state, and the gradient of everything: inputs first, then the parameters."""
    x = x.clone().requires_grad_()
    leaves = [] if state is None else [part.clone().requires_grad_() for part in state]
    hx = None if state is None else tuple(leaves) if network.use_mixed else leaves[0]
    y, h = network(x, hx, spans)
    results = [y, *(h if isinstance(h, tuple) else (h,))]
    g = torch.Generator().manual_seed(3)
    loss = sum((part * torch.randn(part.shape, generator=g, dtype=torch.float64).to(part)).sum() for part in results)
    wanted = [x, *leaves, *(p for p in network.parameters() if p.requires_grad)]
    gradients = torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
    return [value.detach() for value in (*results, *gradients)]


def run_alone(network: Any, x: Tensor, state: tuple[Tensor, ...] | None, spans: Tensor) -> list[Tensor]:
    """Theirs, right: each sample by itself, since a batch of time spans is wrong in ncps."""

    class Alone(nn.Module):
        use_mixed = network.use_mixed

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: Tensor, hx: Any, spans: Tensor) -> tuple[Tensor, Any]:
            outputs, states = [], []
            for row in range(len(x)):
                one = slice(row, row + 1)
                start = None if hx is None else hx[one] if isinstance(hx, Tensor) else tuple(part[one] for part in hx)
                y, h = self.network(x[one], start, spans[one])
                outputs.append(y)
                states.append(h if isinstance(h, tuple) else (h,))
            parts = tuple(torch.cat(part) for part in zip(*states, strict=True))
            return torch.cat(outputs), parts if self.use_mixed else parts[0]

    return run(Alone(), x, state, spans)


def error(expected: list[Tensor], got: list[Tensor]) -> float:
    """The largest difference over all tensors, each relative to its largest value where that is > 1."""
    worst = 0.0
    for a, b in zip(expected, got, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        if a.numel():
            worst = max(worst, ((a - b).abs().max() / a.abs().max().clamp(min=1)).item())
    return worst


def measure(name: str, dtype: torch.dtype, what: str) -> float:
    """The error of one network in one situation."""
    with default_dtype(dtype):
        a, b = pair(NETWORKS[name])
        if what == "per sample, batch == units":
            x, state, spans = values(a, batch=a.state_size)
            return error(run_alone(a, x, state, spans), run(b, x, state, spans))
        x, state, spans = values(a)
        if what == "no time spans":
            return error(run(a, x, None, None), run(b, x, None, None))
        if what == "shared time spans, carried state":
            return error(run(a, x, state, spans[:1]), run(b, x, state, spans[:1]))
        return max(
            error(run_alone(a, x, state, spans), run(b, x, state, spans)),
            error(run_alone(a, x, None, spans), run(b, x, None, spans[:, :, None])),
        )


SITUATIONS = ("no time spans", "shared time spans, carried state", "per sample", "per sample, batch == units")


@pytest.mark.parametrize("what", SITUATIONS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_same_numbers_states_and_gradients(name: str, dtype: torch.dtype, what: str) -> None:
    assert measure(name, dtype, what) < TOLERANCE[dtype]


@pytest.mark.parametrize("name", NETWORKS)
def test_same_seed_same_checkpoint(name: str) -> None:
    """Keys, their order (an optimiser's state goes by it), shapes and values; and it loads both ways, strictly."""
    a, b = pair(NETWORKS[name])
    expected, got = a.state_dict(), b.state_dict()
    assert list(got) == list(expected)
    assert all(torch.equal(got[key], expected[key]) for key in expected)
    assert [n for n, p in b.named_parameters() if p.requires_grad] == [
        n for n, p in a.named_parameters() if p.requires_grad
    ]
    other, _ = pair(NETWORKS[name], seed=2)
    b.load_state_dict(other.state_dict(), strict=True)
    x, _, _ = values(a)
    torch.testing.assert_close(b(x)[0], other(x)[0], rtol=1e-5, atol=1e-5)
    a.load_state_dict(b.state_dict(), strict=True)
    torch.testing.assert_close(a(x)[0], other(x)[0], rtol=0, atol=0)


@pytest.mark.parametrize("name", ["ltc-auto_ncp", "ltc-explicit", "cfc-mixed", "wired-auto_ncp"])
def test_same_training(name: str) -> None:
    """Ten steps of Adam, with the explicit constraints applied: still the same weights."""
    with default_dtype(torch.float64):
        a, b = pair(NETWORKS[name])
        x, _, _ = values(a)
        for network in (a, b):
            optimizer = torch.optim.Adam(
                network.parameters(), lr=0.1
            )  # far enough that w, cm and gleak want to be negative
            for _ in range(10):
                optimizer.zero_grad()
                (network(x)[0] - 2).square().mean().backward()
                optimizer.step()
                if name == "ltc-explicit":
                    network.rnn_cell.apply_weight_constraints()
        if name == "ltc-explicit":
            assert (a.rnn_cell.w == 0).any(), "nothing was clipped, so nothing is tested"
        for key, value in a.state_dict().items():
            torch.testing.assert_close(b.state_dict()[key], value, rtol=1e-8, atol=1e-8, check_dtype=False)


@pytest.mark.parametrize("name", ["ltc-int", "ltc-mixed", "cfc-projection", "wired-mixed"])
def test_time_first_and_without_batch(name: str) -> None:
    a, b = pair(NETWORKS[name])
    x, state, spans = values(a)
    expected, h = b(x, state if a.use_mixed else state[0], spans)
    b.batch_first = False
    y, last = b(x.transpose(0, 1), state if a.use_mixed else state[0], spans.T)
    torch.testing.assert_close(y.transpose(0, 1), expected, rtol=0, atol=0)
    torch.testing.assert_close(last, h, rtol=0, atol=0)
    a.batch_first = False
    torch.testing.assert_close(b(x.transpose(0, 1))[0], a(x.transpose(0, 1))[0], rtol=1e-5, atol=1e-5)
    a.batch_first = b.batch_first = True
    one = tuple(part[1] for part in state)
    y, last = b(x[1], one if a.use_mixed else one[0], spans[1])
    torch.testing.assert_close(y, expected[1], rtol=1e-5, atol=1e-5)
    column, _ = b(x[1], one if a.use_mixed else one[0], spans[1][:, None])
    torch.testing.assert_close(column, y, rtol=0, atol=0)
    torch.testing.assert_close(last, tuple(part[1] for part in h) if a.use_mixed else h[1], rtol=1e-5, atol=1e-5)
    theirs, _ = a(x[1], one if a.use_mixed else one[0])
    torch.testing.assert_close(b(x[1], one if a.use_mixed else one[0])[0], theirs, rtol=1e-5, atol=1e-5)


def test_dropout_draws_what_ncps_draws() -> None:
    def make(T: ModuleType, W: ModuleType) -> nn.Module:
        return T.CfC(INPUTS, 6, backbone_layers=3, backbone_units=9, backbone_dropout=0.5)

    a, b = pair(make)
    assert list(a.state_dict()) == list(b.state_dict())
    x, _, _ = values(a)
    torch.manual_seed(4)
    expected, _ = a(x)
    torch.manual_seed(4)
    torch.testing.assert_close(b(x)[0], expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(b(x)[0], expected)
    torch.testing.assert_close(b.eval()(x)[0], a.eval()(x)[0], rtol=1e-5, atol=1e-5)


CELLS: dict[str, Make] = {
    "ltc": lambda T, W: T.LTCCell(W.AutoNCP(12, 3), INPUTS),
    "ltc-implicit": lambda T, W: T.LTCCell(W.FullyConnected(6), INPUTS, implicit_param_constraints=True),
    "cfc": lambda T, W: T.CfCCell(INPUTS, 6, "no_gate", "tanh", 9, 2),
    "cfc-masked": lambda T, W: T.CfCCell(INPUTS, 6, backbone_layers=0, sparsity_mask=np.eye(INPUTS + 6, 6)),
    "wired": lambda T, W: T.WiredCfCCell(INPUTS, W.AutoNCP(12, 3)),
}


@pytest.mark.parametrize("name", CELLS)
def test_cells(name: str) -> None:
    a, b = pair(CELLS[name])
    units = 12 if name in ("ltc", "wired") else 6
    x, h = torch.randn(5, INPUTS), torch.randn(5, units)
    for elapsed in (1.0, 0.3, torch.tensor(0.7)):
        for expected, got in zip(a(x, h, elapsed), b(x, h, elapsed), strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)
    elapsed = torch.rand(5) + 0.1
    for row in range(5):
        one = slice(row, row + 1)
        torch.testing.assert_close(b(x, h, elapsed)[1][one], a(x[one], h[one], elapsed[row])[1], rtol=1e-5, atol=1e-5)
    for attribute in (
        "state_size",
        "output_size",
        "motor_size",
        "sensory_size",
        "layer_sizes",
        "num_layers",
        "synapse_count",
    ):
        if hasattr(a, attribute):
            assert getattr(b, attribute) == getattr(a, attribute), attribute


def test_time_zero_is_that_of_ncps_in_cfc_and_stands_still_in_ltc() -> None:
    for name in ("cfc-default", "cfc-pure", "wired-auto_ncp"):
        a, b = pair(NETWORKS[name])
        x, _, spans = values(a)
        spans[:, 2] = 0.0
        torch.testing.assert_close(b(x, None, spans[:1])[0], a(x, None, spans[:1])[0], rtol=1e-5, atol=1e-5)
    _, b = pair(NETWORKS["ltc-auto_ncp"])
    x, (h,), spans = values(b)
    assert torch.equal(b(x, h, torch.zeros_like(spans))[1], h)


def test_weights_of_zero_capacitance_follow_ncps() -> None:
    """What explicit constraints may do: cm = 0, where a neuron has no memory at all."""
    a, b = pair(NETWORKS["ltc-explicit"])
    for network in (a, b):
        with torch.no_grad():
            network.rnn_cell.cm.sub_(1.0)
        network.rnn_cell.apply_weight_constraints()
        assert (network.rnn_cell.cm == 0).all()
    x, _, _ = values(a)
    torch.testing.assert_close(b(x)[0], a(x)[0], rtol=1e-5, atol=1e-5)


def test_a_state_bound_is_claimed_only_where_weights_are_positive() -> None:
    assert ours.LTC(2, 4).rnn_cell.hull() is not None
    assert ours.LTC(2, 4, implicit_param_constraints=False).rnn_cell.hull() is None


def test_functional_call_and_assign_use_the_weights_they_are_given() -> None:
    """ncps keeps its LTC weights in a second place and goes on with the old ones."""
    _, b = pair(NETWORKS["ltc-mixed"])
    x, _, _ = values(b)
    zero = {key: torch.zeros_like(value) for key, value in b.state_dict().items()}
    assert torch.equal(functional_call(b, zero, (x,))[0], torch.zeros(BATCH, TIME, 3))
    b.load_state_dict(zero, assign=True)
    assert torch.equal(b(x)[0], torch.zeros(BATCH, TIME, 3))


def test_deepcopy_is_independent() -> None:
    _, b = pair(NETWORKS["ltc-mixed"])
    x, _, _ = values(b)
    before = b(x)[0]
    other = copy.deepcopy(b)
    with torch.no_grad():
        for parameter in b.parameters():
            parameter.zero_()
    torch.testing.assert_close(other(x)[0], before, rtol=0, atol=0)


@pytest.mark.parametrize("mode", ["default", "pure", "no_gate"])
def test_tauflow_cells_hold_the_same_numbers(mode: str) -> None:
    """Not through compat: a cell of tauflow with the weights of ncps."""
    x, h = torch.randn(5, INPUTS), torch.randn(5, 12)
    dt = torch.full((5,), 0.7)
    wiring = wirings.auto_ncp(INPUTS, 12, 3)
    a = theirs_torch.WiredCfCCell(INPUTS, theirs_wirings.AutoNCP(12, 3), mode)
    b = cells.get("wired_cfc_ncps")(INPUTS, wiring, mode)
    b.load_state_dict({key: value for key, value in a.state_dict().items() if not key.endswith("mask")})
    torch.testing.assert_close(b.step(x, dt, h), a(x, h, 0.7)[1], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(b.output(b.step(x, dt, h)), a(x, h, 0.7)[0], rtol=1e-5, atol=1e-6)
    a = theirs_torch.CfCCell(INPUTS, 12, mode, backbone_layers=2)
    b = cells.get("cfc")(INPUTS, 12, mode, backbone_layers=2)
    b.load_state_dict(a.state_dict())
    torch.testing.assert_close(b.step(x, dt, h), a(x, h, 0.7)[1], rtol=1e-5, atol=1e-6)
    a = theirs_torch.LTCCell(theirs_wirings.AutoNCP(12, 3), INPUTS, implicit_param_constraints=True)
    b = cells.get("ltc")(INPUTS, wiring, init="ncps", solver="semi_implicit", substeps=6, epsilon=1e-8)
    b.load_state_dict({key: value for key, value in a.state_dict().items() if not key.endswith("mask")})
    torch.testing.assert_close(b.step(x, dt, h), a(x, h, 0.7)[1], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(b.output(h), a._map_outputs(h), rtol=0, atol=0)


def test_wirings_behave_as_in_ncps() -> None:
    for make in (
        lambda W: W.FullyConnected(5, 2),
        lambda W: W.Random(5, 2, 0.4),
        lambda W: W.NCP(6, 4, 2, 3, 2, 5, 3),
        lambda W: W.AutoNCP(12, 3),
    ):
        a, b = make(theirs_wirings), make(ours.wirings)
        np.testing.assert_array_equal(b.adjacency_matrix, a.adjacency_matrix)
        assert not b.is_built()
        a.build(INPUTS)
        b.build(INPUTS)
        b.build(INPUTS)
        assert b.is_built()
        for attribute in ("units", "input_dim", "output_dim", "num_layers", "synapse_count", "sensory_synapse_count"):
            assert getattr(b, attribute) == getattr(a, attribute)
        np.testing.assert_array_equal(b.adjacency_matrix, a.adjacency_matrix)
        np.testing.assert_array_equal(b.sensory_adjacency_matrix, a.sensory_adjacency_matrix)
        np.testing.assert_array_equal(b.erev_initializer(), a.erev_initializer())
        np.testing.assert_array_equal(b.sensory_erev_initializer(), a.sensory_erev_initializer())
        assert [b.get_type_of_neuron(i) for i in range(b.units)] == [a.get_type_of_neuron(i) for i in range(a.units)]
        for layer in range(a.num_layers):
            assert b.get_neurons_of_layer(layer) == a.get_neurons_of_layer(layer)
        with pytest.raises(WiringError, match="4 inputs"):
            b.build(INPUTS + 1)
        again = type(b).from_config(b.get_config())
        again.build(INPUTS)
        np.testing.assert_array_equal(again.adjacency_matrix, a.adjacency_matrix)
        assert ours.wirings.as_wiring(a) == ours.wirings.as_wiring(b)  # a wiring of ncps itself is taken too


def own_wiring(W: ModuleType) -> Any:
    """As a user derives or fills one."""
    wiring = W.Wiring(4)
    wiring.set_output_dim(2)
    wiring.build(INPUTS)
    for source, target, polarity in ((0, 1, 1), (2, 1, -1), (3, 0, 1), (3, 3, -1)):
        wiring.add_synapse(source, target, polarity)
    for source, target in ((0, 3), (1, 2), (3, 0)):
        wiring.add_sensory_synapse(source, target, 1)
    return wiring


def test_own_wirings() -> None:
    a, b = pair(lambda T, W: T.LTC(INPUTS, own_wiring(W)))
    x, _, _ = values(a)
    torch.testing.assert_close(b(x)[0], a(x)[0], rtol=1e-5, atol=1e-5)
    b.load_state_dict(a.state_dict(), strict=True)
    wiring = own_wiring(ours.wirings)
    assert ours.Wiring.from_config(wiring.get_config()).get_config() == own_wiring(theirs_wirings).get_config()


WRONG: dict[str, tuple[Callable[[], Any], type[TauflowError], str]] = {
    "mapping": (lambda: ours.LTC(2, 4, input_mapping="log"), TauflowError, "input_mapping is 'log'"),
    "backbone of a wiring": (
        lambda: ours.CfC(2, ours.AutoNCP(8, 2), backbone_units=3),
        TauflowError,
        "no backbone, but backbone_units",
    ),
    "not built": (lambda: ours.LTCCell(ours.AutoNCP(8, 2)), WiringError, "call wiring.build"),
    "no outputs": (lambda: ours.LTC(2, ours.Wiring(3)), WiringError, "set_output_dim"),
    "mode": (lambda: ours.CfC(2, 4, mode="fast"), TauflowError, "expected one of default, no_gate, pure"),
    "one state for two": (
        lambda: ours.CfC(2, 4, mixed_memory=True)(torch.ones(1, 2, 2), torch.ones(1, 4)),
        TauflowError,
        "a pair",
    ),
    "two states for one": (
        lambda: ours.CfC(2, 4)(torch.ones(1, 2, 2), (torch.ones(1, 4),) * 2),
        TauflowError,
        "one tensor",
    ),
    "a state with layers": (
        lambda: ours.CfC(2, 4)(torch.ones(1, 2, 2), torch.ones(1, 1, 4)),
        ShapeError,
        "(batch, state)",
    ),
    "a batch of states": (lambda: ours.CfC(2, 4)(torch.ones(2, 2), torch.ones(1, 4)), ShapeError, "no batch axis"),
    "negative time": (
        lambda: ours.LTC(2, 4)(torch.ones(1, 2, 2), None, -torch.ones(1, 2)),
        TimeError,
        "dt[0, 0] is -1",
    ),
    "wrong time": (lambda: ours.LTC(2, 4)(torch.ones(1, 2, 2), None, torch.ones(1, 3)), ShapeError, "dt has shape"),
    "cell time": (
        lambda: ours.CfCCell(2, 4)(torch.ones(3, 2), torch.ones(3, 4), torch.ones(2)),
        ShapeError,
        "time spans",
    ),
    "polarity": (lambda: ours.Wiring(3).add_synapse(0, 1, 2), WiringError, "polarity is 2"),
    "no such neuron": (lambda: ours.Wiring(3).add_synapse(0, 3, 1), WiringError, "to neuron 3 of 3"),
    "sensory before build": (
        lambda: ours.Wiring(3).add_sensory_synapse(0, 1, 1),
        WiringError,
        "needs a wiring that is built",
    ),
    "layer": (lambda: ours.AutoNCP(8, 2).get_neurons_of_layer(3), WiringError, "there is no layer 3"),
    "too small": (lambda: ours.AutoNCP(5, 4), WiringError, "use 7 units or more"),
}


@pytest.mark.parametrize("case", WRONG)
def test_says_what_is_wrong(case: str) -> None:
    make, kind, message = WRONG[case]
    with pytest.raises(kind) as caught:
        make()
    assert message in str(caught.value)


SCRIPT = """
import numpy as np
import torch
import torch.nn as nn
from ncps.wirings import AutoNCP
from ncps.torch import LTC

torch.manual_seed(0)
torch.set_num_threads(1)
N = 48
data_x = np.stack([np.sin(np.linspace(0, 3 * np.pi, N)), np.cos(np.linspace(0, 3 * np.pi, N))], axis=1)
data_x = torch.Tensor(np.expand_dims(data_x, axis=0).astype(np.float32))
data_y = torch.Tensor(np.sin(np.linspace(0, 6 * np.pi, N)).reshape([1, N, 1]).astype(np.float32))
wiring = AutoNCP(16, 1)
model = LTC(2, wiring, batch_first=True)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(6):
    y_hat, _ = model.forward(data_x)
    y_hat = y_hat.view_as(data_y)
    loss = nn.MSELoss()(y_hat, data_y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item())
"""


def test_a_script_runs_after_changing_its_import() -> None:
    """The sine tutorial of ncps, without Lightning: the same losses all along."""
    losses = []
    for script in (SCRIPT, SCRIPT.replace("from ncps.", "from tauflow.compat.ncps.")):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
        losses.append([float(line) for line in done.stdout.split()])
    assert len(losses[0]) == 6
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    assert losses[1][-1] < losses[1][0]


def test_the_drop_in_runs_on_the_kernels_where_its_numbers_are_those_of_a_kernel():
    from tauflow import ops
    from tauflow.compat.ncps.torch import LTC, CfC
    from tauflow.compat.ncps.wirings import AutoNCP

    assert ops.choose(LTC(3, 5).rnn_cell) == "cpu"
    assert ops.choose(CfC(3, 5).rnn_cell) == "cpu"
    assert ops.choose(CfC(3, AutoNCP(12, 3)).rnn_cell) == "cpu"
    assert ops.choose(LTC(3, 5, implicit_param_constraints=False).rnn_cell) == "reference"
    assert ops.choose(CfC(3, 5, backbone_layers=5).rnn_cell) == "reference"
    assert ops.choose(CfC(3, 5, backbone_layers=2, backbone_dropout=0.5).rnn_cell) == "reference"
    assert ops.choose(CfC(3, 5, backbone_layers=2, backbone_dropout=0.5).rnn_cell.eval()) == "cpu"
