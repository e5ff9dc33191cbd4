"""Occupancy: whether an office is occupied, minute by minute, from temperature, humidity, light and CO2."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ..data import Files
from ..metrics import ACCURACY
from ..models import EVERY
from ..task import Published, Settings, Split, Task, from_rows, standard, windows

SOURCE = "archive.ics.uci.edu, Occupancy Detection (CC BY 4.0), into occupancy/"
SHA256 = "f7ce107f02dd4834783f2cf714996ec1c7e260fcdf67326d850fc3a0edfe1fe2"
NAMES = [f"occupancy/{name}.txt" for name in ("datatraining", "datatest", "datatest2")]
FEATURES = ["Temperature", "Humidity", "Light", "CO2", "HumidityRatio"]
LENGTH = 16


def load(files: Files) -> Iterator[Split]:
    frames = [pd.read_csv(path) for path in files.get(NAMES, SHA256, SOURCE)]
    first, second, _ = np.cumsum([len(frame) for frame in frames])
    x = np.concatenate([frame[FEATURES].to_numpy(np.float32) for frame in frames])
    y = np.concatenate([frame["Occupancy"].to_numpy(np.int64) for frame in frames])
    x = standard(x, slice(0, first))
    train = windows(first, LENGTH, 1)
    test = np.concatenate(
        [begin + windows(len(f), LENGTH, 8) for begin, f in zip((first, second), frames[1:], strict=True)]
    )
    order = np.random.RandomState(893429).permutation(len(train))
    valid = int(0.1 * len(train))
    yield from_rows("published", x, y, (train[order[valid:]], train[order[:valid]], test))
    cut = int(0.8 * first)
    yield from_rows("validation by time", x, y, (windows(cut, LENGTH, 1), cut + windows(first - cut, LENGTH, 1), test))


DATA = """Three recordings of one office, a row a minute: 8,143 rows to learn from, 2,665 and 9,752 for the test."""
PROTOCOL = """Hasani et al. 2021 (occupancy.py): windows of 16 rows, every row of the training file, every 8th of the test files; a
tenth of the training windows, shuffled, is validation; 32 units, batches of 16, 200 epochs of Adam, of which we take
40; the test score at the epoch that is best on validation. By time: the last fifth of the training file is
validation."""
TRAPS = """- The light is switched on when somebody comes: one threshold on Light beats every published network.
- Validation windows overlap training windows, so validation is near 100 % for everybody and chooses nothing."""

TASK = Task(
    name="occupancy",
    title="Occupancy: is somebody in the office",
    data=DATA,
    protocol=PROTOCOL,
    metric=ACCURACY,
    outputs=2,
    settings=Settings(epochs=40),
    load=load,
    cells=EVERY,
    trivial=("majority", "threshold", "logistic"),
    published=(Published("ltc", 94.63), Published("lstm", 93.18)),
    published_split="published",
    traps=TRAPS,
)
