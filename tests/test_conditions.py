"""What conftest.py promises of every test: the same random numbers, whatever ran before it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

DRAW = np.random.default_rng(7)
FIRST = np.random.default_rng(7).random()


@pytest.mark.parametrize("time", [1, 2])
def test_a_generator_of_a_module_starts_anew(time: int) -> None:
    assert DRAW.random() == FIRST
    assert torch.initial_seed() == 0
