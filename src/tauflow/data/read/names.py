"""Which column is what: from the caller, by Nixtla's names (unique_id, ds, y), or because only one column can be it.

Exogenous columns (past, future, static) are only those that are named: whether a column's future is known can't be
read from the table. Columns left over are listed in the table's notes. A comma in a name that no column has parts
several names: target="a,b", time="Date,Time" for a moment in two columns, id="shop,item" for an id in two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...errors import DataError
from ..reading import Names, Reading, as_names
from .chunk import Chunk, as_text, as_tokens, nearest
from .times.column import can_be_time
from .times.parts import find_parts, is_dates
from .times.shapes import unreadable
from .times.stamps import is_stamps
from .values import is_number

ID, TIME, TARGET = "unique_id", "ds", "y"
TIME_WORDS = {"ds", "time", "timestamp", "date", "datetime", "epoch", "t", "date_time", "unix", "unixtime", "year",
              "yearmonth", "year_month", "yyyymm", "yyyymmdd", "month", "period", "week", "yearweek", "year_week", "yyyyww",
              "quarter", "yearquarter", "year_quarter"}  # fmt: skip


@dataclass(frozen=True)
class Roles:
    """`parts`, `id_parts`: the columns that make up the time, or the id, together; none when it is one column."""

    id: str | None
    time: str
    targets: tuple[str, ...]
    past: tuple[str, ...]
    future: tuple[str, ...]
    static: tuple[str, ...]
    parts: tuple[str, ...] = ()
    id_parts: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        return (*self.targets, *self.past, *self.future, *self.static)

    @property
    def used(self) -> tuple[str, ...]:
        return (*self.id_columns, *(self.parts or (self.time,)), *self.values)

    @property
    def id_columns(self) -> tuple[str, ...]:
        return self.id_parts or ((self.id,) if self.id is not None else ())


def find_roles(
    sample: Mapping[str, Chunk], label: str, repeated: set[str], reading: Reading, needs_target: bool = True
) -> Roles:
    """The role of each column, or an error that says which name is missing or which choice is open."""
    _refuse_one_column(sample, label)
    schema = reading.schema
    key, time = reading.id, reading.time
    targets, pasts, futures, statics = (
        split_names(names, sample) for names in (reading.target, reading.past, reading.future, reading.static)
    )
    optional: tuple[str, ...] = ()
    if schema is not None:
        key = key if key is not None else schema.id
        time = time if time is not None else schema.time
        targets, pasts = targets or schema.targets, pasts or schema.past
        futures, statics = futures or schema.future, statics or schema.static
        optional = tuple(name for name in (*targets, *pasts) if name not in sample)
    id_parts, parts = _parts_of(key, sample), _parts_of(time, sample)
    exogenous = [name for name in (*pasts, *futures, *statics) if name not in optional]

    def check() -> list[str]:
        heads = [*(id_parts or (key,)), *(parts or (time,)), *(name for name in targets if name not in optional)]
        named = [name for name in (*heads, *exogenous) if name is not None]
        check_names(named, sample, label, repeated)
        return named

    named = check()
    if schema is None and key is None and ID in sample and ID not in named:
        key = ID
    if time is None:
        found = _find_time(sample, check(), label)
        time, parts = ",".join(found), found if len(found) > 1 else ()
    if not targets and needs_target:
        targets = _find_target(sample, check(), label)
    check()
    return Roles(key, time, targets, pasts, futures, statics, parts, id_parts)


def split_names(names: Names, sample: Mapping[str, Chunk]) -> tuple[str, ...]:
    """The names, a text with commas parted where it is no column itself and its parts are."""
    found: list[str] = []
    for name in as_names(names):
        parts = [part.strip() for part in name.split(",") if part.strip()]
        found += [name] if name in sample or len(parts) < 2 else parts
    return tuple(found)


def _parts_of(name: str | None, sample: Mapping[str, Chunk]) -> tuple[str, ...]:
    if name is None or name in sample or "," not in name:
        return ()
    return split_names(name, sample)


def check_names(named: Iterable[str], sample: Mapping[str, Chunk], label: str, repeated: set[str]) -> None:
    seen: set[str] = set()
    for name in named:
        if name not in sample:
            raise DataError(f"{label} has no column '{name}'{nearest(name, sample)}")
        if name in repeated:
            raise DataError(f"{label} has more than one column '{name}'; rename one of them")
        if name in seen:
            raise DataError(f"column '{name}' was given two roles; name it once")
        seen.add(name)


def _find_time(sample: Mapping[str, Chunk], named: list[str], label: str) -> tuple[str, ...]:
    if TIME in sample and TIME not in named:
        return (TIME,)
    free = {name: chunk for name, chunk in sample.items() if name not in named}
    stamps = [name for name, chunk in free.items() if can_be_time(chunk)]
    if len(stamps) > 1:
        stamps = _finest(stamps, free)
    if parts := find_parts(free, free, stamps):
        return parts
    words = [name for name in free if name.casefold() in TIME_WORDS]
    for found in (stamps, words):
        if len(found) == 1:
            return (found[0],)
        if found:
            shown = ", ".join(f"'{name}'" for name in found)
            raise DataError(f"{label}: {shown} could each be the time; give time=")
    raise DataError(f"{label} has no column that holds time stamps; give time={_why_no_time(sample)}")


def _finest(stamps: list[str], free: Mapping[str, Chunk]) -> list[str]:
    """Of a day and a moment of that same day, both in each row, the moment."""
    fine = [name for name in stamps if not is_dates(free[name])]
    if len(fine) != 1:
        return stamps
    moment = free[fine[0]]
    days = [free[name] for name in stamps if name != fine[0]]
    return fine if all(_same_day(day, moment) for day in days) else stamps


def _same_day(day: Chunk, moment: Chunk) -> bool:
    if not (day.is_text and moment.is_text):
        return False
    pairs = zip(day.values.tolist(), moment.values.tolist(), strict=True)
    return all(one.startswith(other) for other, one in pairs)


def _why_no_time(sample: Mapping[str, Chunk]) -> str:
    """What may help: a wide table, fields parted by blanks, an index, or the nearest name."""
    dates = [name for name in sample if is_stamps(as_tokens([name]))]
    if len(dates) > 1:
        return (
            f"; its names are dates ('{dates[0]}', ...): one row a time is read, so melt it first: "
            f"table.melt(id_vars=[...], var_name='ds', value_name='y') of pandas"
        )
    for chunk in sample.values():
        text = as_text(chunk.values[0]) if chunk.is_text and len(chunk.values) else ""
        if re.search(r"(?:19|20)[0-9]{2}|[0-9]{1,2}[-:/.][0-9]{2}", text) and not is_number(chunk):
            return f"{nearest('time', sample)} ({unreadable(text, chunk.where(0))})"
    return nearest("time", sample)


def _refuse_one_column(sample: Mapping[str, Chunk], label: str) -> None:
    """Fields that are parted by blanks stand in one column."""
    name = next(iter(sample), "")
    if len(sample) != 1 or " " not in name or not sample[name].is_text:
        return
    if "  " in name or any(b"  " in token for token in sample[name].values[:100].tolist()):
        raise DataError(
            f"{label} has aligned columns, parted by blanks; put a comma there first: tr -s ' ' ',' < {label} > table.csv"
        )
    raise DataError(f"{label} has one column, '{name}'; are its fields parted by blanks? Then give delimiter=' '")


def numbers(sample: Mapping[str, Chunk], taken: Iterable[str]) -> list[str]:
    """Columns that hold numbers and have no role yet."""
    taken = set(taken)
    return [name for name, chunk in sample.items() if name not in taken and is_number(chunk)]


def _find_target(sample: Mapping[str, Chunk], taken: list[str], label: str) -> tuple[str, ...]:
    if TARGET in sample and TARGET not in taken:
        return (TARGET,)
    found = numbers(sample, taken)
    if len(found) == 1:
        return (found[0],)
    if not found:
        raise DataError(f"{label} has no column of numbers to forecast; give target={nearest('y', sample)}")
    shown = ", ".join(f"'{name}'" for name in found[:12])
    raise DataError(f"{label} has {len(found)} columns that could be the target: {shown}; give target=")
