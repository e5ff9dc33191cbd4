"""Numbers that a constructor would not have made, and that a network divides by or squeezes between.

A file may say that a column is 0 wide or that a period is negative; every answer would then be NaN, or turned round.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..errors import TauflowError
from ..network import Actions, Classes, Network, Ranks, Scale, Waves

POSITIVE: tuple[tuple[type[nn.Module], str], ...] = ((Network, "period"), (Scale, "width"), (Waves, "periods"))


def check_sound(model: nn.Module) -> None:
    """TauflowError names what stands in a network and can't be right."""
    for path, module in model.named_modules():
        for kind, name in POSITIVE:
            if isinstance(module, kind):
                _refuse(getattr(module, name) <= 0, f"{path}.{name}".lstrip("."), "numbers > 0")
        if isinstance(module, Actions):
            _refuse(module.low >= module.high, f"{path}.low", "numbers below those of high")
        if isinstance(module, Ranks):
            falls = ~(module.knots[:, 1:] >= module.knots[:, :-1])
            _refuse(falls, f"{path}.knots".lstrip("."), "quantiles, each at least the one before")
        if isinstance(module, Classes):
            _refuse(module.weights < 0, f"{path}.weights", "numbers >= 0")


def _refuse(wrong: Tensor, name: str, expected: str) -> None:
    if bool(wrong.any()):
        raise TauflowError(f"{name} at {wrong.nonzero()[0].tolist()} can't be right, expected {expected}")
