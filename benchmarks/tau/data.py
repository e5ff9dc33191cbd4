"""The four sets as (learn, judge, test) parts of rows that are split by patient, stay, trial or time; see the project's notes on data.

ecg       MIT-BIH, 90 Hz, 15 s, dt in seconds: one from 0.10 to 0.35 s after a ventricular beat; later minutes of each record are held out
icu       PhysioNet 2012, stamps as they are, 48 h: does the patient die; stays are held out
activity  a passive tag on elderly people, stamps as they are: which of four postures, at every row; trials are held out
traffic   a motorway, hourly with gaps: the log of the count one step ahead; later years are held out
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tauflow import metrics

RECORDS = ("106", "108", "114", "116", "119", "121", "123", "100")


@dataclass(frozen=True)
class Part:
    """x (rows, time, inputs), y (rows, time) or (rows,), dt and mask (rows, time)."""

    x: Tensor
    y: Tensor
    dt: Tensor
    mask: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, chosen: Any) -> Part:
        return Part(self.x[chosen], self.y[chosen], self.dt[chosen], self.mask[chosen])


@dataclass(frozen=True)
class Task:
    """How a set is learned: what the network is made of, and what a metric says (more is better)."""

    name: str
    learn: Part
    judge: Part
    test: Part
    options: dict[str, Any]
    outputs: int
    epochs: int
    lr: float
    score: Callable[[Tensor, Part], float]


def padded(rows: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]) -> Part:
    """Rows (x, y, dt) of any length side by side."""
    longest = max(len(x) for x, _, _ in rows)
    x = torch.zeros(len(rows), longest, rows[0][0].shape[1])
    dt, mask = torch.zeros(len(rows), longest), torch.zeros(len(rows), longest, dtype=torch.bool)
    of_all = np.ndim(rows[0][1]) == 0
    y = torch.zeros(len(rows)) if of_all else torch.zeros(len(rows), longest)
    for k, (a, b, c) in enumerate(rows):
        x[k, : len(a)], dt[k, : len(a)], mask[k, : len(a)] = torch.tensor(a), torch.tensor(c), True
        if of_all:
            y[k] = float(b)
        else:
            y[k, : len(a)] = torch.tensor(b)
    return Part(x, y, dt, mask)


def ecg(folder: Path) -> Task:
    import wfdb

    parts: dict[str, list[Any]] = {"learn": [], "judge": [], "test": []}
    for name in RECORDS:
        record = wfdb.rdrecord(str(folder / "mitdb" / name))
        beats = wfdb.rdann(str(folder / "mitdb" / name), "atr")
        signal = record.p_signal[:, 0][: 650000 // 4 * 4].reshape(-1, 4).mean(axis=1)
        signal = (signal - np.median(signal)) / (np.quantile(signal, 0.99) - np.quantile(signal, 0.01))
        truth = np.zeros(len(signal))
        for at, symbol in zip(beats.sample, beats.symbol, strict=True):
            if symbol == "V":
                truth[int(at / 4 + 9) : int(at / 4 + 31)] = 1
        chunks = len(signal) // 1350
        for k in range(0, chunks, 2):
            here = slice(1350 * k, 1350 * (k + 1))
            part = "learn" if k < 0.6 * chunks else "judge" if k < 0.75 * chunks else "test"
            parts[part].append((signal[here, None], truth[here], np.full(1350, 4 / 360)))
    learn, judge, test = (padded(parts[p]) for p in ("learn", "judge", "test"))
    return Task("ecg", learn, judge, test, {"head": "classes"}, 2, 8, 0.01, precision)


def icu(folder: Path) -> Task:
    outcome = {}
    for line in (folder / "physionet2012" / "Outcomes-a.txt").read_text().splitlines()[1:]:
        fields = line.split(",")
        outcome[fields[0]] = float(fields[-1])
    stays: list[tuple[str, dict[float, dict[str, float]]]] = []
    names: dict[str, int] = {}
    with tarfile.open(folder / "physionet2012" / "set-a.tar.gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() and member.name.endswith(".txt") else None
            if file is None:
                continue
            rows: dict[float, dict[str, float]] = {}
            for line in file.read().decode().splitlines()[1:]:
                time, name, value = line.split(",")
                if name in ("RecordID", "") or float(value) < 0:
                    continue
                hours = int(time[:2]) + int(time[3:]) / 60
                rows.setdefault(hours, {})[name] = float(value)
                names.setdefault(name, len(names))
            stays.append((Path(member.name).stem, rows))
    found = []
    for name, rows in stays:
        if name not in outcome or len(rows) < 3:
            continue
        hour = np.array(sorted(rows))[:120]
        x = np.full((len(hour), len(names)), np.nan)
        for k, at in enumerate(hour.tolist()):
            for column, measured in rows[at].items():
                x[k, names[column]] = measured
        found.append((x, np.float64(outcome[name]), np.diff(hour, prepend=0.0)))
    order = np.random.default_rng(0).permutation(len(found))
    cut = [0, int(0.6 * len(found)), int(0.8 * len(found)), len(found)]
    parts = [padded([found[k] for k in order[a:b]]) for a, b in pairwise(cut)]
    options = {"head": "classes", "missing": "missing", "encoder": {"name": "dense", "units": 24}, "pool": "several"}
    learn, judge, test = parts
    return Task("icu", learn, judge, test, options, 2, 6, 0.003, auroc)


def activity(folder: Path) -> Task:
    trials = []
    with tarfile.open(folder / "rfid" / "S1_Dataset.tar.gz") as archive:
        for member in sorted(archive.getmembers(), key=lambda one: one.name):
            file = archive.extractfile(member) if member.isfile() and Path(member.name).name.startswith("d") else None
            if file is None:
                continue
            table = np.loadtxt(file, delimiter=",", ndmin=2)
            antenna = np.eye(4)[table[:, 4].astype(int) - 1]
            x = np.concatenate([table[:, 1:4], antenna, table[:, 5:7]], axis=1)
            trials.append((x, table[:, 8] - 1, np.diff(table[:, 0], prepend=table[0, 0])))
    rows: dict[str, list[Any]] = {"learn": [], "judge": [], "test": []}
    for number, trial in enumerate(trials):
        part = ("test", "learn", "learn", "judge", "learn")[number % 5]
        for begin in range(0, len(trial[0]), 400):
            if len(trial[0]) - begin > 20:
                rows[part].append(tuple(each[begin : begin + 400] for each in trial))
    parts = [padded(rows[p]) for p in ("learn", "judge", "test")]
    learn, judge, test = parts
    return Task(
        "activity",
        learn,
        judge,
        test,
        {"head": "classes", "encoder": {"name": "dense", "units": 24}},
        4,
        12,
        0.01,
        accuracy,
    )


def traffic(folder: Path) -> Task:
    with np.load(folder / "shippable" / "metro_traffic_hourly.npz", allow_pickle=False) as table:
        epoch, volume, temperature = (np.asarray(table[name], dtype=float) for name in ("epoch", "volume", "temp_K"))
    _, first = np.unique(epoch, return_index=True)
    epoch, volume, temperature = epoch[first], np.log1p(volume[first]), np.clip(temperature[first], 240, 320)
    x = np.stack([volume, temperature], axis=1)[:-1]
    dt = np.diff(epoch / 3600, prepend=epoch[0] / 3600)
    rows: dict[str, list[Any]] = {"learn": [], "judge": [], "test": []}
    for begin in range(0, len(x) - 168, 168):
        part = "learn" if begin < 0.6 * len(x) else "judge" if begin < 0.75 * len(x) else "test"
        here = slice(begin, begin + 168)
        rows[part].append((x[here], volume[1:][here], dt[:-1][here]))
    parts = [padded(rows[p]) for p in ("learn", "judge", "test")]
    learn, judge, test = parts
    return Task("traffic", learn, judge, test, {"head": "values"}, 1, 12, 0.01, explained)


def _judged(answer: Tensor, part: Part) -> tuple[NDArray[Any], NDArray[Any]]:
    """(answers (n, classes), classes (n,)) of the real samples, or of the rows."""
    of_all = part.y.ndim == 1
    return np.asarray(answer if of_all else answer[part.mask]), np.asarray(
        part.y if of_all else part.y[part.mask]
    ).astype(int)


def precision(answer: Tensor, part: Part) -> float:
    return float(metrics.auprc(*_judged(answer, part)))


def auroc(answer: Tensor, part: Part) -> float:
    return float(metrics.auroc(*_judged(answer, part)))


def accuracy(answer: Tensor, part: Part) -> float:
    return float((answer.argmax(dim=2) == part.y)[part.mask].double().mean())


def explained(answer: Tensor, part: Part) -> float:
    """1 - squared error / variance, of the log of the count."""
    truth, found = part.y[part.mask], answer[..., 0][part.mask]
    return float(1 - (truth - found).square().mean() / truth.var())


TASKS: dict[str, Callable[[Path], Task]] = {"ecg": ecg, "icu": icu, "activity": activity, "traffic": traffic}
