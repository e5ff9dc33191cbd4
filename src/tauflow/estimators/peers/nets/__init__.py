"""Networks without recurrence, one idea a file; each is made as `made(encoder, context, units)`."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ....windows.encoder import Encoder
from .linear import DLinear, NLinear
from .nhits import NHits
from .tcn import tcn
from .transformer import transformer

MADE: dict[str, Callable[[Encoder, int, int], nn.Module]] = {
    "nlinear": NLinear,
    "dlinear": DLinear,
    "nhits": NHits,
    "tcn": tcn,
    "transformer": transformer,
}
