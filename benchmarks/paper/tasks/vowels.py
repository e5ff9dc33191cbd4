"""Japanese vowels: which of nine men says /ae/, from 7 to 29 frames of 12 coefficients; sequences of unequal length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from tauflow.training import Batch

from ..data import Files, PaperDataError, in_package, verify
from ..metrics import ACCURACY
from ..models import EVERY
from ..task import Array, Settings, Split, Task, tensor

NAMES = ("JapaneseVowels_TRAIN.ts", "JapaneseVowels_TEST.ts")
SHA256 = "c755c99a2ac227123c34966a41b7940e802cdd6c360f7915e7c37cb8a781e821"
SOURCE = f"the package aeon: install it, or put {NAMES[0]} and {NAMES[1]} into vowels/ (timeseriesclassification.com has them too)"
HELD_OUT = 6  # of each speaker's 30 training utterances


def load(files: Files) -> Iterator[Split]:
    paths = [find(files, name) for name in NAMES]
    if files.check:
        verify(paths, SHA256, SOURCE)
    (x, y), (x_test, y_test) = (read(path) for path in paths)
    place = np.array([int((y[:number] == y[number]).sum()) for number in range(len(y))])  # among the speaker's own
    valid = place >= np.array([(y == speaker).sum() for speaker in y]) - HELD_OUT
    train, validation = (batch([x[i] for i in np.flatnonzero(part)], y[part]) for part in (~valid, valid))
    yield Split("published", train, validation, batch(x_test, y_test))


def find(files: Files, name: str) -> Path:
    for path in (
        files.root / "vowels" / name if files.root else None,
        in_package("aeon", f"datasets/data/JapaneseVowels/{name}"),
    ):
        if path is not None and path.is_file():
            return path
    raise PaperDataError(f"there is no {name}: get it from {SOURCE}")


def read(path: Path) -> tuple[list[Array], np.ndarray]:
    """After @data a line a sequence: features apart by colons, values by commas, the class last."""
    lines = path.read_text().split("@data", 1)[1].split()
    parts = [line.split(":") for line in lines]
    x = [
        np.array([[float(value) for value in feature.split(",")] for feature in part[:-1]], np.float32).T
        for part in parts
    ]
    return x, np.array([int(part[-1]) - 1 for part in parts])


def batch(sequences: list[Array], y: np.ndarray) -> Batch:
    """Padded with zeros at their end."""
    lengths = np.array([len(sequence) for sequence in sequences])
    x = np.zeros((len(sequences), lengths.max(), sequences[0].shape[1]), np.float32)
    for row, sequence in zip(x, sequences, strict=True):
        row[: len(sequence)] = sequence
    mask = np.arange(x.shape[1]) < lengths[:, None]
    return Batch(tensor(x), tensor(y), mask=torch.from_numpy(mask))


DATA = """640 utterances of one vowel by nine men, 7 to 29 frames of 12 cepstral coefficients (UCI, Kudo et al. 1999; UEA
archive)."""
PROTOCOL = """The archive's split: 270 utterances to learn from, 370 for the test; the last 6 of each man's 30 are our validation.
Batches of 16, 32 units, 100 epochs; the speaker is read off at the last frame."""
TRAPS = """- Validation has 54 utterances: most models reach 100 % there, and among equals the first epoch is taken.
- What a voice sounds like is in every frame: the mean over time, without order, is a strong baseline."""

TASK = Task(
    name="vowels",
    title="Japanese vowels: who speaks",
    data=DATA,
    protocol=PROTOCOL,
    metric=ACCURACY,
    outputs=9,
    settings=Settings(epochs=100),
    load=load,
    cells=EVERY,
    trivial=("majority", "logistic", "logistic on the mean"),
    traps=TRAPS,
)
