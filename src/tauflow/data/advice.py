"""What to do with a table that was checked: its ids, likely targets, options for `read_table`, the next command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import fields
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .read.assemble import Rows, find_repeats, order_rows
from .read.names import ID, TARGET, TIME, Roles
from .read.times.epochs import epoch_unit
from .read.times.parts import field_by_name
from .read.values import BOOLEAN
from .reading import Reading, as_names

Array = NDArray[Any]
SURE = ("y", "target", "value", "volume", "load", "demand", "sales", "power", "pm25", "pm2.5", "consumption", "energy",
        "appliances", "flow", "count", "glucose", "close", "occupancy")  # fmt: skip
LIKELY = {"sold", "units", "unit", "qty", "quantity", "cnt", "counts", "total", "usage", "usd", "revenue", "traffic",
          "passengers", "visitors", "visits", "orders", "cases", "rides", "generation", "production", "kwh", "mw", "mwh",
          "births", "values", "loads", "sale"}  # fmt: skip
PERHAPS = {"level", "temp", "temperature", "co2", "rate", "price"}
_ID_WORD = re.compile(r"(?i)id\b|_id|id_|code|name|ticker|symbol|store|shop|station|site|sensor|meter|item|product|key|"
                      r"city|region|country|state|source|group|series|origin|patient|machine|device|sku")  # fmt: skip
_NO_TARGET = re.compile(r"(?i)^(?:index|idx|row|rownum|row_?n(?:o|um(?:ber)?)|no|unnamed: *\d+|column \d+|level \d+|lat|lon|lng|"
                        r"latitude|longitude|weekday|dow|dayofweek|day_of_week|is_?\w*|week_?end|holiday|season|fold|split)$|"
                        r"(?:^|_)(?:id|code|size|capacity|zip|postcode)$|(?:^|_)id_|size_|capacity")  # fmt: skip
MOST_TARGETS = 8
FEWEST_ROWS = 16  # with a known target, of all ids; below it a comparison has no windows to learn from
FEWEST_OF_LONGEST = 10  # of the longest series; below it none is left to test on
FEW_ROWS = 60  # a comparison of fewer tells little
HORIZON, LONGEST = 24, 168
FEWEST_OF_AN_ID = 3.0  # rows, on average
MOST_DROPPED = 0.01  # of the rows, by a rule for repeated times
_UNITS = ((604_800, "w"), (86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def find_ids(rows: Rows) -> tuple[str, ...]:
    """The column, or the two, that tell the rows of one time apart; none when nothing repeats or nothing tells them."""
    ordered = order_rows(rows, "sort", [])
    repeats = find_repeats(ordered)
    if repeats is None or repeats.conflicts == 0:
        return ()
    columns = {name: codes for name in rows.columns if (codes := _labels(rows, name)) is not None}
    ranked = sorted(columns, key=lambda name: (not _ID_WORD.search(name), name not in rows.schema.categories))
    choices = [(name,) for name in ranked] + list(combinations(ranked[:6], 2))
    for choice in choices:
        codes = np.unique(np.stack([columns[name] for name in choice]), axis=1, return_inverse=True)[1].reshape(-1)
        if _unique_with(rows.time, codes):
            return choice
    return ()


def _labels(rows: Rows, name: str) -> Array | None:
    """(n,) a column that may name series: words or whole numbers, none missing, few of them, no part of a calendar."""
    column = rows.columns[name]
    if np.isnan(column).any() or not bool((column == np.floor(column)).all()) or field_by_name(name) is not None:
        return None
    count = len(np.unique(column))
    if count < 2 or len(column) < FEWEST_OF_AN_ID * count:
        return None
    if name not in rows.schema.categories and not _ID_WORD.search(name):
        return None
    return column


def _unique_with(time: Array, codes: Array) -> bool:
    order = np.lexsort((codes, time))
    same = (np.diff(time[order]) == 0) & (np.diff(codes[order]) == 0)
    return not bool(same.any())


def likely_targets(rows: Rows, roles: Roles) -> tuple[str, ...]:
    """Columns of numbers that change and are no calendar, no id and no flag; those first whose names are often forecast."""
    taken = {ID, TIME, *roles.used} - {TARGET}
    words = {name for name, categories in rows.schema.categories.items() if categories != BOOLEAN}
    found = [name for name in rows.columns if name not in taken and name not in words]
    useful = [name for name in found if _useful(name, rows.columns[name], rows)]
    return tuple(sorted(useful or [name for name in found if name == TARGET], key=_rank)[:MOST_TARGETS])


def _useful(name: str, column: Array, rows: Rows) -> bool:
    known = column[~np.isnan(column)]
    if len(known) == 0 or known.min() == known.max():
        return False
    if _rank(name) < len(SURE):
        return True
    if name in rows.schema.categories or field_by_name(name) is not None or _NO_TARGET.search(name):
        return False
    return len(np.unique(known[:1000])) >= min(3, len(known)) and not _constant_by_id(column, rows)


def _constant_by_id(column: Array, rows: Rows) -> bool:
    if len(rows.ids) < 2:
        return False
    order = np.argsort(rows.codes, kind="stable")
    same = np.diff(rows.codes[order]) == 0
    return bool((np.diff(column[order])[same] == 0).all())


def _rank(name: str) -> int:
    folded = name.casefold()
    if folded in SURE:
        return SURE.index(folded)
    words = set(re.split("[^a-z0-9.]+", folded))
    if words & set(SURE):
        return len(SURE)
    return len(SURE) + (1 if words & LIKELY else 2 if words & PERHAPS else 3)


def with_units(name: str, categories: tuple[str, ...]) -> str | None:
    """Why a column of words is one of numbers with something round them; None when it is not."""
    pattern = re.compile(r"[^0-9]{0,4}[+-]?[0-9][0-9.,' ]*[^0-9]{1,12}|[^0-9]{1,4}[+-]?[0-9][0-9.,']*")
    found = [text for text in categories if pattern.fullmatch(text) and not re.fullmatch(r"[A-Za-z_-]+[0-9]+", text)]
    if (
        len(found) < 0.9 * len(categories)
        or len(found) < (1 if name.casefold() in SURE else 3)
        or _ID_WORD.search(name)
    ):
        return None
    return f"column '{name}' has '{found[0]}', a number with something round it: keep the number alone in the field"


def options(given: Reading, roles: Roles, rows: Rows, dropped: int, unit: str | None) -> dict[str, Any]:
    """Arguments for `read_table` that differ from its defaults, the first target chosen."""
    said = {one.name: getattr(given, one.name) for one in fields(given) if one.name != "schema"}
    chosen = {name: value for name, value in said.items() if value not in (None, (), [], "error", "sort")}
    if roles.time != TIME:
        chosen["time"] = roles.time
    if roles.id is not None and roles.id != ID:
        chosen["id"] = roles.id
    if "target" not in chosen and roles.targets and roles.targets[0] != TARGET:
        chosen["target"] = roles.targets[0]
    if dropped and "duplicates" not in chosen:
        chosen["duplicates"] = "last"
    if rows.schema.kind == "number" and unit is not None:
        chosen["time_unit"] = unit
    return chosen


def likely_unit(rows: Rows) -> str | None:
    return epoch_unit(rows.time) if rows.schema.kind == "number" else None


def obstacle(targets: tuple[str, ...], rows: Rows, failures: Mapping[str, str], known: Array, lost: int) -> str:
    """What must be done by hand before anything can be learned; empty when nothing must.

    known (ids,): rows with a value of the first target; lost: rows whose target a rule for repeats would drop.
    """
    first = targets[0] if targets else None
    if first is not None and first in failures:
        return f"mend '{first}' first: {failures[first]}"
    if first is None or first not in rows.columns:
        if failures:
            name = min(failures, key=_rank)
            return f"no column of numbers is there to be forecast; mend '{name}' first: {failures[name]}"
        return "no column of numbers that change is there to be forecast"
    if rows.schema.categories.get(first, BOOLEAN) != BOOLEAN:
        return f"'{first}' holds words, and only numbers can be forecast"
    if lost:
        return (
            f"{lost:,} rows repeat a time with another '{first}', and no column tells them apart: "
            f"is a column missing that names the series, or a clock time?"
        )
    if known.sum() < FEWEST_ROWS or known.max() < FEWEST_OF_LONGEST:
        return f"{known.sum():,} rows are too few to learn from and to test on: {FEWEST_ROWS} at least"
    return ""


def horizon(seasons: tuple[int, ...], longest: int) -> int:
    """A season where it is short enough to be learned from these rows, else a day's worth of hours, or less."""
    if seasons and seasons[0] <= min(LONGEST, longest // 12):
        return seasons[0]
    return min(HORIZON, max(1, longest // 20))


def command(source: str, options: Mapping[str, Any], steps: int) -> str:
    """The next line to type."""
    words = ["tauflow", "compare", f"./{source}" if source.startswith("-") and source != "-" else source]
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            words.append(flag if value else "--no-" + flag[2:])
        else:
            for one in as_names(value):
                words += [f"{flag}={one}"] if one.startswith("-") else [flag, one]
    return " ".join(shlex.quote(word) for word in [*words, "--horizon", str(steps)])


def duration(seconds: float) -> str:
    """3600 -> '1 h', 5400 -> '1.5 h'."""
    if not np.isfinite(seconds):
        return "unknown"
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size and unit != "w"), (1, "s"))
    return f"{seconds / size:.3g} {unit}" if seconds < 1000 * size else f"{seconds / size:,.0f} {unit}"
