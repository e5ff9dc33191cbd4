"""Sets of labelled series, one a domain, as the archives of UCR and UEA publish them: NAME_TRAIN.ts or .tsv, and NAME_TEST beside it.

    .ts    after @data a line a series: v1,v2,...:w1,w2,...:label      channels between colons, ? where unknown
    .tsv   label, tab, v1, tab, v2, ...

A series is read in pieces of `piece` samples, about 32 pieces each, so a set of 1,500 samples costs what one of 30 does. The gap of a
piece is told in the set's own unit of time. Source: Dau et al. 2019, The UCR time series archive; Bagnall et al. 2018 (UEA).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ... import pad
from ...errors import DataError
from ...training import Batch

Array = NDArray[Any]
PIECES = 32
# the time between two samples, and what a set is of
KNOWN: dict[str, tuple[float, str, str]] = {
    "ArrowHead": (1 / 251, "turn", "outlines of arrow heads"),
    "BasicMotions": (0.1, "s", "a watch: walk, run, rest, badminton"),
    "ECG200": (1 / 96, "beat", "heart beats, normal or ischaemic"),
    "GunPoint": (1 / 30, "s", "a hand: draws, or points"),
    "ItalyPowerDemand": (1.0, "h", "power of a day, summer or winter"),
    "JapaneseVowels": (0.0064, "s", "nine speakers say a vowel"),
    "watch": (0.08, "s", "seven exercises of the shoulder"),
}


@dataclass(frozen=True, eq=False)
class Domain:
    """One kind of series: x (batch, pieces, inputs), y (batch,) the classes, dt in `unit`; `test` judges and is used for nothing else."""

    name: str
    about: str
    unit: str
    classes: int
    learn: Batch
    test: Batch

    @property
    def inputs(self) -> int:
        return int(self.learn.x.shape[2])


def read_folder(folder: Path, names: Sequence[str] = ()) -> list[Domain]:
    """The sets of a folder, those named, or all."""
    found = sorted({path.name.partition("_TRAIN.")[0] for path in folder.glob("*_TRAIN.ts*")})
    if not folder.is_dir() or not found:
        raise DataError(f"{folder} has no set: expected files NAME_TRAIN.ts and NAME_TEST.ts (or .tsv) in it")
    if unknown := [name for name in names if name not in found]:
        raise DataError(f"{folder} has no set {unknown[0]!r}; it has {', '.join(found)}")
    return [read_set(folder, name) for name in names or found]


def read_set(folder: Path, name: str) -> Domain:
    """One set by its published division."""
    (series, labels), (tests, judged) = (read_file(_file(folder, f"{name}_{part}")) for part in ("TRAIN", "TEST"))
    classes = sorted(set(labels))
    if len(classes) < 2:
        raise DataError(f"{name}: its learning part has one class alone, {classes[0]!r}")
    if new := sorted(set(judged) - set(classes)):
        raise DataError(f"{name}: its test part has the class {new[0]!r}, which its learning part has not")
    step, unit, about = KNOWN.get(name, (1.0, "sample", name))
    piece = max(1, round(float(np.median([len(one) for one in series])) / PIECES))
    number = {label: k for k, label in enumerate(classes)}
    made = [
        batch([pieces(one, piece) for one in some], [number[label] for label in of], step * piece)
        for some, of in ((series, labels), (tests, judged))
    ]
    return Domain(name, about, unit, len(classes), made[0], made[1])


def _file(folder: Path, stem: str) -> Path:
    for path in (folder / f"{stem}.ts", folder / f"{stem}.tsv"):
        if path.exists():
            return path
    raise DataError(f"{folder} has neither {stem}.ts nor {stem}.tsv")


def read_file(path: Path) -> tuple[list[Array], list[str]]:
    """(series (time, channels) each, their labels)."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".ts":
        text = text.partition("@data")[2]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    read = _line_of_ts if path.suffix == ".ts" else _line_of_tsv
    try:
        found = [read(line) for line in lines]
    except ValueError as wrong:
        raise DataError(f"{path}: {wrong}; series with time stamps are not read") from None
    if not found:
        raise DataError(f"{path} has no series")
    return [filled(one) for one, _ in found], [label for _, label in found]


def _line_of_ts(line: str) -> tuple[Array, str]:
    *channels, label = line.split(":")
    values = [[np.nan if word in ("?", "NaN") else float(word) for word in channel.split(",")] for channel in channels]
    return np.array(values, dtype=np.float64).T, label


def _line_of_tsv(line: str) -> tuple[Array, str]:
    label, *words = line.split("\t")
    values = np.array([float(word) for word in words], dtype=np.float64)
    return values[: len(values) - int(np.isnan(values[::-1]).cumprod().sum())][:, None], label


def filled(series: Array) -> Array:
    """Unknown values by the last known one, or the first that comes."""
    for column in series.T:
        known = np.flatnonzero(~np.isnan(column))
        if not len(known):
            raise DataError("a series has a channel without a single known value")
        column[:] = column[known[np.maximum(np.searchsorted(known, np.arange(len(column)), "right") - 1, 0)]]
    return series


def pieces(series: Array, piece: int) -> Array:
    """(time, channels) -> (ceil(time / piece), piece * channels), the end filled with its last row."""
    count = -(-len(series) // piece)
    whole = np.concatenate([series, np.repeat(series[-1:], count * piece - len(series), axis=0)])
    return whole.reshape(count, -1)


def batch(series: Sequence[Array], labels: Sequence[int], gap: float) -> Batch:
    """All of them side by side."""
    x, mask = pad([torch.as_tensor(one, dtype=torch.float32) for one in series])
    return Batch(x, torch.tensor(labels), torch.full(mask.shape, gap), None if bool(mask.all()) else mask)
