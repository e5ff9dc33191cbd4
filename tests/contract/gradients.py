"""Gradients, first and second, backward and forward, against finite differences in float64; every parameter has one."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from tests.contract.common import MakeModel, data, same_bits


def _as_function(
    m: Any, mask: Tensor | None = None, time: int = 2
) -> tuple[Callable[..., tuple[Tensor, ...]], list[Tensor]]:
    """(x, dt, state, *parameters) -> (y, state) for gradcheck, and where to check it."""
    x, dt, h = data(m, batch=2, time=time if mask is None else mask.shape[1], dtype=torch.float64)
    weights = {name: p.detach().clone().requires_grad_() for name, p in m.named_parameters() if p.requires_grad}

    def call(x: Tensor, dt: Tensor, h: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        return tuple(functional_call(m, dict(zip(weights, values, strict=True)), (x, dt, mask, h)))

    return call, [x.requires_grad_(), dt.requires_grad_(), h.requires_grad_(), *weights.values()]


def check_gradients(model: MakeModel) -> None:
    call, at = _as_function(model().double())
    large = sum(tensor.numel() for tensor in at) > 500  # then along random directions, not for each number
    assert torch.autograd.gradcheck(call, at, fast_mode=large, atol=1e-6, rtol=1e-4)


def check_gradients_with_a_mask(model: MakeModel) -> None:
    mask = torch.tensor([[True, False, True, True], [False, True, True, False]])
    call, at = _as_function(model().double(), mask)
    assert torch.autograd.gradcheck(call, at, fast_mode=True)


def check_second_gradients(model: MakeModel) -> None:
    call, at = _as_function(model().double())
    assert torch.autograd.gradgradcheck(call, at, fast_mode=True)


def check_forward_mode_gradients(model: MakeModel) -> None:
    call, at = _as_function(model().double())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, for torch.jit inside its forward mode
        assert torch.autograd.gradcheck(call, at, fast_mode=True, check_forward_ad=True, check_backward_ad=False)


def check_every_parameter_learns(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m, batch=16)
    y, last = m(x, dt, None, h)
    (y.square().sum() + last.square().sum()).backward()
    for name, p in m.named_parameters():
        if p.requires_grad:
            assert p.grad is not None, name
            assert p.grad.abs().max() > 0, name


def check_input_needs_no_gradient(model: MakeModel) -> None:
    """x that requires a gradient gives the same numbers, and only then a gradient."""
    m = model()
    x, dt, h = data(m)
    expected = m(x, dt, None, h)[0]
    y = m(x.requires_grad_(), dt, None, h)[0]
    assert same_bits(y, expected)
    (g,) = torch.autograd.grad(y[:, -1].sum(), x)
    assert (g[:, 0].abs().sum(dim=1) > 0).all(), "the first sample has no influence on the last output"
