"""Recorded samples for the live page: a CSV file with a column an input, by its name, and `dt` where the samples are not even."""

from __future__ import annotations

import csv
import math
import os
from typing import Any

from ..errors import ServeError

ROWS = 20_000


def read_recording(path: str | os.PathLike[str], model: Any) -> dict[str, Any]:
    """{"x": rows of numbers, null where a field is empty, "dt": [...]}; ServeError names what is missing or no number."""
    name = os.fspath(path)
    if model.why_no_sessions:
        raise ServeError(f"a recording is played to a network, and this is none: {model.why_no_sessions}")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            columns = rows.fieldnames or []
            missing = [column for column in model.input_names if column not in columns]
            if missing:
                raise ServeError(
                    f"{name} has no column {missing[0]!r}; it needs {', '.join(model.input_names)}, and dt where uneven"
                )
            x, dt = list[list[float | None]](), list[float]()
            for number, row in enumerate(rows, 2):
                if len(x) == ROWS:
                    raise ServeError(f"{name} has more than {ROWS:,} rows, which is more than a page plays: cut it")
                x.append(
                    [
                        _number(row[column], f"{name}, line {number}, {column}", model.knows_missing)
                        for column in model.input_names
                    ]
                )
                gap = _number(row["dt"], f"{name}, line {number}, dt", False) if "dt" in columns else 1.0
                if gap is None or gap < 0:
                    raise ServeError(
                        f"{name}, line {number}: dt is {gap}, expected a time since the previous sample, >= 0"
                    )
                dt.append(gap)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ServeError(f"{name} can't be read: {getattr(error, 'strerror', None) or error}") from None
    if not x:
        raise ServeError(f"{name} has no rows")
    return {"x": x, "dt": dt}


def _number(text: str | None, where: str, may_miss: bool) -> float | None:
    if not (text or "").strip():
        if may_miss:
            return None
        raise ServeError(f"{where} is empty, which only a network with a `missing` part takes")
    try:
        value = float(str(text))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ServeError(f"{where} is {text!r}, expected a number")
    return value
