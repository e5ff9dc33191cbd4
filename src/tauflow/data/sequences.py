"""`as_sequences`: what people bring when they have many sequences, as one thing.

    (n, time)                      one channel: a rectangle, a row a sequence (a plain frame or a list of lists too)
    (n, time, channels)            layout="ntc"; (n, channels, time) with layout="nct", as aeon and tsai have it
    a list of (time_i, channels)   unequal lengths; (time_i,) is one channel; a frame's index is its time
    a list of (values, times)      pairs: each sequence with its own stamps
    a long table                   a file or a frame and id=, time=: see `long_tables.py`

NaN means "not measured": columns at several rates are one table with NaN between. A shape that looks turned (more than four times as
many channels as samples) is refused until `layout` says that it is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, NonFiniteError, ShapeError, TimeError

Array = NDArray[Any]
Layout = Literal["ntc", "nct"]
Kind = Literal["rectangle", "sequences", "table"]
TURNED = 4  # so many times more channels than samples look like a turned array


@dataclass(frozen=True, eq=False)
class Sequences:
    """values[i] (time_i, channels) float64, NaN = not measured; times[i] (time_i,), not falling, or None where samples are even.

    static (n, s) numbers of each sequence as a whole, or None; names of the channels where they have some; ids of a table's sequences;
    stamps[i] (time_i,) a table's own times. `kind`: a rectangle has one channel and one length.
    """

    values: tuple[Array, ...]
    times: tuple[Array, ...] | None = None
    static: Array | None = None
    names: tuple[str, ...] | None = None
    static_names: tuple[str, ...] | None = None
    kind: Kind = "sequences"
    ids: tuple[Any, ...] | None = None
    stamps: tuple[Array, ...] | None = None

    def __post_init__(self) -> None:
        self._check_values()
        if self.times is not None:
            self._check_times(self.times)
        if self.static is not None and (self.static.ndim != 2 or len(self.static) != len(self.values)):
            raise ShapeError(
                f"static has shape {self.static.shape}, expected ({len(self.values)}, columns), a row a sequence"
            )
        if self.static is not None and np.isinf(self.static).any():
            raise NonFiniteError("static holds infinity, expected numbers, or NaN where a number is not known")

    def _check_values(self) -> None:
        for number, one in enumerate(self.values):
            if one.ndim != 2 or one.shape[1] != self.channels:
                raise ShapeError(
                    f"sequence {number} has shape {one.shape}, expected (time, {self.channels}) as the first has"
                )
            if len(one) == 0:
                raise ShapeError(f"sequence {number} has no samples, expected at least one")
            if np.isinf(one).any():
                row, column = np.argwhere(np.isinf(one))[0].tolist()
                raise NonFiniteError(
                    f"Input X contains infinity (sequence {number}, sample {row}, channel {column}): expected numbers, or NaN "
                    "where nothing was measured"
                )

    def _check_times(self, times: tuple[Array, ...]) -> None:
        for number, (time, one) in enumerate(zip(times, self.values, strict=True)):
            if time.shape != (len(one),):
                raise ShapeError(f"times[{number}] has shape {time.shape}, but its sequence has {len(one)} samples")
            if not np.isfinite(time).all() or (np.diff(time) < 0).any():
                raise TimeError(f"times[{number}] are not finite or go backward, expected stamps in order of time")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def channels(self) -> int:
        return int(self.values[0].shape[1])

    @property
    def lengths(self) -> Array:
        """(n,)."""
        return np.array([len(one) for one in self.values])

    def gaps(self) -> Array:
        """All gaps > 0 between samples, one after the other; those of even samples are 1."""
        if self.times is None:
            return np.ones(1)
        gaps = np.concatenate([np.diff(time) for time in self.times])
        return gaps[gaps > 0]

    def part(self, index: Any) -> Sequences:
        """Some of the sequences."""
        chosen = [int(number) for number in np.asarray(index)]
        some: dict[str, Any] = {
            name: tuple(getattr(self, name)[k] for k in chosen)
            for name in ("values", "times", "ids", "stamps")
            if getattr(self, name) is not None
        }
        return replace(self, static=None if self.static is None else self.static[chosen], **some)


def as_sequences(X: Any, *, layout: Layout | None = None, times: Any = None, static: Any = None) -> Sequences:
    """The sequences of an array or a list; see the top of this file. A long table is read by `read_sequences`.

    times    stamps beside arrays: (n, time), one for all (time,), or a list of (time_i,)
    static   (n, columns), numbers that belong to a sequence as a whole
    Raises ShapeError, DataError, NonFiniteError, TimeError, each naming the sequence.

    >>> found = tauflow.data.as_sequences([np.ones((3, 2)), np.ones((5, 2))], layout="ntc")  # Sequences
    >>> found.kind, [values.shape for values in found.values]
    ('sequences', [(3, 2), (5, 2)])
    """
    if layout not in (None, "ntc", "nct"):
        raise DataError(
            f"layout is {layout!r}, expected 'ntc' (samples before channels), 'nct' (as aeon and tsai have it)"
        )
    if hasattr(X, "toarray") or hasattr(X, "getnnz"):
        raise NotNumbersError("X is a sparse matrix, expected a dense array: X.toarray()")
    if isinstance(X, str) or hasattr(X, "__fspath__"):
        raise DataError(f"X is a file, {str(X)!r}: say which columns are what, id= and time=")
    if isinstance(X, Iterator):
        X = list(X)
    names = column_names(X)
    found = _of_list(list(X), layout) if is_ragged(X) else _of_array(plain_array(X), layout, names)
    if times is not None:
        if found.times is not None:
            raise DataError("times were given twice: beside the sequences and with them")
        found = replace(found, times=_times(times, found))
    if static is not None:
        block, static_names = plain_array(static), column_names(static)
        found = replace(found, static=block[:, None] if block.ndim == 1 else block, static_names=static_names)
    return found


class NotNumbersError(DataError, TypeError):
    """An X of a kind that holds no plain numbers."""


def _of_array(whole: Array, layout: Layout | None, names: tuple[str, ...] | None) -> Sequences:
    if whole.ndim < 2 or whole.ndim > 3:
        hint = " Reshape your data: X.reshape(-1, 1) if it has one feature, X.reshape(1, -1) if it is one sample."
        raise ShapeError(
            f"X has shape {whole.shape}. Expected 2D array, got {whole.ndim}D array instead, or (n, time, channels)."
            + (hint if whole.ndim < 2 else "")
        )
    if len(whole) == 0 or 0 in whole.shape[1:]:
        what = "sample(s)" if len(whole) == 0 else "feature(s)"
        raise ShapeError(f"X: found array with 0 {what} (shape={whole.shape}) while a minimum of 1 is required.")
    if whole.ndim == 2:
        if layout == "nct":
            raise DataError(f"X has shape {whole.shape}: without an axis for channels there is no layout 'nct'")
        return Sequences(tuple(row[:, None] for row in whole), names=names, kind="rectangle")
    if layout == "nct":
        whole = whole.transpose(0, 2, 1)
    _refuse_turned(whole.shape[1], whole.shape[2], layout, "X")
    return Sequences(tuple(whole))


def _of_list(given: list[Any], layout: Layout | None) -> Sequences:
    if not given:
        raise ShapeError("X: found array with 0 sample(s) while a minimum of 1 is required.")
    values, times, names = [], [], None
    for number, one in enumerate(given):
        stamps = None
        if isinstance(one, tuple) and len(one) == 2 and np.ndim(one[1]) == 1:
            one, stamps = one
        elif hasattr(one, "index") and hasattr(one, "to_numpy"):
            stamps, names = one.index, column_names(one) if number == 0 else names
        block = plain_array(one)
        block = block[:, None] if block.ndim == 1 else block.T if layout == "nct" and block.ndim == 2 else block
        values.append(block)
        times.append(None if stamps is None else seconds(stamps))
    if any(stamps is None for stamps in times) and any(stamps is not None for stamps in times):
        raise DataError("some sequences have times and some have none: give all of them times, or none")
    if all(block.ndim == 2 for block in values):
        _refuse_turned(float(np.median([len(block) for block in values])), values[0].shape[1], layout, "a sequence")
    known = [stamps for stamps in times if stamps is not None]
    return Sequences(tuple(values), tuple(known) if known else None, names=names)


def _refuse_turned(time: float, channels: int, layout: Layout | None, what: str) -> None:
    if layout is None and channels > TURNED * time:
        raise DataError(
            f"{what} has {time:g} samples of {channels} channels, which looks turned: say layout='nct' if channels come before "
            "samples (as in aeon and tsai), layout='ntc' if it is right as it is"
        )


def _times(times: Any, found: Sequences) -> tuple[Array, ...]:
    if is_ragged(times):
        return tuple(seconds(one) for one in times)
    block = np.asarray(times)
    if block.ndim == 1 and block.dtype != object:
        block = np.broadcast_to(block, (len(found), len(block)))
    if len(block) != len(found):
        raise ShapeError(f"times has {len(block)} rows, but X has {len(found)} sequences")
    return tuple(seconds(one) for one in block)


def seconds(stamps: Any) -> Array:
    """Times as float64: numbers as they are, time stamps and lengths of time as seconds since the first."""
    block = np.asarray(stamps)
    if block.dtype.kind in "Mm":
        since = (block - block[:1]) if len(block) else block
        return np.asarray(since.astype("timedelta64[ns]").astype(np.int64) / 1e9)
    if block.dtype == object and len(block) and hasattr(block[0], "timestamp"):
        return np.array([one.timestamp() - block[0].timestamp() for one in block])
    try:
        return np.asarray(block, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"times are {block[:2].tolist()!r}..., expected numbers or time stamps") from None


def is_ragged(X: Any) -> bool:
    """Whether X is a list (or array) of sequences and not one array: of 2-D arrays, frames, pairs, or rows of unequal length."""
    if isinstance(X, np.ndarray):
        return X.dtype == object and X.ndim == 1 and len(X) > 0 and np.ndim(X[0]) > 0
    if not isinstance(X, (list, tuple)) or not len(X):
        return False
    if all(isinstance(one, tuple) and len(one) == 2 and np.ndim(one[0]) > 0 for one in X):
        return True
    if any(getattr(one, "ndim", 1) == 2 for one in X):
        return True
    return len({len(one) if isinstance(one, (list, tuple)) or np.ndim(one) > 0 else -1 for one in X}) > 1


def plain_array(X: Any) -> Array:
    """X as float64; text, complex and sparse ones are refused in a sentence."""
    if hasattr(X, "detach"):
        X = X.detach().cpu().numpy()
    block = X.to_numpy() if hasattr(X, "to_numpy") else np.asarray(X)
    if block.dtype.kind == "c":
        raise NotNumbersError("Complex data not supported: X is complex, give real and imaginary part as two channels")
    try:
        return np.array(block, dtype=np.float64)
    except TypeError as wrong:
        raise NotNumbersError(f"X holds what is no number: {wrong}") from None
    except ValueError as wrong:
        raise DataError(f"X can't be read as numbers: {wrong}") from None


def column_names(X: Any) -> tuple[str, ...] | None:
    """The names of a frame's columns, where all are texts."""
    columns = getattr(X, "columns", None)
    found: Sequence[Any] = [] if columns is None else list(columns)
    return tuple(found) if found and all(isinstance(name, str) for name in found) else None
