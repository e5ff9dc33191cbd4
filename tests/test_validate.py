"""What a caller may hand over, and how a refusal reads: what came, what was expected, what to try."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tauflow import validate
from tauflow.errors import DtypeError, NonFiniteError, ShapeError, TimeError

X = torch.zeros(2, 3, 4)


def test_a_batch_axis_is_suggested() -> None:
    with pytest.raises(
        ShapeError, match=r"x has shape \(3, 4\), expected \(batch, time, inputs\): add a batch axis with x\[None\]"
    ):
        validate.as_input(X[0], 4, torch.float32, None)
    with pytest.raises(ShapeError, match=r"x has 4 features, but the cell was built for 5"):
        validate.as_input(X, 5, torch.float32, None)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.bool, torch.bfloat16, torch.float16, torch.float32])
def test_narrow_numbers_are_widened(dtype: torch.dtype) -> None:
    for model in (torch.float32, torch.float64):
        assert validate.as_input(X.to(dtype), 4, model)[0].dtype == model


def test_wide_numbers_are_not_narrowed() -> None:
    with pytest.raises(
        DtypeError, match=r"x is float64, but the model is float32: call model\.double\(\), or pass x\.float\(\)"
    ):
        validate.as_input(X.double(), 4, torch.float32, None)
    with pytest.raises(DtypeError, match=r"dt is float64"):
        validate.as_gaps(torch.ones(2, 3).double(), X, None)


@pytest.mark.parametrize(("dtype", "largest"), validate.LARGEST.items())
def test_the_largest_input(dtype: torch.dtype, largest: float) -> None:
    x = torch.full((1, 1, 1), largest, dtype=dtype)
    assert torch.equal(validate.as_input(-x, 1, dtype)[0], -x)
    with pytest.raises(
        NonFiniteError, match=r"sample 0, step 0, feature 0.*mask the step .*, fill the value, or scale"
    ):
        validate.as_input(-x * 1.1, 1, dtype, None)


def test_the_first_bad_value_is_named() -> None:
    x = X.clone()
    x[1, 2, 3], x[1, 0, 0] = float("inf"), float("nan")
    with pytest.raises(NonFiniteError, match=r"x\[1, 0, 0\] is nan \(sample 1, step 0, feature 0\)"):
        validate.as_input(x, 4, torch.float32, None)
    mask = torch.ones(2, 3, dtype=torch.bool)
    mask[1, 0] = False
    with pytest.raises(NonFiniteError, match=r"x\[1, 2, 3\] is inf"):
        validate.as_input(x, 4, torch.float32, mask)
    mask[1, 2] = False
    assert torch.equal(validate.as_input(x, 4, torch.float32, mask)[0], X)


def test_gaps_from_anything() -> None:
    expected = torch.tensor([[0.5, 1.0, 2.0]]).expand(2, 3)
    values = [0.5, 1.0, 2.0]
    for dt in (
        values,
        np.array(values),
        np.array(values, dtype=np.float32),
        torch.tensor(values),
        expected,
        expected[:, :, None],
    ):
        assert torch.equal(validate.as_gaps(dt, X, None), expected)
    for one in (None, 1, 1.0, np.float64(1.0), torch.tensor(1)):
        assert torch.equal(validate.as_gaps(one, X, None), torch.ones(2, 3))
    assert torch.equal(validate.as_gaps([[1, 2, 3], [4, 5, 6]], X, None), torch.tensor([[1.0, 2, 3], [4, 5, 6]]))


@pytest.mark.parametrize("shape", [(2,), (4,), (3, 2), (2, 3, 4), (1, 3), (2, 1), (1, 2, 3), (2, 3, 1, 1)])
def test_gaps_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ShapeError, match=r"dt has shape .*expected \(batch, time\) = \(2, 3\), or \(3,\) for all samples"
    ):
        validate.as_gaps(torch.ones(shape), X, None)


def test_bad_gaps_are_named() -> None:
    dt = torch.ones(2, 3)
    dt[1, 2], dt[1, 1] = -0.5, float("nan")
    with pytest.raises(
        TimeError, match=r"dt\[1, 1\] is nan \(sample 1, step 1\).*sort the samples by time, or mask the step"
    ):
        validate.as_gaps(dt, X, None)
    mask = torch.ones(2, 3, dtype=torch.bool)
    mask[1, 1] = False
    with pytest.raises(TimeError, match=r"dt\[1, 2\] is -0\.5"):
        validate.as_gaps(dt, X, mask)
    with pytest.raises(TimeError, match=r"is inf"):
        validate.as_gaps(1e300, X, None)  # beyond float32


def test_masked_gaps_are_zero() -> None:
    """Zero is the one gap that every solver takes: a one in its place could be past an explicit solver's limit."""
    mask = torch.tensor([[True, False, True], [False, False, False]])
    dt = torch.where(mask, 0.25, float("nan"))
    assert torch.equal(validate.as_gaps(dt, X, mask), 0.25 * mask)


def test_masks() -> None:
    mask = torch.ones(2, 3, dtype=torch.bool)
    assert validate.as_mask(None, 2, 3) is None
    assert validate.as_mask(mask, 2, 3) is mask
    with pytest.raises(DtypeError, match=r"mask is torch\.float32, expected torch\.bool with True for real samples"):
        validate.as_mask(mask.float(), 2, 3)
    with pytest.raises(ShapeError, match=r"mask has shape \(2, 3\), expected \(batch, time\) = \(3, 2\)"):
        validate.as_mask(mask, 3, 2)


def test_states() -> None:
    initial = torch.zeros(2, 5)
    assert validate.as_state(None, initial) is initial
    assert validate.as_state(torch.ones(2, 5).half(), initial).dtype == torch.float32
    with pytest.raises(ShapeError, match=r"state has shape \(1, 2, 5\), expected \(batch, state\) = \(2, 5\)"):
        validate.as_state(torch.ones(1, 2, 5), initial)
    with pytest.raises(DtypeError, match=r"state is float64"):
        validate.as_state(torch.ones(2, 5).double(), initial)
    bad = initial.clone()
    bad[1, 4] = float("-inf")
    with pytest.raises(NonFiniteError, match=r"state\[1, 4\] is -inf"):
        validate.as_state(bad, initial)


def test_parameters_have_one_wide_number_type() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    assert validate.parameter_dtype(model) == torch.float32
    assert validate.parameter_dtype(model.double()) == torch.float64
    assert validate.parameter_dtype(nn.Tanh()) == torch.get_default_dtype()
    model[1].float()
    with pytest.raises(DtypeError, match=r"torch\.float32, torch\.float64, but all must be"):
        validate.parameter_dtype(model)
    with pytest.raises(DtypeError, match=r"torch\.bfloat16.*model\.float\(\)"):
        validate.parameter_dtype(model.bfloat16())
    model[0].float()
    with pytest.raises(DtypeError, match=r"torch\.bfloat16"):  # the narrow one comes last
        validate.parameter_dtype(model)


def test_a_value_that_can_not_be_looked_at_is_not_true() -> None:
    assert validate.is_true(torch.tensor(True))
    assert not validate.is_true(torch.tensor(False))
    assert not validate.is_true(torch.ones((), dtype=torch.bool, device="meta"))
    seen = []
    torch.func.vmap(lambda v: (seen.append(validate.is_true(v > 0)), v)[1])(torch.ones(3))
    assert seen == [False]
