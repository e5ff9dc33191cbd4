"""Trials of people who wear a passive RFID tag on the chest, as published: one file a trial, a row a reading.

    time s, acceleration frontal, vertical, lateral (g), antenna, RSSI (dBm), phase, frequency (MHz), label
    label    1 sits on bed, 2 sits on chair, 3 lies, 4 walks             antenna 1 to 4

A folder holds the files (d1p22F: trial, person's sex), or an archive `*.tar.gz` of them. The tag answers when an antenna reaches it: gaps
run from none to minutes. Source: Shinmoto Torres et al. 2013, Sensor enabled wearable RFID technology for mitigating the risk of falls.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError

Array = NDArray[Any]
LABELS = ("sits on bed", "sits on chair", "lies", "walks")
COLUMNS, ANTENNAS = 9, 4
NAME = re.compile(r"d\d+p\d+[MF]")
FEWEST = 5  # rows of a trial


@dataclass(frozen=True, eq=False)
class Trial:
    """times (rows,) s, acceleration (rows, 3) g, antenna (rows,) 0 to 3, signal (rows, 3): RSSI, phase, frequency; label (rows,) 0 to 3."""

    name: str
    times: Array
    acceleration: Array
    antenna: Array
    signal: Array
    label: Array

    def __len__(self) -> int:
        return len(self.times)

    @property
    def dt(self) -> Array:
        """Seconds since the row before; the first row: 0.25 s."""
        return np.diff(self.times, prepend=self.times[0] - 0.25)


def read(folder: Path) -> list[Trial]:
    """The trials of a folder, in the order of their names."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; expected one with S1_Dataset.tar.gz, or with files such as d1p22F")
    found = [trial for name, text in _files(folder) if len(trial := parsed(name, text)) >= FEWEST]
    if not found:
        raise DataError(f"{folder} holds no trial; expected S1_Dataset.tar.gz, or files such as d1p22F of nine columns")
    found.sort(key=lambda trial: trial.name)
    seen = {int(k) for trial in found for k in np.unique(trial.label)}
    if len(seen) < 2:
        raise DataError(f"{folder}: every row is labelled {LABELS[seen.pop()]!r}, so there is nothing to tell apart")
    if len(found) < 4:
        raise DataError(f"{folder} holds {len(found)} trials; expected 4 at least, since every fourth is held out")
    return found


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of every trial, from files and, where there are none, from archives."""
    plain = [path for path in folder.rglob("*") if path.is_file() and NAME.fullmatch(path.name)]
    if plain:
        several = len({path.name for path in plain}) < len(plain)  # the rooms share names
        for path in plain:
            yield (f"{path.parent.name}/{path.name}" if several else path.name), path.read_text(errors="replace")
        return
    for path in sorted(folder.glob("*.tar.gz")):
        try:
            with tarfile.open(path) as packed:
                for member in packed:
                    name = Path(member.name).name
                    if member.isfile() and NAME.fullmatch(name) and (held := packed.extractfile(member)) is not None:
                        yield name, held.read().decode(errors="replace")
        except (tarfile.TarError, EOFError, OSError) as wrong:
            raise DataError(f"{path} can't be unpacked: {wrong}") from wrong


def parsed(name: str, text: str) -> Trial:
    """A trial from its text."""
    rows = [line.split(",") for line in text.split()]
    for number, row in enumerate(rows):
        if len(row) != COLUMNS:
            raise DataError(f"trial {name}, row {number + 1} has {len(row)} columns, expected {COLUMNS}: time to label")
    try:
        table = np.array(rows, np.float64).reshape(-1, COLUMNS)
    except ValueError as wrong:
        raise DataError(f"trial {name} holds what is no number: {wrong}") from None
    label, antenna = table[:, 8] - 1, table[:, 4] - 1
    for what, codes, most in (("label", label, len(LABELS)), ("antenna", antenna, ANTENNAS)):
        wrong_codes = ~np.isin(codes, np.arange(most))
        if wrong_codes.any():
            raise DataError(f"trial {name}: {what} {codes[wrong_codes][0] + 1:g} is unknown, expected 1 to {most}")
    if not np.isfinite(table).all():
        raise DataError(f"trial {name} holds numbers that are not finite")
    if (np.diff(table[:, 0]) < 0).any():
        at = int(np.argmax(np.diff(table[:, 0]) < 0))
        raise DataError(f"trial {name}: the time goes back at row {at + 2}; put the rows in order")
    return Trial(name, table[:, 0], table[:, 1:4], antenna.astype(int), table[:, 5:8], label.astype(int))
