"""Form: what the sequences of `fit` were like, and how sequences like them become what a network reads.

patch   p samples of c channels side by side are one step of p c numbers, and the gaps add up; the last patch is filled up with its
        last sample. About 48 steps remain of long even sequences, so that learning back through time stays short
windows where every row has an answer and nothing is missing: mean and deviation of each channel over windows that end with the row
dt      from the stamps; before a sequence's first sample lies the median gap
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...data.sequences import Array, Sequences
from ...errors import DataError, NonFiniteError
from ...files.schema import dump

STEPS = 48
REACH = (8.0, 40.0, 160.0)  # median gaps that a window reaches back


@dataclass(frozen=True)
class Form:
    """`missing`: per channel whether it had NaN. `gap`: the median gap. `static`: how many numbers are given once."""

    kind: Literal["rectangle", "sequences", "table"]
    channels: int
    every: bool
    causal: bool
    patch: int
    missing: tuple[bool, ...]
    uneven: bool
    gap: float
    static: int
    windows: tuple[float, ...]  # how far they reach, in the unit of the times
    names: tuple[str, ...] | None

    def __post_init__(self) -> None:
        sound = (
            len(self.missing) == self.channels >= 1 and self.patch >= 1 and 0 < self.gap < np.inf and self.static >= 0
        )
        if not sound or (self.every and self.patch > 1):
            raise DataError(f"the form of the sequences can't be right: {dump(self)}")

    @property
    def inputs(self) -> int:
        return self.patch * self.channels * (1 + 2 * len(self.windows))

    def check(self, found: Sequences) -> None:
        """Refuse sequences that are not like those of `fit`."""
        for channel in range(self.channels):
            if not self.missing[channel] and any(np.isnan(one[:, channel]).any() for one in found.values):
                name = self.names[channel] if self.names else f"channel {channel}"
                raise NonFiniteError(
                    f"Input X contains NaN in {name}, which was always measured in fit: fill it, or fit with sequences that lack it too"
                )
        if self.uneven and found.times is None:
            raise DataError(
                "X has no times, but the model was fitted with some: give times=, pairs or frames as in fit"
            )
        if not self.uneven and found.times is not None:
            raise DataError("X has times, but the model was fitted without: give them in fit, or in neither")
        given = 0 if found.static is None else found.static.shape[1]
        if given != self.static:
            raise DataError(f"static has {given} columns, but the model was fitted with {self.static}")

    def gaps(self, found: Sequences) -> list[Array]:
        """dt of each sequence, (time_i,)."""
        if found.times is None:
            return [np.ones(len(one)) for one in found.values]
        return [np.diff(time, prepend=time[0] - self.gap) for time in found.times]

    def steps(self, values: Array, dt: Array) -> Array:
        """(time, channels) -> (steps, inputs), the channels of a patch one after the other, or each row with its windows."""
        if self.patch == 1:
            return np.concatenate([values, *window_features(values, np.cumsum(dt), self.windows)], axis=1)
        filled = np.concatenate([values, np.repeat(values[-1:], -len(values) % self.patch, axis=0)])
        return filled.reshape(-1, self.patch, self.channels).transpose(0, 2, 1).reshape(-1, self.inputs)

    def times(self, dt: Array) -> Array:
        """(time,) -> (steps,): the gaps of a patch together."""
        return np.add.reduceat(dt, np.arange(0, len(dt), self.patch))


def window_features(values: Array, clock: Array, reaches: Sequence[float]) -> Iterator[Array]:
    """Mean and deviation (time, channels) of each window that ends with a row; values without NaN, clock (time,) rising."""
    far = values - values[:1]  # sums lose no digit to a level
    sums = np.cumsum(np.stack([far, far**2]), axis=1)
    sums = np.concatenate([np.zeros_like(sums[:, :1]), sums], axis=1)
    rows = np.arange(1, len(values) + 1)
    for reach in reaches:
        first = np.searchsorted(clock, clock - reach)
        mean, square = (sums[:, 1:] - sums[:, first]) / (rows - first)[:, None]
        yield values[:1] + mean
        yield np.sqrt(np.maximum(square - mean**2, 0))


def learn_form(found: Sequences, every: bool, causal: bool, patch: int | Literal["auto"]) -> Form:
    """The form of training sequences."""
    missing = tuple(bool(any(np.isnan(one[:, k]).any() for one in found.values)) for k in range(found.channels))
    for channel in range(found.channels):
        if all(np.isnan(one[:, channel]).all() for one in found.values):
            name = found.names[channel] if found.names and found.kind == "table" else f"channel {channel}"
            raise NonFiniteError(f"X has no value at all in {name}: leave it out")
    gaps = found.gaps()
    gap = float(np.median(gaps)) if len(gaps) else 1.0
    plain = not any(missing) and found.times is None and not every
    suited = max(1, round(float(np.median(found.lengths)) / STEPS)) if plain else 1
    size = suited if patch == "auto" else int(patch)
    if every and size != 1:
        raise DataError(f"patch is {size}, but a label at every row needs patch=1")
    static = 0 if found.static is None else found.static.shape[1]
    windows = tuple(gap * reach for reach in REACH) if every and not any(missing) else ()
    names = found.names if found.kind != "rectangle" else None
    return Form(
        found.kind, found.channels, every, causal, size, missing, found.times is not None, gap, static, windows, names
    )


def whole(name: str, value: Any, least: int, word: str | None = None) -> Any:
    """A whole number >= least, or the word."""
    if word is not None and value == word:
        return value
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < least:
        raise DataError(f"{name} is {value!r}, expected a whole number >= {least}" + (f", or {word!r}" if word else ""))
    return value.__index__()
