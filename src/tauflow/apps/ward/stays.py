"""Stays in intensive care, as PhysioNet published them for its challenge of 2012.

    set-a/132539.txt   Time,Parameter,Value     HH:MM since admission; -1 = missing; the first rows hold what is known once
    Outcomes-a.txt     RecordID,...,In-hospital_death

A folder holds the files, or `set-a.tar.gz`. Nothing is resampled but to whole minutes: the files know no finer time.
Source: Silva et al. 2012, Predicting in-hospital mortality of ICU patients.
"""

from __future__ import annotations

import csv
import io
import math
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError

Array = NDArray[Any]
VARIABLES = (
    "Albumin", "ALP", "ALT", "AST", "Bilirubin", "BUN", "Cholesterol", "Creatinine", "DiasABP", "FiO2", "GCS", "Glucose", "HCO3",
    "HCT", "HR", "K", "Lactate", "Mg", "MAP", "MechVent", "Na", "NIDiasABP", "NIMAP", "NISysABP", "PaCO2", "PaO2", "pH", "Platelets",
    "RespRate", "SaO2", "SysABP", "Temp", "TroponinI", "TroponinT", "Urine", "WBC", "Weight",
)  # fmt: skip
ONCE = ("Age", "Gender", "Height", "ICUType")
UNITS = ("coronary care", "cardiac surgery", "medical", "surgical")  # ICUType 1 to 4
DIED = "In-hospital_death"
PLACE = {name: k for k, name in enumerate(VARIABLES)}


@dataclass(frozen=True, eq=False)
class Stays:
    """values[i] (stamps_i, 37) NaN = not measured, times[i] (stamps_i,) hours, once (n, 4) NaN = unknown, died (n,)."""

    names: tuple[str, ...]
    values: tuple[Array, ...]
    times: tuple[Array, ...]
    once: Array
    died: Array

    def __len__(self) -> int:
        return len(self.names)

    def part(self, index: Any) -> Stays:
        some = [int(k) for k in index]
        return Stays(
            tuple(self.names[k] for k in some),
            tuple(self.values[k] for k in some),
            tuple(self.times[k] for k in some),
            self.once[some],
            self.died[some],
        )


def read(folder: Path) -> Stays:
    """The stays of a folder whose outcome is known."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; expected one with set-a.tar.gz (or set-a/*.txt) and Outcomes-a.txt")
    outcomes = _outcomes(folder)
    found = []
    for name, text in _files(folder):
        if name in outcomes:
            found.append((name, *_stay(name, text)))
    if not found:
        raise DataError(
            f"{folder} holds no stay of its outcomes; expected set-a.tar.gz, or files like set-a/132539.txt that begin with "
            "Time,Parameter,Value"
        )
    found.sort(key=lambda one: one[0])
    died = np.array([outcomes[one[0]] for one in found])
    names, values, times, once = zip(*found, strict=True)
    return checked(Stays(tuple(names), tuple(values), tuple(times), np.stack(once), died), str(folder))


def checked(stays: Stays, where: str) -> Stays:
    """Stays from which something can be learned."""
    died = int(stays.died.sum())
    if died in (0, len(stays)):
        raise DataError(
            f"{where}: {'nobody' if died == 0 else 'everybody'} of {len(stays)} died: nothing tells the two apart"
        )
    if min(died, len(stays) - died) < 10:
        raise DataError(f"{where}: {died} of {len(stays)} died; expected at least 10 who died and 10 who lived")
    return stays


def _outcomes(folder: Path) -> dict[str, bool]:
    """Name of the stay -> whether the patient died in hospital."""
    files = sorted({*folder.glob("Outcomes*.txt"), *folder.glob("*/Outcomes*.txt")})
    if not files:
        raise DataError(
            f"{folder} has no Outcomes-a.txt, the file that says who died; PhysioNet publishes it beside set-a.tar.gz"
        )
    found = {}
    for path in files:
        rows = csv.DictReader(io.StringIO(path.read_text(errors="replace")))
        if rows.fieldnames is None or not {"RecordID", DIED} <= set(rows.fieldnames):
            raise DataError(
                f"{path} has the columns {', '.join(rows.fieldnames or ['none'])}; expected RecordID and {DIED}"
            )
        for row in rows:
            if row[DIED] not in ("0", "1"):
                raise DataError(f"{path}: {DIED} of {row['RecordID']} is {row[DIED]!r}, expected 0 or 1")
            found[row["RecordID"]] = row[DIED] == "1"
    return found


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of every stay, from archives and from files."""
    plain = [path for path in folder.rglob("*.txt") if path.stem.isdigit()]
    if plain:
        yield from ((path.stem, path.read_text(errors="replace")) for path in plain)
        return
    for path in sorted(folder.glob("set-*.tar.gz")):
        try:
            with tarfile.open(path) as packed:
                for member in packed:
                    stem = Path(member.name).stem
                    if member.isfile() and stem.isdigit() and (held := packed.extractfile(member)) is not None:
                        yield stem, held.read().decode(errors="replace")
        except (tarfile.TarError, EOFError, OSError) as wrong:
            raise DataError(f"{path} can't be unpacked: {wrong}") from wrong


def _stay(name: str, text: str) -> tuple[Array, Array, Array]:
    """values (stamps, 37), times (stamps,) in hours, once (4,); of several values at a stamp the last."""
    lines = text.split()
    if not lines or lines[0] != "Time,Parameter,Value":
        raise DataError(f"stay {name} begins with {(lines or ['nothing'])[0][:40]!r}, expected Time,Parameter,Value")
    rows: dict[int, dict[int, float]] = {}
    once = dict.fromkeys(ONCE, math.nan)
    for line in lines[1:]:
        try:
            clock, what, number = line.split(",")
            minutes = 60 * int(clock[:-3]) + int(clock[-2:])
            value = float(number)
        except ValueError:
            raise DataError(f"stay {name}: the row {line!r} is no Time,Parameter,Value such as 07:30,HR,88") from None
        if not math.isfinite(value) or value == -1:
            continue
        if what in PLACE:
            rows.setdefault(minutes, {})[PLACE[what]] = value
        elif what in once:
            once[what] = value
    if not rows:
        rows = {0: {}}
    order = sorted(rows)
    values = np.full((len(order), len(VARIABLES)), np.nan, np.float32)
    for k, at in enumerate(order):
        for place, value in rows[at].items():
            values[k, place] = value
    return values, np.array(order, np.float32) / 60, np.array([once[what] for what in ONCE], np.float32)
