"""Shapes: what comes out has the promised one, what goes in is taken in every spelling of it or refused by name."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tauflow.errors import DtypeError, ShapeError
from tests.contract.common import NAN, MakeModel, close, data, same_bits


def check_output_and_state_shapes(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    y, last = m(x, dt, None, h)
    assert y.shape == (4, 7, m.outputs)
    assert last.shape == (4, m.state_size) == m.initial_state(4).shape
    assert y.dtype == last.dtype == torch.float32
    assert torch.isfinite(y).all()
    assert torch.isfinite(last).all()


def check_sequence_of_one_step(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m, time=1)
    y, last = m(x, dt, None, h)
    assert y.shape == (4, 1, m.outputs)
    assert not torch.equal(last, h)


def check_empty_sequence_returns_the_state(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m, time=0)
    y, last = m(x, dt, None, h)
    assert y.shape == (4, 0, m.outputs)
    assert same_bits(last, h)
    y, last = m(x, dt, torch.ones(4, 0, dtype=torch.bool))
    assert same_bits(last, m.initial_state(4))


def check_empty_batch(model: MakeModel) -> None:
    m = model()
    for time in (0, 1, 7):
        x, dt, h = data(m, batch=0, time=time)
        for mask in (None, torch.ones(0, time, dtype=torch.bool)):
            y, last = m(x, dt, mask, h)
            assert y.shape == (0, time, m.outputs)
            assert last.shape == (0, m.state_size)


def check_no_state_is_the_initial_state(model: MakeModel) -> None:
    m = model()
    x, dt, _ = data(m)
    for a, b in zip(m(x, dt), m(x, dt, None, m.initial_state(4)), strict=True):
        assert same_bits(a, b)


def check_no_dt_is_one(model: MakeModel) -> None:
    m = model()
    x, _, h = data(m)
    expected = m(x, torch.ones(4, 7), None, h)
    for dt in (None, 1, 1.0, torch.tensor(1.0), torch.ones(4, 7, dtype=torch.int64)):
        for a, b in zip(m(x, dt, None, h), expected, strict=True):
            assert same_bits(a, b)


def check_shapes_of_dt(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    expected = m(x, dt, None, h)[0]
    assert same_bits(m(x, dt[:, :, None], None, h)[0], expected)
    shared = m(x, dt[:1].expand(4, 7), None, h)[0]
    assert same_bits(m(x, dt[0], None, h)[0], shared)
    assert same_bits(m(x, dt[0].tolist(), None, h)[0], shared)


def check_wrong_shapes_are_refused(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    wrong: list[tuple[Any, ...]] = [
        (x[0], dt),
        (x[..., None], dt),
        (x[:, :, :-1], dt),
        (torch.cat([x, x], dim=2), dt),
        (x, dt[:, :-1]),
        (x, dt[:-1]),
        (x, dt.T),
        (x, dt[:, :1]),
        (x, dt[:, :, None].expand(4, 7, 2)),
        (x, dt, torch.ones(7, 4, dtype=torch.bool)),
        (x, dt, torch.ones(4, dtype=torch.bool)),
        (x, dt, torch.ones(4, 7, 1, dtype=torch.bool)),
        (x, dt, None, h[:-1]),
        (x, dt, None, h[:1]),
        (x, dt, None, h[:, :-1]),
        (x, dt, None, h[None]),
    ]
    for arguments in wrong:
        with pytest.raises(ShapeError, match=r"shape|features"):
            m(*arguments)


def check_wrong_shapes_in_a_step_are_refused(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    for arguments in [
        (x, dt[:, 0], h),
        (x[:, 0, :-1], dt[:, 0], h),
        (x[:, 0], dt[:-1, 0], h),
        (x[:, 0], dt[:, 0], h[:-1]),
    ]:
        with pytest.raises(ShapeError):
            m.step(*arguments)


def check_mask_must_be_bool(model: MakeModel) -> None:
    m = model()
    x, dt, _ = data(m)
    for dtype in (torch.float32, torch.int64, torch.uint8):
        with pytest.raises(DtypeError, match=r"torch\.bool"):
            m(x, dt, torch.ones(4, 7, dtype=dtype))


def check_strides_do_not_matter(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    expected = m(x, dt, None, h)
    wide = torch.full((4, 14, 2 * m.inputs), NAN)
    wide[:, ::2, 1::2] = x
    time_first = x.transpose(0, 1).contiguous().transpose(0, 1)
    for other in (wide[:, ::2, 1::2], time_first, x.flip(1).flip(1)):
        for a, b in zip(m(other, dt.T.contiguous().T, None, h.T.contiguous().T), expected, strict=True):
            close(a, b)
