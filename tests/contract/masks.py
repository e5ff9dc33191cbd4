"""Padding is never seen, whatever it holds and wherever it stands."""

from __future__ import annotations

import torch

from tests.contract.common import INF, NAN, MakeModel, close, data, padded, same_bits


def _padding_is_neutral(model: MakeModel, where: str) -> None:
    m = model()
    x, dt, h = data(m)
    y, last = m(x, dt, torch.ones(4, 7, dtype=torch.bool), h)
    filled = ((0.0, NAN), (1e30, -1.0), (NAN, 1e30), (INF, NAN), (-INF, -INF))
    cases = [(count, value, gap) for count in (0, 1, 5) for value, gap in filled]
    with torch.no_grad():
        for count, value, gap in [*cases, (500, NAN, NAN)]:
            x2, dt2, mask = padded(x, dt, count, where, value, gap)
            y2, last2 = m(x2, dt2, mask, h)
            assert same_bits(last2, last)
            assert same_bits(y2[mask].view_as(y), y)
            assert torch.isfinite(y2).all()


def check_padding_on_the_right_is_neutral(model: MakeModel) -> None:
    _padding_is_neutral(model, "right")


def check_padding_on_the_left_is_neutral(model: MakeModel) -> None:
    _padding_is_neutral(model, "left")


def check_padding_in_the_middle_is_neutral(model: MakeModel) -> None:
    _padding_is_neutral(model, "middle")


def check_padding_per_row_is_neutral(model: MakeModel) -> None:
    """Rows of different length in one batch equal the rows run alone, without padding."""
    m = model()
    x, dt, h = data(m)
    lengths = (7, 5, 1, 0)
    mask = torch.arange(7) < torch.tensor(lengths)[:, None]
    x2, dt2 = torch.where(mask[:, :, None], x, NAN), torch.where(mask, dt, NAN)
    y, last = m(x2, dt2, mask, h)
    for row, length in enumerate(lengths):
        one = slice(row, row + 1)
        alone, last_alone = m(x[one, :length], dt[one, :length], None, h[one])
        close(y[one, :length], alone)
        close(last[one], last_alone)


def check_a_mask_of_true_is_no_mask(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    for a, b in zip(m(x, dt, torch.ones(4, 7, dtype=torch.bool), h), m(x, dt, None, h), strict=True):
        assert same_bits(a, b)


def check_a_fully_masked_row_holds_its_state(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    mask = torch.ones(4, 7, dtype=torch.bool)
    mask[1], x[1], dt[1] = False, NAN, -INF
    y, last = m(x, dt, mask, h)
    assert same_bits(last[1], h[1])
    assert torch.isfinite(y).all()
    x[:], mask[:] = NAN, False
    assert same_bits(m(x, dt, mask, h)[1], h)


def check_masked_steps_repeat_the_output(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    mask = torch.ones(4, 7, dtype=torch.bool)
    mask[:, 4] = False
    y, _ = m(x, dt, mask, h)
    assert same_bits(y[:, 4], y[:, 3])
    assert not torch.equal(y[:, 5], y[:, 4])


def check_masked_values_have_no_gradient(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    mask = torch.ones(4, 7, dtype=torch.bool)
    mask[1, 2:4], mask[3] = False, False
    x, dt = torch.where(mask[:, :, None], x, NAN), torch.where(mask, dt, NAN)
    x.requires_grad_(), dt.requires_grad_()
    y, last = m(x, dt, mask, h)
    (y.sum() + last.sum()).backward()
    assert torch.equal(x.grad[~mask], torch.zeros_like(x[~mask]))
    assert torch.equal(dt.grad[~mask], torch.zeros_like(dt[~mask]))
    for tensor in (x, dt, *m.parameters()):
        assert tensor.grad is None or torch.isfinite(tensor.grad).all()


def check_padding_does_not_change_a_gradient(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    m(x, dt, None, h)[1].sum().backward()
    expected = [p.grad for p in m.parameters()]
    m.zero_grad()
    x2, dt2, mask = padded(x, dt, 20, "middle", NAN, NAN)
    m(x2, dt2, mask, h)[1].sum().backward()
    for p, g in zip(m.parameters(), expected, strict=True):
        if g is not None:
            close(p.grad, g)
