"""The parts of a network against the equations in their files, written out once more in NumPy."""

from __future__ import annotations

import copy
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import tauflow
from tauflow import CTRNN, CfC, Network, Stack
from tauflow.errors import NonFiniteError, ShapeError, TimeError
from tauflow.network import Missing, NetworkError, learning, pad, presets, suggest_tau
from tauflow.network.parts import encoders, part, pools, readouts, scale, sensors, waves

BATCH, TIME = 2, 6


def numbers(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def batch(x: Tensor, y: Tensor | None = None, **more: Any) -> Any:
    return SimpleNamespace(**{"x": x, "y": y, "dt": None, "mask": None, "static": None, **more})


def test_dense_layers() -> None:
    made = encoders.Dense(3, [5, 2], activation="tanh").double()
    x, (first, second) = numbers(BATCH, TIME, 3), made.layers
    inner = torch.tanh(x @ first.weight.T + first.bias)
    torch.testing.assert_close(made(x), torch.tanh(inner @ second.weight.T + second.bias))
    assert (made.inputs, made.outputs) == (3, 2)


def test_a_convolution_reads_series_side_by_side() -> None:
    made = encoders.Convolution(14, channels=2, filters=(3, 4), kernel=3, units=5).double()
    x, (first, second) = numbers(BATCH, TIME, 14), made.convolutions
    z = x.reshape(-1, 2, 7)  # every series whole, one after the other
    for layer in (first, second):
        z = torch.relu(F.conv1d(z, layer.weight[:, :, 0], layer.bias, stride=2, padding=1))
    expected = torch.relu(made.last(z.flatten(1))).reshape(BATCH, TIME, 5)
    torch.testing.assert_close(made(x), expected)
    assert encoders.Convolution(14).shape == (1, 1, 14)  # one series unless told
    with pytest.raises(NetworkError, match="channels is 3, expected a divisor of the 14 inputs"):
        encoders.Convolution(14, channels=3)


def test_a_picture_is_halved_by_every_layer() -> None:
    made = encoders.Images(2 * 5 * 7, (2, 5, 7), filters=(3, 4), units=6).double()
    z, x = numbers(BATCH * TIME, 2, 5, 7), None
    x = z.flatten(1).reshape(BATCH, TIME, -1)
    for layer in made.convolutions:
        z = torch.relu(F.conv2d(z, layer.weight, layer.bias, stride=2, padding=1))
    assert z.shape[2:] == (2, 2)
    torch.testing.assert_close(made(x), torch.relu(made.last(z.flatten(1))).reshape(BATCH, TIME, 6))


def test_each_sensor_has_an_encoder_of_its_own_or_none() -> None:
    each = [
        {"inputs": 3, "name": "dense", "units": 2, "activation": "tanh"},
        {"inputs": 2},
        {"inputs": 4, "name": "convolution", "units": 5},
    ]
    made = sensors.Sensors(9, each).double()
    x = numbers(BATCH, TIME, 9)
    expected = torch.cat([made.encoders[0](x[..., :3]), x[..., 3:5], made.encoders[2](x[..., 5:])], dim=-1)
    assert torch.equal(made(x), expected) and made.outputs == 2 + 2 + 5 and made.config() == {"inputs": 9, "each": each}
    with pytest.raises(NetworkError, match=r"the sensors have 3 \+ 2 \+ 4 = 9 inputs, but there are 8"):
        sensors.Sensors(8, each)
    with pytest.raises(NetworkError, match="'tokens' reads unscaled numbers"):
        sensors.Sensors(1, [{"inputs": 1, "name": "tokens", "vocabulary": 3}])
    with pytest.raises(NetworkError, match="no encoder is called 'dens'; did you mean 'dense'"):
        sensors.Sensors(1, [{"inputs": 1, "name": "dens"}])
    with pytest.raises(NetworkError, match="inputs is None"):
        sensors.Sensors(1, [{"name": "dense"}])


def tokens() -> Network:
    return Network(1, 2, "cfc", 4, scale=None, encoder={"name": "tokens", "vocabulary": 5, "units": 3})


def test_tokens_are_rows_of_a_table() -> None:
    network, x = tokens(), torch.tensor([[[0.0], [4.0], [2.0], [4.0]]])
    table = network.encoder.table.weight
    assert table.shape == (5, 3) and torch.equal(network.encoder(x)[0], table[[0, 4, 2, 4]])
    network(x)[0].sum().backward()
    assert table.grad is not None and table.grad.is_sparse
    assert sorted(set(table.grad.coalesce().indices()[0].tolist())) == [0, 2, 4]  # the rows that came
    with torch.no_grad():
        whole, _ = network.eval()(x)
    stream = network.stream("cpu")
    assert np.array_equal(np.stack([stream(x[0, t].numpy()) for t in range(4)]), whole[0].numpy())


@pytest.mark.parametrize("number", [-1.0, 5.0, 0.5])
def test_what_is_no_token_is_refused(number: float) -> None:
    network, x = tokens().eval(), torch.tensor([[[1.0], [number]]])
    with pytest.raises(NonFiniteError, match=f"{number:g}.*from 0 to 4"):
        network(x)
    with torch.no_grad(), pytest.raises(NonFiniteError, match=r"x\[0, 1\]"):
        network(x)
    stream = network.stream("cpu")
    stream(x[0, 0].numpy())
    before = stream.state
    with pytest.raises(NonFiniteError):
        stream(x[0, 1].numpy())
    assert np.array_equal(stream.state, before)
    with pytest.raises(NetworkError, match=r"tokens takes 1 input, .* but there are 2"):
        encoders.Tokens(2, 5)


def test_waves_of_time_and_of_columns() -> None:
    made = waves.Waves(3, periods=(2.0, 5.0), columns=(2, 0)).double()
    x, dt = numbers(BATCH, TIME, 3), numbers(BATCH, TIME).abs()
    turns = [2 * math.pi * values / period for values in (dt, x[..., 2], x[..., 0]) for period in (2.0, 5.0)]
    expected = [
        x,
        dt[..., None],
        *(turn.cos()[..., None] for turn in turns),
        *(turn.sin()[..., None] for turn in turns),
    ]
    torch.testing.assert_close(made(x, dt), torch.cat(expected, dim=-1))
    assert made.outputs == 3 + 1 + 2 * 2 * 3
    for columns in ((3,), (-1,)):
        with pytest.raises(NetworkError, match="from 0 to 2"):
            waves.Waves(3, columns=columns)
    with pytest.raises(NetworkError, match="positive"):
        waves.Waves(3, periods=(1.0, 0.0))


@pytest.mark.parametrize("kind", pools.KINDS)
def test_a_pool_of_every_prefix(kind: str) -> None:
    made, z, real = pools.Pool(3, (kind,)).double(), numbers(BATCH, TIME, 3), torch.rand(BATCH, TIME) > 0.4
    real[1, :2] = False  # nothing is known of a row yet
    answers, _ = made(z, real, made.first_memory(BATCH))
    for row in range(BATCH):
        for t in range(TIME):
            seen = z[row, : t + 1][real[row, : t + 1]]
            if not len(seen):
                assert not answers[row, t].any()
                continue
            expected = {"last": lambda s: s[-1], "mean": lambda s: s.mean(0), "max": lambda s: s.max(0).values}.get(
                kind
            )
            if expected is None:
                share = torch.softmax(made.score(seen)[:, 0], dim=0)
                torch.testing.assert_close(answers[row, t], share @ seen)
            else:
                torch.testing.assert_close(answers[row, t], expected(seen))


def test_pools_stand_side_by_side() -> None:
    made, z = pools.Pool(3), numbers(BATCH, TIME, 3)
    answers, _ = made.double()(z, None, made.first_memory(BATCH))
    torch.testing.assert_close(answers[:, -1], torch.cat([z[:, -1], z.mean(1), z.max(1).values], dim=1))
    assert (made.kinds, made.outputs, made.memory) == (("last", "mean", "max"), 9, 3 + 4 + 3)


def test_straight_lines_start_at_zero_and_pass_what_they_learn() -> None:
    h, u, s = numbers(BATCH, TIME, 4), numbers(BATCH, TIME, 3), numbers(BATCH, TIME, 2)
    skip, wide = readouts.Skip(4, 2, 3, static=2, units=6).double(), readouts.Wide(4, 2, 2, units=[6, 5]).double()
    torch.testing.assert_close(skip(h, u, s), skip.deep(torch.cat([h, u, s], -1)))
    torch.testing.assert_close(wide(h, u, s), wide.deep(torch.cat([h, s], -1)))
    for made, seen in ((skip, u), (wide, s)):
        before = made(h, u, s)
        with torch.no_grad():
            made.line.weight.normal_()
            made.line.bias.normal_()
        torch.testing.assert_close(made(h, u, s) - before, seen @ made.line.weight.T + made.line.bias)


def test_hidden_layers_are_active_and_the_last_is_not() -> None:
    made, h = readouts.Deep(4, 2, units=[6, 5], activation="tanh", dropout=0.5).double().eval(), numbers(BATCH, TIME, 4)
    first, second, last = made.layers
    torch.testing.assert_close(made(h, h, None), last(torch.tanh(second(torch.tanh(first(h))))))
    assert not torch.equal(made.train()(h, h, None), made.eval()(h, h, None))  # dropout acts in training
    for dropout in (-0.1, 1.0):
        with pytest.raises(NetworkError, match="a share in"):
            readouts.Deep(4, 2, dropout=dropout)


def test_scales_before_and_after_they_are_measured() -> None:
    made, x = scale.Scale(3), torch.tensor([[1.0, math.nan, 2.0], [3.0, math.nan, 2.0]])
    assert torch.equal(made(x[:, :1].expand(2, 3)), x[:, :1].expand(2, 3))
    made.measure(x)
    assert made.mean.tolist() == [2, 0, 2]
    torch.testing.assert_close(made.width, torch.tensor([math.sqrt(2), 1.0, 1.0]))
    made.measure(torch.tensor([[5.0, 7.0, math.nan]]))  # one number has no spread; a column without one keeps its mean
    assert made.mean.tolist() == [5, 7, 2] and made.width.tolist() == [1, 1, 1]
    made.measure(1e6 + torch.arange(3.0)[:, None].expand(3, 3) * 0.0625)
    assert made.width.tolist() == [1, 1, 1]  # the spread is rounding


def test_a_pooled_answer_is_that_of_the_last_episode() -> None:
    network = Network(2, 3, "ctrnn", 4, pool="mean")
    x, first = torch.randn(BATCH, TIME, 2), torch.zeros(BATCH, TIME, dtype=torch.bool)
    first[0, 2] = first[0, 4] = True
    y, _ = network(x, first=first)
    torch.testing.assert_close(y[0], network(x[:1, 4:])[0][0])
    torch.testing.assert_close(y[1], network(x[1:])[0][0])


def test_what_is_given_once_is_scaled_too() -> None:
    network, static = Network(2, 1, "ctrnn", 4, static=2), 50 + 20 * torch.randn(9, 2)
    network.measure(batch(torch.randn(9, TIME, 2), static=static))
    torch.testing.assert_close(network.static_scale.mean, static.mean(0))
    x = torch.randn(1, TIME, 2)
    plain = copy.deepcopy(network)
    plain.static_scale = None
    seen = (static[:1] - static.mean(0)) / static.std(0)
    torch.testing.assert_close(network(x, static=static[:1])[0], plain(x, static=seen)[0])


def test_padding_is_in_no_scale_and_in_no_period() -> None:
    x, y, dt = torch.randn(4, TIME, 2), torch.randn(4, TIME, 3), 0.25 + torch.rand(4, TIME)
    mask = torch.ones(4, TIME, dtype=torch.bool)
    mask[:, 4:] = False
    x[~mask], y[~mask], dt[~mask] = 1e6, 1e6, 1e6
    network = Network(2, 3, "ctrnn", 4, period="auto", tau="auto")
    network.measure(batch(x, y, dt=dt, mask=mask))
    torch.testing.assert_close(network.scale.mean, x[mask].mean(0))
    torch.testing.assert_close(network.head.scale.mean, y[mask].mean(0))
    period = dt[mask].double().median()
    assert float(network.period) == pytest.approx(float(period))
    found = suggest_tau(*(list(part.numpy()) for part in (x, dt, mask)))
    expected = [found.shortest / float(period), found.longest / float(period)]
    assert network.core.cell.config()["tau"] == [pytest.approx(each, rel=1e-5) for each in expected]
    assert bool(network.measured)
    with pytest.raises(NetworkError, match="at least one batch"):
        network.measure()


def test_several_batches_are_measured_as_one() -> None:
    x, y = torch.randn(6, TIME, 2), torch.randn(6, TIME, 1)
    whole, parts = Network(2, 1), Network(2, 1)
    whole.measure(batch(x, y))
    parts.measure(batch(x[:2], y[:2]), batch(x[2:], y[2:]))
    torch.testing.assert_close(parts.scale.width, whole.scale.width)
    torch.testing.assert_close(parts.head.scale.mean, whole.head.scale.mean)


def test_time_constants_learn_at_their_own_rate() -> None:
    network = Network(2, 1, Stack(CTRNN(2, 4), CfC(4, 3, mode="pure")))
    rest, slow = network.groups(0.1, 0.003)
    assert (rest["lr"], slow["lr"]) == (0.1, 0.003) and network.groups(0.1)[1]["lr"] == 0.1
    assert {id(p) for p in slow["params"]} == {
        id(p) for name, p in network.named_parameters() if name.endswith(("log_tau", "w_tau"))
    }
    assert len(rest["params"]) + len(slow["params"]) == len(list(network.parameters()))
    network.requires_grad_(False)
    assert network.groups(0.1) == [{"params": [], "lr": 0.1}]


@pytest.mark.parametrize("wanted", [200, 1000, 5000])
def test_a_size_is_the_largest_that_fits(wanted: int) -> None:
    made = Network.of_size(wanted, 3, 2, "ltc")
    units = made.core.cell.units
    assert learning.count(made) <= wanted < learning.count(Network(3, 2, "ltc", units + 1))


def test_padded_sequences() -> None:
    x, mask = pad([torch.ones(1, 2, dtype=torch.float64), torch.zeros(3, 2)], fill=-7.0)
    assert x.dtype == torch.float64 and x[0, 1:].eq(-7).all() and mask.sum(1).tolist() == [1, 3]
    assert pad([np.arange(3)])[0].dtype == torch.int64
    for wrong in ([], [np.float32(1)]):
        with pytest.raises(ShapeError):
            pad(wrong)


def test_a_summary_counts_every_part() -> None:
    network = Network(["a", "b"], 1, "cfc", 4, encoder={"name": "dense", "units": 3}, readout="deep", period=0.5)
    lines = {line.split()[0]: line.split() for line in network.summary().splitlines()}
    assert lines["encoder"] == ["encoder", "dense", "3", "9"]
    assert lines["readout"][2:] == ["1", f"{4 * 64 + 64 + 64 + 1}"]
    assert lines["in"][-1] == f"{learning.count(network):,}"
    assert "period 0.5; state of 4 numbers; scales not measured" in network.summary()
    network.measure(batch(torch.randn(2, 3, 2)))
    assert "scales measured" in network.summary() and "not measured" not in network.summary()
    assert network.input_names == ["a", "b"] and network.output_names == ["y0"]


def test_the_record_says_what_the_equations_say() -> None:
    cell = CTRNN(2, 5)
    network = Network(2, 1, cell, scale=None, period=2.0)
    x, dt = torch.randn(1, TIME, 2), torch.rand(1, TIME)
    record = network.trace(x, dt)
    layer = record.layers[0]
    drive, rate = cell.leak(cell.project(x[:, 3]), layer.states[:, 2])
    torch.testing.assert_close(layer.drive[:, 3], drive.detach())
    torch.testing.assert_close(layer.rate[:, 3], rate.expand_as(drive).detach())
    torch.testing.assert_close(layer.tau, 2.0 / layer.rate)
    torch.testing.assert_close(record.time, dt.double().cumsum(1))
    torch.testing.assert_close(record.answer, network(x, dt)[0].detach())
    frame = record.frame()
    assert list(frame)[:3] == ["time", "y0", "ctrnn.h0"] and len(frame) == TIME
    assert network.training and record.tau is not None and layer.gates == {}


def test_the_record_of_a_gate_and_of_none() -> None:
    cell = CfC(2, 5)
    layer = Network(2, 1, cell, scale=None).trace(torch.randn(1, TIME, 2)).layers[0]
    assert layer.tau is None and ((layer.gates["time"] > 0) & (layer.gates["time"] < 1)).all()
    record = Network(2, 1, "lstm", 4).trace(torch.randn(1, TIME, 2))
    assert (
        record.tau is None
        and record.states.shape == (1, TIME, 8)
        and set(record.layers[0].gates) == {"input", "forget", "output"}
    )


@pytest.mark.parametrize("name", presets.PRESETS)
def test_presets_are_networks_of_their_parts(name: str) -> None:
    parts = tauflow.preset(name)
    network = Network(3, 1, **parts)
    assert network(torch.randn(1, 4, 3))[0].shape == (1, 4, 1)
    parts.clear()
    assert tauflow.preset(name)  # a copy: who changes it changes no preset


def test_parts_are_described_by_what_they_were_given() -> None:
    made = part.build("encoder", {"name": "dense", "units": 7}, inputs=3)
    assert made.config() == {"inputs": 3, "units": 7, "activation": "silu"} and "units=7" in repr(made)
    for count in (0, True, 1.5):
        with pytest.raises(NetworkError, match="expected a whole number >= 1"):
            part.check_count("units", count)


def test_rows_wait_go_on_and_are_told_apart() -> None:
    network, x = Network(2, 1, "ctrnn", 4).eval(), np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)
    side, alone = network.stream(rows=3), [network.stream() for _ in range(3)]
    side(x, 0.5)
    for row, stream in enumerate(alone):
        stream(x[row], 0.5)
    side.skip([0.25, 0.0, 1.0])
    alone[0].skip(0.25)
    alone[2].skip(1.0)
    assert np.array_equal(side(x, 0.5)[:, 0], [stream(x[row], 0.5)[0] for row, stream in enumerate(alone)])
    kept = side.state
    for wrong in ([-1.0, 0, 0], [math.inf, 0, 0], [math.nan, 0, 0]):
        with pytest.raises(TimeError):
            side.skip(wrong)
    other = network.stream(rows=3)
    other.state = kept
    assert np.array_equal(other(x), side(x))
    side.state = kept
    side.reset(np.array([False, True, False]))
    assert np.array_equal(side.state[[0, 2]], kept[[0, 2]]) and not side.state[1].any()
    with pytest.raises(ShapeError, match=r"dt is .* expected a number or \(3,\)"):
        side(x, [1.0, 2.0])
    with pytest.raises(ShapeError, match=r"expected \(3, 2\)"):
        side(x[:2])
    with pytest.raises(ShapeError, match="mask is"):
        side(x, mask=np.array([1, 0, 1]))


def test_a_committee_learns_and_runs_as_one() -> None:
    members = [Network(2, 3, "ctrnn", 4, head="normal", period=2.0) for _ in range(2)]
    committee, x, dt = tauflow.Committee(members).eval(), torch.randn(5, TIME, 2), torch.rand(5, TIME)
    whole, end = committee(x, dt)
    first, state = committee(x[:, :2], dt[:, :2])
    second, state = committee(x[:, 2:], dt[:, 2:], None, state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(state, end)
    y, _ = committee.step(x[:, 2], dt[:, 2], committee(x[:, :2], dt[:, :2])[1])
    torch.testing.assert_close(y, whole[:, 2])
    mean, deviation = (torch.stack([m(x, dt)[0] for m in members]).unflatten(-1, (2, 3))[..., k, :] for k in range(2))
    torch.testing.assert_close(whole[..., :3], mean.mean(0))
    variance = (deviation**2 + mean**2).mean(0) - mean.mean(0) ** 2  # of a mixture
    torch.testing.assert_close(whole[..., 3:], variance.sqrt(), rtol=1e-4, atol=1e-4)
    assert not bool(committee.measured)
    committee.measure(batch(x, torch.randn(5, TIME, 3)))
    assert bool(committee.measured) and all(bool(member.measured) for member in members)
    target = torch.randn(5, TIME, 3)
    assert torch.equal(committee.loss(whole, target), members[0].loss(whole, target))
    assert committee.output_names == members[0].output_names
    with pytest.raises(NetworkError, match="needs networks"):
        tauflow.Committee([torch.nn.Linear(2, 2)])  # type: ignore[list-item]


@pytest.mark.parametrize("core", ["lstm", "gru", "rnn", "gru_decay", "cfc", "ltc"])
def test_many_rows_run_as_each_alone(core: str) -> None:
    network, x, dt = Network(2, 1, core, 5).eval(), torch.randn(7, TIME, 2), torch.rand(7, TIME)
    with torch.no_grad():
        whole, _ = network(x, dt)
        for row in range(7):
            assert torch.equal(network(x[row : row + 1], dt[row : row + 1])[0][0], whole[row])
    stream = network.stream("cpu")
    assert np.array_equal(np.stack([stream(x[6, t].numpy(), float(dt[6, t])) for t in range(TIME)]), whole[6].numpy())


@pytest.mark.parametrize("learns", [True, False])
def test_an_episode_starts_anew_whatever_state_came(learns: bool) -> None:
    network, x = Network(2, 1, "ctrnn", 4).eval(), torch.randn(3, TIME, 2)
    first, state = torch.zeros(3, TIME, dtype=torch.bool), torch.randn(3, 4)
    first[0, 0] = first[1, 3] = True  # the third goes on from what came
    with torch.set_grad_enabled(learns):
        y, end = network(x, state=state, first=first)
        torch.testing.assert_close(y[0], network(x[:1])[0][0])
        torch.testing.assert_close(y[1, :3], network(x[1:2, :3], state=state[1:2])[0][0])
        torch.testing.assert_close(y[1, 3:], network(x[1:2, 3:])[0][0])
        torch.testing.assert_close(y[2], network(x[2:], state=state[2:])[0][0])
        torch.testing.assert_close(end[1], network(x[1:2, 3:])[1][0])


def test_missing_counts_no_time_at_masked_samples() -> None:
    made, x = Missing(1), torch.tensor([[[1.0], [math.nan], [5.0], [math.nan], [2.0]]])
    mask = torch.tensor([[True, True, False, True, False]])
    u, memory = made(x, torch.tensor([[1.0, 2.0, 4.0, 0.5, 8.0]]), mask, torch.zeros(1, 2))
    assert u[0, :, 0].tolist() == [1, 1, 1, 1, 1] and u[0, :, 1].tolist() == [1, 0, 0, 0, 0]
    torch.testing.assert_close(u[0, :, 2].expm1(), torch.tensor([0.0, 2.0, 2.0, 2.5, 2.5]))
    assert memory.tolist() == [[1.0, 2.5]]
    u, after = made(x[:, :0], torch.zeros(1, 0), None, memory)
    assert u.shape == (1, 0, 3) and torch.equal(after, memory)
