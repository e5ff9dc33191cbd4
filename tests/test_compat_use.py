"""How people use ncps beyond a plain forward: cells of their own, drawing, packed rows, NumPy's sizes, private names.

Each is done with ncps 1.0.1 and with the drop-in, and compared; where ncps is wrong or has nothing to compare with, with the
drop-in's own plain forward.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import tauflow
from tauflow import ops
from tauflow.compat import ncps as ours
from tauflow.errors import BackendError, MissingExtraError, ShapeError, TauflowError, WiringError

theirs_torch = pytest.importorskip("ncps.torch")
theirs_wirings = pytest.importorskip("ncps.wirings")

Make = Callable[[ModuleType, ModuleType], Any]
INPUTS = 4


def pair(make: Make) -> tuple[Any, Any]:
    """(theirs, ours) from the same seed."""
    torch.manual_seed(1)
    a = make(theirs_torch, theirs_wirings)
    torch.manual_seed(1)
    return a, make(ours.torch, ours.wirings)


def same(a: Any, b: Any) -> None:
    """The same outputs and states, for rows that begin from zero and for ones that go on, with a span for all."""
    x, spans = torch.randn(3, 6, INPUTS), 0.1 + torch.rand(1, 6)
    for hx, ts in ((None, None), (None, spans), (a(x)[1], spans)):
        for expected, got in zip(a(x, hx, ts), b(x, hx, ts), strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


def forward_of(kind: str) -> Make:
    """A subclass of a step cell whose forward changes what the parent gives, in the network around it."""

    def make(T: ModuleType, W: ModuleType) -> Any:
        class Mine(getattr(T, kind)):  # type: ignore[misc]
            def forward(self, *args: Any) -> tuple[Tensor, Tensor]:
                y, h = super().forward(*args)
                return 2 * y + 1, h + 0.5

        if kind == "LTCCell":
            net = T.LTC(INPUTS, 5)
            net.rnn_cell = Mine(W.FullyConnected(5), INPUTS, implicit_param_constraints=True)
        elif kind == "WiredCfCCell":
            net = T.CfC(INPUTS, W.AutoNCP(9, 2))
            net.rnn_cell = Mine(INPUTS, W.AutoNCP(9, 2))
        else:
            net = T.CfC(INPUTS, 5)
            net.rnn_cell = Mine(INPUTS, 5)
        return net

    return make


def mixed(make: Make) -> Make:
    """The same behind a mixed memory."""

    def with_memory(T: ModuleType, W: ModuleType) -> Any:
        net = make(T, W)
        net.use_mixed = True
        net.lstm = T.CfC(INPUTS, net.state_size, mixed_memory=True).lstm
        return net

    return with_memory


def replaced_on_the_instance(T: ModuleType, W: ModuleType) -> Any:
    net = T.CfC(INPUTS, 5)
    plain = net.rnn_cell.forward
    net.rnn_cell.forward = lambda x, h, ts: tuple(part * 0.5 for part in plain(x, h, ts))
    return net


def module_of_their_own(T: ModuleType, W: ModuleType) -> Any:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(INPUTS + 5, 5)

        def forward(self, x: Tensor, h: Tensor, ts: Any) -> tuple[Tensor, Tensor]:
            h = torch.tanh(self.layer(torch.cat([x, h], 1))) * ts
            return h[:, :2], h

    net = T.CfC(INPUTS, 5)
    net.rnn_cell = Own()
    return net


OVERRIDES: dict[str, Make] = {
    "LTCCell": forward_of("LTCCell"),
    "CfCCell": forward_of("CfCCell"),
    "WiredCfCCell": forward_of("WiredCfCCell"),
    "LTCCell, mixed": mixed(forward_of("LTCCell")),
    "CfCCell, mixed": mixed(forward_of("CfCCell")),
    "on the instance": replaced_on_the_instance,
    "own module": module_of_their_own,
}


@pytest.mark.parametrize("name", OVERRIDES)
def test_an_overridden_forward_acts(name: str) -> None:
    same(*pair(OVERRIDES[name]))


@pytest.mark.parametrize("spans", [(3, 6), (3, 6, 1)], ids=str)
@pytest.mark.parametrize("name", OVERRIDES)
def test_an_overridden_forward_gets_the_span_of_each_sample(name: str, spans: tuple[int, ...]) -> None:
    _, b = pair(OVERRIDES[name])
    x, ts = torch.randn(3, 6, INPUTS), 0.1 + torch.rand(spans)
    y, h = b(x, None, ts)
    for row in range(3):
        one, last = b(x[row : row + 1], None, ts[row : row + 1])
        torch.testing.assert_close(y[row], one[0], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(h[0][row] if b.use_mixed else h[row], last[0][0] if b.use_mixed else last[0])


@pytest.mark.parametrize("name", ["ltc", "ltc-explicit", "cfc", "cfc-pure", "wired", "layer"])
def test_an_overridden_step_acts(name: str) -> None:
    """`step` is tauflow's; whoever overrides it means it, in a subclass or on the instance."""
    net: Any = {
        "ltc": lambda: ours.LTC(INPUTS, 5),
        "ltc-explicit": lambda: ours.LTC(INPUTS, 5, implicit_param_constraints=False),
        "cfc": lambda: ours.CfC(INPUTS, 5),
        "cfc-pure": lambda: ours.CfC(INPUTS, 5, mode="pure"),
        "wired": lambda: ours.CfC(INPUTS, ours.AutoNCP(9, 2)),
        "layer": lambda: ours.CfC(INPUTS, ours.AutoNCP(9, 2)),
    }[name]()
    x = torch.randn(2, 3, INPUTS)
    cell = net.rnn_cell.layer_2 if name == "layer" else net.rnn_cell
    before = type(cell)
    cell.__class__ = type("Mine", (before,), {"step": lambda self, x, dt, h: torch.full_like(h, 7.0)})
    expected = torch.full((2, 3, net.output_size), 7.0)
    assert torch.equal(net(x)[0], expected)
    assert ops.choose(net.rnn_cell) == "reference"
    cell.__class__ = before
    cell.step = lambda x, dt, h: torch.full_like(h, 7.0)
    assert torch.equal(net(x)[0], expected)
    del cell.step
    assert not torch.allclose(net(x)[0], expected)


def test_a_layer_of_a_wired_cell_may_be_replaced() -> None:
    class Mine(ours.CfCCell):
        def forward(self, *args: Any) -> tuple[Tensor, Tensor]:
            y, h = super().forward(*args)
            return 0 * y + 3, 0 * h + 3

    net = ours.CfC(INPUTS, ours.AutoNCP(9, 2))
    net.rnn_cell.layer_2 = Mine(net.rnn_cell.layer_sizes[1], 2)
    assert torch.equal(net(torch.randn(2, 3, INPUTS))[0], torch.full((2, 3, 2), 3.0))


NETWORKS: dict[str, Make] = {
    "ltc": lambda T, W: T.LTC(INPUTS, 5),
    "ltc-wired": lambda T, W: T.LTC(INPUTS, W.AutoNCP(9, 2)),
    "ltc-mixed": lambda T, W: T.LTC(INPUTS, 5, mixed_memory=True),
    "cfc": lambda T, W: T.CfC(INPUTS, 5, proj_size=3),
    "cfc-pure": lambda T, W: T.CfC(INPUTS, 5, mode="pure"),
    "cfc-mixed": lambda T, W: T.CfC(INPUTS, 5, mixed_memory=True),
    "wired": lambda T, W: T.CfC(INPUTS, W.AutoNCP(9, 2)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_reference_can_be_asked_for(name: str) -> None:
    _, net = pair(NETWORKS[name])
    x, spans = torch.randn(3, 6, INPUTS), torch.rand(3, 6)
    y, _ = net(x, None, spans)
    net.backend = "reference"
    torch.testing.assert_close(net(x, None, spans)[0], y, rtol=1e-5, atol=1e-6)
    net.backend = "cpu"
    if net.use_mixed:
        with pytest.raises(BackendError, match="mixed memory runs step by step; try backend='auto' or 'reference'"):
            net(x)
    else:
        assert torch.equal(net(x, None, spans)[0], y)
    net.backend = "fused"
    with pytest.raises(BackendError, match="no backend is called 'fused'"):
        net(x)
    assert ours.LTC(2, 3, backend="reference").backend == "reference"
    with pytest.raises(BackendError, match="no backend is called 'gpu'"):
        ours.CfC(2, 3, backend="gpu")


@pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_reference_is_recorded_right(name: str) -> None:
    """torch.export and torch.jit.trace see every operation of backend="reference"."""
    _, net = pair(NETWORKS[name])
    net.backend = "reference"
    x, other = torch.randn(2, 2, INPUTS), torch.randn(2, 2, INPUTS)
    with torch.no_grad():
        exported = torch.export.export(net, (x,)).module()
        traced = torch.jit.trace(net, (x,))
    torch.testing.assert_close(exported(other)[0], net(other)[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(traced(other)[0], net(other)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(6,), (6, 1), (6, 1, 1), (6, 3), (6, 3, 1)], ids=str)
def test_spans_with_time_first(name: str, shape: tuple[int, ...]) -> None:
    a, b = pair(NETWORKS[name])
    a.batch_first = b.batch_first = False
    x, spans = torch.randn(6, 3, INPUTS), 0.1 + torch.rand(shape)
    y, _ = b(x, None, spans)
    if 3 not in shape:  # one for all samples, which ncps does right
        torch.testing.assert_close(y, a(x, None, spans)[0], rtol=1e-5, atol=1e-5)
    b.batch_first = True
    rows = spans.reshape(6, -1).T.expand(3, 6)
    torch.testing.assert_close(y.transpose(0, 1), b(x.transpose(0, 1), None, rows)[0], rtol=0, atol=0)


@pytest.mark.parametrize("sort", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_packed_rows(name: str, sort: bool) -> None:
    """As nn.LSTM: packed in, packed out, the state where each row ends."""
    _, net = pair(NETWORKS[name])
    lengths = [6, 4, 1] if sort else [4, 1, 6]
    x, spans = torch.randn(3, 6, INPUTS), 0.1 + torch.rand(3, 6)
    rows = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=sort)
    gaps = pack_padded_sequence(spans, torch.tensor(lengths), batch_first=True, enforce_sorted=sort)
    hx = net(x)[1]
    y, h = net(rows, hx, gaps)
    assert isinstance(y, PackedSequence)
    padded, got = pad_packed_sequence(y, batch_first=True)
    assert got.tolist() == lengths
    for row, length in enumerate(lengths):
        one = tuple(part[row] for part in hx) if net.use_mixed else hx[row]
        alone, last = net(x[row, :length], one, spans[row, :length])
        torch.testing.assert_close(padded[row, :length], alone, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(h[0][row] if net.use_mixed else h[row], last[0] if net.use_mixed else last)
    assert torch.equal(net(rows, hx, spans)[0].data, y.data)
    net.batch_first = False
    assert torch.equal(net(rows, hx, spans.T)[0].data, y.data)
    net.return_sequences = False
    ends = torch.stack([padded[row, length - 1] for row, length in enumerate(lengths)])
    torch.testing.assert_close(net(rows, hx, gaps)[0], ends, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("units", [np.int64(8), np.int32(8), np.uint8(8), torch.tensor(8)], ids=repr)
def test_sizes_of_numpy(units: Any) -> None:
    for kind in ("CfC", "LTC"):
        torch.manual_seed(0)
        expected = getattr(ours, kind)(3, 8)
        torch.manual_seed(0)
        net = getattr(ours, kind)(np.int64(3), units)
        x = torch.randn(2, 4, 3)
        assert torch.equal(net(x)[0], expected(x)[0])
        assert net.state_size == 8
    ours.CfC(3, 8, units, backbone_units=units, backbone_layers=np.int64(2))(torch.randn(2, 4, 3))
    ours.LTC(3, 8, ode_unfolds=units)(torch.randn(2, 4, 3))


@pytest.mark.parametrize("units", [8.0, np.float64(8), "8", None, True, [8], 0, -1], ids=repr)
def test_what_is_no_size(units: Any) -> None:
    for kind in (ours.CfC, ours.LTC):
        with pytest.raises(TauflowError, match="units is"):
            kind(3, units)


def test_an_auto_ncp_is_an_ncp() -> None:
    wiring = ours.AutoNCP(12, 3)
    assert isinstance(wiring, ours.NCP)
    assert isinstance(wiring, ours.Wiring)
    assert not isinstance(ours.FullyConnected(4), ours.NCP)


def test_private_names() -> None:
    for make in (lambda W: W.AutoNCP(12, 3), lambda W: W.NCP(6, 4, 2, 3, 2, 5, 3)):
        a, b = make(theirs_wirings), make(ours.wirings)
        a.build(INPUTS), b.build(INPUTS)
        for kind in ("inter", "command", "motor", "sensory"):
            assert getattr(b, f"_{kind}_neurons") == getattr(a, f"_{kind}_neurons")
            assert getattr(b, f"_num_{kind}_neurons") == getattr(a, f"_num_{kind}_neurons")
    a, b = pair(lambda T, W: T.LTC(INPUTS, 5, ode_unfolds=3, epsilon=1e-3))
    for name in ("_ode_unfolds", "_epsilon", "_input_mapping", "_output_mapping", "_implicit_param_constraints"):
        assert getattr(b.rnn_cell, name) == getattr(a.rnn_cell, name)
    assert list(b.rnn_cell._params) == list(b.rnn_cell._parameters)
    assert set(b.rnn_cell._params) == set(a.rnn_cell._params)
    with torch.no_grad():
        for net in (a, b):
            net.rnn_cell._params["w"].mul_(2)
            net.rnn_cell._ode_unfolds = 4
    same(a, b)
    with pytest.raises(TypeError, match="item assignment"):
        b.rnn_cell._params["w"] = nn.Parameter(torch.zeros(5, 5))
    a, b = pair(lambda T, W: T.CfC(INPUTS, W.AutoNCP(9, 2)))
    assert b.wired_mode
    assert isinstance(b.wiring, ours.AutoNCP)
    assert [layer.hidden_size for layer in b.rnn_cell._layers] == [layer.hidden_size for layer in a.rnn_cell._layers]
    a, b = pair(lambda T, W: T.CfC(INPUTS, 5, backbone_layers=2))
    assert b.rnn_cell.backbone_layers == a.rnn_cell.backbone_layers == 2
    assert not b.wired_mode
    for net in (a, b):
        torch.manual_seed(3)
        net.rnn_cell.init_weights()
    same(a, b)
    assert ours.__version__
    with pytest.raises(AttributeError, match="keep `from ncps import datasets`"):
        ours.datasets  # noqa: B018
    with pytest.raises(ImportError):
        from tauflow.compat.ncps import datasets  # noqa: F401


def test_a_state_of_the_wrong_kind_is_a_runtime_error_too() -> None:
    x, h = torch.randn(2, 3, INPUTS), torch.zeros(2, 5)
    for net, hx in (
        (ours.CfC(INPUTS, 5, mixed_memory=True), h),
        (ours.LTC(INPUTS, 5, mixed_memory=True), h.tolist()),
        (ours.CfC(INPUTS, 5), (h, h)),
        (ours.LTC(INPUTS, 5), h[None]),
        (ours.CfC(INPUTS, 5), h[0]),
    ):
        with pytest.raises(RuntimeError) as caught:
            net(x, hx)
        assert isinstance(caught.value, TauflowError)


def test_arrays_and_lists() -> None:
    _, net = pair(NETWORKS["cfc"])
    x, spans, h = torch.randn(2, 3, INPUTS), torch.rand(2, 3), torch.rand(2, 5)
    y, last = net(x, h, spans)
    for form in (Tensor.numpy, Tensor.tolist):
        for got, expected in zip(net(form(x), form(h), form(spans)), (y, last), strict=True):
            assert torch.equal(got, expected)


@pytest.mark.parametrize("name", ["cfc", "cfc-pure", "cfc-mixed"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:torch:UserWarning")
def test_quantised_layers_run_as_in_ncps(name: str) -> None:
    """Within the width of a quantum: a value at its edge may fall to either side."""
    plain, x = pair(NETWORKS[name]), torch.randn(3, 6, INPUTS)
    a, b = (torch.ao.quantization.quantize_dynamic(net, {nn.Linear})(x)[0] for net in plain)
    torch.testing.assert_close(b, a, rtol=0, atol=0.03)
    assert not torch.equal(b, plain[1](x)[0])


@pytest.mark.parametrize("name", ["cfc", "wired", "ltc"])
def test_hooks_and_pruning_act(name: str) -> None:
    _, net = pair(NETWORKS[name])
    x, calls = torch.randn(2, 6, INPUTS), []
    cell = net.rnn_cell
    module, weight = {"cfc": (cell, "ff1"), "wired": (cell, "layer_1.ff1"), "ltc": (cell, "")}[name]
    layer = module.get_submodule(weight)
    handle = layer.register_forward_hook(lambda *_: calls.append(1))
    y, _ = net(x)
    handle.remove()
    assert len(calls) == 6
    prune.l1_unstructured(layer, "w" if name == "ltc" else "weight", 0.5)
    assert not torch.allclose(net(x)[0], y)
    before = net(x)[0].detach()
    with torch.no_grad():
        getattr(layer, "w_orig" if name == "ltc" else "weight_orig").mul_(3)  # as an optimiser does
    assert not torch.allclose(net(x)[0], before)
    net(x)[0].sum().backward()
    net(x)[0].sum().backward()


@pytest.mark.parametrize("name", NETWORKS)
def test_no_time_step(name: str) -> None:
    _, net = pair(NETWORKS[name])
    y, _ = net(torch.zeros(2, 0, INPUTS))
    assert y.shape[:2] == (2, 0)
    net.return_sequences = False
    with pytest.raises(ShapeError, match="no time step, so there is no last output"):
        net(torch.zeros(2, 0, INPUTS))


@pytest.mark.parametrize("shape", [(INPUTS,), (1, 2, 3, INPUTS), ()], ids=str)
def test_an_input_of_other_axes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="input has shape"):
        ours.CfC(INPUTS, 5)(torch.zeros(shape))


WIRINGS: dict[str, Callable[[ModuleType], Any]] = {
    "dense": lambda W: W.FullyConnected(4, 2),
    "random": lambda W: W.Random(6, 2, 0.5),
    "ncp": lambda W: W.NCP(4, 3, 2, 2, 2, 3, 2),
    "auto_ncp": lambda W: W.AutoNCP(9, 2),
    "empty": lambda W: W.Wiring(3),
}


def built(name: str) -> tuple[Any, Any]:
    a, b = WIRINGS[name](theirs_wirings), WIRINGS[name](ours.wirings)
    for wiring in (a, b):
        wiring.set_output_dim(2)
        wiring.build(2)
    return a, b


@pytest.mark.parametrize("name", WIRINGS)
def test_the_graph_is_that_of_ncps(name: str) -> None:
    a, b = built(name)
    assert dict(b.get_graph().nodes(data=True)) == dict(a.get_graph().nodes(data=True))
    assert {edge[:2]: edge[2] for edge in b.get_graph().edges(data=True)} == {
        edge[:2]: edge[2] for edge in a.get_graph().edges(data=True)
    }
    assert [node for node in b.get_graph(False) if node.startswith("sensory")] == []


@pytest.mark.parametrize("layout", ["kamada", "circular", "random", "shell", "spring", "spectral", "spiral"])
@pytest.mark.parametrize("name", ["dense", "auto_ncp", "empty"])
def test_drawing_is_into_the_current_axes(name: str, layout: str) -> None:
    """As the tutorial of ncps does: figure, draw_graph, legend of what it returned."""
    legends = []
    for wiring in built(name):
        plt.figure(figsize=(2, 2))
        colours = {"command": "tab:cyan"}
        handles = wiring.draw_graph(layout=layout, draw_labels=True, neuron_colors=colours)
        legend = plt.legend(handles=handles, loc="upper center", bbox_to_anchor=(1, 1))
        legends.append(
            [(text.get_text(), patch.get_facecolor()) for text, patch in zip(legend.texts, handles, strict=True)]
        )
        axes = plt.gca()
        assert len(axes.texts) == wiring.units + 2
        assert (
            sum(len(points.get_offsets()) for points in axes.collections if len(points.get_offsets())) >= wiring.units
        )
        plt.gcf().savefig(io.BytesIO())
        plt.close("all")
    assert legends[1] == legends[0]
    assert colours == {"command": "tab:cyan"}  # ncps writes its defaults into the caller's dict


def test_what_drawing_refuses() -> None:
    wiring = ours.AutoNCP(9, 2)
    for call in (wiring.get_graph, wiring.draw_graph):
        with pytest.raises(WiringError, match=r"number of inputs: call wiring\.build"):
            call()
    wiring.build(2)
    for wrong, message in (
        ({"layout": "circle"}, "layout is 'circle', expected one of kamada, circular"),
        ({"neuron_colors": {"hidden": "red"}}, "neuron_colors has 'hidden'"),
        ({"synapse_colors": {"excites": "red"}}, "synapse_colors has 'excites'"),
    ):
        with pytest.raises(WiringError, match=message):
            wiring.draw_graph(**wrong)
    assert len(wiring.draw_graph(synapse_colors="black")) == 3
    plt.close("all")


def test_without_networkx(monkeypatch: pytest.MonkeyPatch) -> None:
    wiring = ours.AutoNCP(9, 2)
    wiring.build(2)
    monkeypatch.setitem(sys.modules, "networkx", None)
    for call in (wiring.get_graph, wiring.draw_graph):
        with pytest.raises(MissingExtraError, match="pip install networkx"):
            call()
    assert tauflow.wirings.dense(2, 3).draw() is not None
