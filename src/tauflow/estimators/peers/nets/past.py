"""The targets' past as the plain sequence that networks without a clock read: holes carried forward, rows side by side."""

from __future__ import annotations

import torch
from torch import Tensor

from ....windows.encoder import Encoder


def past(x: Tensor, encoder: Encoder) -> Tensor:
    """(B, targets, context): scaled targets of x (B, context, inputs); a missing one is the last before it, or the first after it."""
    targets, flags = len(encoder.schema.targets), _flags(encoder)
    y, known = x[:, :, :targets], x[:, :, flags : flags + targets] > 0
    place = torch.arange(x.shape[1], device=x.device)[None, :, None].expand_as(known)
    last = torch.where(known, place, -1).cummax(dim=1).values
    first = torch.where(known, place, x.shape[1] - 1).amin(dim=1, keepdim=True)
    filled = y.gather(1, torch.where(last < 0, first.expand_as(last), last))
    return filled.transpose(1, 2)


def _flags(encoder: Encoder) -> int:
    """Where the flags "known" of the targets stand in a row: behind all values."""
    schema = encoder.schema
    values = sum(len(encoder.shown.get(name, (0,))) for name in (*schema.past, *schema.future))
    return len(schema.targets) + values
