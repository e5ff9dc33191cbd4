"""Which column is what: from the caller, by Nixtla's names (unique_id, ds, y), or because only one column can be it.

Exogenous columns (past, future, static) are only those that are named: whether a column's future is known can't be
read from the table. Columns left over are listed in the table's notes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...errors import DataError
from ..series import Schema
from .chunk import Chunk, nearest
from .times import can_be_time
from .values import is_number

ID, TIME, TARGET = "unique_id", "ds", "y"
TIME_WORDS = {"ds", "time", "timestamp", "date", "datetime", "epoch", "t", "date_time", "unix", "unixtime"}
Names = str | Iterable[str] | None


@dataclass(frozen=True)
class Roles:
    id: str | None
    time: str
    targets: tuple[str, ...]
    past: tuple[str, ...]
    future: tuple[str, ...]
    static: tuple[str, ...]

    @property
    def values(self) -> tuple[str, ...]:
        return (*self.targets, *self.past, *self.future, *self.static)

    @property
    def used(self) -> tuple[str, ...]:
        head = (self.id,) if self.id is not None else ()
        return (*head, self.time, *self.values)


def as_names(names: Names) -> tuple[str, ...]:
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


def find_roles(
    sample: Mapping[str, Chunk],
    label: str,
    repeated: set[str],
    schema: Schema | None = None,
    id: str | None = None,  # noqa: A002
    time: str | None = None,
    target: Names = None,
    past: Names = None,
    future: Names = None,
    static: Names = None,
) -> Roles:
    """The role of each column, or an error that says which name is missing or which choice is open."""
    targets, pasts, futures, statics = as_names(target), as_names(past), as_names(future), as_names(static)
    optional: tuple[str, ...] = ()
    if schema is not None:
        time = time if time is not None else schema.time
        targets, pasts = targets or schema.targets, pasts or schema.past
        futures, statics = futures or schema.future, statics or schema.static
        optional = tuple(name for name in (*targets, *pasts) if name not in sample)
    key = id if id is not None or schema is None else schema.id
    named = [n for n in (key, time, *targets, *pasts, *futures, *statics) if n is not None and n not in optional]
    check_names(named, sample, label, repeated)
    if schema is None and key is None and ID in sample and ID not in named:
        key = ID
        named.append(key)
    if time is None:
        time = _find_time(sample, named, label)
        named.append(time)
    if not targets:
        targets = _find_target(sample, named, label)
    check_names([n for n in (key, time, *targets) if n is not None and n not in optional], sample, label, repeated)
    return Roles(key, time, targets, pasts, futures, statics)


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


def _find_time(sample: Mapping[str, Chunk], named: list[str], label: str) -> str:
    if TIME in sample and TIME not in named:
        return TIME
    free = {name: chunk for name, chunk in sample.items() if name not in named}
    stamps = [name for name, chunk in free.items() if can_be_time(chunk)]
    words = [name for name in free if name.casefold() in TIME_WORDS]
    for found in (stamps, words):
        if len(found) == 1:
            return found[0]
        if found:
            shown = ", ".join(f"'{name}'" for name in found)
            raise DataError(f"{label}: {shown} could each be the time; give time=")
    raise DataError(f"{label} has no column that holds time stamps; give time={nearest('time', sample)}")


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
