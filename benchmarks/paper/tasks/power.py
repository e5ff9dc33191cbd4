"""Power: the electric power of a house, from what its meters read at the same time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tauflow import datasets

from ..data import Files
from ..metrics import MSE
from ..models import EVERY
from ..task import Array, Published, Settings, Split, Task, by_time, from_rows, shuffled, windows

MINUTES = "power/household_power_consumption.txt"
LENGTH = 32
COLUMNS = 7  # Global_active_power, the target, first


def load(files: Files) -> Iterator[Split]:
    """The published minutes where the folder has them, else the hourly means that come with tauflow."""
    path = files.root / MINUTES if files.root else None
    minutes = path is not None and path.is_file()
    table = read_minutes(path.read_text()) if path is not None and minutes else read_hours()
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    x, y = table[:, 1:].astype(np.float32), table[:, :1].astype(np.float32)
    index = windows(len(x), LENGTH, LENGTH)
    parts = tuple(index[chosen] for chosen in shuffled(len(index), 23489))
    leaks = "windows are shuffled: they share no row, but each test window has its neighbours in training"
    yield from_rows("published" if minutes else "published, hourly means", x, y, parts, leaks)
    yield from_rows("by time" if minutes else "by time, hourly means", x, y, by_time(len(x), LENGTH, LENGTH))


def read_minutes(text: str) -> Array:
    """As the paper's script: a missing value is the one before it."""
    rows, last = [], [float(number) for number in range(COLUMNS)]
    for line in text.splitlines()[1:]:
        values = [value.strip() for value in line.split(";")[2:]]
        if len(values) == COLUMNS:
            last = [old if value in ("?", "") else float(value) for value, old in zip(values, last, strict=True)]
            rows.append(last)
    return np.array(rows)


def read_hours() -> Array:
    frame = datasets.load("household_power").drop(columns="ds").ffill()
    return frame.to_numpy(np.float64)


DATA = """Individual household electric power consumption (UCI, CC BY 4.0): 2,075,259 minutes if
DIR/power/household_power_consumption.txt is there, as published; else its 34,589 hourly means, which come with
tauflow and are another, easier task."""
PROTOCOL = """Hasani et al. 2021 (power.py): from reactive power, voltage, current and three submeters the active power of the same
row, all scaled to mean 0 and deviation 1; windows of 32 rows side by side, shuffled; 10 % validation, 15 % test; 32
units, batches of 16, 200 epochs of Adam, of which we take 100; squared error at the epoch that is best on validation.
By time: the last 15 % are the test."""
TRAPS = """- One of the inputs is the current of the whole house at the same time. Power is current times voltage, so a linear
  rule on one row is nearly exact: on the hourly means it leaves less than a thousandth of the variance. The published
  errors, for minutes, are 0.6 of the variance, which we can't explain.
- All columns are scaled by mean and deviation of all rows, those of the test too."""

TASK = Task(
    name="power",
    title="Power: what a house draws now",
    data=DATA,
    protocol=PROTOCOL,
    metric=MSE,
    outputs=1,
    settings=Settings(epochs=100),
    load=load,
    cells=EVERY,
    trivial=("mean", "ridge"),
    published=(Published("CT-GRU", 0.586), Published("lstm", 0.628), Published("ltc", 0.642)),
    published_split="published",
    traps=TRAPS,
)
