"""The same conditions for every test: one thread, no display, the same random numbers on every run."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
pytest.register_assert_rewrite("tests.contract")

# No deadline: a busy machine is not a bug. Derandomised: a red run is red again for the next person.
settings.register_profile("tauflow", deadline=None, derandomize=True)
settings.load_profile("tauflow")


@pytest.fixture(autouse=True)
def _same_seed() -> None:
    """Every test starts from the same random numbers, whatever ran before it."""
    torch.manual_seed(0)
