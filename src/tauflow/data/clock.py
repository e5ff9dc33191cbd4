"""The clock on the wall of a zone: what it shows at a moment, and the moment at which it shows something.

A zone is a list of the moments at which its offset changes, found once a decade through `zoneinfo`; rows are then looked up in it.
A local time that the clock skips counts as the same time span later (02:30 is 03:30 on the day of the change); of one that it
shows twice the occurrence is taken whose offset is that of a moment near by.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
NANOSECONDS = 1_000_000_000
DAY = 86_400 * NANOSECONDS
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DECADE = 3652  # days looked through at a time


def wall_clock(time: Array, zone: str | None) -> Array:
    """Nanoseconds that the local clock shows, from nanoseconds UTC."""
    return time if zone in (None, "UTC") else time + offsets(time, str(zone))


def moment_of(local: Array, zone: str | None, near: Array) -> Array:
    """Nanoseconds UTC at which the clock shows `local`; `near` (UTC) tells apart what it shows twice."""
    if zone in (None, "UTC"):
        return local
    one = local - offsets(near, str(zone))
    two = local - offsets(one, str(zone))
    settled = offsets(two, str(zone)) == local - two
    skipped: Array = np.maximum(one, two)
    return np.where(one == two, one, np.where(settled, two, skipped))


def offsets(time: Array, zone: str) -> Array:
    """What the local clock is ahead of UTC at each moment, in nanoseconds."""
    if time.size == 0:
        return np.zeros(time.shape, np.int64)
    first, last = (int(end) // (DECADE * DAY) for end in (time.min(), time.max()))
    changes = [change for decade in range(first, last + 1) for change in _changes(zone, decade)]
    moments, ahead = np.array(changes, np.int64).T
    return np.asarray(ahead[np.searchsorted(moments, time, side="right") - 1])


@lru_cache(maxsize=1024)
def _changes(zone: str, decade: int) -> tuple[tuple[int, int], ...]:
    """(moment, offset from there on) of a decade, its start first."""
    clock = _zone(zone)
    days = range(decade * DECADE, (decade + 1) * DECADE + 1)
    found = [(days[0] * 86_400, _offset(clock, days[0] * 86_400))]
    for day in days[1:]:
        end = day * 86_400
        if _offset(clock, end) != found[-1][1]:
            start, after = end - 86_400, _offset(clock, end)
            while end - start > 1:
                middle = (start + end) // 2
                start, end = (start, middle) if _offset(clock, middle) == after else (middle, end)
            found.append((end, after))
    return tuple((moment * NANOSECONDS, offset * NANOSECONDS) for moment, offset in found)


def _offset(clock: tzinfo, second: int) -> int:
    ahead = (EPOCH + timedelta(seconds=second)).astimezone(clock).utcoffset()
    return 0 if ahead is None else int(ahead.total_seconds())


def _zone(name: str) -> tzinfo:
    """An IANA zone, or a fixed offset as data frames write it: UTC+02:00."""
    fixed = re.fullmatch(r"(?:UTC)?([+-])(\d\d):?(\d\d)", name)
    if fixed is None:
        return ZoneInfo(name)
    ahead = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
    return timezone(ahead if fixed[1] == "+" else -ahead)
