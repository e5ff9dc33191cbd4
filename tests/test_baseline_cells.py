"""RNN, LSTM and GRU are torch's own, with the gap as one more input; DecayGRU forgets over the gap."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tauflow import cells, ops, wirings
from tauflow.cells import GRU, LSTM, RNN, Cell, DecayGRU
from tauflow.cells.rnn import with_gap
from tauflow.errors import BackendError
from tauflow.sequence import Recurrent

TORCH: dict[type[Cell], Any] = {RNN: nn.RNN, LSTM: nn.LSTM, GRU: nn.GRU}


def twin(cell: Any) -> Any:
    """torch's module with the same weights."""
    theirs = TORCH[type(cell)](cell.inputs + 1, cell.units, batch_first=True, dtype=cell.bias_ih.dtype)
    with torch.no_grad():
        for name, value in cell.named_parameters():
            getattr(theirs, name + "_l0").copy_(value)
    return theirs


def data(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    return torch.randn(4, 9, 3, dtype=dtype), 2 * torch.rand(4, 9, dtype=dtype) + 0.1


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-13)])
@pytest.mark.parametrize("kind", TORCH)
@pytest.mark.parametrize("backend", ["reference", "fused", "auto"])
def test_equals_torch(kind: type[Cell], dtype: torch.dtype, tolerance: float, backend: str) -> None:
    """Output, state and every gradient."""
    cell = kind(3, 5).to(dtype)  # type: ignore[call-arg]
    theirs = twin(cell)
    x, dt = data(dtype)
    y, last = Recurrent(cell, backend)(x, dt)
    expected, state = theirs(torch.cat([x, torch.log1p(dt)[:, :, None]], dim=2))
    torch.testing.assert_close(y, expected, rtol=tolerance, atol=tolerance)
    state = torch.cat([part[0] for part in state], dim=1) if kind is LSTM else state[0]
    torch.testing.assert_close(last, state, rtol=tolerance, atol=tolerance)
    y.square().sum().backward()
    expected.square().sum().backward()
    for name, p in cell.named_parameters():
        torch.testing.assert_close(p.grad, getattr(theirs, name + "_l0").grad, rtol=50 * tolerance, atol=50 * tolerance)


@pytest.mark.parametrize("kind", TORCH)
@pytest.mark.parametrize("rows", ["gaps", "ends", "nothing in one row", "nothing at all"])
def test_a_mask_on_torchs_kernels(kind: type[Cell], rows: str) -> None:
    """Output, state and every gradient are those of the reference, wherever the samples that do not count stand."""
    cell = kind(3, 5).double()  # type: ignore[call-arg]
    x, dt = data(torch.float64)
    x.requires_grad_()
    mask = torch.rand(4, 9) > 0.4
    if rows == "ends":
        mask = torch.arange(9)[None] < torch.tensor([9, 1, 4, 7])[:, None]
    mask[2] &= rows != "nothing in one row"
    mask &= rows != "nothing at all"
    dt[1, 4] = 0
    found = []
    for backend in ("reference", "fused"):
        cell.zero_grad()
        x.grad = None
        y, h = Recurrent(cell, backend)(x, dt, mask, torch.full((4, cell.state_size), 0.3, dtype=torch.float64))
        (y.square().sum() + h.sum()).backward()
        found.append(
            [y, h, x.grad.clone(), *(torch.zeros(1) if p.grad is None else p.grad.clone() for p in cell.parameters())]
        )
    for ours, truth in zip(*found, strict=True):
        torch.testing.assert_close(ours, truth.to(ours).expand_as(ours), rtol=1e-12, atol=1e-12)


def test_the_backend_is_chosen_and_can_say_why_not() -> None:
    mask = torch.ones(4, 9, dtype=torch.bool)
    x, dt = data(torch.float32)
    assert ops.choose(LSTM(3, 5)) == "fused"
    assert ops.choose(DecayGRU(3, 5)) == "reference"
    assert ops.choose(LSTM(3, 5), mask) == "fused"
    with pytest.raises(
        BackendError, match=r"'fused' can't run this: .*not for DecayGRU; try backend='auto' or 'reference'"
    ):
        Recurrent(DecayGRU(3, 5), "fused")(x, dt)
    model = Recurrent(LSTM(3, 5), "fused")
    assert torch.equal(model(x, dt, mask)[0], model(x, dt)[0])  # a mask that masks nothing is none
    y, state = Recurrent(LSTM(3, 5), "fused")(x, 0.0)  # a gap of zero holds the state
    assert not state.any() and not y.any()
    y, _ = Recurrent(LSTM(3, 5), "fused", zero_dt="update")(x, 0.0)
    assert torch.isfinite(y).all()


def test_lstm_state_is_output_and_memory() -> None:
    cell = LSTM(3, 5)
    assert (cell.state_size, cell.outputs) == (10, 5)
    y, last = Recurrent(cell)(*data(torch.float32))
    assert torch.equal(last[:, :5], y[:, -1])


def test_decay_gru_decays_over_the_gap() -> None:
    """With an update gate that keeps the state, only exp(-dt/tau) is left."""
    cell = DecayGRU(3, 5, tau=(0.1, 100.0))
    with torch.no_grad():
        for p in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh):
            p.zero_()
        cell.bias_ih[5:10] = 50.0
    h, dt = torch.rand(6, 5), torch.logspace(-3, 3, 6)
    new = cell.step(torch.randn(6, 3), dt, h)
    torch.testing.assert_close(new, h * torch.exp(-dt[:, None] / cell.tau), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(cell.time_constants(), torch.logspace(-1, 2, 5))


def test_zero_gap_holds_or_updates() -> None:
    x, _ = data(torch.float32)
    for name in ("rnn", "lstm", "gru", "gru_decay"):
        cell = cells.build(name, 3, 5)
        h = torch.rand(4, cell.state_size)
        assert torch.equal(Recurrent(cell)(x, 0.0, None, h)[1], h)
        assert not torch.equal(Recurrent(cell, zero_dt="update")(x, 0.0, None, h)[1], h)


def test_the_gap_is_the_last_input() -> None:
    x, dt = data(torch.float32)
    z = with_gap(x, dt)
    assert torch.equal(z[:, :, :3], x)
    assert torch.equal(z[:, :, 3], torch.log1p(dt))


def test_they_are_not_liquid() -> None:
    assert [name for name in cells.names() if not cells.get(name).liquid] == ["gru", "gru_decay", "lstm", "rnn"]


@pytest.mark.parametrize("name", cells.names())
def test_a_cell_says_what_it_was_made_of(name: str) -> None:
    said = repr(cells.build(name, 3, 6))
    assert "inputs=3" in said and "units=6" in said
    wired = repr(cells.build("ltc", 3, wirings.auto_ncp(3, 12, 2)))
    assert "inputs=3" in wired and "{" not in wired  # a wiring would fill a page
