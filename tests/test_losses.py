"""Losses: known numbers, what a mask must never let through, and the integral over uneven time."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tauflow import losses
from tauflow.errors import DtypeError, NonFiniteError, ShapeError, TimeError
from tauflow.losses import LOSSES, LossError, mae, mse, quantile, time_integrated, trapezoid_weights

nan, inf = math.nan, math.inf


def example(name: str, batch: int = 3, time: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """An output that needs a gradient and a target, shaped as the loss called `name` expects: (batch, time, ...)."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.randn(batch, time, 2, generator=generator, dtype=torch.float64)
    shape: tuple[int, ...] = (batch, time, 2)
    if name == "cross_entropy":
        target = torch.randint(0, 4, (batch, time), generator=generator)
        shape = (batch, time, 4)
    elif name == "quantile":
        shape = (batch, time, 2, 3)
    output = torch.randn(shape, generator=generator, dtype=torch.float64)
    return output.requires_grad_(), target


def test_known_numbers() -> None:
    output, target = torch.tensor([[[1.0], [2.0], [5.0]]]), torch.tensor([[[0.0], [2.5], [2.0]]])
    assert float(losses.mse(output, target)) == pytest.approx((1 + 0.25 + 9) / 3)
    assert float(losses.mae(output, target)) == pytest.approx((1 + 0.5 + 3) / 3)
    assert float(losses.huber(output, target)) == pytest.approx((0.5 + 0.125 + 2.5) / 3)
    scores = torch.tensor([[0.0, math.log(3.0)]])
    assert float(losses.cross_entropy(scores, torch.tensor([0]))) == pytest.approx(math.log(4))
    below, above = torch.tensor([[1.0, 1.0]]), torch.tensor([3.0])  # the target lies 2 above both forecasts
    assert float(quantile((0.1, 0.9))(below, above)) == pytest.approx((0.1 * 2 + 0.9 * 2) / 2)
    assert float(quantile((0.1, 0.9))(below, -above)) == pytest.approx((0.9 * 4 + 0.1 * 4) / 2)


def test_the_quantile_loss_finds_the_quantiles() -> None:
    draws = torch.arange(1000, dtype=torch.float64)
    grid = torch.arange(0, 1000, 10, dtype=torch.float64)
    for q in (0.1, 0.5, 0.9):
        values = [float(quantile([q])(level.expand(1000, 1), draws)) for level in grid]
        assert grid[values.index(min(values))] == pytest.approx(1000 * q, abs=10)


@pytest.mark.parametrize("name", LOSSES)
def test_nan_and_infinity_under_the_mask_reach_nothing(name: str) -> None:
    output, target = example(name)
    mask = torch.tensor([[True, False, True, True, False]] * 3)
    expected = LOSSES[name](output[:, [0, 2, 3]], target[:, [0, 2, 3]])
    dirty = output.detach().clone()
    dirty[:, 1], dirty[:, 4] = nan, inf
    dirty.requires_grad_()
    if target.is_floating_point():
        target[:, 1], target[:, 4] = inf, nan
    else:
        target[:, 1] = -1
    loss = LOSSES[name](dirty, target, mask)
    assert torch.equal(loss, expected)
    (gradient,) = torch.autograd.grad(loss, dirty)
    (clean,) = torch.autograd.grad(expected, output)
    assert torch.equal(gradient, clean)
    assert torch.count_nonzero(gradient[~mask]) == 0


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_no_bit(name: str, side: str) -> None:
    """0 to 500 padded steps of garbage: the same bits, so the padding is nowhere in the sum."""
    output, target = example(name, batch=7, time=33)
    mask = torch.rand(7, 33, generator=torch.Generator().manual_seed(1)) < 0.8
    dt = torch.rand(7, 33, dtype=torch.float64)
    plain = LOSSES[name](output, target, mask)
    timed = time_integrated(LOSSES[name])(output, target, dt, mask) if name != "quantile" else None
    for padding in (1, 63, 500):

        def padded(x: Tensor, value: float, n: int = padding) -> Tensor:
            wall = torch.full((7, n, *x.shape[2:]), value, dtype=x.dtype)
            return torch.cat([wall, x] if side == "left" else [x, wall], dim=1)

        garbage = nan if target.is_floating_point() else 99
        args = padded(output, 1e30), padded(target, garbage)
        wide = padded(mask, False)
        assert torch.equal(LOSSES[name](*args, wide), plain)
        if timed is not None:
            assert torch.equal(time_integrated(LOSSES[name])(*args, padded(dt, nan), wide), timed)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients(name: str) -> None:
    output, target = example(name)
    mask = torch.tensor([[True, False, True, True, True]] * 3)
    weight = torch.rand(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert torch.autograd.gradcheck(lambda y: LOSSES[name](y, target, mask, weight), (output,))


@pytest.mark.parametrize("name", LOSSES)
def test_whole_weights_are_repetitions(name: str) -> None:
    output, target = example(name)
    weight = torch.tensor([2.0, 0.0, 1.0])  # one a sample; batch 3 and not 5, so it can't pass for time
    repeated = LOSSES[name](output[[0, 0, 2]], target[[0, 0, 2]])
    torch.testing.assert_close(LOSSES[name](output, target, weight=weight), repeated)
    torch.testing.assert_close(LOSSES[name](output, target, weight=7 * weight), repeated)


def test_a_mask_covers_leading_axes_also_where_sizes_coincide() -> None:
    """batch = time = features: a (batch,) mask drops samples, never features."""
    output, target = torch.zeros(3, 3, 3), torch.arange(27.0).reshape(3, 3, 3)
    by_sample = mse(output, target, torch.tensor([True, False, False]))
    assert float(by_sample) == pytest.approx(float(target[0].square().mean()))
    by_entry = mse(output, target, target == 5)
    assert float(by_entry) == 25


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_that_counts_is_an_error(name: str) -> None:
    output, target = example(name)
    with pytest.raises(LossError, match="no entry counts"):
        LOSSES[name](output, target, torch.zeros(3, 5, dtype=torch.bool))
    with pytest.raises(LossError, match="no entry counts"):
        LOSSES[name](output[:0], target[:0])
    for bad in (torch.zeros(3), torch.tensor([1.0, -1.0, 1.0]), torch.tensor([1.0, nan, 1.0])):
        with pytest.raises(LossError, match="weights"):
            LOSSES[name](output, target, weight=bad)


def test_mistakes_are_named() -> None:
    y = torch.zeros(2, 4, 1)
    with pytest.raises(ShapeError, match=r"add its last axis with target\[..., None\]"):
        mse(y, torch.zeros(2, 4))
    with pytest.raises(ShapeError, match="mask has shape"):
        mse(y, y, torch.ones(4, dtype=torch.bool))
    with pytest.raises(DtypeError, match=r"torch\.bool"):
        mse(y, y, torch.ones(2, 4))
    with pytest.raises(NonFiniteError, match="3 of 8 targets"):
        mse(y, torch.tensor([[nan, inf, -inf, 0], [0, 0, 0, 0]])[..., None])
    with pytest.raises(DtypeError, match="class numbers"):
        losses.cross_entropy(y, torch.zeros(2, 4))
    with pytest.raises(LossError, match="0 to 2"):
        losses.cross_entropy(torch.zeros(2, 3), torch.tensor([0, 3]))
    with pytest.raises(ShapeError, match="one axis for the levels"):
        quantile([0.5])(y, y)
    for levels in ((), (0.5, 0.1), (0.0, 0.5), (0.5, 0.5)):
        with pytest.raises(LossError, match="rising"):
            quantile(levels)
    with pytest.raises(LossError, match="did you mean 'huber'"):
        losses.get("hubert")
    with pytest.raises(LossError, match="there are mse, mae"):
        losses.get("zzz")
    assert losses.get("mae") is mae


def test_half_precision_is_summed_in_float32() -> None:
    y = torch.full((1, 5000, 1), 0.1, dtype=torch.bfloat16)
    assert float(mse(y, torch.zeros_like(y))) == pytest.approx(float(y[0, 0, 0]) ** 2, rel=1e-5)


def uneven(steps: int) -> Tensor:
    """Times from 0 to 2, close together at first, and with a ripple; smooth in s, so the order shows."""
    s = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    return 2 * (0.7 * s**2 + 0.3 * s + 0.01 * torch.sin(6 * math.pi * s))


def gaps(t: Tensor) -> Tensor:
    """Time since the previous sample; what stands before the first one must not matter."""
    return torch.cat([t.new_tensor([123.0]), t.diff()])


def test_the_integral_agrees_with_the_closed_form_to_second_order() -> None:
    """Error e(t) = t^2 from 0 to 2: the integral of e^2 is 32/5, that of |e| is 8/3. Two samples, different times."""
    for loss, exact in ((mse, 32 / 5), (mae, 8 / 3)):
        errors = []
        for steps in (20, 40, 80, 160):
            a, b = uneven(steps), torch.linspace(0, 2, steps + 1, dtype=torch.float64)
            t = torch.stack([a, b])
            value = time_integrated(loss)(
                (t**2)[..., None], torch.zeros(2, steps + 1, 1), torch.stack([gaps(a), gaps(b)])
            )
            errors.append(abs(float(value) - exact))
        orders = [math.log2(coarse / fine) for coarse, fine in pairwise(errors)]
        assert all(abs(order - 2) < 0.15 for order in orders), orders


def test_the_integral_is_exact_for_straight_lines() -> None:
    """|e| = t + 1 over [0, T]: T^2/2 + T, however uneven the times, and averaged over features."""
    t = torch.tensor([0.0, 0.1, 0.11, 1.7, 3.0], dtype=torch.float64)
    output = (t + 1).expand(2, -1).T[None]
    value = time_integrated("mae")(output, torch.zeros_like(output), gaps(t)[None])
    assert float(value) == pytest.approx(3**2 / 2 + 3, rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 30))
def test_a_masked_integral_is_that_of_the_real_steps_alone(seed: int, steps: int) -> None:
    """dt of a real step counts from the previous real one, so masked steps can be cut out; each sample by itself."""
    generator = torch.Generator().manual_seed(seed)
    draw = torch.rand(3, 3, steps, generator=generator, dtype=torch.float64)
    y, z, dt = draw.unbind(0)
    mask = torch.rand(3, steps, generator=generator) < 0.6
    mask[:, -2:] = True
    alone = 0.0
    for i in range(3):
        e, gap = (y - z)[i, mask[i]].square(), dt[i, mask[i]]
        alone += float(torch.trapezoid(e, gap.cumsum(0))) / 3
    spoilt = torch.where(mask, dt, torch.tensor(nan, dtype=torch.float64))
    value = time_integrated(mse)(y[..., None], z[..., None], spoilt, mask)
    assert float(value) == pytest.approx(alone, rel=1e-12)


def test_trapezoid_weights_add_up_to_the_time_covered() -> None:
    dt = torch.tensor([[9.0, 1.0, 2.0, 4.0]])
    assert trapezoid_weights(dt).tolist() == [[0.5, 1.5, 3.0, 2.0]]
    assert trapezoid_weights(dt, torch.tensor([[False, True, False, True]])).tolist() == [[0, 2, 0, 2]]
    assert trapezoid_weights(dt[:, :0]).shape == (1, 0)
    for bad in (nan, inf, -1.0):
        with pytest.raises(TimeError, match="dt holds"):
            trapezoid_weights(torch.tensor([[1.0, bad]]))
    with pytest.raises(LossError, match="no time passes"):
        time_integrated(mse)(torch.zeros(1, 1, 1), torch.zeros(1, 1, 1), torch.ones(1, 1))


def test_dense_sampling_does_not_outweigh_time() -> None:
    """An error of 1 in 90 samples of the first tenth of the time counts a tenth; the plain mean would say 90 %."""
    t = torch.cat([torch.linspace(0, 1, 91), torch.linspace(1.0, 10, 11)[1:]]).double()
    error = (t < 1).double()[None, :, None]
    integral = time_integrated(mae)(error, torch.zeros_like(error), gaps(t)[None])
    assert float(integral) == pytest.approx(1.0, abs=0.01)
    assert float(mae(error, torch.zeros_like(error))) > 0.85
