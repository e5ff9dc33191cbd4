"""Numbers that are none, and numbers that are huge: refused by place, or finite to the end."""

from __future__ import annotations

import pytest
import torch

from tauflow.errors import NonFiniteError, StateOverflowError
from tests.contract.common import INF, NAN, MakeModel, data


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
