"""MixedMemory: an LSTM in front of a cell."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import tauflow
from tauflow.cells import CTRNN, LSTM
from tauflow.cells.mixed_memory import MixedMemory
from tauflow.sequence import Recurrent, Stack


def test_sizes() -> None:
    cell = MixedMemory(CTRNN(3, 5))
    assert (cell.inputs, cell.outputs, cell.state_size) == (3, 5, 10)
    assert tauflow.MixedMemory is MixedMemory
    deep = MixedMemory(LSTM(3, 5))
    assert (deep.inputs, deep.outputs, deep.state_size) == (3, 5, 20)
    y, h = Recurrent(deep)(torch.randn(2, 4, 3))
    assert y.shape == (2, 4, 5)
    assert h.shape == (2, 20)
    y, _ = Stack(cell, MixedMemory(CTRNN(5, 2)))(torch.randn(2, 4, 3))
    assert y.shape == (2, 4, 2)


def test_one_step_by_hand() -> None:
    """torch's LSTM cell with its forget bias raised by one, then the cell; the gates in the order i, ig, fg, og."""
    inner = CTRNN(3, 5)
    cell = MixedMemory(inner)
    x, dt, h, c = torch.randn(4, 3), torch.rand(4) + 0.1, torch.randn(4, 5), torch.randn(4, 5)
    order = [1, 2, 0, 3]  # torch: input gate, forget gate, candidate, output gate
    theirs = nn.LSTMCell(3, 5)
    with torch.no_grad():
        for target, source in (
            (theirs.weight_ih, cell.input_map.weight),
            (theirs.weight_hh, cell.recurrent_map.weight),
        ):
            target.copy_(torch.cat([source.chunk(4)[k] for k in order]))
        theirs.bias_ih.copy_(torch.cat([cell.input_map.bias.chunk(4)[k] for k in order]))
        theirs.bias_hh.zero_()
        theirs.bias_hh[5:10] = 1.0
    middle, memory = theirs(x, (h, c))
    expected = torch.cat([inner.step(x, dt, middle), memory], dim=1)
    torch.testing.assert_close(cell.step(x, dt, torch.cat([h, c], dim=1)), expected)


def test_initialisation_is_that_of_the_paper() -> None:
    cell = MixedMemory(CTRNN(3, 5))
    w = cell.recurrent_map.weight.detach()
    torch.testing.assert_close(w.T @ w, torch.eye(5), rtol=1e-5, atol=1e-5)  # orthogonal columns
    assert cell.recurrent_map.bias is None
    assert cell.input_map.bias.abs().max() <= 0.1


def test_the_given_cell_keeps_its_weights() -> None:
    inner = CTRNN(3, 5)
    before = inner.W.detach().clone()
    cell = MixedMemory(inner)
    assert cell.cell is inner
    assert torch.equal(inner.W, before)
    cell.reset_parameters()
    assert not torch.equal(inner.W, before)


def test_remembers_longer_than_the_cell() -> None:
    """A fast cell forgets within a few time constants; with the memory in front an early input is still seen."""
    influence = []
    for cell in (CTRNN(2, 8, tau=0.5), MixedMemory(CTRNN(2, 8, tau=0.5))):
        x = torch.randn(1, 30, 2, requires_grad=True)
        y, _ = Recurrent(cell)(x, 1.0)
        (g,) = torch.autograd.grad(y[0, -1].sum(), x)
        influence.append(g[0, 0].abs().sum().item())
    assert influence[1] > 100 * influence[0]


@pytest.mark.parametrize("liquid", [True, False])
def test_is_as_liquid_as_its_cell(liquid: bool) -> None:
    inner = CTRNN(3, 5) if liquid else LSTM(3, 5)
    cell = MixedMemory(inner)
    assert cell.liquid is liquid
    assert (cell.time_constants() is None) is not liquid
