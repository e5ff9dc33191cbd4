"""The contract of every cell and every sequence model: one function, one promise.

`check_...(model)` takes a function that makes a sequence model (Recurrent, Stack, Bidirectional, each on the reference
backend), `check_...(cell)` one that makes a cell; each call makes the same weights. test_cells.py finds the checks by
their prefix and runs them over the registry, so that a new cell's file is checked without another edit.

    x (batch, time, inputs)    dt (batch, time)    y (batch, time, outputs)    h (batch, state)
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator

from tests.contract.bounds import EXAMPLES, SLACK_ULPS

__all__ = ["EXAMPLES", "SLACK_ULPS", "checks"]


def checks(of: str) -> Iterator[tuple[str, Callable[..., None]]]:
    """The checks of "model" or "cell": functions of this folder called check_..., whose first parameter has that name."""
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
        for name, function in vars(importlib.import_module(f"{__name__}.{module}")).items():
            if name.startswith("check_") and next(iter(inspect.signature(function).parameters)) == of:
                yield name.removeprefix("check_"), function
