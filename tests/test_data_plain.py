"""The fast lane of plain text reads what the slow one reads, to the bit, and refuses what it refuses, in the same words."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tauflow.data.read.text
from tauflow.data import read_table
from tauflow.data.read.plain import Fields, words_of
from tauflow.errors import DataError

STAMPS = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2250, 1, 1))
PLAIN = st.one_of(
    st.integers(-(10**8) + 1, 10**8 - 1).map(str),
    st.tuples(st.sampled_from(["", "-", "+"]), st.integers(0, 10**7), st.integers(0, 7), st.integers(0, 10**7)).map(
        lambda p: f"{p[0]}{p[1]}.{str(p[3]).zfill(p[2])[: p[2]]}"
    ),
    st.sampled_from(["0", "-0", "-0.0", ".5", "5.", "+.25", "00012", "0.1", "12345678.1234567", ""]),
)
ODD = [
    "1e5", "NA", "-", "1.2.3", "12345678901", "0.123456789", "1,5", "+", ".", "--1", " 7", "7 ", "1_0", "inf", "0x1", "1.5e-3",
     "99999999.99999999", "123456789012345678", "\u0661", "2021-01-01", "/5", ":5", "5:", "1 2", "True", "5%"]  # fmt: skip
CLOCKS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"]
ODD_STAMPS = [
    "2021-02-29 00:00:00", "2021-01-01 24:00:00", "2021-01-01 10:60:00", "2021-13-01 00:00:00", "1500-01-01 00:00:00",
     "2021-01-01 00:00:60", "2021/01/01 00:00:00", "2021-01-01_00:00:00", "2021-01-01 0a:00:00", "2021-01-01T00:00Z",
     "01.02.2021", "2021-1-1", "", "2021-01-01 00.00.00", "20210101", "2021-01-01 00:00:00.5",
    "2021-01-00 00:00:00", "2021-00-01 00:00:00", "2021-02-28 23:59:59", "2020-02-29 00:00:00", "2262-01-01 00:00:00",
    "2021-01-01 00:00", "2021-01-01", "2021-01-01 99:00:00", "2021-01-01 24:30:00", "2021:01:01 00-00-00"]  # fmt: skip


def outcome(path: Path, **options: Any) -> tuple[Any, ...] | str:
    try:
        table = read_table(path, duplicates="last", **options)
    except DataError as error:
        return str(error)
    one = table.series[0]
    return (table.schema, table.notes, one.time.tobytes(), one.y.tobytes(), one.past.tobytes(), one.time.dtype)


def both(monkeypatch: pytest.MonkeyPatch, path: Path, **options: Any) -> None:
    fast = outcome(path, **options)
    with monkeypatch.context() as patch:
        patch.setattr(tauflow.data.read.text, "field_ends", lambda *_: None)
        assert fast == outcome(path, **options)


@given(
    rows=st.lists(st.tuples(STAMPS, PLAIN, PLAIN), min_size=1, max_size=12),
    odd=st.lists(
        st.tuples(st.integers(0, 11), st.integers(0, 2), st.sampled_from(ODD), st.sampled_from(ODD_STAMPS)), max_size=2
    ),
    clock=st.sampled_from(CLOCKS),
    delimiter=st.sampled_from(",;\t"),
    block=st.sampled_from([1 << 20, 64]),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
    decimal=st.sampled_from([None, ".", ","]),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_lanes_say_the_same(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[Any],
    odd: list[Any],
    clock: str,
    delimiter: str,
    block: int,
    end: str,
    decimal: str | None,
) -> None:
    """Over plain tables, and over tables with an odd field or two anywhere."""
    monkeypatch.setattr(tauflow.data.read.text, "BLOCK", block)
    lines = [[t.strftime(clock).rjust(4, "0"), one, other] for t, one, other in rows]
    for row, column, field, stamp in odd:
        lines[row % len(lines)][column] = stamp if column == 0 else field
    path = tmp_path / "t.csv"
    path.write_text(end.join(delimiter.join(line) for line in [["ds", "y", "z"], *lines]) + "\n", newline="")
    both(monkeypatch, path, past="z", delimiter=delimiter, decimal=decimal)


@pytest.mark.parametrize(
    ("stamp", "field"), [(s, "1.5") for s in ODD_STAMPS] + [("2021-01-02 00:00:00", o) for o in ODD]
)
@pytest.mark.parametrize("row", [0, 1])
def test_an_odd_field_is_seen_by_both(
    stamp: str, field: str, row: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["2021-01-01 01:00:00,1.5", "2021-01-03 02:00:00,2"]
    lines.insert(row, f"{stamp},{field}")
    path = tmp_path / "t.csv"
    path.write_text("ds,y\n" + "\n".join(lines) + "\n")
    both(monkeypatch, path)


@given(st.lists(PLAIN.filter(bool), min_size=1, max_size=20))
@settings(max_examples=300, deadline=None)
def test_plain_numbers_are_those_of_python(texts: list[str]) -> None:
    data = "\n".join(texts).encode() + b"\n"
    block = np.frombuffer(data, dtype=np.uint8)
    end = np.flatnonzero(block == 10)
    start = np.concatenate([[0], end[:-1] + 1])

    def slow() -> Any:
        raise AssertionError

    found = Fields(block, words_of(data), start, end, slow).numbers()
    assert found is not None
    assert found[0].tobytes() == np.array([float(text) for text in texts]).tobytes()
    assert found[1] == any("." in text for text in texts)


def test_the_fast_lane_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain table never sees the slow way; one with a word in a column sees it for that column alone."""
    taken: list[str] = []
    slow = tauflow.data.read.text.TextSource._chunk

    def seen(self: Any, block: Any, start: Any, end: Any, k: int, where: Any, cut: bool) -> Any:
        if not cut:
            taken.append(self.names[k])
        return slow(self, block, start, end, k, where, cut)

    monkeypatch.setattr(tauflow.data.read.text.TextSource, "_chunk", seen)
    path = tmp_path / "t.csv"
    path.write_text("ds,y,z\n2021-01-01 00:00:00,1.5,-2\n2021-01-01 01:00:00,,3\n")
    read_table(path, past="z", target="y")
    assert taken == []
    path.write_text("ds,y,z\n2021-01-01 00:00:00,1.5,fog\n2021-01-01 01:00:00,,rain\n")
    read_table(path, past="z", target="y")
    assert taken == ["z"]
