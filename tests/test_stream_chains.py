"""Streamed chains of cells equal the sequence to the bit, whatever the cells, their time constants and the gaps.

What a cell keeps from one sample to the next is its own: another cell of the chain, or another stream, must not see it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from tauflow import wirings
from tauflow.cells import CTRNN, GRUODE, LTC, Cell, CfC, GatedLTC, NcpsWiredCfC, WiredCfC
from tauflow.sequence import Recurrent, Stack

# Each a cell of so many inputs; all give seven numbers.
CELLS: dict[str, Callable[[int], Cell]] = {
    "ctrnn": lambda inputs: CTRNN(inputs, 7),
    "ctrnn euler": lambda inputs: CTRNN(inputs, 7, "lecun_tanh", tau=(9.0, 99.0), solver="euler", substeps=2),
    "gated_ltc": lambda inputs: GatedLTC(inputs, 7, solver="semi_implicit"),
    "cfc": lambda inputs: CfC(inputs, 7, backbone_units=9),
    "cfc pure": lambda inputs: CfC(inputs, 7, "pure", backbone_layers=2, backbone_units=40),
    "wired_cfc": lambda inputs: WiredCfC(inputs, wirings.auto_ncp(inputs, 12, 7)),
    "ncps wired_cfc": lambda inputs: NcpsWiredCfC(inputs, wirings.auto_ncp(inputs, 12, 7)),
    "gruode": lambda inputs: GRUODE(inputs, 7, substeps=2),
    "ltc": lambda inputs: LTC(inputs, wirings.auto_ncp(inputs, 20, 7)),
}
TIME = 12
GAPS = {
    "constant": [1.0] * TIME,
    "changing": [0.1 + 0.07 * t for t in range(TIME)],
    "repeating": [0.5, 0.5, 2.0, 2.0] * (TIME // 4),
    "mixed": [0.5, 0.0, 0.5, 1.0, 0.0, 0.0, 1.0, 0.5, 3.0, 3.0, 1e-3, 0.5],
}


def trained(*names: str, dtype: torch.dtype = torch.float32) -> Stack:
    """A chain whose weights and time constants are no longer those of the constructor."""
    torch.manual_seed(len(str(names)))
    cells = [CELLS[name](3 if place == 0 else 7) for place, name in enumerate(names)]
    net = Stack(*cells).to(dtype)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.add_((1.0 if "tau" in name else 0.1) * torch.rand_like(parameter))
    return net


def samples(net: Stack, gaps: list[float], seed: int = 0) -> tuple[Tensor, Tensor]:
    x = torch.randn(1, TIME, net.inputs, generator=torch.Generator().manual_seed(seed))
    like = next(net.parameters())
    return x.to(like.dtype), torch.tensor([gaps], dtype=like.dtype)


def feed(stream, x: Tensor, dt: Tensor) -> np.ndarray:
    return np.stack([stream(one.numpy(), float(gap)) for one, gap in zip(x[0], dt[0], strict=True)])


def check(net: Stack) -> None:
    stream = net.stream()
    assert stream.backend == "cpu"
    for name, gaps in GAPS.items():
        x, dt = samples(net, gaps)
        with torch.no_grad():
            y, last = net(x, dt)
        stream.reset()
        assert feed(stream, x, dt).tobytes() == y[0].numpy().tobytes(), name
        assert stream.state.tobytes() == last[0].numpy().tobytes(), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("first", CELLS)
def test_every_pair_of_cells_equals_the_sequence(first: str, dtype: torch.dtype) -> None:
    for second in CELLS:
        check(trained(first, second, dtype=dtype))


@pytest.mark.parametrize("first", ["ctrnn", "ltc", "cfc"])
def test_chains_of_three_equal_the_sequence(first: str) -> None:
    for second, third in itertools.product(("ctrnn", "ctrnn euler", "gruode", "wired_cfc"), ("ctrnn", "gated_ltc")):
        check(trained(first, second, third))


@pytest.mark.parametrize("names", [("ctrnn", "ctrnn"), ("ctrnn", "cfc", "ctrnn"), ("gruode", "ctrnn euler")])
def test_interleaved_streams_with_other_gaps(names: tuple[str, ...]) -> None:
    net = trained(*names)
    one = net.stream()
    streams = [one, one.another(), net.stream(), one.another()]
    asked = [samples(net, gaps, seed) for seed, gaps in enumerate(GAPS.values())]
    with torch.no_grad():
        expected = [net(x, dt)[0][0].numpy() for x, dt in asked]
    for t in range(TIME):
        for stream, (x, dt), y in zip(streams, asked, expected, strict=True):
            assert stream(x[0, t].numpy(), float(dt[0, t])).tobytes() == y[t].tobytes()


def test_a_state_of_another_stream_goes_on_with_the_gap_of_the_last() -> None:
    """Loading a state, and a refused sample, leave a cell with what it keeps of gaps that are no longer the last ones."""
    net = trained("ctrnn", "ctrnn euler", "ctrnn")
    x, dt = samples(net, GAPS["mixed"])
    whole = feed(net.stream(), x, dt)
    first, second = net.stream(), net.stream()
    feed(first, x[:, :6], dt[:, :6])
    second([1, 2, 3], 0.75)
    second.state = first.state
    with pytest.raises(ValueError, match="time constants"):
        second([1, 2, 3], 500.0)
    assert feed(second, x[:, 6:], dt[:, 6:]).tobytes() == whole[6:].tobytes()


def test_the_sign_of_a_gap_of_zero_is_kept() -> None:
    """A gap of minus zero moves a state by minus zero times its way: another zero than the one before it."""
    net = Recurrent(CTRNN(1, 3))
    x, dt = torch.ones(1, 4, 1), torch.tensor([[0.0, -0.0, 0.0, -0.0]])
    h = torch.full((1, 3), -0.0)
    with torch.no_grad():
        y, _ = net(x, dt, state=h)
    stream = net.stream()
    stream.state = h[0]
    assert feed(stream, x, dt).tobytes() == y[0].numpy().tobytes()
