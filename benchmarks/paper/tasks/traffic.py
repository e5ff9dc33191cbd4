"""Traffic: the volume on a motorway in the same hour, from weather, weekday and hour."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tauflow import datasets

from ..data import Files
from ..metrics import MSE
from ..models import EVERY
from ..task import Published, Settings, Split, Task, by_time, from_rows, shuffled, standard, windows

LENGTH, STRIDE = 32, 4
EXTREME = 5.0  # deviations; one hour of rain reads 9,831 mm


def load(files: Files) -> Iterator[Split]:
    """The data set comes with tauflow."""
    frame = datasets.load("traffic")
    time = frame["ds"].dt
    noon = np.sin(time.hour.to_numpy() * np.pi / 24)
    readings = [frame[name].to_numpy(np.float64) for name in ("temp_K", "rain", "snow", "clouds")]
    readings[0] = readings[0] - readings[0].mean()
    x = np.stack([np.zeros(len(frame)), *readings, time.day_of_week.to_numpy(), noon], axis=1).astype(np.float32)
    volume = frame["volume"].to_numpy(np.float64)
    y = ((volume - volume.mean()) / volume.std()).astype(np.float32)[:, None]
    index = windows(len(x), LENGTH, STRIDE)
    described = tuple(index[chosen] for chosen in shuffled(len(index), 23489))
    leaks = "windows overlap by 28 of 32 rows and are shuffled, so every row of the test is in training too"
    yield from_rows("published", x, y, described, leaks)
    parts = by_time(len(x), LENGTH, STRIDE)
    x[:, 0] = frame["holiday"]
    yield from_rows("by time", standard(x, parts[0]).clip(-EXTREME, EXTREME), y, parts)


DATA = """Metro Interstate Traffic Volume: 48,204 rows, one an hour and more, 2012 to 2018 (UCI, CC BY 4.0; it comes with
tauflow)."""
PROTOCOL = """Hasani et al. 2021 (traffic.py): from holiday, temperature, rain, snow, clouds, weekday and sin(pi hour / 24) the
volume of the same row, scaled to mean 0 and deviation 1; windows of 32 rows every 4, shuffled; 10 % validation, 15 %
test; 32 units, batches of 16, 200 epochs of Adam, of which we take 40; squared error at the epoch that is best on
validation. By time: the last 15 % of rows are the test."""
TRAPS = """- The script in its first version swaps the axes of windows and steps, as the one for ozone does: 25 sequences of
  12,043 steps. Which version made the published row is not said; `published` is the repaired one, which does as the
  paper describes.
- sin(pi hour / 24) is the same at 9 and at 15 o'clock: a network has to tell morning from afternoon by the direction
  of change. `calendar` can't tell them apart either.
- The script's holiday column is 0 in every row; by time, it is the real one.
- Rows are not hours: 7,629 rows repeat a time and 2,588 gaps are longer than an hour, but every step counts as one.
- Rain is not scaled, and one row reads 9,831 mm; by time, inputs are scaled in training and cut at 5 deviations."""

TASK = Task(
    name="traffic",
    title="Traffic: the volume of this hour",
    data=DATA,
    protocol=PROTOCOL,
    metric=MSE,
    outputs=1,
    settings=Settings(epochs=40),
    load=load,
    cells=EVERY,
    trivial=("mean", "ridge", "calendar"),
    published=(Published("ltc", 0.099), Published("lstm", 0.169), Published("ctrnn", 0.224)),
    published_split="published",
    traps=TRAPS,
)
