"""What is served: networks as sessions and windows, forecasters as tables. START with session.py."""

from __future__ import annotations

import os
from typing import Any

from ... import files, models
from ...estimators import Forecaster
from ..errors import ServeError
from .forecaster import ServedForecaster
from .network import Served

__all__ = ["Served", "ServedForecaster", "read_model", "served"]

READERS = {"model": models.load, "forecaster": Forecaster.load}


def read_model(path: str | os.PathLike[str]) -> Any:
    """The model in a file, whatever kind it is of; ServeError names a kind that can't be served."""
    kind = files.read(path).kind
    if kind not in READERS:
        raise ServeError(
            f"{os.fspath(path)} holds a {kind}, which can't be served, expected a {' or a '.join(READERS)}"
        )
    return READERS[kind](path)


def served(model: Any, name: str = "model") -> Served | ServedForecaster:
    """The model, ready to be asked; ServeError says why not."""
    return ServedForecaster(model, name) if isinstance(model, Forecaster) else Served(model, name)
