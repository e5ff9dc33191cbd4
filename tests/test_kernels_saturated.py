"""Gradients of saturated networks on the kernels: each entry near its own true value, zero where that is zero.

Inputs of unscaled data, 1e2 to 1e6, and gaps up to 1e30 multiply whatever rounding leaves of a slope. A test that compares with the
largest entry of a gradient does not see it; an optimiser such as Adam, which scales each entry by its own size, does.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tauflow import wirings
from tauflow.cells import CTRNN, GRUODE, LTC, Cell, CfC, GatedLTC, NcpsWiredCfC, WiredCfC
from tauflow.ops import cpu, reference
from tests.test_kernels import each_isa

BOUNDED = ("tanh", "sigmoid", "lecun_tanh")
CELLS: dict[str, Callable[[], Cell]] = {
    **{f"ctrnn {name}": lambda name=name: CTRNN(1, 5, name, substeps=2) for name in BOUNDED},
    "ctrnn semi_implicit": lambda: CTRNN(1, 5, "lecun_tanh", solver="semi_implicit"),
    "ctrnn euler": lambda: CTRNN(1, 5, "lecun_tanh", tau=(3.0, 9.0), solver="euler"),
    "gated_ltc": lambda: GatedLTC(1, 5),
    "gated_ltc semi_implicit": lambda: GatedLTC(1, 5, solver="semi_implicit"),
    **{f"cfc {name}": lambda name=name: CfC(1, 5, backbone_units=6, activation=name) for name in BOUNDED},
    "cfc two layers": lambda: CfC(1, 5, "no_gate", backbone_units=6, backbone_layers=2),
    "cfc no backbone": lambda: CfC(1, 5, backbone_layers=0),
    "cfc pure": lambda: CfC(1, 5, "pure", backbone_units=6),
    "cfc pure, no backbone": lambda: CfC(1, 5, "pure", backbone_layers=0),
    "wired_cfc": lambda: WiredCfC(1, wirings.auto_ncp(1, 10, 3)),
    "ncps wired_cfc pure": lambda: NcpsWiredCfC(1, wirings.auto_ncp(1, 10, 3), "pure"),
    "gruode": lambda: GRUODE(1, 5),
    "ltc": lambda: LTC(1, 5),
    "ltc semi_implicit": lambda: LTC(1, 5, solver="semi_implicit", substeps=3),
    "ltc sparse": lambda: LTC(1, wirings.auto_ncp(1, 10, 3)),
}
SIZES = (1e2, 1e4, 1e6)
ZERO = 1e-11  # where a slope is no more than rounding in float64 too


def build(name: str) -> Cell:
    """Weights of the input so large that 1e2 saturates whatever hears it; a neuron without any stays alive."""
    torch.manual_seed(0)
    cell = CELLS[name]()
    with torch.no_grad():
        for path, parameter in cell.named_parameters():
            if path.endswith("w_tau"):
                parameter[..., ::2].neg_()
            if path in ("U", "backbone.0.weight", "layers.0.backbone.0.weight"):
                parameter[:, :1].sign_().mul_(0.5 + torch.rand(parameter[:, :1].shape))
                parameter[::4, :1].zero_()
    return cell


def samples(cell: Cell, size: float, gap: float) -> list[Tensor]:
    """x of about that size and of both signs, dt, h; the numbers of float32."""
    rng = torch.Generator().manual_seed(0)
    sign = torch.randint(0, 2, (6, 3, cell.inputs), generator=rng) * 2 - 1
    x = size * sign * (1 + torch.rand(6, 3, cell.inputs, generator=rng))
    dt = gap * (1 + torch.rand(6, 3, generator=rng))
    return [x, dt, torch.randn(6, cell.state_size, generator=rng)]


def gradients(run: Callable[..., tuple[Tensor, Tensor]], cell: Cell, tensors: list[Tensor]) -> dict[str, Tensor]:
    x, dt, h = (tensor.clone().to(next(cell.parameters()).dtype).requires_grad_() for tensor in tensors)
    y, _ = run(cell, x, dt, None, h)
    named = {"x": x, "dt": dt, "h": h, **dict(cell.named_parameters())}
    found = torch.autograd.grad(y.sum(), list(named.values()))
    return dict(zip(named, (part.double() for part in found), strict=True))


def check(name: str, size: float, gap: float, dtype: torch.dtype) -> None:
    """Zero where the truth is; else within a tenth of it, or three times as far off as plain torch is in the same numbers."""
    tensors = samples(build(name), size, gap)
    truth = gradients(reference.run, build(name).double(), tensors)
    plain = gradients(reference.run, build(name).to(dtype), tensors)
    for isa in each_isa():
        for key, got in gradients(cpu.run, build(name).to(dtype), tensors).items():
            allowed = torch.maximum(0.1 * truth[key].abs(), 3 * (plain[key] - truth[key]).abs())
            off = torch.where(truth[key].abs() < ZERO, got.abs() > ZERO, (got - truth[key]).abs() > allowed)
            worst = (part[off][:4].tolist() for part in (got, truth[key], plain[key]))
            assert not off.any(), (key, isa, *worst)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", CELLS)
def test_large_inputs(name: str, dtype: torch.dtype) -> None:
    for size in SIZES:
        check(name, size, 1.0, dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", [name for name in CELLS if "euler" not in name])
def test_endless_gaps(name: str, dtype: torch.dtype) -> None:
    for gap in (1e6, 1e26, 1e30):
        for size in (1.0, 1e4):
            check(name, size, gap, dtype)
