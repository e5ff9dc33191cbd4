"""The data sets of the comparison, each as recordings: rows in order of time, apart from the other recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tauflow import datasets

from ..paper.data import Files
from ..paper.metrics import ACCURACY, MSE, Metric
from ..paper.task import Settings
from ..paper.tasks import gesture, half_cheetah

Array = NDArray[np.float32]
Targets = NDArray[np.generic]
Shift = Callable[[Array, Targets, float], tuple[Array, Targets]]  # what happens to x and y at this level

LENGTH = 32
UNITS = 32  # of the models that everything but size is measured on
CELLS = ("ltc", "gated_ltc", "cfc", "ctrnn", "hybrid", "lstm", "lstm+dt", "gru", "gru_d", "tcn")
SIZES = {
    "ltc": (8, 16, 32, 64),
    **dict.fromkeys(("gated_ltc", "cfc", "hybrid", "lstm", "gru", "tcn"), (8, 16, 32, 64, 128)),
}


@dataclass(frozen=True, eq=False)
class Recording:
    """x (rows, features), y (rows, outputs) or classes (rows,), dt (rows,) since the row before; season: what y was a season ago."""

    x: Array
    y: Targets
    dt: Array
    season: Array | None = None


@dataclass(frozen=True, eq=False)
class Data:
    train: list[Recording]
    validation: list[Recording]
    test: list[Recording]
    shift: Shift | None = None


@dataclass(frozen=True, eq=False)
class Set:
    """All that is known of a set before its files are read. Without `shifted` it is for accuracy alone."""

    name: str
    title: str
    about: str
    metric: Metric
    outputs: int
    epochs: int
    rules: tuple[str, ...]
    read: Callable[[Files], Data]
    shifted: str = ""  # the shift of level 1, in words
    stride: int = 16
    kept: float = 1.0  # share of the training rows that stay
    cells: tuple[str, ...] = CELLS
    sizes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return Settings(epochs=self.epochs, batch=16, units=UNITS, clip=1.0, schedule="cosine")


def even(x: NDArray[np.floating], y: Targets) -> Recording:
    return Recording(x.astype(np.float32), y, np.ones(len(x), np.float32))


def half_cheetahs(files: Files) -> Data:
    traces = [np.load(path) for path in files.get(half_cheetah.NAMES, half_cheetah.SHA256, half_cheetah.SOURCE)]
    recordings = [even(trace[:-1], trace[1:].astype(np.float32)) for trace in traces]
    train = recordings[15:25]
    width = np.concatenate([one.x for one in train]).std(axis=0)
    sensors = np.where(np.arange(17) % 3 == 0, width, 0).astype(np.float32)
    return Data(train, recordings[:5], recordings[5:15], lambda x, y, level: (x + np.float32(level) * sensors, y))


def gestures(files: Files) -> Data:
    names = [f"gesture/{name}_va3.csv" for name in gesture.RECORDINGS]
    paths = files.get(names, gesture.SHA256, gesture.SOURCE)
    frames = dict(zip(gesture.RECORDINGS, map(pd.read_csv, paths), strict=True))
    readings = {name: frame.to_numpy()[:, :-1].astype(np.float64) for name, frame in frames.items()}
    known = np.concatenate([readings[name] for name in gesture.BY_FILE[0]])

    def recording(name: str) -> Recording:
        scaled = (readings[name] - known.mean(axis=0)) / known.std(axis=0)
        return even(scaled, np.array([gesture.PHASES.index(phase) for phase in frames[name]["Phase"]]))

    train, validation, test = ([recording(name) for name in part] for part in gesture.BY_FILE)
    return Data(train, validation, test, lambda x, y, level: (x * np.float32(2**-level), y))


def traffic(files: Files) -> Data:
    """Rows are hours on record, so gaps are real; the target is the volume of the next row."""
    frame = datasets.load("traffic").drop_duplicates("ds").reset_index(drop=True)
    hours = ((frame["ds"] - frame["ds"].iloc[0]) / pd.Timedelta(hours=1)).to_numpy()
    bounds = (0, int(0.75 * len(frame)), int(0.85 * len(frame)), len(frame) - 1)
    known = slice(0, bounds[1])
    volume = frame["volume"].to_numpy(np.float64)
    volume = (volume - volume[known].mean()) / volume[known].std()
    angle = 2 * np.pi * frame["ds"].dt.hour.to_numpy() / 24
    weather = frame[["temp_K", "clouds"]].to_numpy(np.float64)
    weather = ((weather - weather[known].mean(axis=0)) / weather[known].std(axis=0)).clip(-5, 5)
    weekend = frame["ds"].dt.day_of_week.to_numpy() >= 5
    x = np.column_stack([volume, np.sin(angle), np.cos(angle), weekend, weather]).astype(np.float32)
    dt = np.diff(hours, prepend=-1).astype(np.float32)
    week = pd.Series(volume, hours).reindex(hours - 168).to_numpy()
    season = np.where(np.isnan(week), volume, week).astype(np.float32)
    y = volume.astype(np.float32)[:, None]
    train, validation, test = (
        [Recording(x[a:b], y[a + 1 : b + 1], dt[a:b], season[a + 1 : b + 1, None])] for a, b in pairwise(bounds)
    )

    def late(x: Array, y: Targets, level: float) -> tuple[Array, Targets]:
        turn = np.float32(2 * np.pi * 3 * level / 24)
        sine, cosine = x[:, 1], x[:, 2]
        turned = [sine * np.cos(turn) + cosine * np.sin(turn), cosine * np.cos(turn) - sine * np.sin(turn)]
        return np.column_stack([x[:, :1], *turned, x[:, 3:]]), y

    return Data(train, validation, test, late)


def rates(files: Files) -> Data:
    frame = datasets.load("ecb_rates")
    days, levels = frame["ds"], frame.drop(columns="ds")
    levels = levels[[name for name in levels if levels[name].notna().mean() > 0.95]].ffill()
    returns = 100 * levels.transform(np.log).diff().fillna(0.0)
    steps = days.diff().dt.days.fillna(1).to_numpy(np.float32)
    y = returns[["USD", "JPY", "GBP", "CHF"]].shift(-1).to_numpy(np.float32)
    bounds = (1, int((days < "2016").sum()), int((days < "2019").sum()), len(frame) - 1)
    x = (returns / returns.iloc[: bounds[1]].std()).clip(-5, 5).to_numpy(np.float32)
    train, validation, test = ([Recording(x[a:b], y[a:b], steps[a:b])] for a, b in pairwise(bounds))
    return Data(train, validation, test)


HALF_CHEETAH = Set(
    "half_cheetah",
    "Half-cheetah: the next frame",
    "10 recordings of a simulated robot to learn from, 5 to choose the learning rate by, 10 for the test; 17 readings, raw units.",
    MSE, 17, 60, ("persistence", "ridge"), half_cheetahs,
    "every third sensor reads a deviation too much; what is to be predicted stays",
    stride=10, sizes=SIZES,
)  # fmt: skip
SETS = {
    "half_cheetah": HALF_CHEETAH,
    "half_cheetah_uneven": replace(
        HALF_CHEETAH,
        name="half_cheetah_uneven",
        title="Half-cheetah, learned from recordings with a third of the frames lost",
        about="The same, but every third training frame, at random, is lost: here models can learn what a gap means.",
        kept=2 / 3,
        sizes={},
    ),
    "traffic": Set(
        "traffic",
        "Traffic: the volume of the next hour",
        "40,575 hours of a motorway; the first 75 % to learn from, 10 % to choose the learning rate by, the last 15 % for the test. From\n"
        "volume, hour, weekend, temperature and clouds; scaled, so that 1 is the variance of the training part. Gaps are real: the next\n"
        "row is the next hour in most cases, not in all.",
        MSE, 1, 20, ("persistence", "season", "ridge"), traffic,
        "the clock is three hours fast", sizes=SIZES,
    ),
    "gesture": Set(
        "gesture",
        "Gesture: the phase of a gesture at every frame",
        "Three recordings to learn from, one to choose the learning rate by, three of the same people for the test; 32 velocities and\n"
        "accelerations of hands, five phases.",
        ACCURACY, 5, 60, ("majority", "ridge"), gestures,
        "all readings halve, as if the camera stood twice as far", sizes=SIZES,
    ),
    "rates": Set(
        "rates",
        "Exchange rates: tomorrow's returns",
        "Euro reference rates of the European Central Bank, working days; the return of the next one, in per cent, of dollar, yen, pound\n"
        "and franc, from the last returns of all. Learned before 2016, chosen on 2016 to 2018, tested on 2019 to 2025. dt is in days.",
        MSE, 4, 20, ("random walk", "ridge"), rates,
    ),
}  # fmt: skip
