"""Where a table comes from: packed files, pipes, standard input; other formats are refused with the command to type."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shlex
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import tauflow.data.read.text
from tauflow.data import check, read_table
from tauflow.data.read.text import LONGEST_LINE
from tauflow.errors import DataError

TEXT = b"ds,y\n2021-01-01,1\n2021-01-02,2.5\n"


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


PACKED: dict[str, bytes] = {
    "gzip": gzip.compress(TEXT),
    "bzip2": bz2.compress(TEXT),
    "xz": lzma.compress(TEXT),
    "zip": zipped({"t.csv": TEXT}),
    "zip with a folder": zipped({"a/": b"", "a/t.csv": TEXT, "__MACOSX/a/._t.csv": b"x"}),
}


@pytest.mark.parametrize("name", PACKED)
def test_packed_files(name: str, tmp_path: Path) -> None:
    path = tmp_path / "whatever.csv"
    path.write_bytes(PACKED[name])
    assert read_table(path).series[0].y.ravel().tolist() == [1, 2.5]
    assert read_table(str(path)).series[0].time.tolist() == read_table(path).series[0].time.tolist()
    path.write_bytes(PACKED[name][: len(PACKED[name]) * 2 // 3])
    with pytest.raises(DataError):
        read_table(path)


REFUSED: dict[str, tuple[bytes, str]] = {
    "zip of two": (zipped({"a.csv": TEXT, "b.csv": TEXT}), "archive of 2 files .'a.csv', 'b.csv'.; .*unzip t.bin"),
    "empty zip": (zipped({"a/": b""}), "archive of 0 files"),
    "Excel": (zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b""}), "Excel workbook; .*pandas.read_excel"),
    "OpenDocument": (zipped({"mimetype": b"", "content.xml": b""}), "OpenDocument"),
    "old Excel": (b"\xd0\xcf\x11\xe0" + bytes(20), "Excel workbook; .*pandas.read_excel"),
    "JSON": (b'[{"ds":"2021-01-01","y":1}]', "is JSON; .*pandas.read_json"),
    "JSON, spaced": (b'\n [\n  {\n "ds": 1}]', "is JSON"),
    "JSON of columns": (b'{"ds": ["2021-01-01"], "y": [1]}', "is JSON"),
    "JSON lines": (b'{"ds":"2021-01-01","y":1}\n{"ds":"2021-01-02","y":2}\n', "lines=True"),
    "packed JSON": (gzip.compress(b'[{"ds":1}]'), "is JSON"),
    "tsf": (b"# a comment\n@relation x\n@data\n", "sktime"),
    "web page": (b"<!DOCTYPE html><html>", "web page"),
    "Feather": (b"ARROW1\0\0", "Feather file; .*read_feather"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "HDF5"),
    "SQLite": (b"SQLite format 3\0", "SQLite"),
    "pickle": (b"\x80\x04\x95", "pickle"),
    "NumPy": (b"\x93NUMPY\x01\0", "NumPy"),
    "zstd": (b"\x28\xb5\x2f\xfd\x00", "zstd; unpack it first: unzstd"),
    "lines above": (b"Station: 5\nunits: kW\nds,y\n2021-01-01,1\n2021-01-02,2\n", r"line 3: 2 fields.*tail -n \+3"),
    "comment above": (b"# made by x\nds;y\n2021-01-01;1\n2021-01-02;2\n", r"line 2: 2 fields.*tail -n \+2"),
    "aligned": (b"date         y\n2021-01-01   1\n2021-01-02  22\n", "aligned columns.*tr -s ' ' ','"),
    "blanks": (b"ds y\n2021-01-01 1\n2021-01-02 2\n", "give delimiter=' '"),
    "wide": (b"item,2021-01-01,2021-01-02\nA,1,2\nB,3,4\n", r"names are dates.*melt\("),
    "names alone": (b"when,level\n", "names but no rows"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_formats_are_refused_by_name(name: str, tmp_path: Path) -> None:
    data, message = REFUSED[name]
    path = tmp_path / "t.bin"
    path.write_bytes(data)
    for look in (read_table, check):
        with pytest.raises(DataError, match=message):
            look(path)


def test_the_command_that_makes_a_csv_runs(tmp_path: Path) -> None:
    """What a refusal says to type is typed."""
    pd.DataFrame({"ds": ["2021-01-01", "2021-01-02"], "y": [1, 2]}).to_json(tmp_path / "it's.json", orient="records")
    with pytest.raises(DataError) as refused:
        read_table(tmp_path / "it's.json")
    words = shlex.split(str(refused.value).split("CSV first: ")[1])
    assert words[:2] == ["python", "-c"]
    subprocess.run([sys.executable, *words[1:]], cwd=tmp_path, check=True)
    assert read_table(tmp_path / "it's.csv").series[0].y.ravel().tolist() == [1, 2]


def test_an_address_is_refused(tmp_path: Path) -> None:
    for address in ("https://example.com/t.csv", Path("https://example.com/t.csv")):
        with pytest.raises(DataError, match=r"curl -LO https://example.com/t.csv"):
            read_table(address)


def through_a_pipe(data: bytes, path: Path, look: Callable[[Path], Any]) -> Any:
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(data,))
    writer.start()
    found = look(path)
    writer.join(timeout=20)
    assert not writer.is_alive()
    return found


@pytest.mark.parametrize("name", ["text", "gzip", "zip"])
def test_a_pipe_is_read_once_and_whole(name: str, tmp_path: Path) -> None:
    rows = "".join(f"2021-01-{d:02d} {h:02d}:00,{d + h}\n" for d in range(1, 32) for h in range(24))
    data = b"ds,y\n" + rows.encode()
    packed = {"text": data, "gzip": gzip.compress(data), "zip": zipped({"t": data})}[name]
    table = through_a_pipe(packed, tmp_path / "fifo", read_table)
    assert len(table.series[0]) == 744 and table.series[0].y[0, 0] == 1
    found = through_a_pipe(packed, tmp_path / "again", lambda path: check(path, time="ds"))
    assert found.row_count == 744 and found.seasons == (24,)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Piped(io.TextIOWrapper):
        def isatty(self) -> bool:
            return False

    monkeypatch.setattr(sys, "stdin", Piped(io.BytesIO(TEXT)))
    assert read_table("-").series[0].y.ravel().tolist() == [1, 2.5]
    monkeypatch.setattr(sys, "stdin", Piped(io.BytesIO(TEXT)))
    assert check(Path("-")).row_count == 2
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(DataError, match="no table is piped"):
        read_table("-")


def test_a_column_name_that_is_no_text_is_refused() -> None:
    for name in ("bad\ud800", "a\0b"):
        names = pd.Index(["ds", name], dtype=object)
        for source in ({"ds": [1, 2], name: [1, 2]}, pd.DataFrame([[1, 2], [3, 4]], columns=names)):
            with pytest.raises(DataError, match="rename it"):
                read_table(source)


def test_a_line_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line, or a quote that stays open, is not gathered without end."""
    monkeypatch.setattr(tauflow.data.read.text, "BLOCK", 1 << 24)
    monkeypatch.setattr(tauflow.data.read.text, "SAMPLE", 1 << 24)
    path = tmp_path / "t.csv"
    for start in (b"", b'"'):
        path.write_bytes(b"ds,y\n2021-01-01,1\n2021-01-02," + start + b"1" * (LONGEST_LINE + (1 << 20)))
        with pytest.raises(DataError, match=r"line 3: a line or an open quote of 1[67],"):
            read_table(path)


def cpu(work: Callable[[], object]) -> float:
    """The least CPU time of three runs."""
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def test_distinct_words_cost_no_more_each(tmp_path: Path) -> None:
    """A column of ten times as many distinct words takes ten times as long, not a hundred times."""

    def read(count: int) -> float:
        path = tmp_path / f"{count}.csv"
        path.write_text("ds,y,w\n" + "".join(f"{i},1.5,w{i:x}z\n" for i in range(count)))
        return cpu(lambda: read_table(path, past="w", target="y"))

    assert read(40_000) < 30 * read(4_000) + 0.2


def test_columns_cost_no_more_each(tmp_path: Path) -> None:
    def read(count: int) -> float:
        path = tmp_path / f"{count}.csv"
        names, values = (",".join(one.format(k) for k in range(count)) for one in ("c{}", "{}.5"))
        path.write_text(f"ds,y,{names}\n" + "".join(f"2021-01-0{d},{d},{values}\n" for d in (1, 2)))
        return cpu(lambda: read_table(path))

    assert read(2_500) < 15 * read(500) + 0.1


def test_nanoseconds_in_floats_are_refused() -> None:
    """A float64 epoch of today in nanoseconds is exact to 256 ns: times have merged before we see them."""
    for numbers in (np.array([1.6e18, 1.6e18 + 512]), pd.array([1.6e18, 1.7e18], dtype="Float64")):
        with pytest.raises(DataError, match="exact to 256 ns only; keep int64"):
            read_table({"ds": np.asarray(numbers, dtype=float), "y": [1, 2]}, time_unit="ns")
    small = read_table({"ds": np.array([2.0**53, 1e15]), "y": [1, 2]}, time_unit="ns")
    assert small.series[0].time.tolist() == [10**15, 2**53]


def test_a_missing_value_is_no_equal_of_a_known_one() -> None:
    """Two rows of one time of which only one has a value differ; which of them counts is the caller's to say."""
    rows = {"ds": [1.0, 1.0, 2.0], "y": [5.0, np.nan, 3.0]}
    with pytest.raises(DataError, match="1 rows repeat"):
        read_table(rows)
    assert np.isnan(read_table(rows, duplicates="last").series[0].y[0, 0])
    assert read_table(rows, duplicates="first").series[0].y[0, 0] == 5
    assert read_table(rows, duplicates="mean").series[0].y[0, 0] == 5
    both = {"ds": [1.0, 1.0, 2.0], "y": [np.nan, np.nan, 3.0]}
    assert "1 duplicate timestamps with equal values: merged" in read_table(both).notes


ZONED = pd.date_range("2021-03-20", periods=20, tz="Europe/Berlin")
HOLES = [1.5, None, 3.0, *range(17)]
COLUMNS = {
    "zoned index": (ZONED, HOLES),
    "zoned series": (pd.Series(ZONED, index=range(20, 0, -1)), HOLES),
    "nullable": (ZONED, pd.array(HOLES, dtype="Float64")),
    "nullable series": (ZONED, pd.Series(HOLES, dtype="Float32")),
    "masked": (ZONED, np.ma.masked_array(np.nan_to_num(np.array(HOLES, float)), np.isnan(np.array(HOLES, float)))),
    "masked whole numbers": (ZONED, np.ma.masked_array([1, 7, 3, *range(17)], [False, True] + 18 * [False])),
    "arrow": (pd.Series(ZONED, dtype=pd.ArrowDtype(pa.timestamp("ns", "Europe/Berlin"))), pa.array(HOLES)),
    "chunks of arrow": (pa.chunked_array([pa.array(ZONED, pa.timestamp("us", "Europe/Berlin"))]), HOLES),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_of_a_dict_are_what_they_are_in_a_frame(kind: str) -> None:
    stamps, values = COLUMNS[kind]
    expected = read_table(pd.DataFrame({"ds": ZONED, "y": np.array(HOLES, float)}))
    found = read_table({"ds": stamps, "y": values})
    assert found.schema.zone == expected.schema.zone == "Europe/Berlin"
    assert np.array_equal(found.series[0].time, expected.series[0].time)
    y = expected.series[0].y.copy()
    y[0] = 1.0 if kind == "masked whole numbers" else y[0]
    np.testing.assert_array_equal(found.series[0].y, y)


def test_categories_of_a_dict_are_those_of_a_frame() -> None:
    words = pd.Series(["b", "a", None, "b"] * 5, dtype="category")
    frame = pd.DataFrame({"ds": ZONED, "y": np.arange(20.0), "c": words})
    one, other = (read_table(source, past="c") for source in (frame, {name: frame[name] for name in frame}))
    assert one.schema == other.schema
    np.testing.assert_array_equal(one.series[0].past, other.series[0].past)


@pytest.mark.parametrize("unit", ["ns", "us", "s"])
@pytest.mark.parametrize(
    "zone", ["America/New_York", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "Asia/Ho_Chi_Minh", "Europe/Berlin"]
)
def test_a_zone_of_any_name_is_kept(zone: str, unit: str) -> None:
    stamps = pd.date_range("2021-03-01", periods=20, tz=zone, unit=unit)
    for column in (stamps, pd.Series(stamps, dtype=pd.ArrowDtype(pa.timestamp(unit, zone)))):
        table = read_table(pd.DataFrame({"ds": column, "y": np.arange(20.0)}))
        assert table.schema.zone == zone
        assert table.series[0].time.tolist() == stamps.as_unit("ns").asi8.tolist()
