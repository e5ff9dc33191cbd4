"""The data sets of the comparison, each as recordings: rows in order of time, apart from the other recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tauflow import datasets

from ..paper.data import Files
from ..paper.metrics import ACCURACY, MSE, Metric
from ..paper.task import Settings
from ..paper.tasks import gesture, half_cheetah

Array = NDArray[np.float32]
Shift = Callable[[Array, NDArray[np.generic], float], tuple[Array, NDArray[np.generic]]]


@dataclass(frozen=True, eq=False)
class Recording:
    """x (rows, features), y (rows, outputs) or classes (rows,), dt (rows,) since the row before; season: what y was a season ago."""

    x: Array
    y: NDArray[np.generic]
    dt: Array
    season: Array | None = None


@dataclass(frozen=True, eq=False)
class Set:
    """`shift(x, y, level)` is what happens to a stream halfway; None: the set is for accuracy alone. `kept`: of the training rows."""

    name: str
    title: str
    about: str
    metric: Metric
    outputs: int
    train: list[Recording]
    validation: list[Recording]
    test: list[Recording]
    settings: Settings
    rules: tuple[str, ...]
    shift: Shift | None = None
    shifted: str = ""  # the shift of level 1, in words
    stride: int = 16
    kept: float = 1.0
    cells: tuple[str, ...] = ()
    sizes: dict[str, tuple[int, ...]] = field(default_factory=dict)


LENGTH = 32
UNITS = 32  # of the models that everything but size is measured on
CELLS = ("ltc", "gated_ltc", "cfc", "ctrnn", "hybrid", "lstm", "lstm+dt", "gru", "gru_d", "tcn")
SIZES = {
    "ltc": (8, 16, 32, 64),
    **dict.fromkeys(("gated_ltc", "cfc", "hybrid", "lstm", "gru", "tcn"), (8, 16, 32, 64, 128)),
}


def settings(epochs: int) -> Settings:
    return Settings(epochs=epochs, batch=16, units=UNITS, clip=1.0, schedule="cosine")


def even(x: Array, y: NDArray[np.generic]) -> Recording:
    return Recording(x.astype(np.float32), y, np.ones(len(x), np.float32))


def half_cheetahs(files: Files) -> Set:
    traces = [np.load(path) for path in files.get(half_cheetah.NAMES, half_cheetah.SHA256, half_cheetah.SOURCE)]
    recordings = [even(trace[:-1], trace[1:].astype(np.float32)) for trace in traces]
    width = np.concatenate([one.x for one in recordings[15:25]]).std(axis=0)
    sensors = np.where(np.arange(17) % 3 == 0, width, 0).astype(np.float32)
    return Set(
        "half_cheetah",
        "Half-cheetah: the next frame",
        "10 recordings of a simulated robot to learn from, 5 to choose the learning rate by, 10 for the test; 17 readings, raw units.",
        MSE, 17, recordings[15:25], recordings[:5], recordings[5:15], settings(60), ("persistence", "ridge"),
        lambda x, y, level: (x + level * sensors, y),
        "every third sensor reads a deviation too much; what is to be predicted stays",
        stride=10, cells=CELLS, sizes=SIZES,
    )  # fmt: skip


def uneven_half_cheetahs(files: Files) -> Set:
    return replace(
        half_cheetahs(files),
        name="half_cheetah_uneven",
        title="Half-cheetah, learned from recordings with a third of the frames lost",
        about="The same, but every third training frame, at random, is lost: here models can learn what a gap means.",
        kept=2 / 3,
        sizes={},
    )


def gestures(files: Files) -> Set:
    names = [f"gesture/{name}_va3.csv" for name in gesture.RECORDINGS]
    frames = dict(
        zip(gesture.RECORDINGS, map(pd.read_csv, files.get(names, gesture.SHA256, gesture.SOURCE)), strict=True)
    )
    readings = {name: frame.to_numpy()[:, :-1].astype(np.float64) for name, frame in frames.items()}
    train, valid, test = gesture.BY_FILE
    known = np.concatenate([readings[name] for name in train])

    def recordings(part: tuple[str, ...]) -> list[Recording]:
        return [
            even((readings[n] - known.mean(axis=0)) / known.std(axis=0), np.array([*map(gesture.PHASES.index, frames[n]["Phase"])]))
            for n in part
        ]  # fmt: skip

    return Set(
        "gesture",
        "Gesture: the phase of a gesture at every frame",
        "Three recordings to learn from, one to choose the learning rate by, three of the same people for the test; 32 velocities and "
        "accelerations of hands, five phases.",
        ACCURACY, 5, recordings(train), recordings(valid), recordings(test), settings(60), ("majority", "ridge"),
        lambda x, y, level: (x * np.float32(2**-level), y),
        "all readings halve, as if the camera stood twice as far",
        cells=CELLS, sizes=SIZES,
    )  # fmt: skip


def traffic(files: Files) -> Set:
    """The volume of the next hour on record; rows are hours that were recorded, so gaps are real."""
    frame = datasets.load("traffic").drop_duplicates("ds").reset_index(drop=True)
    hours = ((frame["ds"] - frame["ds"].iloc[0]) / pd.Timedelta(hours=1)).to_numpy()
    volume = frame["volume"].to_numpy(np.float64)
    train, valid = int(0.75 * len(frame)), int(0.85 * len(frame))
    level, width = volume[:train].mean(), volume[:train].std()
    volume = (volume - level) / width
    angle = 2 * np.pi * frame["ds"].dt.hour.to_numpy() / 24
    weather = frame[["temp_K", "clouds"]].to_numpy(np.float64)
    weather = ((weather - weather[:train].mean(axis=0)) / weather[:train].std(axis=0)).clip(-5, 5)
    weekend = frame["ds"].dt.day_of_week.to_numpy() >= 5
    x = np.column_stack([volume, np.sin(angle), np.cos(angle), weekend, weather]).astype(np.float32)
    dt = np.diff(hours, prepend=-1).astype(np.float32)
    week = pd.Series(volume, hours).reindex(hours - 168).fillna(pd.Series(volume, hours)).to_numpy()
    season = np.where(np.isnan(week), volume, week).astype(np.float32)  # of a row; that of the next is its target's
    bounds = (0, train, valid, len(frame) - 1)
    parts = [
        [Recording(x[a:b], volume[a + 1 : b + 1, None].astype(np.float32), dt[a:b], season[a + 1 : b + 1, None])]
        for a, b in zip(bounds, bounds[1:], strict=False)
    ]

    def late(x: Array, y: NDArray[np.generic], level: float) -> tuple[Array, NDArray[np.generic]]:
        turn = np.float32(2 * np.pi * 3 * level / 24)
        sine, cosine = x[:, 1], x[:, 2]
        turned = [sine * np.cos(turn) + cosine * np.sin(turn), cosine * np.cos(turn) - sine * np.sin(turn)]
        return np.column_stack([x[:, :1], *turned, x[:, 3:]]), y

    return Set(
        "traffic",
        "Traffic: the volume of the next hour",
        "40,575 hours of a motorway; the first 75 % to learn from, 10 % to choose the learning rate by, the last 15 % for the test. From "
        "volume, hour, weekend, temperature and clouds; scaled, so that 1 is the variance of the training part. Gaps are real.",
        MSE, 1, *parts, settings(20), ("persistence", "season", "ridge"),
        late, "the clock is three hours fast", stride=16, cells=CELLS, sizes=SIZES,
    )  # fmt: skip


def rates(files: Files) -> Set:
    """Returns of the next day; nothing is known to beat a random walk, which predicts none."""
    frame = datasets.load("ecb_rates")
    days = frame["ds"]
    rates = frame.drop(columns="ds")
    rates = rates[[name for name in rates if rates[name].notna().mean() > 0.95]].ffill()
    returns = 100 * np.log(rates).diff().fillna(0.0)
    steps = days.diff().dt.days.fillna(1).to_numpy(np.float32)
    aims = ["USD", "JPY", "GBP", "CHF"]
    y = returns[aims].shift(-1).to_numpy(np.float32)
    bounds = (1, int((days < "2016").sum()), int((days < "2019").sum()), len(frame) - 1)
    width = returns.iloc[: bounds[1]].std()
    x = (returns / width).clip(-5, 5).to_numpy(np.float32)
    parts = [[Recording(x[a:b], y[a:b], steps[a:b])] for a, b in zip(bounds, bounds[1:], strict=False)]
    return Set(
        "rates",
        "Exchange rates: tomorrow's returns",
        f"Reference rates of the European Central Bank, daily, {x.shape[1]} currencies; the return of the next day, in per cent, of "
        "dollar, yen, pound and franc. Learned before 2016, chosen on 2016 to 2018, tested on 2019 to 2025. dt is in days.",
        MSE, 4, *parts, settings(20), ("random walk", "ridge"), cells=CELLS,
    )  # fmt: skip


SETS: dict[str, Callable[[Files], Set]] = {
    "half_cheetah": half_cheetahs,
    "half_cheetah_uneven": uneven_half_cheetahs,
    "traffic": traffic,
    "gesture": gestures,
    "rates": rates,
}
