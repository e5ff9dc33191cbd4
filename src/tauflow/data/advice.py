"""What to do with a table that was checked: likely targets, options for `read_table`, the next command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import numpy as np

from .read.assemble import Rows
from .read.chunk import Chunk
from .read.names import ID, TARGET, TIME, TIME_WORDS, Roles, as_names, numbers
from .read.table import epoch_unit

TARGET_WORDS = ("y", "target", "value", "volume", "load", "demand", "sales", "power", "pm25", "pm2.5", "consumption",
                "energy", "appliances", "price", "flow", "count", "usd")  # fmt: skip
MOST_TARGETS = 8
HORIZON = 24
_UNITS = ((604_800, "w"), (86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def likely_targets(sample: Mapping[str, Chunk], taken: set[str | None], time: str | None) -> tuple[str, ...]:
    """Columns of numbers, those first whose names say what is often forecast."""
    clocks = TIME_WORDS if time is None else {time}
    roles = {ID, TIME} | {name for name in taken if name is not None}
    found = [name for name in numbers(sample, roles) if name.casefold() not in clocks]
    return tuple(sorted(found, key=_rank))


def _rank(name: str) -> int:
    folded = name.casefold()
    if folded in TARGET_WORDS:
        return TARGET_WORDS.index(folded)
    words = folded.replace("-", "_").replace(" ", "_").split("_")
    return len(TARGET_WORDS) + (0 if any(word in TARGET_WORDS for word in words) else 1)


def useful_targets(roles: Roles, rows: Rows) -> tuple[str, ...]:
    """Of the candidates, those that could be read, are no codes or flags, and change."""
    found = []
    for name in roles.targets:
        column = rows.columns.get(name)
        if column is None or name in rows.schema.categories or len(np.unique(column[:1000])) < min(3, len(column)):
            continue
        found.append(name)
    return tuple(found[:MOST_TARGETS] or [name for name in roles.targets if name in rows.columns][:1])


def options(given: Mapping[str, Any], roles: Roles, rows: Rows, conflicts: int) -> dict[str, Any]:
    """Arguments for `read_table` that differ from its defaults, the first target chosen."""
    chosen = {name: value for name, value in given.items() if value not in (None, (), [], "error")}
    if roles.time != TIME:
        chosen["time"] = roles.time
    if roles.id is not None and roles.id != ID:
        chosen["id"] = roles.id
    if "target" not in chosen and roles.targets and roles.targets[0] != TARGET:
        chosen["target"] = roles.targets[0]
    if conflicts and "duplicates" not in chosen:
        chosen["duplicates"] = "last"
    if rows.schema.kind == "number" and (unit := epoch_unit(rows.time)):
        chosen["time_unit"] = unit
    return chosen


def command(source: str, options: Mapping[str, Any], seasons: tuple[int, ...], rows: int) -> str:
    """The next line to type."""
    horizon = seasons[0] if seasons else max(1, min(HORIZON, rows // 10))
    words = ["tauflow", "compare", source]
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            words.append(flag if value else "--no-" + flag[2:])
        else:
            for one in as_names(value):
                words += [flag, one]
    return " ".join(shlex.quote(word) for word in [*words, "--horizon", str(horizon)])


def duration(seconds: float) -> str:
    """3600 -> '1 h', 5400 -> '1.5 h'."""
    if not np.isfinite(seconds):
        return "unknown"
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size and unit != "w"), (1, "s"))
    return f"{seconds / size:.3g} {unit}" if seconds < 1000 * size else f"{seconds / size:,.0f} {unit}"
