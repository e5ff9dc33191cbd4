"""The same conditions for every test, in whatever order they run: one thread, no display, the same random numbers."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest
import torch
from hypothesis import settings

from tauflow import _core, cells, network

torch.set_num_threads(1)
pytest.register_assert_rewrite("tests.contract")

# No deadline: a busy machine is not a bug. Derandomised: a red run is red again for the next person.
settings.register_profile("tauflow", deadline=None, derandomize=True)
settings.load_profile("tauflow")

GLOBAL: dict[str, Callable[[], object]] = {
    "threads": torch.get_num_threads,
    "number type": torch.get_default_dtype,
    "gradients": torch.is_grad_enabled,
    "deterministic": torch.are_deterministic_algorithms_enabled,
    "folder": os.getcwd,
    "instruction set": _core.isa_in_use,
    "time zone": lambda: os.environ.get("TZ"),
    "cells": lambda: cells.names(),
}
BEFORE = {name: now() for name, now in GLOBAL.items()}


def pytest_configure(config: pytest.Config) -> None:
    """pytest-randomly draws the order of the tests and prints its seed; the random numbers in a test are our own matter."""
    if hasattr(config.option, "randomly_reset_seed"):
        config.option.randomly_reset_seed = False


DRAWN: dict[tuple[str, str], dict[str, object]] = {}  # how each module's own generators stood before its first test


@pytest.fixture(autouse=True)
def _same_seed(request: pytest.FixtureRequest) -> None:
    """Every test starts from the same random numbers, whatever ran before it."""
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    for name, value in vars(request.module).items():
        if isinstance(value, np.random.Generator):
            bits = value.bit_generator
            bits.state = DRAWN.setdefault((request.module.__name__, name), dict(bits.state))


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """What a test sets for the whole process it puts back."""
    yield
    left = {name: now() for name, now in GLOBAL.items()}
    assert left == BEFORE, "a test has left the process changed"


@pytest.fixture
def registry() -> Iterator[None]:
    """Cells and parts that a test makes known are forgotten after it."""
    kept = [(known, dict(known)) for known in (cells.REGISTRY, network.REGISTRY)]
    yield
    for known, before in kept:
        known.clear()
        known.update(before)  # type: ignore[arg-type]
