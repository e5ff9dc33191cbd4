"""Records from CSV: a signal with times, and a second file that says when beats were.

    signal.csv   time, signal [, record]          time in seconds, or as a date
    events.csv   time [, kind] [, record]         kind a class of AAMI or a symbol of PhysioNet; without it every event is V

`lead` names the column of the signal where there are several.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError
from .records import AAMI, Record

TIMES, IDS, KINDS = (
    ("time", "t", "seconds", "ds"),
    ("record", "patient", "id", "unique_id"),
    ("kind", "symbol", "label"),
)


def read_csv(path: Path, events: Path | None, lead: str | None, gain: float) -> list[Record]:
    """A record for each value of the column record (or patient, id)."""
    from pandas.api.types import is_numeric_dtype

    if events is None:
        raise DataError(f"{path}: a CSV needs a second one with the times of the beats: --events beats.csv")
    signal, beats = _table(path), _table(events)
    time, id_ = _column(path, signal, TIMES, needed=True), _column(path, signal, IDS)
    values = lead or _only_number(path, signal, [time, id_])
    if values not in signal:
        raise DataError(f"{path} has no column {values!r}; it has {', '.join(map(str, signal))}")
    at, kind = _column(events, beats, TIMES, needed=True), _column(events, beats, KINDS)
    of = _column(events, beats, IDS)
    if (id_ is None) != (of is None):
        raise DataError(
            f"{path if id_ is None else events} names no record and the other file does: give both a column 'record'"
        )
    made = []
    for name in [path.stem] if id_ is None else list(dict.fromkeys(signal[id_])):
        mine = signal if id_ is None else signal[signal[id_] == name]
        some = beats if of is None else beats[beats[of] == name]
        zero = None if is_numeric_dtype(mine[time]) else mine[time].iloc[0]
        volts = gain * mine[values].to_numpy(dtype=np.float64)
        made.append(
            Record(str(name), _seconds(path, mine[time], zero), volts, _seconds(events, some[at], zero), _kinds(events, some, kind))
        )  # fmt: skip
    return made


def _table(path: Path) -> Any:
    import pandas as pd

    try:
        table = pd.read_csv(path)
    except (ValueError, UnicodeDecodeError) as wrong:
        raise DataError(f"{path}: no table can be read from it: {wrong}") from wrong
    if not len(table):
        raise DataError(f"{path} has no rows")
    return table.rename(columns=lambda name: str(name).strip())


def _column(path: Path, table: Any, names: tuple[str, ...], needed: bool = False) -> str | None:
    found = [name for name in table if name.lower() in names]
    if needed and not found:
        raise DataError(
            f"{path} has no column called {' or '.join(names)}; it has {', '.join(map(str, table))}: rename one"
        )
    return found[0] if found else None


def _only_number(path: Path, table: Any, others: list[str | None]) -> str:
    numbers = [name for name in table.select_dtypes("number") if name not in others]
    if len(numbers) != 1:
        raise DataError(
            f"{path} has {len(numbers)} columns of numbers beside its time, expected one: name the signal by --lead"
        )
    return str(numbers[0])


def _seconds(path: Path, column: Any, zero: Any) -> Any:
    """Seconds of a column of numbers, or since the stamp `zero`."""
    import pandas as pd

    if zero is None:
        numbers = pd.to_numeric(column, errors="coerce")
    else:
        numbers = (pd.to_datetime(column, errors="coerce") - pd.to_datetime(zero)).dt.total_seconds()
    found = numbers.to_numpy(dtype=np.float64)
    if not np.isfinite(found).all():
        row = int(np.argmax(~np.isfinite(found)))
        raise DataError(
            f"{path}, row {row + 2}: {column.iloc[row]!r} is no time, expected {'seconds' if zero is None else 'a date, as in the signal'}"
        )
    return found


def _kinds(path: Path, table: Any, column: str | None) -> Any:
    if column is None:
        return np.full(len(table), "V")
    symbols = table[column].astype(str).str.strip()
    unknown = sorted(set(symbols) - {*AAMI, *AAMI.values()})
    if unknown:
        raise DataError(f"{path}: kind {unknown[0]!r} is no class (N, S, V, F, Q) and no symbol of PhysioNet")
    return np.array([one if one in set(AAMI.values()) else AAMI[one] for one in symbols], dtype="<U1")
