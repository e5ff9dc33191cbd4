"""Time: a gap of zero holds the state, any other from 1e-38 to 1e30 is taken, and what is no gap is refused by sample and step."""

from __future__ import annotations

import pytest
import torch

from tauflow.errors import ShapeError, TimeError
from tests.contract.common import INF, NAN, MakeCell, MakeModel, data, same_bits


def check_zero_gap_holds_one_row(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    dt[2] = 0.0
    _, last = m(x, dt, None, h)
    assert same_bits(last[2], h[2])
    assert not torch.equal(last[1], h[1])


def check_zero_gap_holds_the_whole_batch(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    for zero in (torch.zeros_like(dt), -torch.zeros_like(dt), 0, 0.0):
        y, last = m(x, zero, None, h)
        assert same_bits(last, h)
        assert same_bits(y, y[:, :1].expand_as(y))


def check_zero_gap_equals_dropping_the_sample(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    dt[:, 3] = 0.0
    y, last = m(x, dt, None, h)
    keep = [0, 1, 2, 4, 5, 6]
    without, last_without = m(x[:, keep], dt[:, keep], None, h)
    assert same_bits(y[:, keep], without)
    assert same_bits(last, last_without)


def check_zero_gap_in_a_step(model: MakeModel) -> None:
    m = model()
    x, _, h = data(m)
    for zero in (torch.zeros(4), torch.zeros(4, 1), 0.0):
        assert same_bits(m.step(x[:, 0], zero, h)[1], h)


def check_zero_gap_has_finite_gradients(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    dt[:, 3], dt[1] = 0.0, 0.0
    inputs = [x.requires_grad_(), dt.requires_grad_(), h.requires_grad_()]
    y, last = m(x, dt, None, h)
    (y.sum() + last.sum()).backward()
    for tensor in [*inputs, *m.parameters()]:
        assert tensor.grad is None or torch.isfinite(tensor.grad).all()


GOOD_GAPS = (0.0, 1e-38, 1e-6, 1.0, 1e3, 1e6, 1e30)
BAD_GAPS = (-1e-38, -1.0, NAN, INF, -INF)


def check_good_gaps_are_taken(model: MakeModel) -> None:
    m = model()
    for good in GOOD_GAPS:
        x, dt, h = data(m)
        dt[2, 3] = good
        y, last = m(x, dt, None, h)
        assert torch.isfinite(y).all()
        assert torch.isfinite(last).all()
        assert torch.isfinite(m(x, good, None, h)[0]).all()


def check_bad_gaps_are_refused(model: MakeModel) -> None:
    m = model()
    for bad in BAD_GAPS:
        x, dt, h = data(m)
        dt[2, 3] = bad
        for shaped in (dt, dt[:, :, None], dt.double().float()):
            with pytest.raises(TimeError, match=r"sample 2, step 3"):
                m(x, shaped, None, h)
        with pytest.raises(TimeError, match=r"sample 0, step 3"):
            m(x, dt[2], None, h)
        with pytest.raises(TimeError, match=r"sample 0, step 0"):
            m(x, bad, None, h)


def check_bad_gaps_in_a_step_are_refused(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    for bad in BAD_GAPS:
        gaps = dt[:, 0].clone()
        gaps[2] = bad
        with pytest.raises(TimeError, match=r"sample 2"):
            m.step(x[:, 0], gaps, h)
        with pytest.raises(TimeError):
            m.step(x[:, 0], bad, h)


def check_a_cell_does_not_spread_gaps_over_rows(cell: MakeCell) -> None:
    """dt (batch, 1) beside h (batch, state) is a slip that torch would take: it is refused, or a cell without time ignores it."""
    c = cell()
    x, h = torch.randn(4, c.inputs), torch.randn(4, c.state_size)
    for dt in (torch.rand(4, 1), torch.tensor(0.5)):
        try:
            after = c.step(x, dt, h)
        except ShapeError:
            continue
        assert same_bits(after, c.step(x, torch.ones(4), h))
