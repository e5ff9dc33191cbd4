"""The clock of a zone: naive stamps on it to UTC, and whether two tables' stamps are on the same one.

A local time that the clock skipped in spring is refused. One that it showed twice in autumn is resolved only where the
rows themselves step back once over that hour (the rows before the step are summer time, those after it standard time);
otherwise it is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....errors import DataError
from ...series import Schema
from ..chunk import nearest

Array = NDArray[Any]
Where = Callable[[int], str]
DAY = 86_400_000_000_000


def check_clock(aware: bool, schema: Schema, zone: str | None, what: str) -> None:
    """Refuse stamps that are not on the clock of an earlier table: with an offset where it had none, or without one."""
    if schema.aware is None or aware == schema.aware:
        return
    if aware and schema.zone is None:
        raise DataError(
            f"{what} has stamps with an offset, the table before had them without one; write them as they were "
            f"there, or read that one again with zone= (such as 'Europe/Berlin')"
        )
    if not aware and zone is None:
        raise DataError(
            f"{what} has stamps without an offset, the table before had them with one; write +hh:mm or Z behind "
            f"each, or give zone= (such as '{schema.zone or 'UTC'}')"
        )


def known_zone(zone: str) -> str:
    """The zone's name, or an error with the nearest names."""
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise DataError(f"zone '{zone}' is not known{nearest(zone, sorted(available_timezones()))}") from None
    return zone


def localise(local: Array, ids: Array, zone: str, where: Where) -> tuple[Array, int]:
    """(n,) naive nanoseconds on the clock of `zone`, in the order of the rows, to UTC; and how many were resolved."""
    import pandas as pd

    stamps = pd.DatetimeIndex(local.view("M8[ns]"))
    early, late = (
        stamps.tz_localize(zone, ambiguous=np.full(len(local), is_summer), nonexistent="shift_forward")
        for is_summer in (True, False)
    )
    summer, standard = early.as_unit("ns").asi8, late.as_unit("ns").asi8
    skipped = np.flatnonzero(early.tz_localize(None).as_unit("ns").asi8 != local)
    if len(skipped):
        row = int(skipped[0])
        raise DataError(
            f"{where(row)}: {show(local[row])} does not exist in {zone}, the clock skips it; "
            f"leave zone= out if the stamps are not local time"
        )
    twice = summer != standard
    utc: Array = np.array(summer)
    if twice.any():
        _resolve_repeated(utc, local, standard, twice, ids, zone, where)
    return utc, int(twice.sum())


def _resolve_repeated(
    utc: Array, local: Array, standard: Array, twice: Array, ids: Array, zone: str, where: Where
) -> None:
    """Fill in standard time after the one step back in each run of local times that the clock showed twice."""
    order = np.argsort(ids, kind="stable")
    run_local, run_twice = local[order], twice[order]
    step, same_id = np.diff(run_local), ids[order][1:] == ids[order][:-1]
    both_twice = run_twice[1:] & run_twice[:-1]
    disorder = bool((same_id & ~both_twice & (step < 0)).any())
    repeats = bool((same_id & ~both_twice & (step == 0)).any())
    same = same_id & (np.abs(step) < DAY) & both_twice
    joined = np.concatenate([[False], same])
    starts = np.flatnonzero(run_twice & ~joined)
    for start in starts.tolist():
        end = start + 1
        while end < len(order) and joined[end]:
            end += 1
        steps = np.diff(run_local[start:end])
        back = np.flatnonzero(steps <= 0)
        if disorder or len(back) != 1 or (steps[back[0]] == 0 and repeats):
            row = int(order[start])
            raise DataError(
                f"{where(row)}: {show(local[row])} came twice in {zone} (the clock went back) and the rows do not "
                f"tell which one it is; write stamps with +hh:mm or in UTC"
            )
        later = order[start + int(back[0]) + 1 : end]
        utc[later] = standard[later]


def show(nanoseconds: Any) -> str:
    """A time stamp for a message or a table: 2012-10-02 09:00:00."""
    text = str(np.datetime64(int(nanoseconds), "ns")).replace("T", " ")
    return text.rstrip("0").rstrip(".") if "." in text else text
