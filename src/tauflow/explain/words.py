"""An explanation in a sentence: when most of the evidence came, from which inputs, and how much of it was the gaps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MOST = 0.8  # of all that moved the answer, either way
NAMED = 0.8  # the inputs that are named hold so much of the rest


def since(time: Array, at: int, sizes: Array, share: float = MOST) -> float:
    """The shortest time before sample `at` that holds a share of all the sizes (time,)."""
    back = sizes[at::-1].cumsum()
    if back[-1] == 0:
        return 0.0
    first = at - int(np.searchsorted(back, share * back[-1] * (1 - 1e-12)))
    return float(time[at] - time[first])


def leaders(shares: Mapping[str, float], most: int = 3, share: float = NAMED) -> list[str]:
    """The largest, until they hold a share of the whole; at most so many."""
    found: list[str] = []
    held = 0.0
    for name, size in sorted(shares.items(), key=lambda one: -one[1]):
        if held >= share or len(found) == most or size == 0:
            break
        found.append(name)
        held += size
    return found


def duration(time: float, unit: str) -> str:
    """A time of the data, "6.2 s": three digits, and the unit where there is one."""
    return f"{number(time)} {unit}".rstrip()


def number(value: float, digits: int = 3) -> str:
    """Without an exponent where people need none: 6,010, 0.0123."""
    short = f"{value:.{digits}g}"
    return f"{float(short):,.10g}" if 1e-4 <= abs(value) < 1e9 else short


def sentence(
    time: Array, at: int, attribution: Array, gap: Array, names: tuple[str, ...], change: float, unit: str
) -> str:
    """ "raised by 0.31; 80 % of the evidence came from the last 6.2 s: tilt, antenna 1; the gaps had 11 % of it"."""
    sizes = np.abs(attribution).sum(axis=1) + np.abs(gap)
    whole = float(sizes.sum())
    if whole == 0:
        return "nothing in these samples moved the answer"
    inputs = dict(zip(names, np.abs(attribution).sum(axis=0).tolist(), strict=True))
    total = sum(inputs.values()) or 1.0
    named = ", ".join(leaders({name: size / total for name, size in inputs.items()}))
    moved = (
        f"raised by {change:.3g}" if change > 0 else f"lowered by {-change:.3g}" if change < 0 else "left where it was"
    )
    back = since(time, at, sizes)
    when = f"the last {duration(back, unit)}" if back > 0 else "the last sample"
    gaps = f"; the gaps had {100 * np.abs(gap).sum() / whole:.0f} % of it" if np.abs(gap).sum() > 0.005 * whole else ""
    return f"{moved}; {100 * MOST:.0f} % of the evidence came from {when}: {named or 'the gaps'}{gaps}"
