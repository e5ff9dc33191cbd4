"""A wiring is the network: an input reaches an output where there is a path, and nowhere else."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tauflow.sequence import Recurrent
from tests.contract.common import MakeCell, data


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
