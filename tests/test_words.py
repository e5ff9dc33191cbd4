"""What torch users hand over beside plain tensors: taken, with the numbers of the plain call, or refused by name.

Packed sequences, arrays, lists, columns of a frame, states in parts, times, torch's order of arguments, broken weights.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence, pad_packed_sequence

from tauflow import cells, solvers
from tauflow.cells import CTRNN, GRU, LSTM, CfC
from tauflow.cells.mixed_memory import MixedMemory
from tauflow.errors import (
    DtypeError,
    NonFiniteError,
    ShapeError,
    StateOverflowError,
    TauflowError,
    TimeError,
)
from tauflow.sequence import Bidirectional, Recurrent, Stack

UNITS = 6
X, DT, H = torch.randn(3, 5, 4), 0.1 + torch.rand(3, 5), 0.5 * torch.rand(3, UNITS)


def recurrent(name: str, backend: str = "auto") -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(cells.build(name, 4, UNITS), backend)


def networks() -> dict[str, Callable[[], Any]]:
    made: dict[str, Callable[[], Any]] = {name: lambda name=name: recurrent(name) for name in cells.names()}
    made["mixed memory"] = lambda: Recurrent(MixedMemory(CfC(4, UNITS)))
    made["stack"] = lambda: Stack(CTRNN(4, 3), CfC(3, 2))
    made["bidirectional"] = lambda: Bidirectional(CTRNN(4, 3), CfC(4, 2))
    made["stack of bidirectionals"] = lambda: Stack(
        Bidirectional(CTRNN(4, 3), GRU(4, 2)), Bidirectional(CfC(5, 2), GRU(5, 3))
    )
    return made


NETWORKS = networks()


@pytest.mark.parametrize("lengths", [[5, 4, 1], [2, 5, 3]], ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_packed_rows(name: str, lengths: list[int]) -> None:
    """Packed in, packed out in the same order, each row as if it ran alone, the state where it ends."""
    net, size = NETWORKS[name](), torch.tensor(lengths)
    h = 0.3 * torch.rand(3, net.state_size)
    rows = pack_padded_sequence(X, size, batch_first=True, enforce_sorted=lengths == [5, 4, 1])
    gaps = pack_padded_sequence(DT, size, batch_first=True, enforce_sorted=lengths == [5, 4, 1])
    y, last = net(rows, gaps, state=h)
    assert isinstance(y, PackedSequence)
    padded, got = pad_packed_sequence(y, batch_first=True)
    assert got.tolist() == lengths
    for row, length in enumerate(lengths):
        alone, end = net(X[row : row + 1, :length], DT[row : row + 1, :length], state=h[row : row + 1])
        torch.testing.assert_close(padded[row, :length], alone[0], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(last[row], end[0], rtol=1e-5, atol=1e-6)
    assert torch.equal(net(rows, DT, state=h)[0].data, y.data)
    assert torch.equal(net(rows)[0].data, net(rows, 1.0)[0].data)
    readout = nn.Linear(net.outputs, 1)
    readout(y.data).sum().backward()  # what one does with a packed output
    assert all(p.grad is not None for p in net.parameters() if p.requires_grad)


def test_packed_rows_of_one_sequence_each() -> None:
    net = recurrent("ltc")
    y, h = net(pack_sequence([X[0], X[1, :2]]))
    torch.testing.assert_close(h[1], net(X[1:2, :2])[1][0])
    assert y.data.shape == (7, net.outputs)


def test_packed_rows_that_do_not_fit() -> None:
    net = recurrent("cfc")
    rows, others = pack_sequence([X[0], X[1, :2]]), pack_sequence([DT[0], DT[1, :3]])
    with pytest.raises(ShapeError, match="mask came beside a PackedSequence"):
        net(rows, mask=torch.ones(2, 5, dtype=torch.bool))
    with pytest.raises(ShapeError, match=r"dt was packed from rows of \[5, 3\] samples, but x from rows of \[5, 2\]"):
        net(rows, others)
    with pytest.raises(ShapeError, match="dt is a PackedSequence, but x is not one: pack both"):
        net(X[:2], others)
    with pytest.raises(ShapeError, match="x has 1 features"):
        net(pack_sequence([X[0, :, :1]]))


FORMS: dict[str, Callable[[Tensor], Any]] = {
    "array": Tensor.numpy,
    "list": Tensor.tolist,
    "big endian": lambda t: t.numpy().astype(t.numpy().dtype.newbyteorder(">")),
    "read only": lambda t: np.frombuffer(t.numpy().tobytes(), t.numpy().dtype).reshape(t.shape),
    "negative strides": lambda t: np.ascontiguousarray(t.numpy()[::-1])[::-1],
    "fortran": lambda t: np.asfortranarray(t.numpy()),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["cfc", "gru", "stack", "bidirectional"])
def test_arrays_and_lists(name: str, form: str) -> None:
    net, as_form = NETWORKS[name](), FORMS[form]
    mask = torch.tensor([[True] * 5, [True, False, True, True, False], [False, True, True, True, True]])
    h = 0.3 * torch.rand(3, net.state_size)
    expected = net(X, DT, mask, h)
    for got in (
        net(as_form(X), as_form(DT), as_form(mask), as_form(h)),
        net(as_form(X), DT, mask, h),
        net(X, DT, as_form(mask), as_form(h)),
    ):
        assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))
    if name in ("cfc", "gru", "stack"):
        expected = net.step(X[:, 0], DT[:, 0], h)
        got = net.step(as_form(X[:, 0]), as_form(DT[:, 0]), as_form(h))
        assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))


@pytest.mark.parametrize("kind", ["float16", "int8", "uint8", "int32", "int64", "uint16", "bool"])
def test_narrow_arrays_are_widened(kind: str) -> None:
    net, x = recurrent("cfc"), (3 * X.abs()).round()
    x = x.clamp(max=1) if kind == "bool" else x
    assert torch.equal(net(x.numpy().astype(kind))[0], net(x)[0])


def test_columns_of_a_frame_are_read_by_position() -> None:
    """A Series is indexed by its labels: one that was sorted by something else must not be read in another order."""
    net, frame = recurrent("ltc"), pd.DataFrame({"dt": DT[0].numpy(), "keep": [True, True, False, True, True]})
    shuffled = frame.set_index(pd.Index([4, 3, 2, 1, 0]))
    expected = net(X, DT[0], frame["keep"].to_numpy()[None].repeat(3, 0))[0]
    assert torch.equal(net(X, shuffled["dt"], [shuffled["keep"]] * 3)[0], expected)


HOURS = np.full((3, 5), 2, "m8[h]")
X_REFUSED: dict[str, tuple[Any, type[TauflowError], str]] = {
    "float64": (X.double().numpy(), DtypeError, "x is float64, but the model is float32"),
    "complex": (X.numpy() * 1j, DtypeError, "x is complex64, expected real numbers"),
    "complex tensor": (X * 1j, DtypeError, r"x is torch.complex64, expected real numbers"),
    "longdouble": (X.numpy().astype("longdouble"), DtypeError, "expected float64 or narrower"),
    "text": (X.numpy().astype(str), DtypeError, "x holds text, expected real numbers"),
    "one text": ("x.csv", DtypeError, "x holds text"),
    "None inside": ([[[None, 1.0, 2.0, 3.0]]], DtypeError, "x holds NoneType, expected real numbers: fill"),
    "None": (None, DtypeError, "x holds NoneType"),
    "dict": ({"x": X}, DtypeError, "x holds dict"),
    "generator": ((row for row in X), DtypeError, "x holds generator"),
    "list of tensors": (list(X), ShapeError, "x is a list of 3 tensors, expected one tensor: try torch.stack"),
    "rows of different lengths": ([[[1.0] * 4], [[1.0] * 4] * 2], ShapeError, "rows of different lengths.*pad"),
    "frame": (pd.DataFrame(X[0].numpy()), ShapeError, r"x has shape \(5, 4\).*add a batch axis"),
    "number": (1.0, ShapeError, r"x has shape \(\)"),
    "times": (HOURS, TimeError, r"x holds time spans \(timedelta64\[h\]\)"),
    "masked array": (np.ma.masked_array(X.numpy(), X.numpy() > 0), DtypeError, r"x is a masked array.*x\.filled"),
    "nested": (torch.nested.nested_tensor(list(X), layout=torch.jagged), ShapeError, "x is a nested tensor.*pass mask"),
    "sparse": (X.to_sparse(), DtypeError, r"layout torch.sparse_coo.*x\.to_dense\(\)"),
    "large whole numbers": (torch.full((3, 5, 4), 1_700_000_001), DtypeError, "1700000001, which float32 can only keep as 1700000000"),
    "large whole numbers in an array": (np.full((3, 5, 4), 2**24 + 1), DtypeError, "subtract an offset"),
}  # fmt: skip


@pytest.mark.parametrize("case", X_REFUSED)
def test_x_is_refused_by_name(case: str) -> None:
    x, error, message = X_REFUSED[case]
    for net in (recurrent("cfc"), Stack(CTRNN(4, 3)), Bidirectional(CTRNN(4, 3), GRU(4, 2))):
        with pytest.raises(error, match=message):
            net(x)
    if case not in ("frame", "generator"):
        with pytest.raises(TauflowError):
            recurrent("gru").step(x)


def test_a_masked_array_that_masks_nothing_is_an_array() -> None:
    net = recurrent("cfc")
    assert torch.equal(net(np.ma.masked_array(X.numpy(), mask=False))[0], net(X)[0])


def test_a_symbol_of_a_trace_is_refused_by_name() -> None:
    with pytest.raises(DtypeError, match=r"x is a symbol of torch\.fx\.symbolic_trace.*torch\.export"):
        torch.fx.symbolic_trace(recurrent("cfc"))


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_a_quantised_x_is_refused_by_name() -> None:
    with pytest.raises(DtypeError, match=r"x is quantised, expected an ordinary tensor: try x\.dequantize\(\)"):
        recurrent("cfc")(torch.quantize_per_tensor(X, 0.1, 0, torch.qint8))


def test_whole_numbers_that_a_float_keeps_are_taken() -> None:
    net = recurrent("cfc")
    assert torch.equal(net(torch.full((3, 5, 4), 2**25))[0], net(torch.full((3, 5, 4), 2.0**25))[0])
    assert net.double()(torch.full((3, 5, 4), 1_700_000_001))[0].dtype == torch.float64


STAMPS = pd.date_range("2024-01-01", periods=5, freq="h")
DT_REFUSED: dict[str, tuple[Any, type[TauflowError], str]] = {
    "timedelta64": (HOURS, TimeError, r"time spans \(timedelta64\[h\]\).*dt / numpy\.timedelta64\(1, 'h'\) for hours"),
    "one timedelta64": (np.timedelta64(2, "h"), TimeError, "divide by it"),
    "timedelta": (timedelta(hours=2), TimeError, r"time spans \(timedelta\)"),
    "list of timedeltas": ([timedelta(hours=2)] * 5, TimeError, r"time spans \(timedelta\)"),
    "series of timedeltas": (pd.Series(STAMPS).diff(), TimeError, "time spans"),
    "one Timedelta": (pd.Timedelta("2h"), TimeError, r"time spans \(Timedelta\)"),
    "datetime64": (STAMPS.to_numpy(), TimeError, r"points in time.*numpy\.diff\(dt\)"),
    "DatetimeIndex": (STAMPS, TimeError, "points in time"),
    "zoned index": (STAMPS.tz_localize("UTC"), TimeError, r"points in time \(Timestamp\)"),
    "list of datetimes": (list(STAMPS.to_pydatetime()), TimeError, r"points in time \(datetime\)"),
    "list of dates": ([date(2024, 1, day) for day in range(1, 6)], TimeError, r"points in time \(date\)"),
    "text": (["1h"] * 5, DtypeError, "dt holds text"),
    "complex": (DT * 1j, DtypeError, "dt is torch.complex64, expected real numbers"),
    "a mask": (torch.ones(3, 5, dtype=torch.bool), DtypeError, r"dt is bool.*then pass mask=\.\.\."),
    "a mask as an array": (np.ones((3, 5), bool), DtypeError, "is it the mask"),
    "float64": (DT.double(), DtypeError, "dt is float64"),
}  # fmt: skip


@pytest.mark.parametrize("case", DT_REFUSED)
def test_dt_is_refused_by_name(case: str) -> None:
    dt, error, message = DT_REFUSED[case]
    for net in (recurrent("cfc"), Stack(CTRNN(4, 3))):
        with pytest.raises(error, match=message):
            net(X, dt)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((3, 5), int), "mask is torch.int64, expected torch.bool with True for real samples: try mask != 0"),
        (np.ones((3, 5), "u1"), "mask is torch.uint8.*try mask != 0"),
        ([[1, 0, 1, 1, 1]] * 3, "mask is torch.int64"),
        (torch.ones(3, 5), r"mask is torch.float32.*is it the state\? then pass state="),
        (torch.ones(3, 5, dtype=torch.int32), "try mask != 0"),
        ([[True, None, True, True, True]] * 3, "mask holds bool"),
        (pd.array([True, pd.NA, True], dtype="boolean"), "mask holds bool"),
    ],
    ids=repr,
)
def test_a_mask_of_numbers_is_refused(mask: Any, message: str) -> None:
    with pytest.raises(DtypeError, match=message):
        recurrent("cfc")(X, DT, mask)


PARTS = {"lstm": [UNITS, UNITS], "mixed memory": [UNITS, UNITS], "stack": [3, 2], "bidirectional": [3, 2]}


@pytest.mark.parametrize("kind", [tuple, list])
@pytest.mark.parametrize("name", PARTS)
def test_a_state_in_parts(name: str, kind: type) -> None:
    net, h = NETWORKS[name](), 0.3 * torch.rand(3, sum(PARTS[name]))
    parts = kind(h.split(PARTS[name], dim=1))
    expected = net(X, DT, state=h)
    assert all(torch.equal(a, b) for a, b in zip(net(X, DT, state=parts), expected, strict=True))
    with pytest.raises(ShapeError, match=r"state is 2 tensors of shapes .*one tensor \(batch, state\) = .*h\[0\]"):
        net(X, state=kind(part[None] for part in parts))
    with pytest.raises(ShapeError, match=r"state has shape \(3, 4\)"):
        net(X, state=(torch.zeros(3, 2), torch.zeros(3, 2)))


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        (
            H[None],
            ShapeError,
            r"\(1, 3, 6\), expected \(batch, state\) = \(3, 6\): torch's axis of layers .* state\[0\]",
        ),
        (H[0], ShapeError, r"\(6,\).*state\.expand\(3, -1\)"),
        (H[:1], ShapeError, r"\(1, 6\).*state\.expand\(3, -1\)"),
        (H.numpy().astype("f8"), DtypeError, "state is float64"),
        (H.numpy() * 1j, DtypeError, "state is complex64"),
        ("zeros", DtypeError, "state holds text"),
        (float("nan") * H.numpy(), NonFiniteError, r"state\[0, 0\] is nan"),
    ],
    ids=["layers", "one", "one row", "float64", "complex", "text", "nan"],
)
def test_a_state_is_refused_by_name(state: Any, error: type[TauflowError], message: str) -> None:
    with pytest.raises(error, match=message):
        recurrent("cfc")(X, state=state)


@pytest.mark.parametrize("name", cells.names())
@pytest.mark.parametrize("whole", [np.int64, np.int32, np.uint8])
def test_sizes_of_numpy(name: str, whole: type[np.integer[Any]]) -> None:
    torch.manual_seed(0)
    net = Recurrent(cells.build(name, whole(4), whole(UNITS)))
    assert torch.equal(net(X, DT)[0], recurrent(name)(X, DT)[0])
    assert type(net.state_size) is int
    assert json.loads(json.dumps(net.cell.config()))["units"] == UNITS


@pytest.mark.parametrize("units", [6.0, np.float32(6), "6", True, 0, np.int64(-1), None], ids=repr)
def test_what_is_no_size(units: Any) -> None:
    for name in ("cfc", "ctrnn", "gru"):
        with pytest.raises(TauflowError, match=r"units is .*, expected a whole number >= 1"):
            cells.build(name, 4, units)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_state_in_the_place_of_dt_is_noticed(name: str) -> None:
    """net(x, h0), in torch's order: refused at every length, also where a state has the shape of dt."""
    net = NETWORKS[name]()
    size = net.state_size
    for time in (size, size + 1):
        x = torch.randn(3, time, 4)
        for h0 in (
            torch.zeros(3, size),
            torch.randn(3, size).clamp(max=-0.1),
            torch.zeros(1, 3, size),
            np.zeros((3, size)),
        ):
            with pytest.raises(TauflowError, match=r"did you mean state=\?"):
                net(x, h0)
        with pytest.raises(ShapeError, match=r"dt is 2 tensors.*did you mean state=\?"):
            net(x, (torch.zeros(3, size), torch.zeros(3, size)))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_gap_of_zero_stays_a_gap(name: str) -> None:
    """A sample that comes twice, one that is streamed, a state that is held on purpose."""
    net = NETWORKS[name]()
    size = net.state_size
    x, zero, h = torch.randn(3, size, 4), torch.zeros(3, size), 0.3 * torch.rand(3, size)
    twice = zero.clone()
    twice[0, 0] = 1.0
    mask = torch.ones(3, size, dtype=torch.bool)
    for call in (
        lambda: net(x, twice),
        lambda: net(x, 0.0),
        lambda: net(x, zero[0]),
        lambda: net(x, zero, state=h),
        lambda: net(x, zero, mask),
        lambda: net(x[:, :1], zero[:, :1]),
    ):
        call()
    for made in (torch.zeros(3, size, 1), torch.zeros(3, size + 1)):
        net(torch.randn(3, made.shape[1], 4), made)


def test_zero_everywhere_moves_a_cell_that_jumps_at_zero() -> None:
    net = Recurrent(CfC(4, 5), zero_dt="update")
    assert torch.equal(net(X, torch.zeros(3, 5))[0], net(X, 0.0)[0])


def broken(name: str) -> list[tuple[str, int]]:
    return [(parameter, at) for parameter, _ in recurrent(name).named_parameters() for at in (0, -1)]


@pytest.mark.parametrize("backend", ["reference", "auto"])
@pytest.mark.parametrize("name", cells.names())
def test_a_broken_weight_is_named(name: str, backend: str) -> None:
    for parameter, at in broken(name):
        net = recurrent(name, backend)
        with torch.no_grad():
            dict(net.named_parameters())[parameter].view(-1)[at] = float("nan")
        with pytest.raises(StateOverflowError) as caught:
            net(X, DT)
        assert str(caught.value).startswith(f"{parameter.removeprefix('cell.')} holds NaN")
        assert "activation" not in str(caught.value)


def test_a_broken_weight_of_a_stack_is_named() -> None:
    stack = Stack(CTRNN(4, 3), CTRNN(3, 2))
    with torch.no_grad():
        stack.layers[1].cell.U[0, 0] = float("nan")
    with pytest.raises(StateOverflowError, match="U holds NaN"):
        stack(X)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_state_of_no_step_is_a_copy(name: str) -> None:
    net = NETWORKS[name]()
    h = torch.ones(3, net.state_size)
    y, last = net(torch.zeros(3, 0, 4), state=h)
    assert y.shape == (3, 0, net.outputs)
    assert torch.equal(last, h)
    last.zero_()
    assert torch.equal(h, torch.ones(3, net.state_size))


@pytest.mark.parametrize("name", NETWORKS)
def test_on_meta_the_shapes_are_told(name: str) -> None:
    net = NETWORKS[name]()
    y, h = net(X, DT)
    net = net.to("meta")
    z, last = net(X.to("meta"), DT.to("meta"))
    assert (z.shape, last.shape, z.device.type) == (y.shape, h.shape, "meta")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["cfc", "lstm", "stack", "bidirectional"])
def test_half_precision_is_widened_and_refused_as_weights(name: str, dtype: torch.dtype) -> None:
    net = NETWORKS[name]()
    y, h = net(X.to(dtype), DT.to(dtype))
    assert (y.dtype, h.dtype) == (torch.float32, torch.float32)
    assert torch.equal(y, net(X.to(dtype).float(), DT.to(dtype).float())[0])
    with pytest.raises(DtypeError, match=r"call model\.float\(\)"):
        net.to(dtype)(X)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:torch:UserWarning")
def test_quantised_layers() -> None:
    """quantize_dynamic: run where a layer is called as it is, refused by name where its matrix has a mask."""
    for make in (lambda: recurrent("cfc"), lambda: Stack(CfC(4, 3), CTRNN(3, 2)), NETWORKS["mixed memory"]):
        net = make()
        small = torch.ao.quantization.quantize_dynamic(net, {nn.Linear})
        y, z = net(X, DT)[0], small(X, DT)[0]
        assert 0 < (y - z).abs().max() < 0.05
        stream = small.stream()
        alone = small(X[:1, :1], DT[:1, :1])[0][0, 0]  # torch quantises by the range of the whole batch
        np.testing.assert_allclose(stream(X[0, 0].numpy(), DT[0, 0].item()), alone.detach(), atol=1e-6)
    for name in ("wired_cfc", "wired_cfc_ncps"):
        with pytest.raises(TauflowError, match=r"ff1 is torch\.ao\..*Linear, but its matrix"):
            torch.ao.quantization.quantize_dynamic(recurrent(name), {nn.Linear})(X)


@pytest.mark.parametrize("computed", ["prune", "weight_norm"])
@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm`:FutureWarning")
def test_a_net_with_a_computed_weight_streams(computed: str) -> None:
    net = recurrent("cfc")
    if computed == "prune":
        prune.l1_unstructured(net.cell.ff1, "weight", 0.5)
    else:
        nn.utils.weight_norm(net.cell.ff1, "weight")
    stream = net.stream()
    with torch.no_grad():
        torch.testing.assert_close(
            torch.from_numpy(stream(X[0, 0].numpy()))[None], net(X[:1, :1])[0][0], rtol=1e-5, atol=1e-6
        )


def test_layers_that_read_both_ways() -> None:
    one, two = Bidirectional(CTRNN(4, 3), GRU(4, 2)), Bidirectional(CfC(5, 2), GRU(5, 3))
    stack, mask = Stack(one, two), torch.tensor([[True] * 5, [True] * 3 + [False] * 2, [False] + [True] * 4])
    y, h = stack(X, DT, mask)
    between, first = one(X, DT, mask)
    expected, second = two(between, DT, mask)
    assert torch.equal(y, expected)
    assert torch.equal(h, torch.cat([first, second], dim=1))
    for call in (lambda: stack.step(X[:, 0]), lambda: stack.stream(), lambda: Stack(CTRNN(4, 4), one).stream()):
        with pytest.raises(TauflowError, match=r"layer \d is Bidirectional and reads the future"):
            call()
    with pytest.raises(ShapeError, match="layer 2 takes 4 inputs, but layer 1 gives 5"):
        Stack(one, CTRNN(4, 2))


def test_two_ways_with_their_own_settings() -> None:
    ahead, back = Recurrent(CfC(4, 3), "reference", zero_dt="update"), Recurrent(GRU(4, 2), zero_dt="update")
    both = Bidirectional(ahead, back)
    assert both.ahead is ahead
    assert both.back is back
    y, _ = both(X, torch.zeros(3, 5))
    assert torch.equal(y[:, :, :3], ahead(X, 0.0)[0])
    assert torch.equal(y[:, :, 3:], back(X.flip(1), 0.0)[0].flip(1))
    assert Bidirectional(CTRNN(4, 3), CTRNN(4, 2), "reference").back.backend == "reference"
    with pytest.raises(TauflowError, match="backend='cpu' came beside a Recurrent, which has its own"):
        Bidirectional(ahead, GRU(4, 2), "cpu")


@pytest.mark.parametrize("solver", solvers.SOLVERS)
def test_solvers_refuse_what_is_no_step(solver: str) -> None:
    h, leak = torch.ones(2, 3), lambda v: (torch.zeros_like(v), torch.ones_like(v))
    for substeps in (0, -1):
        with pytest.raises(solvers.SolverError, match=f"substeps is {substeps}, expected a whole number >= 1"):
            solvers.integrate(solver, leak, h, torch.full((2, 1), 0.1), substeps)
    for dt in (-1.0, -1e-30, float("nan")):
        with pytest.raises(TimeError, match="expected a time since the previous sample, >= 0"):
            solvers.integrate(solver, leak, h, torch.tensor([[0.1], [dt]]))
    assert LSTM(2, 3).state_size == 6
