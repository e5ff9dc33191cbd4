"""The rules that every forecast is compared with: the last value, and the value one season ago. What is linear stands in `linear/`.

Each sees what the networks see (a batch of `Windows`) and answers in scaled units.

    Persistence     f(t) = the last known value
    SeasonalNaive   f(t) = the value one lag before t; the lag with the smallest error on the training part
"""

from __future__ import annotations

from ..data.series import Array
from ..windows.encoder import Encoder
from .network import anchor_columns


class Persistence:
    """The last known value, for ever."""

    def __init__(self, encoder: Encoder) -> None:
        last = len(encoder.lags)
        self.columns = [
            column - base + last for column, base in zip(anchor_columns(encoder), encoder.base, strict=True)
        ]

    def predict(self, batch: dict[str, Array]) -> Array:
        """(B, h, targets)."""
        return batch["query"][:, :, self.columns]


class SeasonalNaive(Persistence):
    """The value one season ago; the last value where the data shows no season."""

    def __init__(self, encoder: Encoder) -> None:
        self.columns = anchor_columns(encoder)
