"""Corners of the kernels that a comparison on ordinary numbers passes by: signs of a parameter, and the longest step of each Euler."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tauflow import wirings
from tauflow.cells import CTRNN, GRUODE, LTC, Cell, CfC, GatedLTC, NcpsWiredCfC
from tauflow.errors import StepSizeError
from tauflow.ops import cpu, reference
from tauflow.sequence import Recurrent, Stack
from tests.test_kernels import each_isa


@pytest.mark.parametrize("make", [lambda: CfC(2, 6, "pure", backbone_units=4),
                                  lambda: CfC(2, 6, "pure", backbone_layers=0),
                                  lambda: NcpsWiredCfC(2, wirings.auto_ncp(2, 9, 2), "pure")])  # fmt: skip
def test_the_gradient_of_w_tau_on_both_sides_of_zero_and_at_it(make: Callable[[], Cell]) -> None:
    """The rate is |w_tau| + |f|: the slope is -1 below zero, 1 above, and 0 at it, as torch has it."""
    torch.manual_seed(0)
    cell = make().double()
    x, dt = torch.randn(3, 4, 2).double(), torch.rand(3, 4).double()
    w_tau = [parameter for name, parameter in cell.named_parameters() if name.endswith("w_tau")]
    with torch.no_grad():
        for parameter in w_tau:
            parameter.copy_(torch.tensor([-0.7, 0.0, 0.4, -0.0, -1e-3, 2.0])[: parameter.numel()].expand_as(parameter))
    h = cell.initial_state(3)
    truth = torch.autograd.grad(reference.run(cell, x, dt, None, h)[0].sum(), w_tau)
    assert any((gradient[parameter < 0].abs() > 1e-3).any() for gradient, parameter in zip(truth, w_tau, strict=True))
    for _ in each_isa():
        for got, expected in zip(
            torch.autograd.grad(cpu.run(cell, x, dt, None, h)[0].sum(), w_tau), truth, strict=True
        ):
            torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-14)


EULER: dict[str, Callable[[], Cell]] = {
    "ctrnn": lambda: CTRNN(2, 5, tau=(2.0, 30.0), solver="euler"),
    "gated_ltc": lambda: GatedLTC(2, 5, tau=(2.0, 30.0), solver="euler", substeps=2),
    "gruode": lambda: GRUODE(2, 5, solver="euler"),
    "ltc": lambda: LTC(2, 5, solver="euler", substeps=3),
    "ltc sparse": lambda: LTC(2, wirings.auto_ncp(2, 10, 2), solver="euler"),
}


@pytest.mark.parametrize("name", EULER)
def test_euler_refuses_long_steps_where_the_reference_does(name: str) -> None:
    """Just below the limit of one time constant both run, just above it neither, wherever in the batch and in time the gap is."""
    torch.manual_seed(0)
    cell = EULER[name]().double()
    x = torch.randn(1, 4, 2).double().expand(20, 4, 2).contiguous()
    h = cell.initial_state(20)

    def refused(run: Callable[..., object], gap: float, row: int, step: int) -> bool:
        dt = torch.full((20, 4), 1e-3).double()
        dt[row, step] = gap
        try:
            run(cell, x, dt, None, h)
        except StepSizeError:
            return True
        return False

    for row, step in ((0, 0), (7, 3), (17, 1), (19, 3)):
        low, high = 1e-3, 1e3
        for _ in range(40):
            middle = (low * high) ** 0.5
            low, high = (low, middle) if refused(reference.run, middle, row, step) else (middle, high)
        assert refused(reference.run, high, row, step)
        for _ in each_isa():
            assert not refused(cpu.run, low * (1 - 1e-9), row, step)
            assert refused(cpu.run, high * (1 + 1e-9), row, step)
            assert refused(cpu.run, 50.0 * high, row, step)


@pytest.mark.parametrize("name", EULER)
def test_a_stream_refuses_them_too_in_each_layer_of_a_chain(name: str) -> None:
    torch.manual_seed(0)
    for net in (Recurrent(EULER[name]()), Stack(CTRNN(2, 2), EULER[name](), CTRNN(EULER[name]().outputs, 3))):
        stream = net.stream("cpu")
        stream([0.5, -0.5], 1e-3)
        before = stream.state
        with pytest.raises(StepSizeError, match="time constants"):
            stream([0.5, -0.5], 1e4)
        assert (stream.state == before).all()
