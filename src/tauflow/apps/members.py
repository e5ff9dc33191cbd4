"""A committee whose members learn one after the other, each from a start and an order of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .. import Committee, Network, fit
from .budget import Deadline


def taught(
    make: Callable[[], Network],
    source: Callable[[int], Any],
    seed: int,
    members: int,
    minutes: float | None = None,
    **how: Any,
) -> Committee:
    """make() -> an untrained member; source(seed) -> what it learns from; how: for `fit`; minutes: of CPU, for all of them."""
    made = []
    for member in range(members):
        own = 100 * seed + member
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(own)
            one = make()
        ends = [Deadline(None if minutes is None else minutes / members)]
        fit(one, source(own), optimizer="adamw", schedule="cosine", seed=own, progress=False, callbacks=ends, **how)
        made.append(one)
    return Committee(made).eval()
