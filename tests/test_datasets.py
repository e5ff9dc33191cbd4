"""The shipped series hold what their docstrings say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tauflow import datasets
from tauflow.data import check, read_table
from tauflow.errors import DataError

SHAPES = {
    "traffic": (48_204, 8),
    "household_power": (34_589, 8),
    "beijing_pm25": (43_824, 9),
    "appliances": (19_735, 29),
    "ecb_rates": (6_913, 18),
}


def test_names() -> None:
    assert datasets.names() == tuple(SHAPES)
    with pytest.raises(DataError, match="there are: traffic, "):
        datasets.load("iris")


@pytest.mark.parametrize("name", SHAPES)
def test_every_set_loads_and_reads(name: str) -> None:
    frame = datasets.load(name)
    assert isinstance(frame, pd.DataFrame) and frame.shape == SHAPES[name]
    assert frame["ds"].dtype == "M8[ns]" and frame["ds"].is_monotonic_increasing
    text = getattr(datasets, name).__doc__
    for part in ("Source:", "ds ", "Known dirt:", "CC BY 4.0" if name != "ecb_rates" else "European Central Bank"):
        assert part in text
    target = next(c for c in frame.columns[1:])
    assert len(read_table(frame, target=target).series) == 1
    assert check(frame).unreadable == {}


def test_a_frame_is_fresh() -> None:
    frame = datasets.traffic()
    frame.loc[:, "volume"] = 0
    assert datasets.traffic()["volume"].max() == 7280


def test_traffic() -> None:
    frame = datasets.traffic()
    times = frame["ds"].drop_duplicates()
    gaps = times.diff().dropna()
    assert len(frame) - len(times) == 7_629
    assert len(frame.drop_duplicates(["ds", "volume"])) == len(times)
    assert (gaps > pd.Timedelta("1h")).sum() == 2_588
    longest = gaps.idxmax()
    assert gaps[longest].days == 307 and times[longest] == pd.Timestamp("2015-06-11 20:00")
    assert (frame["temp_K"] == 0).sum() == 10 and frame["rain"].max() == 9831.3
    assert frame["temp_K"].iloc[0] == 288.28
    assert frame["holiday"].sum() == 61 and set(frame["ds"][frame["holiday"]].dt.hour) == {0}
    assert set(frame["weather"]) == set(range(len(datasets.WEATHER)))
    snow = frame["weather"] == datasets.WEATHER.index("Snow")
    assert frame["temp_K"][snow].median() < 273.15 < frame["temp_K"][frame["weather"] == 10].median()


def test_household_power() -> None:
    frame = datasets.household_power()
    missing = frame.isna().any(axis=1)
    assert missing.sum() == 421 and (frame.drop(columns="ds")[missing].isna()).all(axis=None)
    assert (frame["ds"].iloc[0], frame["ds"].iloc[-1]) == (
        pd.Timestamp("2006-12-16 17:00"),
        pd.Timestamp("2010-11-26 21:00"),
    )
    power = frame["Voltage"] * frame["Global_intensity"] / 1000  # kW, apparent
    assert np.nanmedian(frame["Global_active_power"] / power) == pytest.approx(1.0, abs=0.05)


def test_beijing_pm25() -> None:
    frame = datasets.beijing_pm25()
    assert frame["pm25"].isna().sum() == 2_067 and frame["pm25"][:24].isna().all() and frame["pm25"][24] > 0
    assert frame["ds"].iloc[-1] == pd.Timestamp("2014-12-31 23:00")
    assert (frame["DEWP"] <= frame["TEMP"] + 1).mean() > 0.99  # the air is never drier than its dew point
    assert frame["TEMP"][frame["ds"].dt.month == 7].mean() > 20 > 0 > frame["TEMP"][frame["ds"].dt.month == 1].mean()
    assert frame["PRES"].between(980, 1060).all() and set(frame["wind"]) == {"NE", "NW", "SE", "cv"}


def test_appliances() -> None:
    frame = datasets.appliances()
    assert (frame["ds"].iloc[-1], frame["Appliances"].iloc[0]) == (pd.Timestamp("2016-05-27 18:00"), 60)
    assert (frame["rv1"] == frame["rv2"]).all()
    assert (frame["Tdewpoint"] <= frame["T_out"] + 0.5).mean() > 0.99


def test_ecb_rates() -> None:
    frame = datasets.ecb_rates()
    assert frame.iloc[0, 1:5].tolist() == [1.1789, 133.73, 35.107, 7.4501]
    assert frame["ds"].dt.day_of_week.max() == 4
    assert set(frame["ds"].diff().dropna().dt.days) == {1, 2, 3, 4, 5}
    assert frame["DKK"].std() / frame["DKK"].mean() < 0.002


def test_film_reviews_are_whole() -> None:
    frame = datasets.movie_snippets()
    assert frame.shape == (10_605, 2) and frame["score"].between(-4, 4).all() and (frame["text"].str.len() > 0).all()
    assert frame["text"][2] == "Effective but too tepid biopic" and frame["score"][2] == pytest.approx(-0.6)
    for part in ("Source:", "Known dirt:", "MIT"):
        assert part in (datasets.movie_snippets.__doc__ or "")
