"""Cells over time: the primer's two layers by SciPy, reading backward by hand, and what a person gets wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor, nn

from tauflow.cells import CTRNN, GRU, GRUODE, CfC
from tauflow.errors import NonFiniteError, ShapeError, StateOverflowError, TauflowError, TimeError
from tauflow.sequence import Bidirectional, Recurrent, Stack

SUBSTEPS = 2000


def numbers(*parameters: Tensor) -> list[np.ndarray]:
    return [p.detach().numpy() for p in parameters]


def test_stack_is_the_two_layer_equation() -> None:
    """dh1/dt = -h1/tau1 + tanh(W1 h1 + U1 x + b1), dh2/dt = -h2/tau2 + tanh(W2 h2 + U2 h1 + b2), by SciPy.

    Layer 2 reads layer 1 at the samples, so many small gaps with the same input converge to the coupled equations.
    """
    first, second = CTRNN(2, 3, tau=(0.5, 2.0)).double(), CTRNN(3, 2, tau=(1.0, 3.0)).double()
    stack = Stack(first, second)
    x, span = torch.tensor([0.7, -1.1]).double(), 1.5
    y, h = stack(x.expand(1, SUBSTEPS, 2), span / SUBSTEPS)
    W1, U1, b1, tau1 = numbers(first.W, first.U, first.b, first.tau)
    W2, U2, b2, tau2 = numbers(second.W, second.U, second.b, second.tau)

    def slope(_: float, h: np.ndarray) -> np.ndarray:
        h1, h2 = h[:3], h[3:]
        d1 = -h1 / tau1 + np.tanh(W1 @ h1 + U1 @ x.numpy() + b1)
        return np.concatenate([d1, -h2 / tau2 + np.tanh(W2 @ h2 + U2 @ h1 + b2)])

    truth = solve_ivp(slope, (0, span), np.zeros(5), rtol=1e-12, atol=1e-13).y[:, -1]
    np.testing.assert_allclose(h[0].detach().numpy(), truth, rtol=0, atol=1e-3)
    half = stack(x.expand(1, SUBSTEPS // 2, 2), 2 * span / SUBSTEPS)[1]
    error, coarse = np.abs(h[0].detach().numpy() - truth).max(), np.abs(half[0].detach().numpy() - truth).max()
    assert coarse / error == pytest.approx(2, abs=0.15)  # first order: it converges to this equation and no other
    assert torch.equal(y[:, -1], h[:, 3:])


def test_stack_is_its_layers_one_after_the_other() -> None:
    layers = [Recurrent(CTRNN(3, 5), "reference"), Recurrent(GRU(5, 4), "reference"), Recurrent(CfC(4, 2), "reference")]
    stack = Stack(*layers)
    assert (stack.inputs, stack.outputs, stack.state_size) == (3, 2, 11)
    x, dt, mask = torch.randn(4, 7, 3), torch.rand(4, 7), torch.rand(4, 7) > 0.3
    y, h = stack(x, dt, mask)
    for layer, part in zip(layers, h.split([5, 4, 2], dim=1), strict=True):
        x, last = layer(x, dt, mask)
        assert torch.equal(part, last)
    assert torch.equal(y, x)


def test_layers_must_fit() -> None:
    with pytest.raises(ShapeError, match=r"layer 2 takes 4 inputs, but layer 1 gives 5"):
        Stack(CTRNN(3, 5), CTRNN(4, 2))
    with pytest.raises(ShapeError, match=r"layer 3 takes 9 inputs, but layer 2 gives 2"):
        Stack(CTRNN(3, 5), CTRNN(5, 2), CTRNN(9, 2))
    with pytest.raises(TauflowError, match=r"at least one layer: try Stack"):
        Stack()
    with pytest.raises(ShapeError, match=r"the cells take 3 and 4 inputs, expected the same"):
        Bidirectional(CTRNN(3, 5), CTRNN(4, 5))


def by_hand(cell: CTRNN, x: Tensor, times: Tensor, first_gap: Tensor) -> Tensor:
    """Outputs (time, units) of one sequence read backward, from absolute times (time,)."""
    order = torch.arange(len(times) - 1, -1, -1)
    gaps = torch.cat([first_gap[None], times[order[:-1]] - times[order[1:]]])
    y, _ = Recurrent(cell)(x[order][None], gaps[None])
    return y[0].flip(0)


@pytest.mark.parametrize("padding", ["none", "right", "left", "middle", "scattered"])
def test_bidirectional_reads_the_reversed_times(padding: str) -> None:
    ahead, back = CTRNN(3, 5).double(), CTRNN(3, 4).double()
    model = Bidirectional(ahead, back)
    real = {
        "none": [1, 1, 1, 1, 1, 1, 1],
        "right": [1, 1, 1, 1, 0, 0, 0],
        "left": [0, 0, 0, 1, 1, 1, 1],
        "middle": [1, 1, 0, 0, 0, 1, 1],
        "scattered": [0, 1, 0, 1, 1, 0, 1],
    }[padding]
    mask = torch.tensor([real, [1] * 7, [0] * 7]).bool()
    x, dt = torch.randn(3, 7, 3).double(), 0.1 + torch.rand(3, 7).double()
    x[~mask], dt[~mask] = float("nan"), float("nan")
    y, h = model(x, dt, mask)
    for row in range(2):
        kept = mask[row]
        gaps = dt[row, kept]
        times = gaps.cumsum(0)
        backward = by_hand(back, x[row, kept], times, gaps[0])
        torch.testing.assert_close(y[row, kept, 5:], backward, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(h[row, 5:], backward[0], rtol=1e-12, atol=1e-12)
        forward, last = Recurrent(ahead)(x[row, kept][None], gaps[None])
        torch.testing.assert_close(y[row, kept, :5], forward[0], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(h[row, :5], last[0], rtol=1e-12, atol=1e-12)
    assert torch.equal(h[2], torch.zeros(9).double())
    if padding == "none":
        torch.testing.assert_close(model(x[:2], dt[:2])[0], y[:2], rtol=1e-12, atol=1e-12)


def test_bidirectional_does_not_stream() -> None:
    model = Bidirectional(CTRNN(3, 5), CTRNN(3, 4))
    with pytest.raises(TauflowError, match=r"no step: stream a Recurrent instead"):
        model.step(torch.randn(2, 3))
    y, h = model(torch.randn(2, 0, 3))
    assert y.shape == (2, 0, 9)
    assert torch.equal(h, torch.zeros(2, 9))


def test_time_between_samples_adds_up() -> None:
    """A flow: two gaps with the same input equal one, where the drive stands still (no recurrent weights)."""
    cell = CTRNN(3, 5).double()
    nn.init.zeros_(cell.W)
    x = torch.randn(1, 1, 3).double().expand(1, 2, 3)
    _, two = Recurrent(cell)(x, [0.4, 1.1])
    _, one = Recurrent(cell)(x[:, :1], 1.5)
    torch.testing.assert_close(two, one)


def test_padding_does_not_meet_the_limit_of_an_explicit_solver() -> None:
    """A gap under the mask is no step: a fast cell whose real gaps are within Euler's limit runs."""
    model = Recurrent(CTRNN(3, 5, tau=0.1, solver="euler"))
    x, mask = torch.randn(2, 6, 3), torch.tensor([[True] * 6, [True] * 3 + [False] * 3])
    dt = torch.where(mask, 0.05, float("nan"))
    y, h = model(x, dt, mask)
    assert torch.isfinite(y).all()
    torch.testing.assert_close(h[1:], model(x[1:, :3], 0.05)[1])


def test_zero_dt_of_a_cell_that_jumps() -> None:
    x, h = torch.randn(4, 3, 3), torch.rand(4, 5)
    for cell in (CfC(3, 5), GRU(3, 5)):
        assert not cell.flow
        held = Recurrent(cell)(x, 0.0, None, h)[1]
        assert torch.equal(held, h)
        moved = Recurrent(cell, zero_dt="update")(x, 0.0, None, h)[1]
        assert (moved - h).abs().max() > 1e-3
        masked = torch.zeros(4, 3, dtype=torch.bool)
        assert torch.equal(Recurrent(cell, zero_dt="update")(x, 0.0, masked, h)[1], h)
    assert torch.equal(Recurrent(GRUODE(3, 5), zero_dt="update")(x, 0.0, None, h)[1], h)  # a flow holds by its equation


def test_what_is_no_cell_is_refused() -> None:
    for wrong in (nn.LSTM(3, 5), "ctrnn", CTRNN):
        with pytest.raises(TauflowError, match=r"Recurrent needs a cell, got .*try Recurrent\("):
            Recurrent(wrong)  # type: ignore[arg-type]
    with pytest.raises(TauflowError, match=r"zero_dt is 'skip', expected 'hold' or 'update'"):
        Recurrent(CTRNN(3, 5), zero_dt="skip")  # type: ignore[arg-type]


def test_errors_of_a_stack_name_the_sample_too() -> None:
    stack = Stack(CTRNN(3, 5), CTRNN(5, 2))
    x, dt = torch.randn(4, 7, 3), torch.rand(4, 7)
    with pytest.raises(TimeError, match="sample 2, step 5"):
        stack(x, dt.index_put((torch.tensor(2), torch.tensor(5)), torch.tensor(-1.0)))
    x[3, 1, 2] = float("nan")
    with pytest.raises(NonFiniteError, match="sample 3, step 1, feature 2"):
        stack(x, dt)
    for wrong in (x[0], x[0, 0], x[0, 0, 0]):
        with pytest.raises(ShapeError, match=r"expected \(batch, time, inputs\)"):
            stack(wrong)


@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_an_overflow_never_leaves_in_silence(backend: str) -> None:
    cell = CTRNN(1, 2, activation="relu", tau=1.0)
    with torch.no_grad():
        cell.W.fill_(10.0), cell.U.fill_(1.0)
    model = Recurrent(cell, backend)
    x = torch.ones(2, 200, 1)
    x[0] = -1e20  # relu: this sample stays at zero
    with pytest.raises(StateOverflowError, match=r"sample 1 .* step \d+: .*tauflow\.certify.*activation='tanh'"):
        model(x, 1.0)
    h: Tensor | None = None
    for t in range(20):
        _, h = model.step(x[:, t], 1.0, h)
    with pytest.raises(StateOverflowError, match=r"sample 1 .* step 0"):
        model.step(x[:, 0], 1.0, torch.tensor([[0.0, 0.0], [1e38, 1e38]]))
    assert h is not None
    assert torch.isfinite(h).all()
