"""What the theory promises: states within their hull, finite numbers over every time constant and gap."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tauflow.cells import Cell
from tauflow.sequence import Recurrent
from tests.contract.common import MakeCell, data

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


def check_time_constants_are_positive(cell: MakeCell) -> None:
    c = cell()
    tau = c.time_constants()
    if tau is None:
        pytest.skip("this cell has no time constant")
    assert tau.ndim == 1
    assert not tau.requires_grad
    assert ((tau > 0) & torch.isfinite(tau)).all()
