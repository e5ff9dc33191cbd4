"""A stream gives what a sequence gives, to the bit on the kernels, and nothing that it refuses touches its state."""

from __future__ import annotations

import copy
import os
import pickle
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tauflow import _core, wirings
from tauflow.cells import CTRNN, GRU, GRUODE, LSTM, LTC, RNN, CfC, DecayGRU, GatedLTC, NcpsWiredCfC, WiredCfC
from tauflow.cells.mixed_memory import MixedMemory
from tauflow.compat.ncps import torch as ncps
from tauflow.errors import (
    BackendError,
    DtypeError,
    NonFiniteError,
    ShapeError,
    StateOverflowError,
    StepSizeError,
    TauflowError,
    TimeError,
)
from tauflow.sequence import Bidirectional, Recurrent, Stack
from tests.test_kernels import CELLS, build, each_isa


def samples(net: Recurrent | Stack, time: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """x (1, time, inputs) and dt (1, time), a fifth of it zero, in the type of the network."""
    rng = torch.Generator().manual_seed(seed)
    dtype = next(net.parameters()).dtype
    x = torch.randn(1, time, net.inputs, generator=rng)
    dt = torch.rand(1, time, generator=rng) * (torch.rand(1, time, generator=rng) > 0.2)
    return x.to(dtype), dt.to(dtype)


def run(stream, x: Tensor, dt: Tensor) -> np.ndarray:
    """The outputs (time, outputs) for x (1, time, inputs)."""
    return np.stack([stream(x[0, t].numpy(), float(dt[0, t])) for t in range(x.shape[1])])


def equal_bits(a, b) -> bool:
    """Also the signs of zeros."""
    a, b = (np.asarray(part.detach() if isinstance(part, Tensor) else part) for part in (a, b))
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def check_against_sequence(net: Recurrent | Stack, time: int, longer: float = 1.0, zero: float = 0.0) -> None:
    """longer: what dt is multiplied with; zero: the number that the state is full of, for its sign."""
    x, dt = samples(net, time)
    dt, h = dt * longer, torch.full_like(net.initial_state(1), zero)
    y, last = net(x, dt, state=h)  # with gradients: samples side by side
    with torch.no_grad():
        few, end = net(x, dt, state=h)  # without: neurons, as in a stream
    assert equal_bits(few, y) and equal_bits(end, last)
    stream = net.stream()
    assert stream.backend == "cpu"
    stream.state = h[0]
    assert equal_bits(run(stream, x, dt), y[0])
    assert equal_bits(stream.state, last[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", CELLS)
def test_equals_the_sequence_to_the_bit(name: str, dtype: torch.dtype) -> None:
    for units in (1, 7, 16, 19, 33, 64):
        for _ in each_isa():
            check_against_sequence(Recurrent(build(name, units, dtype), backend="cpu"), 20)


def unlike_the_rest() -> Iterator[Recurrent | Stack]:
    torch.manual_seed(0)
    ltc = LTC(3, wirings.random(3, 40, 5, sparsity=0.96))
    with torch.no_grad():
        for name in ("input_w", "input_b", "output_w", "output_b", "vleak"):
            getattr(ltc, name).normal_()
        ltc.vleak[::2] = -0.0
    yield Recurrent(ltc)
    yield Recurrent(CfC(2, 5, "no_gate"), zero_dt="update")
    yield Recurrent(WiredCfC(3, wirings.random(3, 20, 4, sparsity=0.7)), zero_dt="update")
    yield Stack(CTRNN(3, 5), LTC(5, wirings.auto_ncp(5, 12, 4)), WiredCfC(4, 10), GRUODE(3, 2))
    yield Stack(Recurrent(CfC(2, 5), zero_dt="update"), NcpsWiredCfC(5, 10), GatedLTC(3, 17))
    cell = ncps.LTC(4, 6, implicit_param_constraints=True, input_mapping="linear", output_mapping=None).rnn_cell
    yield Recurrent(cell)
    yield Recurrent(ncps.CfC(4, 6).rnn_cell)


@pytest.mark.parametrize("number", range(7))
def test_chains_wirings_and_maps_equal_the_sequence(number: int) -> None:
    for _ in each_isa():
        for dtype in (torch.float32, torch.float64):
            check_against_sequence(list(unlike_the_rest())[number].to(dtype), 25)
            check_against_sequence(list(unlike_the_rest())[number].to(dtype), 2, longer=99.0, zero=-0.0)


def test_a_stream_of_its_own_instruction_set_outlives_a_change() -> None:
    net = Recurrent(LTC(3, 20))
    x, dt = samples(net, 10)
    streams = {isa: net.stream() for isa in each_isa()}
    for isa in each_isa():
        assert equal_bits(run(streams[isa], x, dt), net(x, dt)[0][0])


@pytest.mark.parametrize("name", ["ctrnn", "gated_ltc", "cfc", "wired_cfc", "gruode", "ltc sparse", "reference"])
def test_goes_on_from_a_saved_state(name: str) -> None:
    net = Recurrent(GRU(3, 7), "reference") if name == "reference" else Recurrent(build(name, 19, torch.float32))
    x, dt = samples(net, 24)
    unbroken = run(net.stream(), x, dt)
    first = net.stream()
    assert equal_bits(run(first, x[:, :9], dt[:, :9]), unbroken[:9])
    state = first.state
    kept = state.copy()
    copies = [copy.copy(first), copy.deepcopy(first)]
    other = first.another()
    assert equal_bits(other.state, net.initial_state(1)[0])
    other.state = state
    for stream in (first, other, *copies):
        assert equal_bits(run(stream, x[:, 9:], dt[:, 9:]), unbroken[9:])
    assert equal_bits(state, kept)
    first.reset()
    assert equal_bits(run(first, x, dt), unbroken)
    first.state = kept.tolist()
    first.state = torch.from_numpy(kept)
    assert equal_bits(first.state, kept)
    y, _ = net.step(x[:, 9], dt[:, 9], torch.from_numpy(kept)[None])
    assert equal_bits(first(x[0, 9], dt[0, 9]), y[0])


@pytest.mark.parametrize("cell", [LTC(3, 19), GRU(3, 7)])
def test_interleaved_streams_do_not_disturb_each_other(cell) -> None:
    net = Recurrent(cell)
    inputs = [samples(net, 30, seed) for seed in range(3)]
    alone = [run(net.stream(), *each) for each in inputs]
    one = net.stream()
    streams = [one, one.another(), net.stream()]
    for t in range(30):
        for stream, (x, dt), truth in zip(streams, inputs, alone, strict=True):
            assert equal_bits(stream(x[0, t].numpy(), float(dt[0, t])), truth[t])


def test_streams_in_several_threads() -> None:
    net = Recurrent(CfC(3, 16))
    x, dt = samples(net, 200)
    truth, first, wrong = run(net.stream(), x, dt), net.stream(), []

    def work(stream) -> None:
        for _ in range(5):
            stream.reset()
            if not equal_bits(run(stream, x, dt), truth):
                wrong.append(stream)

    threads = [threading.Thread(target=work, args=(first.another(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_every_kind_of_sample_gives_the_same_fresh_array() -> None:
    for cell, dtype in ((CTRNN(3, 5), np.float32), (CTRNN(3, 5).double(), np.float64), (LSTM(3, 5), np.float32)):
        values = [1, -0.5, 0.25]
        stream = Recurrent(cell).stream()
        x = np.array(values, dtype)
        spread = np.zeros((3, 4), dtype)
        spread[:, 1] = values
        swapped = x.astype(x.dtype.newbyteorder())
        fresh = []
        for sample in (x, values, tuple(values), spread[:, 1], swapped, torch.from_numpy(x), np.array(values, np.float16),
                       torch.tensor(values, dtype=torch.bfloat16), [np.float64(v) for v in values], memoryview(x)):  # fmt: skip
            stream.reset()
            fresh.append(stream(sample, 0.5))
        assert all(equal_bits(y, fresh[0]) and y.dtype == dtype for y in fresh)
        kept = fresh[0].copy()
        stream(x, 3.0)
        fresh[1][:] = 9
        assert equal_bits(fresh[0], kept)
        assert fresh[0].flags.owndata and fresh[0].flags.writeable
        state = stream.state
        state[:] = 9
        assert not (stream.state == 9).any()
        stream.reset()
        assert equal_bits(stream([1, 0, 1]), Recurrent(cell).stream()(np.array([True, False, True]), 1.0))
        stream.reset()
        assert equal_bits(stream(x, None), Recurrent(cell).stream()(x=x, dt=1.0))


def test_writes_into_an_array() -> None:
    for cell in (GatedLTC(2, 6), RNN(2, 6)):
        net = Recurrent(cell)
        x, dt = samples(net, 6)
        truth, stream = run(net.stream(), x, dt), net.stream()
        table = np.full((6, 8), 7, np.float32)
        for t in range(6):
            out = table[t, 1:7] if t % 2 else np.empty(6, np.float32)
            assert stream(x[0, t].numpy(), float(dt[0, t]), out) is out
            assert equal_bits(out.copy(), truth[t])
        assert (table[:, [0, 7]] == 7).all()
        same = Recurrent(CTRNN(4, 4)).stream()
        twice = same.another()
        both = np.ones(4, np.float32)
        assert equal_bits(same(both, out=both), twice(np.ones(4, np.float32)))


def refusals(stream) -> Iterator[tuple[type[Exception], str, tuple, dict]]:
    x = np.ones(3, np.float32)
    out = np.empty(stream.outputs, np.float32)
    fixed = out.copy()
    fixed.flags.writeable = False
    for value in (np.nan, np.inf, -np.inf, 2e30, -2e30):
        yield NonFiniteError, "1", ([1, value, 2],), {}
        yield NonFiniteError, "1", (np.array([1, value, 2], np.float32),), {}
    yield NonFiniteError, "inf", ([1, 1e300, 2],), {}
    for dt in (-1.0, -1e-30, np.nan, np.inf, 1e39):
        yield TimeError, "dt", (x, dt), {}
        yield TimeError, "dt", (x,), {"dt": dt}
    for wrong in (np.ones(2, np.float32), np.ones(4, np.float32), np.ones((1, 3), np.float32), [1, 2], [1, 2, 3, 4], [],
                  [[1, 2, 3]], [1, [2], 3], 5.0, np.float32(1), torch.ones(1, 3)):  # fmt: skip
        yield ShapeError, "x", (wrong,), {}
    for wrong in (
        np.ones(3),
        memoryview(np.ones(3)),
        torch.ones(3).double(),
        np.ones(3, complex),
        ["a", "b", "c"],
        None,
        [1, 10**400, 2],
    ):
        yield (DtypeError, "x", (wrong,), {})
    for wrong in (out[:-1], np.empty((1, stream.outputs), np.float32), np.empty(stream.outputs), fixed, [0.0] * 4, 3):
        yield ShapeError, "out", (x, 1.0, wrong), {}
    yield TypeError, "real number", (x, "soon"), {}
    yield TypeError, "real number", (x, "1.5"), {}
    yield TypeError, ".", (), {}
    yield TypeError, ".", (x, 1.0, out, 4), {}
    yield TypeError, ".", (x,), {"x": x}
    yield TypeError, ".", (x,), {"gap": 1.0}


@pytest.mark.parametrize("cell", [CTRNN(3, 17), LTC(3, 19), CfC(3, 4), WiredCfC(3, 12), DecayGRU(3, 5)])
def test_a_refusal_leaves_the_state(cell) -> None:
    stream = Recurrent(cell).stream()
    for _ in range(3):
        stream([1, 2, 3], 0.4)
    before, twin = stream.state, copy.copy(stream)
    for error, words, arguments, named in refusals(stream):
        with pytest.raises(error, match=words):
            stream(*arguments, **named)
        assert equal_bits(stream.state, before), (error, arguments, named)
    for wrong, error in ((before[:-1], ShapeError), (before[None], ShapeError), (before * np.nan, NonFiniteError),
                         (before.astype(np.float64), DtypeError), ("state", DtypeError)):  # fmt: skip
        with pytest.raises(error, match="state"):
            stream.state = wrong
        assert equal_bits(stream.state, before)
    assert equal_bits(stream([3, 2, 1], 0.7), twin([3, 2, 1], 0.7))


def until(error: type[Exception], stream) -> np.ndarray:
    """The state before the first of some large samples that raises."""
    for _ in range(20):
        before = stream.state
        try:
            stream([1e15], 60.0)
        except error:
            return before
    raise AssertionError(f"nothing raised {error.__name__}")


def test_overflow_and_long_steps_leave_the_state() -> None:
    wild = CTRNN(1, 3, "relu")
    with torch.no_grad():
        wild.W.fill_(1e20)
    loud = LTC(1, 4)
    with torch.no_grad():
        loud.output_w[2] = 3e38
        loud.output_b.fill_(3e38)
    stack = Stack(CTRNN(1, 3, "identity"), CTRNN(3, 2))
    with torch.no_grad():
        stack.layers[0].cell.U.fill_(1e20)
    for net, error in (
        (Recurrent(wild), StateOverflowError),
        (Recurrent(loud), StateOverflowError),
        (stack, NonFiniteError),
        (Recurrent(CTRNN(1, 3, solver="euler", tau=2.0)), StepSizeError),
        (Recurrent(GatedLTC(1, 3, solver="euler")), StepSizeError),
        (Recurrent(LTC(1, 3, solver="euler")), StepSizeError),
        (Recurrent(GRUODE(1, 3, solver="euler", substeps=2)), StepSizeError),
    ):
        for backend in ("cpu", "reference"):
            stream = net.stream(backend)
            if error is not StateOverflowError:
                stream([0.1], 0.05)
            for _ in range(2):  # the second time from what the first one left behind
                before = until(error, stream)
                assert equal_bits(stream.state, before)


def test_a_stream_is_the_network_of_its_moment() -> None:
    torch.manual_seed(0)
    for cell in (CfC(2, 6, dropout=0.5), CTRNN(2, 6), MixedMemory(CfC(2, 4))):
        net = Recurrent(cell)
        stream = net.stream()
        truth = copy.deepcopy(net).eval()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.add_(1.0)
        x, dt = samples(net, 5)
        np.testing.assert_allclose(run(stream, x, dt), truth(x, dt)[0][0].detach(), rtol=1e-5, atol=1e-6)
        assert net.training


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("units", [1, 5, 16, 33])
@pytest.mark.parametrize("kind", [RNN, GRU, LSTM, DecayGRU])
def test_static_cells_stream_on_the_kernels(kind, units: int, dtype: torch.dtype) -> None:
    net = Recurrent(kind(3, units), "reference").to(dtype)
    stream = net.stream("cpu")
    assert (stream.backend, stream.state_size) == ("cpu", net.state_size)
    x, dt = samples(net, 20)
    x, dt = x.to(dtype), dt.to(dtype)
    dt[0, 4] = 0
    with torch.no_grad():
        y, h = net(x, dt)
    exact = {torch.float32: 1e-6, torch.float64: 1e-14}[dtype]
    np.testing.assert_allclose(run(stream, x, dt), y[0], rtol=0, atol=exact)
    np.testing.assert_allclose(stream.state, h[0], rtol=0, atol=exact)


BEHIND = {
    "cfc": lambda n: CfC(3, n), "pure": lambda n: CfC(3, n, "pure"), "ltc": lambda n: LTC(3, n),
    "ltc sparse": lambda n: LTC(3, wirings.random(3, n, 2, sparsity=0.5)),
    "ctrnn": lambda n: CTRNN(3, n), "gated_ltc": lambda n: GatedLTC(3, n), "gruode": lambda n: GRUODE(3, n), "gru": lambda n: GRU(3, n),
    "lstm": lambda n: LSTM(3, n), "gru_decay": lambda n: DecayGRU(3, n),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("units", [3, 17, 32])
@pytest.mark.parametrize("kind", BEHIND)
def test_a_memory_in_front_of_a_cell_streams_on_the_kernels(kind: str, units: int, dtype: torch.dtype) -> None:
    torch.manual_seed(units)
    cell = BEHIND[kind](units)
    with torch.no_grad():
        for name, parameter in cell.named_parameters():
            if name in ("input_w", "input_b", "output_w", "output_b"):
                parameter.normal_()
    exact = {torch.float32: 1e-5, torch.float64: 1e-13}[dtype]
    for zero_dt in ("hold", "update"):
        net = Recurrent(MixedMemory(cell), "reference", zero_dt).to(dtype)
        x, dt = samples(net, 15)
        with torch.no_grad():
            y, h = net(x, dt)
        for _ in each_isa():
            stream = net.stream("cpu")
            assert (stream.backend, stream.state_size) == ("cpu", 2 * cell.state_size)
            np.testing.assert_allclose(run(stream, x, dt), y[0], rtol=0, atol=exact)
            np.testing.assert_allclose(stream.state, h[0], rtol=0, atol=exact)
            first = net.stream("cpu")
            run(first, x[:, :7], dt[:, :7])
            later = first.another()
            later.state = first.state
            assert equal_bits(run(later, x[:, 7:], dt[:, 7:]), run(first, x[:, 7:], dt[:, 7:]))


def test_memories_stand_in_chains() -> None:
    torch.manual_seed(0)
    net = Stack(MixedMemory(LTC(2, wirings.auto_ncp(2, 12, 4))), CTRNN(4, 5), MixedMemory(GRU(5, 3)))
    x, dt = samples(net, 12)
    stream = net.stream("cpu")
    y, h = net(x, dt)
    np.testing.assert_allclose(run(stream, x, dt), y[0].detach(), rtol=0, atol=1e-6)
    np.testing.assert_allclose(stream.state, h[0].detach(), rtol=0, atol=1e-6)


def test_a_memory_that_was_changed_is_not_taken() -> None:
    def hooked(cell: MixedMemory) -> None:
        cell.input_map.register_forward_hook(lambda module, x, y: 2 * y)

    def replaced(cell: MixedMemory) -> None:
        cell.recurrent_map = nn.Sequential(cell.recurrent_map)  # type: ignore[assignment]

    def wrong(cell: MixedMemory) -> None:
        cell.input_map = nn.Linear(3, 17)

    def within(cell: MixedMemory) -> None:
        cell.cell.register_forward_hook(lambda module, x, y: 2 * y)

    for change, words in (
        (hooked, "hooks"),
        (replaced, "recurrent_map"),
        (wrong, "input_map.weight is"),
        (within, "hooks"),
    ):
        cell = MixedMemory(CfC(3, 4))
        change(cell)
        with pytest.raises(BackendError, match=words):
            Recurrent(cell).stream("cpu")


@pytest.mark.parametrize("cell", [CTRNN(2, 5), LSTM(2, 5), MixedMemory(CfC(2, 5)), CTRNN(2, 5, "gelu")])
def test_skipped_time_is_added_to_the_next_gap(cell) -> None:
    net = Recurrent(cell)
    x, once, parts = np.ones(2, np.float32), net.stream(), net.stream()
    once(x, 0.5), parts(x, 0.5)
    parts.skip(0.25)
    parts.skip(0.5)
    copies = [copy.copy(parts), copy.deepcopy(parts)]
    forgets, again = copy.copy(parts), copy.copy(parts)
    forgets.state = forgets.state
    again.reset()
    for bad in (-1.0, float("nan"), float("inf")):
        with pytest.raises(TimeError):
            parts.skip(bad)
    with pytest.raises(NonFiniteError):
        parts([np.nan, 1.0], 0.25)
    with pytest.raises(TimeError):
        parts(x, -0.25)
    y = once(x, 1.0)
    for stream in (parts, *copies):
        assert equal_bits(stream(x, 0.25), y)
        assert equal_bits(stream.state, once.state)
    assert not equal_bits(forgets(x, 0.25), y)
    assert equal_bits(again(x, 0.5), net.stream()(x, 0.5))
    with pytest.raises((TypeError, ValueError)):
        parts.skip("1")


@pytest.mark.parametrize("cell", [MixedMemory(WiredCfC(3, 8)), MixedMemory(CTRNN(3, 5, "gelu")), MixedMemory(MixedMemory(CfC(3, 4))),
                                  CTRNN(3, 5, solver="rk4"), CTRNN(3, 5, "gelu"), CfC(3, 5, backbone_layers=4)])  # fmt: skip
def test_what_the_kernels_do_not_cover_streams_by_steps(cell) -> None:
    net = Recurrent(cell)
    stream = net.stream()
    assert stream.backend == "reference"
    assert stream.why_not
    with pytest.raises(BackendError, match="kernel"):
        net.stream(backend="cpu")
    assert (stream.inputs, stream.outputs, stream.state_size) == (net.inputs, net.outputs, net.state_size)
    x, dt = samples(net, 12)
    h, plain = None, Recurrent(cell, backend="reference")
    with torch.no_grad():
        for t in range(12):
            y, h = plain.step(x[:, t], dt[:, t], h)
            assert equal_bits(stream(x[0, t].numpy(), float(dt[0, t])), y[0])
            assert equal_bits(stream.state, h[0])
        np.testing.assert_allclose(stream.state, net(x, dt)[1][0], rtol=1e-5, atol=1e-6)


def test_which_backend_runs() -> None:
    net = Recurrent(CTRNN(2, 3))
    assert (net.stream().backend, net.stream().why_not) == ("cpu", None)
    assert net.stream("reference").why_not == "backend 'reference' was named"
    assert Recurrent(CTRNN(2, 3), backend="reference").stream().backend == "reference"
    assert Recurrent(CTRNN(2, 3), backend="reference").stream("cpu").backend == "cpu"
    fused = Recurrent(LSTM(2, 3), backend="fused").stream()
    assert fused.backend == "fused"
    fused([1, 2], 1.0)
    mixed = Stack(CTRNN(2, 3), MixedMemory(WiredCfC(3, 8)))
    assert mixed.stream().backend == "reference"
    x, dt = samples(mixed, 4)
    np.testing.assert_allclose(run(mixed.stream(), x, dt), mixed(x, dt)[0][0].detach(), rtol=1e-5, atol=1e-6)
    for bad in ("gpu", "fused"):
        with pytest.raises(BackendError, match=bad):
            net.stream(backend=bad)
    with pytest.raises(BackendError, match="MixedMemory"):
        mixed.stream(backend="cpu")
    with pytest.raises(TauflowError, match="future"):
        Bidirectional(CTRNN(2, 3), CTRNN(2, 3)).stream()
    with torch.no_grad():
        net.cell.U[0, 1] = torch.nan
    for backend in ("cpu", "reference"):
        with pytest.raises(NonFiniteError, match=r"cell\.U"):
            net.stream(backend)
    with pytest.raises(DtypeError, match="float32"):
        Recurrent(CTRNN(2, 3)).half().stream()


def test_a_stream_is_not_pickled() -> None:
    for cell in (CTRNN(2, 3), GRU(2, 3)):
        with pytest.raises(TauflowError, match=r"stream\.state"):
            pickle.dumps(Recurrent(cell).stream())


def test_it_has_no_gradient_and_needs_no_care() -> None:
    net = nn.Sequential()
    net.add_module("net", Recurrent(CTRNN(2, 3)).requires_grad_(True))
    for cell in (CTRNN(2, 3), GRU(2, 3)):
        stream = Recurrent(cell).stream()
        x = torch.ones(2, requires_grad=True)
        assert isinstance(stream(x * 2), np.ndarray)
        with torch.inference_mode():
            stream(x)


def test_the_network_of_a_stream_no_longer_grows() -> None:
    stream = Recurrent(CTRNN(2, 3)).stream()
    with pytest.raises(ValueError, match="grow"):
        stream.program.step(8, [0], 1, 0, 0, 0, [0])
    with pytest.raises(ValueError, match="without cells"):
        _core.Program(False, 2, 0, 1.0, False).chain(0, _core.Network(False))
    with pytest.raises(TypeError, match="Program"):
        _core.Stream(3)


def resident() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_million_steps_do_not_grow() -> None:
    """Of the smallest network, which goes through the same calls; about a second."""
    stream = Recurrent(CTRNN(1, 2)).stream()
    x, out = np.ones(1, np.float32), np.empty(2, np.float32)

    def work(steps: int) -> None:
        for _ in range(steps // 4):
            stream(x, 0.5)
            stream(x, 0.25, out)
            stream([0.5], dt=0.25)
            stream(x, 0.5)

    def refused(times: int) -> None:
        for _ in range(times):
            for arguments in (([np.nan],), ([1, 2],), (x, -1.0), (x, 1.0, 3)):
                with pytest.raises(TauflowError):
                    stream(*arguments)
            copy.copy(stream).state = stream.state

    work(20_000), refused(200)
    start, began = resident(), time.process_time()
    work(1_000_000), refused(5000)
    assert resident() - start < 2**19
    assert time.process_time() - began < 60  # a step takes less than a microsecond


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ltc sparse", "cfc", "wired_cfc"])
def test_a_million_steps_of_larger_networks_do_not_grow(name: str) -> None:
    stream = Recurrent(build(name, 19, torch.float32)).stream()
    x = np.ones(stream.inputs, np.float32)
    for step in range(1_020_000):
        stream(x, 0.5)
        if step == 20_000:
            start = resident()
    assert resident() - start < 2**19
    assert np.isfinite(stream.state).all()
