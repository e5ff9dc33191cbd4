"""What `fit` may be asked for, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from ..errors import TauflowError


class SettingsError(TauflowError, ValueError):
    """A setting of the training that does not exist or does not fit the others.

    >>> source = tauflow.training.ArraySource(torch.ones(4, 5, 1), torch.ones(4, 5, 1))
    >>> tauflow.fit(tauflow.Network(1, 1), source, optimizer="newton")
    Traceback (most recent call last):
        ...
    tauflow.training.settings.SettingsError: no optimiser is called 'newton'; there are adam, adamw, sgd, or pass torch's own
    """


def check_counts(**counts: int | None) -> None:
    """Whole numbers >= 1, or None."""
    for name, count in counts.items():
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise SettingsError(f"{name} is {count!r}, expected a whole number >= 1")


def check_positive(**values: float | None) -> None:
    """Numbers > 0, or None."""
    for name, value in values.items():
        if value is not None and not 0 < value < inf:
            raise SettingsError(f"{name} is {value!r}, expected a number > 0, or None")


def check_seed(seed: int) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise SettingsError(f"seed is {seed!r}, expected a whole number >= 0")


def check_sources(**sources: object) -> None:
    """Sources with at least one batch, or None."""
    for name, source in sources.items():
        if source is None:
            continue
        if not (hasattr(source, "batches") and hasattr(source, "__len__")):
            raise SettingsError(
                f"{name} is a {type(source).__name__}, expected a source with len() and batches(epoch): "
                "try ArraySource(x, y)"
            )
        if len(source) < 1:
            raise SettingsError(f"{name} has no batch: it needs at least one sample")


def name_of(objective: Callable[..., Any]) -> str:
    """What an objective is called, the same in every process: no address in memory."""
    name = str(getattr(objective, "__qualname__", objective))
    return type(objective).__qualname__ if " at 0x" in name else name
