"""Frames and their texts: what is too long to be a value, or no text."""

from __future__ import annotations

import pandas as pd
import pytest

from tauflow.data import read_table
from tauflow.data.read.chunk import WIDEST
from tauflow.errors import DataError


def frame(word: str) -> pd.DataFrame:
    return pd.DataFrame({"t": [0.0, 1.0, 2.0], "v": [1.0, 2.0, 3.0], "word": ["sun", word, "rain"]})


def test_a_text_of_a_frame_has_a_limit() -> None:
    table = read_table(frame("x" * WIDEST), time="t", target="v", past="word")
    assert max(map(len, table.schema.categories["word"])) == WIDEST
    with pytest.raises(DataError, match=f"row 1 has a text of {WIDEST + 1} bytes; at most {WIDEST} are read"):
        read_table(frame("x" * (WIDEST + 1)), time="t", target="v", past="word")
    with pytest.raises(DataError, match=f"row 1 has a text of {WIDEST + 2} bytes"):  # bytes, not characters
        read_table(frame("ä" * (WIDEST // 2 + 1)), time="t", target="v", past="word")


def test_a_text_of_a_frame_has_no_nul() -> None:
    with pytest.raises(DataError, match="NUL"):
        read_table(frame("a\0b"), time="t", target="v", past="word")


def test_moments_of_a_frame_are_its_time_whatever_their_name() -> None:
    days = pd.date_range("2021-03-01", periods=4)
    table = read_table(pd.DataFrame({"v": [1.0, 2.0, 3.0, 4.0], "uhrzeit": days, "w": [1, 3, 2, 4]}), target="v")
    assert table.schema.time == "uhrzeit"
    assert table.series[0].time.tolist() == days.as_unit("ns").asi8.tolist()


@pytest.mark.parametrize(
    ("parts", "second"),
    [
        ({"year": 2021, "week": [1, 2, 3]}, "2021-01-11"),
        ({"year": 2021, "quarter": [1, 2, 3]}, "2021-04-01"),
        ({"year": 2021, "month": [1, 2, 3]}, "2021-02-01"),
        ({"year": 2021, "month": 1, "day": [1, 2, 3]}, "2021-01-02"),
        ({"year": 2021, "month": 1, "day": 1, "hour": [1, 2, 3], "minute": 5}, "2021-01-01 02:05"),
    ],
)
def test_moments_in_parts(parts: dict[str, object], second: str) -> None:
    table = read_table(pd.DataFrame({**parts, "y": [1.0, 2.0, 3.0]}))
    assert table.series[0].time[1] == pd.Timestamp(second).as_unit("ns").value
