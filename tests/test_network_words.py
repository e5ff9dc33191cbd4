"""What people hand to a network: arrays, lists, packed rows, states in parts, static features; each is read, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_sequence

from tauflow import Committee, Network
from tauflow.errors import DtypeError, NonFiniteError, ShapeError, TauflowError
from tests.test_network import INPUTS, build

B, T = 3, 5
NETWORKS: dict[str, Callable[[], Any]] = {
    "plain": lambda: build("plain"),
    "static and pooled": lambda: build("attention"),
    "records with gaps": lambda: build("records with gaps"),
    "committee": lambda: Committee([build("static", static=1) for _ in range(2)]).eval(),
}


def given(network: Any) -> dict[str, Any]:
    static = torch.randn(B, network.static) if network.static else None
    return {"x": torch.randn(B, T, INPUTS), "dt": torch.rand(B, T), "mask": torch.rand(B, T) > 0.2, "static": static}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("how", ["forward", "prefixes"])
def test_arrays_and_lists_are_read_as_tensors(name: str, how: str) -> None:
    network = NETWORKS[name]()
    call, tensors = getattr(network, how), given(network)
    first = torch.rand(B, T) > 0.7
    expected = call(**tensors, first=first)
    for made in (Tensor.numpy, Tensor.tolist, lambda t: np.asfortranarray(t.numpy())):
        others = {key: None if value is None else made(value) for key, value in tensors.items()}
        for y, z in zip(call(**others, first=made(first)), expected, strict=True):
            assert torch.equal(y, z)


@pytest.mark.parametrize("name", NETWORKS)
def test_one_step_of_arrays_and_lists(name: str) -> None:
    network = NETWORKS[name]()
    tensors = given(network)
    x, dt, static = tensors["x"][:, 0], tensors["dt"][:, 0], tensors["static"]
    expected = network.step(x, dt, static=static)
    for made in (Tensor.numpy, Tensor.tolist):
        found = network.step(made(x), made(dt), static=None if static is None else made(static))
        assert all(torch.equal(y, z) for y, z in zip(found, expected, strict=True))


@pytest.mark.parametrize("name", NETWORKS)
def test_packed_rows_are_rows(name: str) -> None:
    network = NETWORKS[name]()
    lengths = (4, 2, 5)
    rows, gaps = [torch.randn(n, INPUTS) for n in lengths], [torch.rand(n) for n in lengths]
    static = torch.randn(B, network.static) if network.static else None
    x, dt = (pack_sequence(parts, enforce_sorted=False) for parts in (rows, gaps))
    for call in (network, network.prefixes):
        y, state = call(x, dt, static=static)
        for row, n in enumerate(lengths):
            one = None if static is None else static[row : row + 1]
            alone, end = call(rows[row][None], gaps[row][None], static=one)
            if isinstance(y, PackedSequence):
                unpacked = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True)[0]
                torch.testing.assert_close(unpacked[row, :n], alone[0], rtol=0, atol=1e-6)
            else:
                torch.testing.assert_close(y[row], alone[0], rtol=0, atol=1e-6)
            torch.testing.assert_close(state[row], end[0], rtol=0, atol=1e-6)
    with pytest.raises(ShapeError, match="leave it out"):
        network(x, dt, torch.ones(B, 5, dtype=torch.bool), static=static)


def test_a_state_in_parts() -> None:
    network = Network(INPUTS, 2, "lstm", 4).eval()
    x, h, c = torch.randn(B, T, INPUTS), torch.randn(B, 4), torch.randn(B, 4)
    assert torch.equal(network(x, state=(h, c))[0], network(x, state=torch.cat([h, c], 1))[0])
    with pytest.raises(ShapeError, match=r"goes with h\[0\]"):
        network(x, state=(h[None], c[None]))
    with pytest.raises(ShapeError, match="did you mean state="):
        network(x, (h, c))


NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "words", "error", "message"),
    [
        ("static and pooled", {"static": torch.tensor([[1.0, NAN]] * B)}, NonFiniteError, r"static\[0, 1\] is nan"),
        (
            "static and pooled",
            {"static": [[1.0, 2.0], [1, 2], [float("inf"), 0]]},
            NonFiniteError,
            r"static\[2, 0\] is inf",
        ),
        (
            "static and pooled",
            {"static": torch.zeros(B, 1)},
            ShapeError,
            r"static has shape \(3, 1\), expected .* \(3, 2\)",
        ),
        ("static and pooled", {"static": torch.zeros(2)}, ShapeError, r"static has shape \(2,\)"),
        ("static and pooled", {"static": 1.0}, ShapeError, r"static has shape \(\)"),
        ("static and pooled", {"static": None}, ShapeError, "built with static=2"),
        ("static and pooled", {"static": torch.zeros(B, 2).double()}, DtypeError, "static is float64"),
        ("static and pooled", {"static": torch.zeros(B, 2).to(torch.complex64)}, DtypeError, "real numbers"),
        ("static and pooled", {"static": [["a", "b"]] * B}, DtypeError, "static holds text"),
        ("plain", {"static": torch.zeros(B, 1)}, ShapeError, r"build Network\(..., static=...\)"),
        ("committee", {"static": torch.full((B, 1), NAN)}, NonFiniteError, r"static\[0, 0\] is nan"),
        ("plain", {"first": np.zeros((B, T))}, DtypeError, "expected torch.bool"),
        ("plain", {"first": np.zeros((T, B), bool)}, ShapeError, "first has shape"),
        ("plain", {"first": [[False] * T] * 2}, ShapeError, "first has shape"),
        ("plain", {"mask": np.ones((B, T))}, DtypeError, "torch.bool"),
        (
            "plain",
            {"x": torch.zeros(B, T, INPUTS).half(), "dt": torch.tensor([True] * T)},
            DtypeError,
            "is it the mask",
        ),
        ("committee", {"x": torch.zeros(B, T), "static": torch.zeros(B, 1)}, ShapeError, "x has shape"),
        ("committee", {"x": torch.zeros(B, T, 2), "static": torch.zeros(B, 1)}, ShapeError, "features"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(name: str, words: dict[str, Any], error: Any, message: str) -> None:
    network = NETWORKS[name]()
    for call in (network, network.prefixes):
        with pytest.raises(error, match=message):
            call(**{"x": torch.zeros(B, T, INPUTS), **words})


def test_static_of_a_stream() -> None:
    network = build("attention")
    for static, message in (
        ([1.0, NAN], r"static\[0, 1\] is nan"),
        ([1.0], r"static has shape \(1, 1\)"),
        (None, "built with static=2"),
        (np.zeros(2), "static is float64"),
        (torch.zeros(3, 2), r"static has shape \(3, 2\)"),
    ):
        with pytest.raises(TauflowError, match=message):
            network.stream(static=static)
    with pytest.raises(ShapeError, match=r"build Network"):
        build("plain").stream(static=[1.0])
    one, each = network.stream(rows=2, static=[1.0, 2.0]), network.stream(rows=2, static=[[1.0, 2.0], [1.0, 2.0]])
    x = np.ones((2, INPUTS), np.float32)
    assert np.array_equal(one(x), each(x))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("grad", [True, False])
def test_autocast_changes_nothing(name: str, grad: bool) -> None:
    network = NETWORKS[name]()
    words = given(network)
    with torch.set_grad_enabled(grad):
        expected = network(**words)
        for dtype in (torch.bfloat16, torch.float16):
            with torch.autocast("cpu", dtype=dtype):
                found = network(**words)
            assert all(torch.equal(y, z) for y, z in zip(found, expected, strict=True))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_refused_by_name(name: str, dtype: torch.dtype) -> None:
    network = NETWORKS[name]().to(dtype)
    words = given(network)
    calls: list[Callable[[], Any]] = [
        lambda: network(**words),
        lambda: network.prefixes(**words),
        lambda: network.step(words["x"][:, 0], static=words["static"]),
    ]
    if isinstance(network, Network):
        calls.append(lambda: network.stream(static=words["static"]))
    for call in calls:
        with pytest.raises(DtypeError, match="all must be float32 or all float64"):
            call()


def test_tokens_are_exported() -> None:
    network = Network(1, 2, "ctrnn", 3, encoder={"name": "tokens", "vocabulary": 5}, scale=None).eval()
    x = torch.randint(5, (B, T, 1)).float()
    torch.testing.assert_close(torch.export.export(network, (x,)).module()(x)[0], network(x)[0])
    with pytest.raises(NonFiniteError, match="whole numbers of tokens from 0 to 4"):
        network(x + 5)


@pytest.mark.parametrize("name", ["plain", "static and pooled", "records with gaps"])
def test_a_network_with_episodes_is_exported_or_refused_by_name(name: str) -> None:
    network = NETWORKS[name]()
    words = {key: value for key, value in given(network).items() if value is not None}
    exported = torch.export.export(network, (), words).module()
    for y, z in zip(exported(**words), network(**words), strict=True):
        torch.testing.assert_close(y, z, rtol=1e-5, atol=1e-6)
    with pytest.raises(TauflowError, match="first="):
        torch.export.export(network, (), {**words, "first": torch.rand(B, T) > 0.5})
