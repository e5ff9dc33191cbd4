"""The place of a random generator in its sequence as six numbers, so that a file can hold it: PCG64, NumPy's usual one.

state (128 bits), increment (128 bits), whether half a draw is kept, that half
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import TauflowError

LOW = 2**64 - 1


def place_of(rng: np.random.Generator) -> NDArray[np.int64]:
    """Where it stands, (6,)."""
    held: dict[str, Any] = dict(rng.bit_generator.state)
    if held["bit_generator"] != "PCG64":
        raise TauflowError(
            f"the random numbers come from {held['bit_generator']}, but only PCG64 can be kept in a file"
        )
    state, increment = held["state"]["state"], held["state"]["inc"]
    words = [state >> 64, state & LOW, increment >> 64, increment & LOW, held["has_uint32"], held["uinteger"]]
    return np.array(words, dtype=np.uint64).view(np.int64)


def put(rng: np.random.Generator, place: NDArray[np.int64]) -> None:
    """Let it stand there."""
    a, b, c, d, has, half = (int(word) for word in place.view(np.uint64))
    rng.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": a << 64 | b, "inc": c << 64 | d},
        "has_uint32": has,
        "uinteger": half,
    }
