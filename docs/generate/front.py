"""Draws images/front.png, the picture of the first page: python docs/generate/front.py."""

from pathlib import Path

import matplotlib.dates as dates
import numpy as np
import pandas as pd

import tauflow
from tauflow.drawing import figure

rng = np.random.default_rng(3)
hours = np.sort(rng.choice(24 * 40, 600, replace=False))
hours = hours[(hours < 24 * 33) | (hours > 24 * 33 + 30) & (hours < 24 * 36 + 6)]
stamps = pd.Timestamp("2024-03-01") + pd.to_timedelta(hours, unit="h")
level = (
    20 + 6 * np.sin(2 * np.pi * (hours - 9) / 24) + 2 * np.sin(2 * np.pi * hours / 151) + rng.normal(0, 0.9, len(hours))
)
frame = pd.DataFrame({"ds": stamps, "y": level})
model = tauflow.Forecaster("gated_ltc", h=30, units=16, context=24, season=24, epochs=3, steps=25)
model.fit(frame, progress=False)
end = frame["ds"].iloc[-1]
ahead = model.predict(
    times=list(pd.date_range(end + pd.Timedelta("1h"), end + pd.Timedelta("29h"), freq="1h")), level=[50, 90]
)


def draw(fig, colours):
    axes = fig.add_subplot()
    past = frame[frame["ds"] > end - pd.Timedelta("6D")]
    axes.fill_between(
        ahead["ds"], ahead["y-lo-90"], ahead["y-hi-90"], color=colours["liquid1"], alpha=0.18, linewidth=0
    )
    axes.fill_between(
        ahead["ds"], ahead["y-lo-50"], ahead["y-hi-50"], color=colours["liquid1"], alpha=0.28, linewidth=0
    )
    axes.plot(past["ds"], past["y"], "o", ms=3.2, color=colours["ink"])
    axes.plot(ahead["ds"], ahead["y"], color=colours["liquid1"])
    axes.set_title("Readings come unevenly, and not at all for a day: the forecast goes on, with its bands")
    axes.set_ylabel("temperature [C]")
    axes.annotate(
        "no readings",
        (pd.Timestamp("2024-03-01") + pd.Timedelta(24 * 33 + 15, "h"), 26.5),
        ha="center",
        color=colours["muted"],
    )
    axes.annotate("forecast, 50 % and 90 %", (ahead["ds"].iloc[-1], 27.0), ha="right", color=colours["liquid1"])
    axes.xaxis.set_major_locator(dates.DayLocator())
    axes.xaxis.set_major_formatter(dates.DateFormatter("%d %b"))


figure(draw, 720, 270).savefig(Path(__file__).parents[1] / "images" / "front.png", dpi=144)
