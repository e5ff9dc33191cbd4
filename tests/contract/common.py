"""What the checks share: data to run a model on, comparisons to the bit and within rounding, copies of a model's numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from tauflow.cells import Cell
from tauflow.sequence import Recurrent

MakeModel = Callable[[], Any]
MakeCell = Callable[[], Cell]
NAN, INF = float("nan"), float("inf")
CLOSE = {torch.float32: 1e-6, torch.float64: 1e-12}
BITS = {torch.float32: torch.int32, torch.float64: torch.int64}


def data(
    model: Any, batch: int = 4, time: int = 7, dtype: torch.dtype = torch.float32, seed: int = 1
) -> tuple[Tensor, Tensor, Tensor]:
    """x, dt in [0.1, 1.6] and a state to start from; a model of which not every state can be reached says one itself."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, time, model.inputs, generator=g, dtype=torch.float64)
    dt = 0.1 + 1.5 * torch.rand(batch, time, generator=g, dtype=torch.float64)
    h = 0.3 * torch.randn(batch, model.state_size, generator=g, dtype=torch.float64)
    if hasattr(model, "reached"):
        h = model.reached(batch, g)
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
