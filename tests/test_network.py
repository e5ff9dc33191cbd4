"""Network: the contract of Recurrent over networks of all parts; streams equal the whole to the bit; each head by its closed form."""

from __future__ import annotations

import copy
import math
import pickle
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import functional_call

import tauflow
from tauflow import CTRNN, LSTM, Bidirectional, CfC, Network, Recurrent, Stack, wirings
from tauflow.cells.mixed_memory import MixedMemory
from tauflow.errors import BackendError, DtypeError, NonFiniteError, ShapeError, TauflowError, TimeError
from tauflow.network import Gap, NetworkError, Part, names, pad
from tests.test_kernels import each_isa

INPUTS, BATCH, TIME = 4, 3, 9
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "records with gaps": {
        "missing": "missing", "waves": {"name": "waves", "columns": [1]}, "encoder": {"name": "dense", "units": [9, 5]},
        "readout": "skip", "head": "quantiles",
    },
    "classes of a sequence": {"core": "gated_ltc", "pool": "several", "readout": "skip", "head": "classes"},
    "attention": {"core": "ltc", "pool": "attention", "readout": "wide", "static": 2, "head": "normal", "period": 3.7},
    "told the gap": {"core": "gated_ltc", "waves": "gap", "readout": "skip", "period": 0.6},
    "largest": {"core": "ctrnn", "pool": "max", "readout": {"name": "deep", "units": [7, 6]}, "head": "student"},
    "controller": {"core": "wired_cfc", "units": 8, "encoder": {"name": "convolution", "kernel": 3}, "head": "actions"},
    "pictures": {"core": "gruode", "encoder": {"name": "images", "shape": [1, 2, 2]}},
    "sensors": {
        "core": "gated_ltc",
        "encoder": {
            "name": "sensors",
            "each": [
                {"inputs": 2, "name": "images", "shape": [1, 1, 2], "units": 3},
                {"inputs": 1},
                {"inputs": 1, "name": "dense", "units": 2},
            ],
        },
    },
    "static": {"core": "lstm", "pool": "mean"},
    "decay": {"core": "gru_decay"},
    "last": {"pool": "last", "head": "normal", "static": 1},
}  # fmt: skip
KERNELS = [kind for kind in KINDS if kind not in ("static", "decay")]


def build(kind: str, **more: Any) -> Network:
    network = Network(INPUTS, 3, **{"units": 6, **KINDS[kind], **more})
    with torch.no_grad():
        for parameter in network.parameters():  # as after training: no line at zero, no two neurons alike
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.eval()


def data(network: Network, dtype: torch.dtype = torch.float32, masked: bool = False) -> dict[str, Any]:
    x, dt = torch.randn(BATCH, TIME, INPUTS).to(dtype), (torch.rand(BATCH, TIME) * 2).to(dtype)
    dt[0, 3] = 0
    if network.missing is not None:
        x[torch.rand(x.shape) > 0.6] = torch.nan
    static = torch.randn(BATCH, network.static).to(dtype) if network.static else None
    mask = torch.rand(BATCH, TIME) > 0.3 if masked else None
    network.measure(SimpleNamespace(x=x, y=None, dt=dt, mask=mask, static=static))
    return {"x": x, "dt": dt, "mask": mask, "static": static}


def rows(given: dict[str, Any], chosen: Any) -> dict[str, Any]:
    return {name: None if value is None else value[chosen] for name, value in given.items()}


def steps(given: dict[str, Any], begin: int, end: int) -> dict[str, Any]:
    return {name: value if name == "static" or value is None else value[:, begin:end] for name, value in given.items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", [False, True])
def test_chunks_give_what_the_whole_gives(kind: str, masked: bool) -> None:
    network = build(kind)
    given = data(network, masked=masked)
    whole, end = network.prefixes(**given)
    first, state = network.prefixes(**steps(given, 0, 4))
    second, state = network.prefixes(**steps(given, 4, TIME), state=state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=0, atol=2e-6)
    torch.testing.assert_close(state, end, rtol=0, atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_steps_give_what_the_whole_gives(kind: str) -> None:
    network = build(kind).double()
    given = data(network, torch.float64)
    whole, end = network.prefixes(**given)
    state = None
    for t in range(TIME):
        y, state = network.step(given["x"][:, t], given["dt"][:, t], state, given["static"])
        torch.testing.assert_close(y, whole[:, t], rtol=0, atol=1e-12)
    torch.testing.assert_close(state, end, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", ["left", "right", "middle"])
def test_padding_changes_nothing(kind: str, where: str) -> None:
    network = build(kind)
    given = data(network)
    y, end = network(**given)
    cut = {"left": 0, "middle": 5, "right": TIME}[where]
    padded: dict[str, Any] = {"static": given["static"]}
    for name, fill in (("x", torch.nan), ("dt", -7.0)):
        filling = torch.full((BATCH, 3, *given[name].shape[2:]), fill)
        padded[name] = torch.cat([given[name][:, :cut], filling, given[name][:, cut:]], 1)
    padded["mask"] = torch.ones(BATCH, TIME + 3, dtype=torch.bool)
    padded["mask"][:, cut : cut + 3] = False
    z, state = network(**padded)
    real = z if network.pool is not None else torch.cat([z[:, :cut], z[:, cut + 3 :]], 1)
    torch.testing.assert_close(real, y, rtol=0, atol=1e-6)
    torch.testing.assert_close(state, end, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_does_not_see_the_others(kind: str) -> None:
    network = build(kind)
    given = data(network, masked=True)
    with torch.no_grad():
        y, end = network(**given)
        for row in range(BATCH):
            z, state = network(**rows(given, slice(row, row + 1)))
            assert torch.equal(z[0], y[row]) and torch.equal(state[0], end[row])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_equals_the_sequence_to_the_bit(kind: str, dtype: torch.dtype) -> None:
    network = build(kind).to(dtype)
    given = data(network, dtype)
    for _ in each_isa():
        check_bits(network, given)


def test_a_memory_streams_as_any_core() -> None:
    network = Network(INPUTS, 3, MixedMemory(CfC(INPUTS, 6)), pool="mean", head="normal").eval()
    check_bits(network, data(network))


def check_bits(network: Network, given: dict[str, Any]) -> None:
    """Streams, alone and side by side, against the sequence."""
    with torch.no_grad():
        whole, end = network.prefixes(**given)
    for row in range(BATCH):
        stream = network.stream("cpu", static=None if given["static"] is None else given["static"][row])
        answers = [stream(given["x"][row, t].numpy(), float(given["dt"][row, t])) for t in range(TIME)]
        assert np.array_equal(np.stack(answers), whole[row].numpy())
        assert np.array_equal(stream.state, end[row].numpy())
        stream.reset()
        assert np.array_equal(stream(given["x"][row, 0].numpy(), float(given["dt"][row, 0])), answers[0])
    side = network.stream(rows=BATCH, static=given["static"])
    together = np.stack([side(given["x"][:, t], given["dt"][:, t]) for t in range(TIME)], 1)
    assert np.array_equal(together, whole.numpy()) and np.array_equal(side.state, end.numpy())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", range(1, 10))
def test_rows_with_masks_equal_streams_alone(kind: str, count: int) -> None:
    torch.manual_seed(count)
    network = build(kind)
    data(network)
    static = torch.randn(count, network.static) if network.static else None
    side = network.stream(rows=count, static=static)
    alone = [network.stream("cpu", static=None if static is None else static[row]) for row in range(count)]
    rng = np.random.default_rng(count)
    for t in range(6):
        x = rng.normal(size=(count, INPUTS)).astype(np.float32)
        if network.missing is not None:
            x[rng.random(x.shape) > 0.6] = np.nan
        dt = (rng.random(count) * (rng.random(count) > 0.3)).astype(np.float32)
        mask = None if t % 3 == 0 else rng.random(count) > 0.4
        if t == 3:
            wait = rng.random(count).astype(np.float32)
            side.skip(wait)
            for stream, gap in zip(alone, wait, strict=True):
                stream.skip(float(gap))
            side = copy.deepcopy(side) if count % 2 else copy.copy(side)
        y = side(x, dt, mask)
        for row, stream in enumerate(alone):
            if mask is None or mask[row]:
                assert np.array_equal(stream(x[row], float(dt[row])), y[row])
            assert np.array_equal(stream.state, side.state[row])
    with pytest.raises(TauflowError, match="pickled"):
        pickle.dumps(side)


@pytest.mark.parametrize("kind", KINDS)
def test_a_masked_sample_shows_the_state_before_it(kind: str) -> None:
    network = build(kind).double()
    given = data(network, torch.float64)
    _, state = network.prefixes(**steps(given, 0, 4))
    rest = steps(given, 4, TIME)
    rest["mask"] = torch.ones(BATCH, TIME - 4, dtype=torch.bool)
    rest["mask"][:, 0] = False
    y, _ = network.prefixes(**rest, state=state.detach())
    with torch.no_grad():
        z, _ = network.prefixes(**rest, state=state)
    torch.testing.assert_close(z, y.detach(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_the_kernels_agree_with_the_parts(kind: str) -> None:
    network = build(kind).double()
    given = data(network, torch.float64, masked=True)
    y, end = network.prefixes(**given)  # the parts: torch, with gradients
    with torch.no_grad():
        z, state = network.prefixes(**given)
    torch.testing.assert_close(z, y, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(state, end, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_an_episode_does_not_see_the_one_before(kind: str) -> None:
    network = build(kind)
    given = data(network)
    first = torch.zeros(BATCH, TIME, dtype=torch.bool)
    first[0, 4] = first[1, 0] = first[1, 6] = first[1, 7] = True
    x = given["x"].clone().requires_grad_()
    y, end = network.prefixes(**{**given, "x": x}, first=first)
    for row, begin, stop in ((0, 0, 4), (0, 4, TIME), (1, 0, 6), (1, 6, 7), (1, 7, TIME), (2, 0, TIME)):
        alone, state = network.prefixes(**steps(rows(given, slice(row, row + 1)), begin, stop))
        torch.testing.assert_close(y[row, begin:stop], alone[0], rtol=0, atol=1e-6)
        if stop == TIME:
            torch.testing.assert_close(end[row], state[0], rtol=0, atol=1e-6)
    y[0, 4:].sum().backward()
    assert x.grad is not None and not x.grad[0, :4].any() and torch.nan_to_num(x.grad[0, 4:]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_every_weight(kind: str) -> None:
    network = build(kind, units=4).double()
    given = steps(rows(data(network, torch.float64, masked=True), slice(0, 2)), 0, 5)
    given["mask"][:, 0] = True
    names, values = zip(*((n, p) for n, p in network.named_parameters() if p.requires_grad), strict=True)

    def answer(*weights: Tensor) -> Tensor:
        y: Tensor = functional_call(network, dict(zip(names, weights, strict=True)), (), given)[0]
        return y

    assert torch.autograd.gradcheck(answer, values, fast_mode=True, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_and_exported_program_are_the_network(kind: str) -> None:
    network = build(kind)
    given = data(network)
    y, _ = network(**given)
    again, _ = copy.deepcopy(network)(**given)
    assert torch.equal(again, y)
    if kind in ("plain", "controller"):
        exported = torch.export.export(network, (), {k: v for k, v in given.items() if v is not None}).module()
        torch.testing.assert_close(exported(**{k: v for k, v in given.items() if v is not None})[0], y)


def test_what_missing_carries() -> None:
    part = tauflow.network.Missing(2)
    x = torch.tensor([[[1.0, math.nan], [math.nan, 5.0], [math.nan, math.nan]]])
    dt = torch.tensor([[1.0, 2.0, 0.5]])
    u, memory = part(x, dt, None, torch.zeros(1, 4))
    assert torch.equal(u[0, :, :2], torch.tensor([[1.0, 0.0], [1.0, 5.0], [1.0, 5.0]]))
    assert torch.equal(u[0, :, 2:4], torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
    torch.testing.assert_close(u[0, :, 4:].expm1(), torch.tensor([[0.0, 1.0], [2.0, 0.0], [2.5, 0.5]]))
    torch.testing.assert_close(memory, torch.tensor([[1.0, 5.0, 2.5, 0.5]]))


def test_scales_are_those_of_what_is_known() -> None:
    x = np.random.default_rng(0).normal(3.0, [2.0, 0.1, 50.0], (200, 3)).astype(np.float32)
    x[::3, 1] = np.nan
    x[:, 2] = 7.0
    scale = tauflow.network.Scale(3)
    scale.measure(torch.from_numpy(x))
    np.testing.assert_allclose(scale.mean, np.nanmean(x, 0), rtol=1e-5)
    np.testing.assert_allclose(scale.width[:2], np.nanstd(x[:, :2], 0, ddof=1), rtol=1e-5)
    assert scale.width[2] == 1  # a constant column is not divided by its rounding
    u = scale(torch.from_numpy(x))
    torch.testing.assert_close(scale.back(u), torch.from_numpy(x), equal_nan=True, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("head", ["normal", "student"])
def test_a_head_of_a_law_has_its_loss(head: str) -> None:
    network = Network(2, 1, "ctrnn", 4, head=head)
    y = 50 + 20 * torch.randn(40, 7, 1)
    network.measure(SimpleNamespace(x=torch.randn(40, 7, 2), y=y, dt=None, mask=None, static=None))
    answer, _ = network(torch.randn(40, 7, 2))
    if head == "normal":
        mean, spread = answer.split(1, dim=-1)
        density = torch.distributions.Normal(mean, spread)
    else:
        mean, spread, freedom = answer.split(1, dim=-1)
        density = torch.distributions.StudentT(freedom, mean, spread)  # type: ignore[assignment]
    assert (spread > 0).all() and abs(float(mean.detach().mean()) - 50) < 30
    expected = -density.log_prob(y).mean() - network.head.scale.width.log()  # in units of the targets' spread
    torch.testing.assert_close(network.loss(answer, y).detach(), expected[0].detach(), rtol=1e-4, atol=1e-4)


def test_quantiles_never_cross_and_learn_their_levels() -> None:
    network = Network(1, 2, "ctrnn", 4, head={"name": "quantiles", "levels": [0.05, 0.25, 0.5, 0.75, 0.95]})
    with torch.no_grad():
        for parameter in network.readout.parameters():
            parameter.normal_(0, 30)
    y, _ = network(100 * torch.randn(5, 20, 1))
    levels = y.unflatten(-1, (5, 2))
    assert (levels.diff(dim=-2) >= 0).all()
    assert network.output_names == [
        "y0 q0.05",
        "y1 q0.05",
        "y0 q0.25",
        "y1 q0.25",
        "y0 q0.5",
        "y1 q0.5",
        "y0 q0.75",
        "y1 q0.75",
        "y0 q0.95",
        "y1 q0.95",
    ]


def test_classes_count_by_weight_and_smoothing() -> None:
    network = Network(2, 3, "ctrnn", 4, pool="mean", head={"name": "classes", "weight": "balanced", "smoothing": 0.1})
    target = torch.tensor([0, 0, 0, 0, 1, 1, 2, 0])
    network.measure(SimpleNamespace(x=torch.randn(8, 5, 2), y=target, dt=None, mask=None, static=None))
    weights = 8 / (3 * torch.tensor([5.0, 2.0, 1.0]))
    torch.testing.assert_close(network.head.weights, weights)
    y, _ = network(torch.randn(8, 5, 2))
    torch.testing.assert_close(y.exp().sum(1), torch.ones(8))
    expected = torch.nn.functional.cross_entropy(y, target, reduction="none", label_smoothing=0.1)
    share = weights[target]
    torch.testing.assert_close(network.loss(y, target), (expected * share).sum() / share.sum())


def test_actions_stay_within_their_limits() -> None:
    network = Network(2, 2, "cfc", 4, head={"name": "actions", "low": [-1, 0], "high": [1, 5]})
    with torch.no_grad():
        network.readout.map.weight.mul_(1e4)
    y, _ = network(torch.randn(50, 3, 2))
    assert (y >= torch.tensor([-1.0, 0.0])).all() and (y <= torch.tensor([1.0, 5.0])).all() and y[..., 1].max() > 4.9


def test_a_sequence_of_unequal_lengths_is_padded() -> None:
    x, mask = pad([np.ones((2, 3)), np.zeros((4, 3))])
    assert x.shape == (2, 4, 3) and mask.tolist() == [[True, True, False, False], [True] * 4]
    with pytest.raises(ShapeError, match="expected the same"):
        pad([np.ones((2, 3)), np.ones((2, 4))])


def test_the_period_tells_the_cells_the_time() -> None:
    torch.manual_seed(1)
    seconds, x = Network(2, 1, "ctrnn", 5, period=0.02), torch.randn(2, 6, 2)
    steps = copy.deepcopy(seconds)
    steps.period.fill_(1.0)
    torch.testing.assert_close(seconds(x, 0.05)[0], steps(x, 2.5)[0])
    torch.testing.assert_close(seconds(x)[0], steps(x, 1.0)[0])  # one period unless told


def test_period_and_tau_from_the_data() -> None:
    network = Network(1, 1, {"name": "ctrnn"}, 16, period="auto", tau="auto")
    network.measure(
        SimpleNamespace(x=torch.randn(4, 100, 1), y=None, dt=torch.full((4, 100), 0.02), mask=None, static=None)
    )
    tau = network.core.cell.time_constants()
    assert abs(float(network.period) - 0.02) < 1e-8
    assert float(tau.min()) == pytest.approx(1, rel=1e-3) and float(tau.max()) == pytest.approx(3, rel=1e-3)
    assert network.core.cell.config()["tau"] == pytest.approx([1.0, 3.0])  # noise: like itself for one sample
    network = Network(1, 1, {"name": "ctrnn"}, 16, period="auto", tau="auto")
    slow = torch.linspace(-1, 1, 100).expand(4, -1)[:, :, None]
    network.measure(SimpleNamespace(x=slow, y=None, dt=torch.full((4, 100), 0.02), mask=None, static=None))
    assert network.core.cell.config()["tau"][1] == pytest.approx(33)  # a third of the sequence


def test_a_stream_waits_refreshes_and_rounds() -> None:
    network = build("plain")
    stream, side = network.stream(rounding=True), network.stream(rows=2, rounding=True)
    x = np.random.default_rng(0).normal(size=(3, INPUTS))
    stream(x[0], 0.1)
    stream.skip(0.2)
    with torch.no_grad():
        y = network.step(
            torch.tensor(x[1][None]).float(), 0.5, torch.from_numpy(network_state(network, x[0], 0.1))[None]
        )[0]
    np.testing.assert_allclose(stream(x[1], 0.3), y[0], rtol=1e-6)
    side(x[:2], 0.1)
    side.skip([0.2, 0.0])
    side.reset([1])
    assert side.state[1].tolist() == [0] * network.state_size
    before = stream.state
    with torch.no_grad():
        network.readout.map.bias.add_(1.0)
    was = copy.copy(stream)
    stream.refresh(network)
    assert np.array_equal(stream.state, before)
    np.testing.assert_allclose(stream(x[2], 1.0) - was(x[2], 1.0), 1.0, rtol=1e-5)
    with pytest.raises(DtypeError, match="float64"):
        network.stream()(x[0])


def network_state(network: Network, x: Any, dt: float) -> Any:
    stream = network.stream(rounding=True)
    stream(x, dt)
    return stream.state


def test_a_refused_sample_leaves_every_state() -> None:
    side = build("plain").stream(rows=3)
    x = np.zeros((3, INPUTS), np.float32)
    side(x + 1)
    before = side.state
    x[2, 1] = np.nan
    with pytest.raises(NonFiniteError, match=r"row 2: x\[1\] is nan"):
        side(x)
    with pytest.raises(TimeError, match="row 0"):
        side(np.zeros_like(x), [-1.0, 1.0, 1.0])
    assert np.array_equal(side.state, before)
    answer = side(np.zeros_like(x), mask=np.array([True, False, True]))
    assert (
        np.isnan(answer[1]).all()
        and np.array_equal(side.state[1], before[1])
        and not np.array_equal(side.state[0], before[0])
    )


def test_the_record_of_a_run() -> None:
    network = Network(2, 1, Stack(CTRNN(2, 5), CTRNN(5, 3)), period=0.5)
    x, dt, mask = torch.randn(2, 8, 2), torch.rand(2, 8), torch.rand(2, 8) > 0.2
    record = network.trace(x, dt, mask)
    assert record.states.shape == (2, 8, 8)
    torch.testing.assert_close(
        record.tau[0, 0], 0.5 * torch.cat([layer.cell.time_constants() for layer in network.core.layers])
    )
    layer, below = network.core.layers[1], network.core.layers[0]
    y, _ = below(network.scale(x), dt / 0.5, mask)
    states, _ = layer(y, dt / 0.5, mask)
    torch.testing.assert_close(record.layers[1].states, states)
    assert len(record.frame(1)) == int(mask[1].sum())


def test_of_size_and_summary() -> None:
    network = Network.of_size(5000, 3, 2, "ltc", readout="deep")
    count = sum(p.numel() for p in network.parameters() if p.requires_grad)
    assert 4500 < count <= 5000
    assert f"{count:,}" in network.summary() and "ltc" in network.summary() and "<table>" in network._repr_html_()
    with pytest.raises(NetworkError, match="one unit takes"):
        Network.of_size(10, 3, 2)


def test_committees_average_as_their_head_says() -> None:
    committee = tauflow.Committee(lambda: Network(2, 3, "ctrnn", 4, pool="mean", head="classes"), 3).eval()
    x = torch.randn(5, 6, 2)
    y, state = committee(x)
    alone = torch.stack([member(x)[0].exp() for member in committee.networks()])
    torch.testing.assert_close(y.exp(), alone.mean(0))
    assert state.shape == (5, committee.state_size)
    committee.train()
    torch.manual_seed(0)
    y, _ = committee(x)
    assert any(torch.equal(y, member(x)[0]) for member in committee.networks())
    with pytest.raises(NetworkError, match="these differ"):
        tauflow.Committee([Network(2, 3), Network(3, 3)])


def test_a_committee_streams_the_average() -> None:
    committee = tauflow.Committee(lambda: Network(2, 3, "ctrnn", 4, head="normal"), 3).eval()
    x, dt = torch.randn(1, 6, 2), torch.rand(1, 6)
    with torch.no_grad():
        whole, end = committee.prefixes(x, dt)
    stream = committee.stream()
    answers = [stream(x[0, t].numpy(), float(dt[0, t])) for t in range(6)]
    np.testing.assert_allclose(np.stack(answers), whole[0], rtol=1e-6)
    assert np.array_equal(stream.state, end[0].numpy())
    before = stream.state
    with pytest.raises(NonFiniteError):
        stream([1.0, math.nan])
    assert np.array_equal(stream.state, before) and not stream.another().state.any()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "pool" in KINDS[kind]])
def test_the_answer_for_all_is_that_of_the_last_prefix(kind: str) -> None:
    network = build(kind).double()
    given = data(network, torch.float64, masked=True)
    answer, state = network(**given)
    prefixes, end = network.prefixes(**given)
    torch.testing.assert_close(answer, prefixes[:, -1], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(state, end, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("core", names("core"))
def test_cores_with_a_window(core: str) -> None:
    network = Network(3, 2, core, 8).eval()
    x, dt, mask = torch.randn(2, 30, 3), torch.rand(2, 30), torch.rand(2, 30) > 0.3
    whole, end = network(x, dt, mask)
    first, state = network(x[:, :11], dt[:, :11], mask[:, :11])
    second, state = network(x[:, 11:], dt[:, 11:], mask[:, 11:], state)
    torch.testing.assert_close(torch.cat([first, second], 1)[mask], whole[mask], rtol=0, atol=1e-5)
    torch.testing.assert_close(state, end)
    stream = network.stream()
    assert stream.backend == "reference" and "Stack of cells" in str(stream.why_not)
    np.testing.assert_allclose(
        stream(x[0, 0].numpy(), float(dt[0, 0])), network(x[:1, :1], dt[:1, :1])[0][0, 0].detach(), atol=1e-5
    )


class Doubled(torch.nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x], dim=-1)


def test_a_module_of_ones_own_is_taken_and_named_where_it_can_not_go() -> None:
    network = Network(3, 1, "cfc", 5, encoder=Doubled())
    assert network.core.inputs == 6
    y, _ = network(torch.randn(2, 4, 3))
    assert y.shape == (2, 4, 1)
    stream = network.stream()
    assert stream.backend == "reference" and "Doubled of your own" in str(stream.why_not)
    with pytest.raises(BackendError, match="Doubled of your own"):
        network.stream("cpu")


def test_a_pooled_network_with_a_part_of_ones_own_streams_every_answer() -> None:
    network = Network(3, 4, "cfc", 5, encoder=Doubled(), pool="several").eval()
    x = torch.randn(1, 6, 3)
    stream = network.stream()
    told = [stream(one.numpy(), 0.5) for one in x[0]]
    np.testing.assert_allclose(np.stack(told), network.prefixes(x, 0.5)[0][0].detach(), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Network(3, 1, "cfcc"), "did you mean 'cfc'"),
        (lambda: Network(3, 1, encoder="dens"), "did you mean 'dense'"),
        (lambda: Network(3, 1, encoder={"name": "dense", "width": 3}), "has no option 'width'; it has units, activation"),
        (lambda: Network(3, 1, encoder=7), "expected a name"),
        (lambda: Network(3, 1, core={"units": 8}), "expected a name with options"),
        (lambda: Network(3, 1, core={"name": 3}), "expected a name with options"),
        (lambda: Network(3, 1, head={"taus": 8}), "expected a name"),
        (lambda: Network("temp", 1), "expected a number or a list of names"),
        (lambda: Network(["a", "a"], 1), "different names"),
        (lambda: Network(3, 1, period=0), "positive time"),
        (lambda: Network(3, 1, Recurrent(CfC(5, 4))), "takes 5 numbers, but what comes before it gives 3"),
        (lambda: Network(3, 1, CfC), "core='cfc'"),
        (lambda: Network(3, 1, torch.nn.LSTM(3, 3)), "core is a LSTM without 'inputs'"),
        (lambda: Network(3, 1, readout="wide"), r"Network\(..., static=4\)"),
        (lambda: Network(3, 1, head="classes"), "at least 2 classes"),
        (lambda: Network(3, 1, encoder={"name": "images", "shape": [1, 2, 2]}), "with 3 numbers in all"),
        (lambda: Network(3, 1, pool={"name": "several", "kinds": ["mean", "mean"]}), "each once"),
        (lambda: Network(3, 1, waves={"name": "waves", "periods": []}), "positive numbers"),
        (lambda: tauflow.preset("best"), "there are small, strong"),
    ],
)  # fmt: skip
def test_what_can_not_be_built_is_refused(make: Any, message: str) -> None:
    with pytest.raises(TauflowError, match=message):
        make()


@pytest.mark.parametrize(
    ("kind", "call", "message"),
    [
        ("plain", lambda n: n(torch.full((1, 2, INPUTS), math.nan)), "sample 0, step 0, feature 0"),
        ("plain", lambda n: n(torch.zeros(1, 2, 3)), "3 features"),
        ("plain", lambda n: n(torch.zeros(1, 2, INPUTS), -1.0), "since"),
        ("plain", lambda n: n(torch.zeros(1, 2, INPUTS), static=torch.zeros(1, 1)), r"expected \(batch, static\)"),
        (
            "attention",
            lambda n: n(torch.zeros(1, 2, INPUTS)),
            r"static has shape None, expected \(batch, static\) = \(1, 2\)",
        ),
        ("plain", lambda n: n(torch.zeros(1, 2, INPUTS), first=torch.zeros(1, 2)), "expected torch.bool"),
        ("plain", lambda n: n(torch.zeros(1, 2, INPUTS), first=torch.zeros(1, 3, dtype=torch.bool)), "first has shape"),
        ("last", lambda n: n(torch.zeros(1, 0, INPUTS), static=torch.zeros(1, 1)), "no samples"),
        ("plain", lambda n: n.loss(torch.zeros(1, 2, 3), torch.zeros(1, 2, 4)), "columns last"),
    ],
)
def test_what_can_not_be_run_is_refused(kind: str, call: Any, message: str) -> None:
    with pytest.raises(TauflowError, match=message):
        call(build(kind))


def test_both_ways_answers_for_a_sequence_and_says_so() -> None:
    network = Network(3, 2, Bidirectional(CfC(3, 4), CfC(3, 4)), pool="mean", head="classes")
    assert network(torch.randn(2, 5, 3))[0].shape == (2, 2)
    for call in (lambda: network.prefixes(torch.randn(2, 5, 3)), lambda: network.stream()):
        with pytest.raises(TauflowError, match=r"future|both ways"):
            call()


def test_a_core_by_name_reads_both_ways_when_asked(tmp_path: Any) -> None:
    network = Network(3, 2, {"name": "ctrnn", "bidirectional": True}, 5, pool="mean", tau="auto").eval()
    assert isinstance(network.core, Bidirectional) and network.core.outputs == 10
    x = torch.randn(4, 6, 3)
    assert not torch.equal(network.core.ahead.cell.W, network.core.back.cell.W)
    tauflow.save(network, tmp_path / "both.tau")
    assert torch.equal(tauflow.load(tmp_path / "both.tau")(x)[0], network(x)[0])
    assert isinstance(Network(3, 2, {"name": "ctrnn", "bidirectional": False}, 5).core, Recurrent)


def test_a_part_of_ones_own_is_one_class() -> None:
    class Squares(Part):
        name, place = "squares", "encoder"

        def __init__(self, inputs: int) -> None:
            super().__init__()
            self.inputs, self.outputs = inputs, 2 * inputs

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([x, x * x], dim=-1)

    try:
        assert Network(3, 1, encoder="squares").core.inputs == 6
    finally:
        del tauflow.network.parts.part.REGISTRY["encoder", "squares"]


def test_numbers_of_tokens_are_not_scaled() -> None:
    network = Network(1, 2, "ctrnn", 4, encoder={"name": "tokens", "vocabulary": 9}, pool="mean", head="classes").eval()
    x = torch.randint(9, (5, 7, 1)).float()
    before, _ = network(x)
    network.measure(SimpleNamespace(x=x, y=None, dt=None, mask=None, static=None))
    assert torch.equal(network(x)[0], before)
    with torch.no_grad():
        whole, _ = network.prefixes(x)
    stream = network.stream("cpu")
    assert np.array_equal(np.stack([stream([float(one)]) for one in x[0, :, 0]]), whole[0].numpy())
    with pytest.raises(NonFiniteError, match="whole numbers of tokens from 0 to 8"):
        network.train()(x + 0.5)


def test_wirings_and_options_reach_the_core() -> None:
    network = Network(3, 2, "ltc", wirings.auto_ncp(3, 12, 2, seed=3))
    assert network.core.cell.outputs == 2
    assert Network(3, 1, {"name": "ctrnn", "activation": "relu"}, 4).core.cell.sigma.name == "relu"
    assert isinstance(Network(3, 1, LSTM(3, 4)).core.cell, LSTM)


def test_a_gap_stands_beside_the_input_in_units_of_its_spread() -> None:
    network = Network(2, 1, waves="gap", period=0.5)
    x, dt, mask = torch.randn(3, 5, 2), torch.rand(3, 5) + 0.1, torch.rand(3, 5) > 0.3
    network.measure(SimpleNamespace(x=x, y=None, dt=dt, mask=mask))
    u, _ = network.encode(x, dt / 0.5, None, x.new_zeros(3, 0))
    torch.testing.assert_close(u[..., 2], (dt - dt[mask].mean()) / dt[mask].std())
    torch.testing.assert_close(u[..., :2], network.scale(x))
    network.measure(SimpleNamespace(x=x, y=None, dt=None, mask=None))
    assert isinstance(network.waves, Gap) and network.waves.scale(torch.ones(1, 1)).item() == 0


@pytest.mark.parametrize(
    "wrong", [{"stride": 0}, {"stride": -1}, {"kernel": 0}, {"kernel": 1.5}, {"filters": [0]}, {"filters": []}]
)
def test_convolutions_that_there_can_not_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(NetworkError, match=f"{next(iter(wrong))} is"):
        Network(4, 1, "ctrnn", 3, encoder={"name": "images", "shape": [1, 2, 2], **wrong})
