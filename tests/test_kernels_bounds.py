"""What the cells promise for every weight, input and gap holds on the kernels, which `auto` runs: the hull, and every dt."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tauflow import wirings
from tauflow.cells import CTRNN, GRUODE, LTC, Cell, CfC, GatedLTC, NcpsWiredCfC, WiredCfC
from tauflow.errors import TimeError
from tauflow.ops import cpu
from tauflow.sequence import Recurrent
from tests.test_kernels import each_isa

# Each with how many units in the last place its rounding may pass the hull, as on the reference.
BOUNDED: dict[str, tuple[Callable[[], Cell], float]] = {
    "ctrnn": (lambda: CTRNN(3, 5), 0.0),
    "ctrnn sigmoid": (lambda: CTRNN(3, 5, "sigmoid"), 0.0),
    "ctrnn lecun_tanh": (lambda: CTRNN(3, 5, "lecun_tanh"), 0.0),
    "ctrnn lecun_tanh semi_implicit": (lambda: CTRNN(3, 5, "lecun_tanh", solver="semi_implicit", substeps=2), 0.0),
    "cfc": (lambda: CfC(3, 5, backbone_units=6), 0.0),
    "cfc no_gate": (lambda: CfC(3, 5, "no_gate", backbone_units=6), 0.0),
    "gruode": (lambda: GRUODE(3, 5), 0.0),
    "gated_ltc": (lambda: GatedLTC(3, 5), 1.0),
    "gated_ltc relu": (lambda: GatedLTC(3, 5, activation="relu"), 1.0),
    "ltc": (lambda: LTC(3, 5), 8.0),
}
OTHERS: dict[str, Callable[[], Cell]] = {
    "cfc pure": lambda: CfC(3, 5, "pure", backbone_units=6),
    "wired_cfc": lambda: WiredCfC(3, wirings.auto_ncp(3, 12, 2)),
    "ncps wired_cfc": lambda: NcpsWiredCfC(3, wirings.auto_ncp(3, 12, 2)),
    "ltc sparse": lambda: LTC(3, wirings.auto_ncp(3, 12, 2), solver="semi_implicit"),
}
ALL = {**{name: make for name, (make, _) in BOUNDED.items()}, **OTHERS}


def redraw(cell: Cell, rng: torch.Generator, scales: list[int]) -> None:
    """Every parameter within 10^scale: time constants reach 1e-6 and 1e6, weights 1e3."""
    with torch.no_grad():
        for k, parameter in enumerate(cell.parameters()):
            size = 10.0 ** scales[k % len(scales)]
            parameter.copy_(size * (2 * torch.rand(parameter.shape, generator=rng, dtype=parameter.dtype) - 1))


def outside(cell: Cell, x: Tensor, dt: Tensor, h: Tensor) -> float:
    """By how many units in the last place a state left the interval of hull and start."""
    low, high = cell.hull() or (None, None)
    low, high = torch.minimum(low, h), torch.maximum(high, h)
    worst = 0.0
    with torch.no_grad():
        for t in range(x.shape[1]):
            _, h = cpu.run(cell, x[:, t : t + 1], dt[:, t : t + 1], None, h)
            over = torch.maximum((h - high) / high.abs().clamp(min=1e-30), (low - h) / low.abs().clamp(min=1e-30))
            assert not over.isnan().any()
            worst = max(worst, float(over.max()) / torch.finfo(h.dtype).eps)
    return worst


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", BOUNDED)
def test_the_state_stays_in_the_hull(name: str, dtype: torch.dtype) -> None:
    make, slack = BOUNDED[name]
    cell = make().to(dtype)

    @settings(max_examples=60)
    @given(
        seed=st.integers(0, 10**6),
        scales=st.lists(st.integers(-3, 3), min_size=1, max_size=6),
        gap=st.floats(-30, 30),
        size=st.floats(-3, 30),
        far=st.booleans(),
    )
    def holds(seed: int, scales: list[int], gap: float, size: float, far: bool) -> None:
        rng = torch.Generator().manual_seed(seed)
        redraw(cell, rng, scales)
        x = (10.0**size * (2 * torch.rand(8, 4, 3, generator=rng) - 1)).to(dtype)
        dt = (10.0 ** (gap + torch.rand(8, 4, generator=rng)).clamp(max=30)).to(dtype)
        h = (10.0 ** (6 if far else -1) * torch.randn(8, cell.state_size, generator=rng)).to(dtype)
        for isa in each_isa():
            assert outside(cell, x, dt, h) <= slack, isa

    holds()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_no_time_constant_pushes_a_saturated_neuron_out_of_its_hull(dtype: torch.dtype) -> None:
    """lecun_tanh's limit is no power of two: times a rounded 1/rate it passed limit/rate for half of all time constants."""
    cell = CTRNN(1, 2000, "lecun_tanh").to(dtype)
    with torch.no_grad():
        cell.log_tau.copy_(torch.linspace(-13.8, 13.8, 2000, dtype=dtype))
        cell.W.zero_()
        cell.U.fill_(1e3)
    low, high = cell.hull() or (None, None)
    x, dt, h = torch.tensor([[[1.0]], [[-1.0]]]), torch.full((2, 1), 1e30), torch.zeros(2, 2000)
    stream = Recurrent(cell).stream()
    for _ in each_isa():
        with torch.no_grad():
            y = cpu.run(cell, x.to(dtype), dt.to(dtype), None, h.to(dtype))[0][:, 0]
        assert (y >= low).all() and (y <= high).all()
        assert float((y[0] / high).min()) > 1 - 4 * torch.finfo(dtype).eps
        stream.reset()
        assert torch.equal(torch.from_numpy(stream([1.0], 1e30)), y[0])


@pytest.mark.parametrize("name", ALL)
def test_the_domain_of_dt(name: str) -> None:
    """Twelve gaps: good ones give finite states and gradients, bad ones are refused, zero is the identity of a flow."""
    torch.manual_seed(0)
    cell = ALL[name]()
    net = Recurrent(cell, backend="cpu")
    x, h = torch.randn(2, 3, cell.inputs), torch.randn(2, cell.state_size)
    for _ in each_isa():
        for good in (0.0, 1e-38, 1e-6, 1.0, 1e3, 1e6, 1e30):
            dt = torch.full((2, 3), good, requires_grad=True)
            y, last = net(x, dt, state=h)
            gradients = torch.autograd.grad(y.sum() + last.sum(), [dt, *net.parameters()], allow_unused=True)
            assert all(part.isfinite().all() for part in (y, last, *gradients) if part is not None), good
            if good == 0:
                assert torch.equal(last, h)
        for bad in (-1e-38, -1.0, nan, inf, -inf):
            dt = torch.ones(2, 3)
            dt[1, 2] = bad
            with pytest.raises(TimeError):
                net(x, dt, state=h)
            with pytest.raises(TimeError):
                net.stream()([1.0] * cell.inputs, bad)
