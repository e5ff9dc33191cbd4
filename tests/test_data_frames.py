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
