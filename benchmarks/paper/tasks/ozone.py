"""Ozone: whether a day has too much ozone, from 72 readings of the weather; 6 % of days have."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..data import Files
from ..metrics import F1
from ..models import EVERY
from ..task import Published, Settings, Split, Task, by_time, from_rows, shuffled, standard, windows

SOURCE = "archive.ics.uci.edu, Ozone Level Detection (CC BY 4.0): eighthr.data, into ozone/"
SHA256 = "40244a0544010a2dba20c27aeca7aa4c2c673f8fb8614f1881472334890c356b"
LENGTH, STRIDE = 32, 4


def load(files: Files) -> Iterator[Split]:
    lines = files.get(["ozone/eighthr.data"], SHA256, SOURCE)[0].read_text().splitlines()
    fields = [line.split(",")[1:] for line in lines if line.strip()]
    x = np.array([[np.nan if value == "?" else float(value) for value in row[:-1]] for row in fields], np.float32)
    y = np.array([int(float(row[-1])) for row in fields])
    zeros = np.nan_to_num(x, nan=0.0)
    index = windows(len(x), LENGTH, STRIDE)
    one_scale = (zeros - zeros.mean(dtype=np.float64)) / zeros.std(dtype=np.float64)
    transposed = tuple(index.T[chosen] for chosen in shuffled(LENGTH, 23489))
    leaks = "the test sequences are the training sequences, shifted by a few rows"
    yield from_rows("published", one_scale.astype(np.float32), y, transposed, leaks)
    described = tuple(index[chosen] for chosen in shuffled(len(index), 23489))
    leaks = "windows overlap by 28 of 32 rows and are shuffled, so every row of the test is in training too"
    yield from_rows("windows shuffled", one_scale.astype(np.float32), y, described, leaks)
    parts = by_time(len(x), LENGTH, STRIDE)
    filled = np.where(np.isnan(x), np.nanmean(x[parts[0]], axis=(0, 1)), x)
    yield from_rows("by time", standard(filled, parts[0]), y, parts)


DATA = """2,534 days of weather around Houston, 1998 to 2004, 72 readings a day; 6 % are ozone days."""
PROTOCOL = """Hasani et al. 2021 (ozone.py): windows of 32 days every 4, shuffled; 10 % validation, 15 % test; cross-entropy with
weight 1.6 on ozone days and 0.1 on others; 32 units, batches of 16, 200 epochs of Adam; F1 at the epoch that is best
on validation. By time: the last 15 % of days are the test, the 10 % before them validation."""
TRAPS = """- The published script swaps the axes of windows and steps. What it shuffles are 32 sequences of some 626 steps, four
  days a step, each a row-shifted copy of the next: 25 to learn from, 3 validation, 4 test, and two batches an epoch
  (one, as it drops what does not fill a batch). `published` does as the script does, `windows shuffled` as the paper
  describes.
- In both shuffled splits nearly every test day is a training day too: the class of the nearest one is right every time. Nothing
  that is learned there says how well tomorrow is foretold; by time, nothing does well.
- All 72 readings are scaled by one mean and one deviation, so that pressure, about 10,000, is all that varies much.
  By time, each has its own.
- A missing reading, and 687 of 2,534 days miss some, counts as 0; by time, as its mean in training."""

TASK = Task(
    name="ozone",
    title="Ozone: days with too much ozone",
    data=DATA,
    protocol=PROTOCOL,
    metric=F1,
    outputs=2,
    settings=Settings(epochs=200),
    load=load,
    cells=EVERY,
    trivial=("majority", "threshold", "logistic", "nearest"),
    published=(Published("ltc", 0.302), Published("lstm", 0.284), Published("CT-GRU", 0.260)),
    published_split="published",
    traps=TRAPS,
)
