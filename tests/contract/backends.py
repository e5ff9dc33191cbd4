"""Ways to run a cell: each backend, compiled, exported; the same numbers and gradients, or a word why not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tauflow import ops
from tauflow.errors import BackendError
from tauflow.sequence import Recurrent
from tests.contract.common import MakeCell, MakeModel, close, data


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
