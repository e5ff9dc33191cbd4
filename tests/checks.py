"""The contract of every cell and every sequence model: one function, one promise.

`check_...(model)` takes a function that makes a sequence model (Recurrent, Stack, Bidirectional, each on the reference
backend), `check_...(cell)` one that makes a cell; each call makes the same weights. test_cells.py finds the checks by
their prefix and runs them over the registry, so that a new cell's file is checked without another edit.

    x (batch, time, inputs)    dt (batch, time)    y (batch, time, outputs)    h (batch, state)
"""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from tauflow import cells, ops
from tauflow.cells import Cell
from tauflow.errors import (
    BackendError,
    DtypeError,
    NonFiniteError,
    ShapeError,
    StateOverflowError,
    TauflowError,
    TimeError,
)
from tauflow.sequence import Recurrent

MakeModel = Callable[[], Any]
MakeCell = Callable[[], Cell]
NAN, INF = float("nan"), float("inf")
CLOSE = {torch.float32: 1e-6, torch.float64: 1e-12}
BITS = {torch.float32: torch.int32, torch.float64: torch.int64}


def data(
    model: Any, batch: int = 4, time: int = 7, dtype: torch.dtype = torch.float32, seed: int = 1
) -> tuple[Tensor, Tensor, Tensor]:
    """x, dt in [0.1, 1.6] and a state to start from."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, time, model.inputs, generator=g, dtype=torch.float64)
    dt = 0.1 + 1.5 * torch.rand(batch, time, generator=g, dtype=torch.float64)
    h = 0.3 * torch.randn(batch, model.state_size, generator=g, dtype=torch.float64)
    return x.to(dtype), dt.to(dtype), h.to(dtype)


def same_bits(a: Tensor, b: Tensor) -> bool:
    """Equal bit for bit: shape, number type, and even the sign of a zero."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return torch.equal(a.detach().contiguous().view(BITS[a.dtype]), b.detach().contiguous().view(BITS[b.dtype]))


def close(a: Tensor, b: Tensor, tolerance: float | None = None) -> None:
    """|a - b| <= tolerance, relative to b where b is larger than one."""
    tolerance = CLOSE[b.dtype] if tolerance is None else tolerance
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def parts(model: nn.Module) -> list[Recurrent]:
    """The Recurrents inside a model, itself included."""
    return [part for part in model.modules() if isinstance(part, Recurrent)]


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer, copied."""
    return {name: value.detach().clone() for name, value in [*model.named_parameters(), *model.named_buffers()]}


def plain_attributes(model: nn.Module) -> list[dict[str, Any]]:
    """What the modules hold beside tensors: names, and values where they are numbers or words."""
    return [
        {key: value if isinstance(value, (int, float, str)) else None for key, value in vars(part).items()}
        for part in model.modules()
    ]


def pad(tensor: Tensor, count: int, where: str, value: float) -> Tensor:
    """`count` steps of `value` before, behind or in the middle (after step 3) of a tensor (batch, time, ...)."""
    filler = tensor.new_full((tensor.shape[0], count, *tensor.shape[2:]), value)
    cut = {"left": 0, "middle": 3, "right": tensor.shape[1]}[where]
    return torch.cat([tensor[:, :cut], filler, tensor[:, cut:]], dim=1)


def padded(x: Tensor, dt: Tensor, count: int, where: str, value: float, gap: float) -> tuple[Tensor, Tensor, Tensor]:
    """x, dt and mask with padding of which nothing may be seen."""
    real = pad(torch.ones(x.shape[:2]), count, where, 0.0).bool()
    return pad(x, count, where, value), pad(dt, count, where, gap), real


# ---- shapes, and what a call may touch


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


# ---- rows of a batch


def check_rows_do_not_depend_on_their_batch(model: MakeModel) -> None:
    """Also where batch, time and state sizes are equal, so that an axis taken for another shows."""
    m = model()
    for batch in (1, 2, m.inputs, m.outputs, m.state_size, 33):
        x, dt, h = data(m, batch=batch, time=min(batch, 8))
        y, last = m(x, dt, None, h)
        for row in range(batch):
            one = slice(row, row + 1)
            alone, last_alone = m(x[one], dt[one], None, h[one])
            close(y[one], alone)
            close(last[one], last_alone)


def check_masked_rows_do_not_depend_on_their_batch(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m, batch=m.state_size)
    mask = torch.rand(m.state_size, 7) > 0.4
    y, last = m(x, dt, mask, h)
    for row in range(m.state_size):
        one = slice(row, row + 1)
        alone, last_alone = m(x[one], dt[one], mask[one], h[one])
        close(y[one], alone)
        close(last[one], last_alone)


def check_permuting_the_batch_permutes_the_output(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m, batch=9)
    order = torch.randperm(9)
    y, last = m(x, dt, None, h)
    z, last_z = m(x[order], dt[order], None, h[order])
    close(z, y[order])
    close(last_z, last[order])


# ---- time


def check_streaming_equals_the_sequence(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    for start in (None, h):
        y, last = m(x, dt, None, start)
        state = start
        for t in range(7):
            one, state = m.step(x[:, t], dt[:, t], state)
            assert same_bits(one, y[:, t]), t
        assert same_bits(state, last)


def check_chunks_equal_the_whole(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    y, last = m(x, dt, None, h)
    for cuts in ((3, 4), (0, 7), (1, 1, 5), (7, 0)):
        state, ys = h, []
        for chunk, gaps in zip(x.split(cuts, dim=1), dt.split(cuts, dim=1), strict=True):
            part, state = m(chunk, gaps, None, state)
            ys.append(part)
        assert same_bits(torch.cat(ys, dim=1), y)
        assert same_bits(state, last)


def check_gradients_flow_through_chunks(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    x.requires_grad_()
    m(x, dt, None, h)[0][:, -1].sum().backward()
    whole, x.grad = x.grad, None
    _, state = m(x[:, :3], dt[:, :3], None, h)
    m(x[:, 3:], dt[:, 3:], None, state)[0][:, -1].sum().backward()
    close(x.grad, whole)


def check_interleaved_streams_are_independent(model: MakeModel) -> None:
    m = model()
    streams = [data(m, batch=1, seed=seed) for seed in (5, 6)]
    alone = [m(x, dt, None, h)[0] for x, dt, h in streams]
    states = [h for _, _, h in streams]
    for t in range(7):
        for k, (x, dt, _) in enumerate(streams):
            y, states[k] = m.step(x[:, t], dt[:, t], states[k])
            assert same_bits(y, alone[k][:, t])


def check_no_look_ahead(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    y, _ = m(x, dt, None, h)
    for t in range(1, 7):
        x2, dt2, mask = x.clone(), dt.clone(), torch.ones(4, 7, dtype=torch.bool)
        x2[:, t:], dt2[:, t:] = -3.0, 0.2
        assert same_bits(m(x2, dt2, None, h)[0][:, :t], y[:, :t])
        mask[:, t:] = False
        assert same_bits(m(x, dt, mask, h)[0][:, :t], y[:, :t])


def check_input_gap_and_state_matter(model: MakeModel) -> None:
    """Against a model that is right because it does nothing."""
    m = model()
    x, dt, h = data(m, time=2)
    y, _ = m(x, dt, None, h)
    for arguments in [(x + 1, dt, None, h), (x, dt / 2, None, h), (x, dt, None, h + 0.5)]:
        z = m(*arguments)[0]
        assert (z - y).abs().amax(dim=(1, 2)).min() > 1e-6, "a row did not move"


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


def check_bad_input_is_refused(model: MakeModel) -> None:
    m = model()
    for bad in (NAN, INF, -INF, 2e30, -2e30):
        x, dt, h = data(m)
        x[2, 3, 1] = bad
        with pytest.raises(NonFiniteError, match=r"sample 2, step 3, feature 1"):
            m(x, dt, None, h)
        with pytest.raises(NonFiniteError, match=r"sample 2, step 3, feature 1"):
            m(x, dt, torch.ones(4, 7, dtype=torch.bool), h)
        if hasattr(m, "cell"):
            with pytest.raises(NonFiniteError, match=r"sample 2"):
                m.step(x[:, 3], dt[:, 3], h)


def check_bad_state_is_refused(model: MakeModel) -> None:
    m = model()
    for bad in (NAN, INF, -INF):
        x, dt, h = data(m)
        h[2, 0] = bad
        with pytest.raises(NonFiniteError, match=r"state\[2, 0\]"):
            m(x, dt, None, h)


def check_long_sequences_stay_finite(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m, batch=2, time=300)
    with torch.no_grad():
        y, last = m(x, dt, None, h)
    assert torch.isfinite(y).all()
    assert torch.isfinite(last).all()


# ---- masks


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


# ---- gradients


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


# ---- torch's transformations


def check_functional_call_uses_the_given_weights(model: MakeModel) -> None:
    m, other = model(), model()
    with torch.no_grad():
        for p in other.parameters():
            p.mul_(0.7).add_(0.05)
    x, dt, h = data(m)
    y, last = functional_call(m, dict(other.named_parameters()), (x, dt, None, h))
    z, last_z = other(x, dt, None, h)
    assert same_bits(y, z)
    assert same_bits(last, last_z)
    assert not torch.allclose(y, m(x, dt, None, h)[0])


def check_vmap_over_weights(model: MakeModel) -> None:
    models = [model() for _ in range(3)]
    with torch.no_grad():
        for k, m in enumerate(models):
            for p in m.parameters():
                p.add_(0.03 * k)
    x, dt, h = data(models[0])
    dt[1, 2] = 0.0
    weights, buffers = stack_module_state(models)
    ys, lasts = vmap(lambda w, b: functional_call(models[0], (w, b), (x, dt, None, h)))(weights, buffers)
    for k, m in enumerate(models):
        y, last = m(x, dt, None, h)
        close(ys[k], y)
        close(lasts[k], last)
    assert not torch.allclose(ys[0], ys[1])


def check_vmap_over_samples(model: MakeModel) -> None:
    """Gradients per sample, as differential privacy and meta-learning need them."""
    m = model()
    x, dt, _ = data(m)
    weights = {name: p.detach() for name, p in m.named_parameters() if p.requires_grad}

    def loss(w: dict[str, Tensor], x: Tensor, dt: Tensor) -> Tensor:
        return functional_call(m, w, (x[None], dt[None]))[0].square().sum()

    each = vmap(grad(loss), in_dims=(None, 0, 0))(weights, x, dt)
    for row in range(4):
        alone = grad(loss)(weights, x[row], dt[row])
        for name in weights:
            close(each[name][row], alone[name], 1e-5)


def check_deepcopy(model: MakeModel) -> None:
    m = model()
    other = copy.deepcopy(m)
    x, dt, h = data(m)
    expected = m(x, dt, None, h)[0]
    assert same_bits(other(x, dt, None, h)[0], expected)
    with torch.no_grad():
        for p in other.parameters():
            p.add_(1.0)
    assert same_bits(m(x, dt, None, h)[0], expected)
    assert not torch.allclose(other(x, dt, None, h)[0], expected)


def check_pickle(model: MakeModel) -> None:
    m = model()
    other = pickle.loads(pickle.dumps(m))
    x, dt, h = data(m)
    assert same_bits(other(x, dt, None, h)[0], m(x, dt, None, h)[0])


def check_load_state_dict(model: MakeModel) -> None:
    m, other = model(), model()
    x, dt, h = data(m)
    with torch.no_grad():
        for p in m.parameters():
            p.mul_(0.8)
    for assign in (False, True):
        other = model()
        other.load_state_dict(m.state_dict(), assign=assign)
        assert same_bits(other(x, dt, None, h)[0], m(x, dt, None, h)[0])
        weights = {name: 0.5 * p for name, p in other.named_parameters()}
        y = functional_call(other, weights, (x, dt, None, h))[0]
        assert not torch.allclose(y, other(x, dt, None, h)[0])


def check_meta_device(model: MakeModel) -> None:
    with torch.device("meta"):
        m = model()
    assert all(value.is_meta for value in [*m.parameters(), *m.buffers()])
    real = model()
    m.to_empty(device="cpu")
    with torch.no_grad():
        for value in [*m.parameters(), *m.buffers()]:
            value.fill_(77)  # whatever the memory held
    torch.manual_seed(0)
    for part in parts(m):
        part.cell.reset_parameters()
    torch.manual_seed(0)
    for part in parts(real):
        part.cell.reset_parameters()
    x, dt, h = data(m)
    assert same_bits(m(x, dt, None, h)[0], real(x, dt, None, h)[0])


def check_reset_is_what_the_constructor_does(cell: MakeCell) -> None:
    """Every parameter is redrawn from the same distribution: fixed values come back, drawn ones differ."""
    c = cell()
    before = snapshot(c)
    with torch.no_grad():
        for p in c.parameters():
            p.fill_(77.0)
    c.reset_parameters()
    for name, p in c.named_parameters():
        assert not (p == 77.0).any(), name
        assert p.detach().std(correction=0) <= 3 * before[name].std(correction=0) + 0.2, name


def check_state_dict_holds_the_parameters_only(model: MakeModel) -> None:
    """Masks are rebuilt from the wiring: a file that carried them could contradict it."""
    m = model()
    assert set(m.state_dict()) == {name for name, _ in m.named_parameters()}


def check_safetensors_round_trip(model: MakeModel) -> None:
    m, other = model(), model()
    with torch.no_grad():
        for p in m.parameters():
            p.mul_(0.9)
    other.load_state_dict(safetensors.torch.load(safetensors.torch.save(m.state_dict())))
    x, dt, h = data(m)
    assert same_bits(other(x, dt, None, h)[0], m(x, dt, None, h)[0])


def check_config_builds_its_like(cell: MakeCell) -> None:
    c = cell()
    config = c.config()
    text = json.dumps(config, allow_nan=False)
    other = cells.build(c.name, **json.loads(text))
    assert json.dumps(other.config()) == text
    assert type(other) is type(c)
    other.load_state_dict(c.state_dict())
    x, dt, h = data(c)
    assert same_bits(
        Recurrent(other, "reference").eval()(x, dt, None, h)[0], Recurrent(c, "reference").eval()(x, dt, None, h)[0]
    )


def check_parameters_are_plain_attributes(cell: MakeCell) -> None:
    for module in cell().modules():
        for name, p in module.named_parameters(recurse=False):
            assert getattr(module, name) is p
        assert not isinstance(module, (nn.ParameterDict, nn.ParameterList))


def check_same_seed_same_weights(cell: MakeCell) -> None:
    a, b = snapshot(cell()), snapshot(cell())
    assert all(torch.equal(a[name], b[name]) for name in a)


def check_repr_names_the_cell(cell: MakeCell) -> None:
    c = cell()
    assert type(c).__name__ in repr(c)
    assert len(repr(c)) < 2000


def check_compiles_whole(model: MakeModel) -> None:
    """In one graph, with its gradients."""
    m = model()
    x, dt, h = data(m, time=3)
    m(x, dt, None, h)[0].sum().backward()
    expected = [p.grad for p in m.parameters()]
    m.zero_grad()
    torch._dynamo.reset()
    y, _ = torch.compile(m, backend="aot_eager", fullgraph=True)(x, dt, None, h)
    close(y, m(x, dt, None, h)[0])
    y.sum().backward()
    for p, g in zip(m.parameters(), expected, strict=True):
        if g is not None:
            close(p.grad, g)


def check_exports(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m, time=3)
    exported = torch.export.export(m, (x, dt, None, h)).module()
    x, dt, h = data(m, time=3, seed=2)
    for a, b in zip(exported(x, dt, None, h), m(x, dt, None, h), strict=True):
        close(a, b)


def _backends_agree(cell: MakeCell, dtype: torch.dtype, tolerance: float) -> None:
    m = Recurrent(cell().to(dtype), "reference")
    x, dt, h = data(m, dtype=dtype)
    leaves = [
        x.requires_grad_(),
        dt.requires_grad_(),
        h.requires_grad_(),
        *(p for p in m.parameters() if p.requires_grad),
    ]

    def numbers(backend: str) -> tuple[Tensor, Tensor, list[Tensor]]:
        y, last = Recurrent(m.cell, backend)(x, dt, None, h)
        found = torch.autograd.grad(
            y.square().sum() + last.square().sum(), leaves, materialize_grads=True, allow_unused=True
        )
        return y, last, [g / g.abs().max().clamp(min=1e-6) for g in found]

    y, last, gradients = numbers("reference")
    for backend in ("auto", *ops.BACKENDS):
        if backend != "auto" and ops.why_not(backend, m.cell) is not None:
            with pytest.raises(BackendError, match=backend):
                numbers(backend)
            continue
        z, last_z, found = numbers(backend)
        close(z, y, tolerance)
        close(last_z, last, tolerance)
        for a, b in zip(found, gradients, strict=True):
            close(a, b, tolerance)


def check_backends_agree(cell: MakeCell) -> None:
    """Every backend that can run the cell gives the reference's numbers and gradients; one that can't says so."""
    _backends_agree(cell, torch.float32, 1e-5)


def check_backends_agree_in_double(cell: MakeCell) -> None:
    _backends_agree(cell, torch.float64, 1e-10)


def check_an_unknown_backend_is_refused(cell: MakeCell) -> None:
    m = Recurrent(cell(), "gpu")
    with pytest.raises(BackendError, match=r"reference"):
        m(*data(m)[:2])


# ---- number types

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def check_double_throughout(model: MakeModel) -> None:
    m = model().double()
    x, dt, h = data(m, dtype=torch.float64)
    for arguments in [(x, dt, None, h), (x, dt), (x,), (x.float(), dt.float())]:
        y, last = m(*arguments)
        assert y.dtype == last.dtype == torch.float64
    y, last = m.step(x[:, 0], dt[:, 0]) if not hasattr(m, "back") else m(x, dt)
    assert y.dtype == last.dtype == torch.float64


def check_float_agrees_with_double(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    y, last = m(x, dt, None, h)
    y64, last64 = model().double()(x.double(), dt.double(), None, h.double())
    close(y.double(), y64, 1e-5)
    close(last.double(), last64, 1e-5)


def check_double_is_more_exact_than_float(model: MakeModel) -> None:
    """A float32 constant or buffer inside would show here: one step rounded differently in two orders of the batch."""
    m = model().double()
    x, dt, h = data(m, dtype=torch.float64)
    y, _ = m(x, dt, None, h)
    z, _ = m(x.flip(0), dt.flip(0), None, h.flip(0))
    close(z.flip(0), y)
    nudged, _ = m(x + 1e-12, dt, None, h)
    assert 0 < (nudged - y).abs().max() < 1e-9


def check_table_of_number_types(model: MakeModel) -> None:
    """Each pair of parameters and input, with and without autocast: the right numbers, or DtypeError and no numbers."""
    x, dt, h = data(model())
    x, dt, h = (v.bfloat16().half().double() for v in (x, dt, h))  # numbers that every type holds
    exact, _ = model().double()(x, dt, None, h)
    for parameters in DTYPES:
        m = model().to(parameters)
        for inputs in DTYPES:
            for autocast in (False, True):
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
                    try:
                        y, last = m(x.to(inputs), dt.to(inputs), None, h.to(inputs))
                    except DtypeError:
                        assert parameters in (torch.bfloat16, torch.float16) or (parameters, inputs) == (
                            torch.float32,
                            torch.float64,
                        )
                        continue
                assert y.dtype == last.dtype == parameters
                close(y.double(), exact, 1e-5)


def check_half_parameters_are_refused(model: MakeModel) -> None:
    m = model()
    x, dt, _ = data(m)
    for dtype in (torch.bfloat16, torch.float16):
        with pytest.raises(DtypeError, match=r"all must be float32 or all float64"):
            model().to(dtype)(x, dt)


def check_mixed_parameters_are_refused(model: MakeModel) -> None:
    """One parameter narrower than the others, whichever it is."""
    for name, _ in model().named_parameters():
        for dtype in (torch.float64, torch.bfloat16):
            m = model()
            owner, _, leaf = name.rpartition(".")
            p = m.get_parameter(name)
            setattr(m.get_submodule(owner), leaf, nn.Parameter(p.detach().to(dtype), requires_grad=p.requires_grad))
            if len(list(m.parameters())) > 1:
                with pytest.raises(DtypeError):
                    m(*data(m)[:2])


def check_autocast_changes_nothing(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    expected = m(x, dt, None, h)
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", dtype=dtype):
            y, last = m(x, dt, None, h)
            y.sum().backward()
        assert same_bits(y, expected[0])
        assert same_bits(last, expected[1])


def check_wider_input_is_refused(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    for arguments in [(x.double(), dt), (x, dt.double()), (x, dt, None, h.double())]:
        with pytest.raises(DtypeError, match=r"float64, but the model is float32"):
            m(*arguments)


def check_complex_input_is_refused(model: MakeModel) -> None:
    m = model()
    x, dt, _ = data(m)
    with pytest.raises(DtypeError, match=r"real numbers"):
        m(x.to(torch.complex64), dt)


def check_whole_numbers_are_taken(model: MakeModel) -> None:
    m = model()
    x = torch.randint(-3, 4, (4, 7, m.inputs))
    dt = torch.randint(0, 2, (4, 7))
    assert same_bits(m(x, dt)[0], m(x.float(), dt.float())[0])


def check_default_dtype_is_respected(model: MakeModel) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        m = model()
        y, last = m(*data(m, dtype=torch.float64)[:2])
    finally:
        torch.set_default_dtype(torch.float32)
    assert y.dtype == last.dtype == torch.float64


# ---- what the theory promises


EXAMPLES = 250  # for each cell and variant with a bound; more than 5,000 in all

# By how many units in the last place rounding may pass the bound, where it does at all.
SLACK_ULPS = {
    "gated_ltc": 1.0,  # f A / (1/tau + f) rounds twice
    "ltc": 8.0,  # sums of g erev and of g round apart
}


def _redraw(c: Cell, g: torch.Generator, scales: list[int]) -> None:
    """Every parameter drawn within 10^scale, so that time constants reach 1e-6 and 1e6 and weights 1e3."""
    with torch.no_grad():
        for k, p in enumerate(c.parameters()):
            p.copy_(10.0 ** scales[k % len(scales)] * (2 * torch.rand(p.shape, generator=g) - 1))


def _interval(c: Cell) -> tuple[Tensor, Tensor]:
    hull = c.hull()
    if hull is None:
        pytest.skip("no bound is known for this cell")
    return hull


def _outside_hull(c: Cell, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
    """The largest distance, in units of the last place, by which a state left the interval of hull and start."""
    low, high = _interval(c)
    low, high = torch.minimum(low, h), torch.maximum(high, h)
    ulp = torch.finfo(h.dtype).eps
    worst = h.new_zeros(())
    with torch.no_grad():
        for t in range(x.shape[1]):
            h = c.step(x[:, t], dt[:, t], h)
            over = torch.maximum((h - high) / high.abs().clamp(min=1e-30), (low - h) / low.abs().clamp(min=1e-30)) / ulp
            assert not over.isnan().any(), "NaN in the state"
            worst = torch.maximum(worst, over.max())
    return worst


def check_state_stays_in_the_hull(cell: MakeCell) -> None:
    """For every input, weight, time constant and gap: hypothesis looks for one that leaves it."""
    c = cell()
    _interval(c)

    @settings(max_examples=EXAMPLES)
    @given(
        seed=st.integers(0, 10**6),
        scales=st.lists(st.integers(-3, 3), min_size=1, max_size=6),
        gap=st.floats(-30, 30),
        size=st.floats(-3, 30),
        outside=st.booleans(),
    )
    def holds(seed: int, scales: list[int], gap: float, size: float, outside: bool) -> None:
        g = torch.Generator().manual_seed(seed)
        _redraw(c, g, scales)
        x = 10.0**size * (2 * torch.rand(8, 4, c.inputs, generator=g) - 1)
        dt = 10.0 ** (gap + torch.rand(8, 4, generator=g)).clamp(max=30)
        h = 10.0 ** (6 if outside else -1) * torch.randn(8, c.state_size, generator=g)
        assert _outside_hull(c, x, dt, h) <= SLACK_ULPS.get(c.name, 0.0)

    holds()


def check_hull_holds_in_double(cell: MakeCell) -> None:
    g = torch.Generator().manual_seed(3)
    c = cell().double()
    for k in range(20):
        _redraw(c, g, [k % 7 - 3, 1, -1, 2])
        x = 10.0 ** (k % 5) * torch.randn(64, 4, c.inputs, generator=g, dtype=torch.float64)
        dt = 10.0 ** (12 * torch.rand(64, 4, generator=g, dtype=torch.float64) - 6)
        assert _outside_hull(
            c, x, dt, torch.randn(64, c.state_size, generator=g, dtype=torch.float64)
        ) <= SLACK_ULPS.get(c.name, 0.0)


def check_hull_is_an_interval(cell: MakeCell) -> None:
    c = cell()
    low, high = _interval(c)
    assert low.shape == high.shape == (c.state_size,)
    assert not low.requires_grad
    assert not high.requires_grad
    assert (low <= high).all()
    assert torch.isfinite(low).all()
    assert torch.isfinite(high).all()


TAUS = torch.logspace(-6, 6, 9)
GAPS = torch.logspace(-20, 30, 401)  # 9 x 401 = 3,609 points


def check_finite_values_and_gradients_over_tau_and_dt(cell: MakeCell) -> None:
    """Two steps, so that a gradient passes through a state; overflow in the backward pass would be NaN."""
    for tau in TAUS:
        c = cell()
        with torch.no_grad():
            for name, p in c.named_parameters():
                if name.endswith("log_tau"):
                    p.fill_(tau.log())
                elif name.endswith("tau"):
                    p.fill_(tau)
        m = Recurrent(c, "reference")
        x, _, h = data(m, batch=401, time=2)
        dt = GAPS[:, None].repeat(1, 2)
        leaves = [x.requires_grad_(), dt.requires_grad_(), h.requires_grad_()]
        y, last = m(x, dt, None, h)
        (y.sum() + last.sum()).backward()
        for tensor in [*leaves, *m.parameters()]:
            assert tensor.grad is None or torch.isfinite(tensor.grad).all(), f"tau = {tau:g}"


def check_huge_input_is_finite_or_refused(model: MakeModel) -> None:
    m = model()
    for size in (1e6, 1e12, 1e30):
        x, dt, h = data(m)
        x = x.clamp(-1, 1) * size
        try:
            y, last = m(x, dt, None, h)
        except (StateOverflowError, NonFiniteError):
            continue
        assert torch.isfinite(y).all()
        assert torch.isfinite(last).all()


def check_time_constants_are_positive(cell: MakeCell) -> None:
    c = cell()
    tau = c.time_constants()
    if tau is None:
        pytest.skip("this cell has no time constant")
    assert tau.ndim == 1
    assert not tau.requires_grad
    assert ((tau > 0) & torch.isfinite(tau)).all()


def check_sizes_are_checked(cell: MakeCell) -> None:
    c = cell()
    for inputs, units in ((0, 5), (-1, 5), (3, 0), (2.5, 5), ("3", 5), (3, None)):
        with pytest.raises(TauflowError):
            cells.build(c.name, inputs, units)


def check_unknown_options_are_refused(cell: MakeCell) -> None:
    with pytest.raises(TauflowError, match=r"colour"):
        cells.build(cell().name, 3, 5, colour="red")


# ---- wirings


def _dependence(cell: MakeCell) -> tuple[Tensor, Tensor]:
    """Which input can reach which output (inputs, outputs): by the wiring, and in the Jacobian of the network."""
    c = cell().double()
    wiring = getattr(c, "wiring", None)
    if wiring is None:
        pytest.skip("this cell has no wiring")
    m = Recurrent(c, "reference").eval()
    reachable = torch.from_numpy(wiring.reachable())[: wiring.inputs, : c.outputs]
    seen = torch.zeros(wiring.inputs, c.outputs, dtype=torch.float64)
    for seed in range(3):
        x, dt, h = data(m, batch=4, time=wiring.units + 2, dtype=torch.float64, seed=seed)
        x.requires_grad_()
        y, _ = m(x, dt, None, h)
        for k in range(c.outputs):
            (g,) = torch.autograd.grad(y[:, -1, k].sum(), x, retain_graph=True)
            seen[:, k] += g.abs().sum(dim=(0, 1))
    return reachable, seen


def check_no_path_no_influence(cell: MakeCell) -> None:
    reachable, seen = _dependence(cell)
    assert torch.equal(seen[~reachable], torch.zeros_like(seen[~reachable]))


def check_a_path_is_used(cell: MakeCell) -> None:
    reachable, seen = _dependence(cell)
    assert (seen[reachable] > 0).all()


# ---- finding the checks


def checks(of: str) -> Iterator[tuple[str, Callable[..., None]]]:
    """The checks of "model" or "cell": functions here called check_..., whose first parameter has that name."""
    for name, function in vars(sys.modules[__name__]).items():
        if name.startswith("check_") and next(iter(inspect.signature(function).parameters)) == of:
            yield name.removeprefix("check_"), function
