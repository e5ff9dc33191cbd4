"""A call changes nothing but its result: no argument, no weight, no random number, no attribute; and the next one is the same."""

from __future__ import annotations

import pytest
import torch

from tauflow.errors import NonFiniteError, ShapeError, TimeError
from tests.contract.common import NAN, MakeModel, data, plain_attributes, same_bits, snapshot


def check_arguments_are_not_written_to(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    dt[1, 2] = 0.0
    mask = torch.rand(4, 7) > 0.3
    before = [x.clone(), dt.clone(), h.clone()]
    m(x, dt, mask, h)
    for a, b in zip((x, dt, h), before, strict=True):
        assert same_bits(a, b)
    one = x[:1, :1]
    m(one.expand(4, 7, -1), dt[0, 0].expand(4, 7), None, h[:1].expand(4, -1))  # writing to an expanded tensor raises


def check_a_call_does_not_change_the_model(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    before, attributes = snapshot(m), plain_attributes(m)
    m(x, dt, None, h)[0].sum().backward()
    after = snapshot(m)
    assert before.keys() == after.keys()
    assert plain_attributes(m) == attributes
    for name in before:
        assert torch.equal(before[name], after[name]), name


def check_same_call_same_bits(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    first = m(x, dt, None, h)
    m(2 * x, dt)
    for a, b in zip(first, m(x, dt, None, h), strict=True):
        assert same_bits(a, b)


def check_evaluation_draws_no_random_numbers(model: MakeModel) -> None:
    m = model().eval()
    before = torch.get_rng_state()
    m(*data(m)[:2])
    assert torch.equal(torch.get_rng_state(), before)


def check_train_and_eval_agree_without_dropout(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    assert same_bits(m.train()(x, dt, None, h)[0], m.eval()(x, dt, None, h)[0])


def check_no_grad_and_inference_mode_agree(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    expected = m(x, dt, None, h)[0]
    with torch.no_grad():
        y, last = m(x, dt, None, h)
        assert not y.requires_grad
        assert not last.requires_grad
        assert same_bits(y, expected)
    with torch.inference_mode():
        assert same_bits(m(x, dt, None, h)[0], expected)


def check_an_error_leaves_the_model_usable(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    expected, before = m(x, dt, None, h), snapshot(m)
    with pytest.raises(TimeError):
        m(x, -dt, None, h)
    with pytest.raises(NonFiniteError):
        m(x * NAN, dt, None, h)
    with pytest.raises(ShapeError):
        m(x, dt, None, h[:1])
    assert all(torch.equal(before[name], value) for name, value in snapshot(m).items())
    for a, b in zip(m(x, dt, None, h), expected, strict=True):
        assert same_bits(a, b)
