"""Samples of the user's for an export in whole numbers: a CSV table with a column an input, and dt, or an .npz with x and dt."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .plan import Array, ExportError, Plan
from .record import Samples

FEWEST = 40  # samples, of which a quarter measures the error


def input_names(network: Any) -> list[str] | None:
    """The names of a network's inputs, if it has some."""
    names = getattr(network, "input_names", None)
    return None if names is None else [str(name) for name in names]


def read_samples(path: str | os.PathLike[str], plan: Plan, names: Sequence[str] | None) -> Samples:
    """x (n, inputs) and dt (n,), a period each where the file has no dt; empty cells are missing values."""
    file = Path(path)
    try:
        x, dt = _of_npz(file) if file.suffix == ".npz" else _of_csv(file, plan, names)
    except OSError as error:
        raise ExportError(f"can't read {file}: {error.strerror or error}") from None
    dt = np.full(len(x), plan.period) if dt is None else dt
    if x.ndim != 2 or x.shape[1] != plan.inputs or dt.shape != (len(x),):
        raise ExportError(f"{file} has x {x.shape} and dt {dt.shape}, expected (n, {plan.inputs}) and (n,)")
    if len(x) < FEWEST:
        raise ExportError(f"{file} has {len(x)} samples, expected at least {FEWEST}: they say how large numbers get")
    bad = ~(np.isfinite(x) | (np.isnan(x) & plan.knows_missing)).all(axis=1) | ~((dt >= 0) & np.isfinite(dt))
    if bad.any():
        raise ExportError(f"sample {int(bad.argmax())} of {file} holds NaN, infinity or a negative dt")
    return Samples(x.astype(plan.dtype), dt.astype(plan.dtype))


def _of_npz(file: Path) -> tuple[Array, Array | None]:
    try:
        with np.load(file, allow_pickle=False) as held:
            return np.asarray(held["x"], float), np.asarray(held["dt"], float) if "dt" in held else None
    except (KeyError, ValueError) as error:
        raise ExportError(f"{file} holds no x (n, inputs), expected an .npz with x and dt: {error}") from None


def _of_csv(file: Path, plan: Plan, names: Sequence[str] | None) -> tuple[Array, Array | None]:
    with file.open(newline="", encoding="utf-8-sig") as opened:
        head, *rows = [row for row in csv.reader(opened) if row] or [[]]
    wanted = list(names) if names is not None and set(names) <= set(head) else [one for one in head if one != "dt"]
    if len(wanted) != plan.inputs:
        told = f"{', '.join(names)} and dt" if names is not None else f"{plan.inputs} inputs and dt"
        raise ExportError(f"{file} has the columns {', '.join(head)}, expected {told}")
    return np.array([[_cell(file, k, row, head.index(one)) for one in wanted] for k, row in enumerate(rows, 2)]), (
        np.array([_cell(file, k, row, head.index("dt")) for k, row in enumerate(rows, 2)]) if "dt" in head else None
    )


def _cell(file: Path, line: int, row: Sequence[str], at: int) -> float:
    text = row[at].strip() if at < len(row) else ""
    try:
        return float(text) if text else float("nan")
    except ValueError:
        raise ExportError(f"line {line} of {file} has {text[:40]!r}, expected a number") from None
