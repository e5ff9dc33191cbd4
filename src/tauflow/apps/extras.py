"""What stands beside the networks of applications, from an extra."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import MissingExtraError


def sklearn(*names: str) -> list[Any]:
    """Modules of scikit-learn: sklearn("ensemble", "pipeline")."""
    try:
        return [import_module(f"sklearn.{name}") for name in names]
    except ImportError:
        raise MissingExtraError('what stands beside needs scikit-learn: pip install "tauflow[sklearn]"') from None
