"""Text tables as people really have them: read right, or refused by line and column; never silently misread."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tauflow.data.read.text
from tauflow.data import read_table
from tauflow.data.read.chunk import as_text
from tauflow.data.read.opening import open_source
from tauflow.errors import DataError

NAN = float("nan")
HOURS = [f"2012-10-02 0{h}:00:00" for h in range(4)]
PLAIN = "ds,y\n" + "".join(f"{t},{v}\n" for t, v in zip(HOURS, (1.5, -2, 3e-3, 40), strict=True))
EXPECTED = [1.5, -2.0, 0.003, 40.0]


def semicolon(values: list[str], header: str = "ds;y") -> bytes:
    return (header + "\n" + "".join(f"{t};{v}\n" for t, v in zip(HOURS, values, strict=False))).encode()


def comma(values: list[str]) -> bytes:
    return ("ds,y\n" + "".join(f"{t},{v}\n" for t, v in zip(HOURS, values, strict=False))).encode()


READ: dict[str, tuple[bytes, dict[str, object], list[float]]] = {
    "plain": (PLAIN.encode(), {}, EXPECTED),
    "byte-order mark": (codecs.BOM_UTF8 + PLAIN.encode(), {}, EXPECTED),
    "CRLF": (PLAIN.replace("\n", "\r\n").encode(), {}, EXPECTED),
    "CR": (PLAIN.replace("\n", "\r").encode(), {}, EXPECTED),
    "LF and CRLF mixed": (PLAIN.replace("\n", "\r\n", 2).encode(), {}, EXPECTED),
    "no line end at the end": (PLAIN.rstrip().encode(), {}, EXPECTED),
    "blank lines": (PLAIN.replace("\n", "\n\n").encode(), {}, EXPECTED),
    "blank lines CRLF": (PLAIN.replace("\n", "\r\n\r\n").encode(), {}, EXPECTED),
    "blank lines first": (b"\n\n" + PLAIN.encode(), {}, EXPECTED),
    "tabs": (PLAIN.replace(",", "\t").encode(), {}, EXPECTED),
    "bars": (PLAIN.replace(",", "|").encode(), {}, EXPECTED),
    "semicolons, point": (PLAIN.replace(",", ";").encode(), {}, EXPECTED),
    "given delimiter": (PLAIN.replace(",", "~").encode(), {"delimiter": "~"}, EXPECTED),
    "sep= line of Excel": (b"sep=;\r\n" + semicolon(["1,5", "-2"]), {}, [1.5, -2]),
    "everything quoted": (
        "\n".join(",".join(f'"{f}"' for f in line.split(",")) for line in PLAIN.splitlines()).encode(),
        {},
        EXPECTED,
    ),
    "blanks round fields": (PLAIN.replace(",", " , ").encode(), {}, EXPECTED),
    "blanks before quotes": (comma([' "1.5"', ' "2"']), {}, [1.5, 2]),
    "UTF-16": (PLAIN.encode("utf-16"), {}, EXPECTED),
    "UTF-16 big-endian": (codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"), {}, EXPECTED),
    "UTF-32": (PLAIN.encode("utf-32"), {}, EXPECTED),
    "gzip": (gzip.compress(PLAIN.encode()), {}, EXPECTED),
    "decimal comma": (semicolon(["1,5", "-2", "0,003", "40"]), {}, EXPECTED),
    "decimal comma proved late": (semicolon(["1,234", "2,345", "0,5"]), {}, [1.234, 2.345, 0.5]),
    "decimal comma proved by a leading zero": (semicolon(["5,678", "0,123"]), {}, [5.678, 0.123]),
    "decimal comma, grouped": (semicolon(["1.234,5", "2.000", "12.345.678"]), {}, [1234.5, 2000, 12345678]),
    "decimal comma in tabs": (semicolon(["1,5", "2,25"]).replace(b";", b"\t"), {}, [1.5, 2.25]),
    "decimal comma in quotes": (comma(['"1,5"', '"2,25"']), {}, [1.5, 2.25]),
    "decimal comma given": (semicolon(["1,234", "5,678"]), {"decimal": ","}, [1.234, 5.678]),
    "decimal comma with exponent": (semicolon(["1,5e3", "2E-2"]), {}, [1500, 0.02]),
    "decimal comma proved by another column": (
        semicolon(["1,234;0,5", "2,345;0,25"], "ds;y;z"),
        {"target": "y"},
        [1.234, 2.345],
    ),
    "thousands in quotes": (comma(['"1,234.5"', '"2,000"', '"1,234,567"']), {}, [1234.5, 2000, 1234567]),
    "thousands given": (comma(['"1,234"', '"5,678"']), {"decimal": "."}, [1234, 5678]),
    "thousands by blank": (semicolon(["1 234,5", "12 345,0"]), {}, [1234.5, 12345]),
    "thousands by no-break blank": (semicolon(["1\u00a0234,5", "12\u202f345"]), {}, [1234.5, 12345]),
    "thousands of Switzerland": (semicolon(["1'234.5", "12'345"]), {}, [1234.5, 12345]),
    "three decimals under a comma": (comma(["1.234", "5.678"]), {}, [1.234, 5.678]),
    "signs": (comma(["+1.5", "-2", "\u22123", "+.5"]), {}, [1.5, -2, -3, 0.5]),
    "missing words": (comma(["NA", "", "null", "4"]), {}, [NAN, NAN, NAN, 4]),
    "more missing words": (comma(["-", "n/a", "NaN", "?"]), {}, [NAN] * 4),
    "minus zero and digits": (comma(["-0.0", "007", "5.", "1e-320"]), {}, [0, 7, 5, 1e-320]),
    "trailing delimiter in every line": (PLAIN.replace("\n", ",\n").encode(), {}, EXPECTED),
    "index column without a name": (
        ("\n".join(f"{i - 1 if i else ''},{line}" for i, line in enumerate(PLAIN.splitlines()))).encode(),
        {},
        EXPECTED,
    ),
    "repeated header, not used": (b"ds,y,z,z\n" + f"{HOURS[0]},1.5,2,3\n".encode(), {}, [1.5]),
    "delimiter inside quotes": (
        b'ds,y,"a,b"\n' + f'{HOURS[0]},1.5,"x,y\n""z"""\n{HOURS[1]},2,k\n'.encode(),
        {},
        [1.5, 2],
    ),
    "day first": (b"ds,y\n01.02.2012,1\n13.02.2012,2\n", {}, [1, 2]),
    "names in other scripts": ("ds,y,\u6e29\u5ea6\n2012-10-02,1.5,3\n".encode(), {"target": "y"}, [1.5]),
    "a semicolon in a header of a comma table": (b'ds,y,"a;b"\n2012-10-02,1.5,2\n', {"target": "y"}, [1.5]),
    "a comma in a header of a semicolon table": (b"ds;y;v [m,s]\n2012-10-02;1,5;2\n", {"target": "y"}, [1.5]),
    "one row, names of its own, no line end": (b"when,level\n2012-10-02,7", {}, [7]),
    "one row": (b"ds,y\n2012-10-02,7\n", {}, [7]),
    "long text in a column not used": (b"ds,y,text\n2012-10-02,7," + b"a" * 5000 + b"\n", {}, [7]),
    "17 digits": (comma(["0.30000000000000004", "9007199254740993"]), {}, [0.30000000000000004, 9007199254740993]),
}

REFUSED: dict[str, tuple[bytes, dict[str, object], str]] = {
    "empty file": (b"", {}, "is empty"),
    "white file": (b"\n \n", {}, "is empty"),
    "header alone": (b"ds,y\n", {}, "no rows"),
    "no header": (PLAIN.split("\n", 1)[1].encode(), {}, "first line is data"),
    "one column": (b"y\n1\n2\n", {}, "no column that holds time"),
    "too many fields": (PLAIN.encode() + b"2012-10-03,1,2\n", {}, "line 6: 3 fields, but the header has 2"),
    "too few fields": (PLAIN.encode() + b"2012-10-03\n" + b"2012-10-04,1\n", {}, "line 6: 1 fields"),
    "every row longer than the header": (b"ds,y\n2012-10-02,1,5\n2012-10-03,2,5\n", {}, "line 2: 3 fields"),
    "lines above the header": (b"# station 7\nexported today\n" + PLAIN.encode(), {}, "line 3: 2 fields|no column"),
    "repeated header, used": (b"ds,y,y\n2012-10-02,1,2\n", {}, "more than one column 'y'"),
    "blank header alone": (b",\n1,2\n", {}, "no names"),
    "word in a number column": (comma(["1.5", "x1"]), {}, "line 3: column 'y' has 'x1'"),
    "per cent": (comma(["1.5", "20%"]), {}, "'20%'"),
    "two points": (comma(["1.5", "1.2.3"]), {}, "'1.2.3'"),
    "under_score": (comma(["1.5", "1_000"]), {}, "'1_000'"),
    "hexadecimal": (comma(["1.5", "0x10"]), {}, "'0x10'"),
    "groups of two": (comma(["1.5", '"1,23,456"']), {}, "1,23,456"),
    "other digits": (comma(["1.5", "\u0661"]), {}, "line 3: column 'y'"),
    "point or comma": (semicolon(["1,234", "5,678"]), {}, "decimal='.'"),
    "point or group": (semicolon(["1.234", "5.678"]), {}, "decimal='.'"),
    "quoted group or comma": (comma(['"1,234"', '"5,678"']), {}, "decimal='.'"),
    "point in a comma column": (semicolon(["1,5", "2.5"]), {}, "line 3: column 'y' has '2.5'"),
    "comma in a point column": (semicolon(["2.5", "1,5"]), {}, "line 3: column 'y' has '1,5'"),
    "comma against the option": (semicolon(["1,5", "2,5"]), {"decimal": "."}, "line 2: column 'y' has '1,5'"),
    "infinity": (comma(["1", "inf"]), {}, "line 3: column 'y' is infinite"),
    "1e400": (comma(["1", "2", "1e400"]), {}, "line 4: column 'y' is infinite or beyond"),
    "-1e400": (comma(["1", "-1e400"]), {}, "line 3"),
    "NUL": (comma(["1", "2\0"]), {}, "line 3: a NUL"),
    "UTF-16 without a mark": (PLAIN.encode("utf-16-le"), {}, "NUL"),
    "truncated UTF-16": (PLAIN.encode("utf-16")[:-1], {}, "starts like utf-16"),
    "Latin-1": ("ds,y,\u00e9\n2012-10-02,1,2\n".encode("latin-1"), {}, "line 1: byte 0xe9"),
    "open quote": (PLAIN.encode() + b'2012-10-03,"1\n', {}, "never closes"),
    "quote inside a field": (comma(["1", '2"']), {}, "line 3"),
    "text after a quote": (comma(["1", '"2"x']), {}, "line 3: a quote"),
    "lone CR": (PLAIN.replace("1.5", "1.5\r7").encode(), {}, "line 2: a carriage return"),
    "day or month": (b"ds,y\n01/02/2012,1\n02/02/2012,2\n", {}, "dayfirst"),
    "day and month": (b"ds,y\n13/02/2012,1\n02/13/2012,2\n", {}, "change places|line 3: '02/13/2012' has a month"),
    "two-digit year": (b"ds,y\n25/12/12,1\n26/12/12,2\n", {}, "two-digit year"),
    "31 November": (b"ds,y\n2012-11-30,1\n2012-11-31,2\n", {}, "line 3: '2012-11-31' has a day"),
    "29 February": (b"ds,y\n2013-02-29,1\n", {}, "day"),
    "25 o'clock": (b"ds,y\n2012-10-02 25:00,1\n", {}, "hour"),
    "leap second": (b"ds,y\n2012-06-30T23:59:60Z,1\n", {}, "second"),
    "year 9999": (b"ds,y\n9999-12-31,1\n", {}, "year"),
    "named zone": (b"ds,y\n2012-10-02 09:00 CET,1\n", {}, "short name"),
    "missing time": (b"ds,y\n2012-10-02,1\n,2\n", {}, "line 3 has no time"),
    "word for time": (b"ds,y\n2012-10-02,1\nlater,2\n", {}, "line 3: 'later'"),
    "offset in some rows": (b"ds,y\n2012-10-02T00:00Z,1\n2012-10-02T01:00,2\n", {}, "line 3"),
    "zip or Excel": (b"PK\x03\x04" + b"\0" * 30, {}, "Excel"),
    "damaged gzip": (gzip.compress(PLAIN.encode())[:-9], {}, "can't be read"),
    "long delimiter": (PLAIN.encode(), {"delimiter": "::"}, "one character"),
    "long field": (b"ds,y\n2012-10-02," + b"1" * 5000 + b"\n", {}, "more than 256 bytes"),
}


def write(folder: Path, data: bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(data)
    return path


def test_there_are_many_dialects() -> None:
    assert len(READ) + len(REFUSED) >= 80


@pytest.mark.parametrize("block", [1 << 22, 16])
@pytest.mark.parametrize("name", READ)
def test_read_right(name: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tauflow.data.read.text, "BLOCK", block)  # a block of a line or so: nothing hangs on block ends
    data, options, expected = READ[name]
    (series,) = read_table(write(tmp_path, data), **options).series
    np.testing.assert_array_equal(series.y[:, 0], expected)
    assert series.time[0] // 86_400_000_000_000 in (15615, 15371)  # 2012-10-02, or 1 February of the day-first file


@pytest.mark.parametrize("block", [1 << 22, 16])
@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tauflow.data.read.text, "BLOCK", block)
    data, options, message = REFUSED[name]
    with pytest.raises(DataError, match=message):
        read_table(write(tmp_path, data), **options)


def test_lines_are_counted_as_an_editor_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tauflow.data.read.text, "BLOCK", 32)
    text = "ds,y,note\n" + f'{HOURS[0]},1,"two\nlines"\n\n' + f"{HOURS[1]},2,\n{HOURS[2]},inf,\n"
    with pytest.raises(DataError, match="line 6: column 'y' is infinite"):
        read_table(write(tmp_path, text.encode()))


def test_a_row_that_contradicts_late_is_found(tmp_path: Path) -> None:
    times = np.datetime64("2012-10-02", "s") + np.arange(300_000)
    lines = [f"{t};{i},5" for i, t in enumerate(times.tolist())]
    lines[299_999] = lines[299_999].replace(",5", ".25")
    with pytest.raises(DataError, match=r"line 300001: column 'y' has '299999\.25'"):
        read_table(write(tmp_path, ("ds;y\n" + "\n".join(lines)).encode()))


def test_the_proof_may_come_late(tmp_path: Path) -> None:
    text = "ds;y\n" + "".join(f"{d % 12 + 1:02d}/{d % 12 + 1:02d}/{1900 + d % 300};1,234\n" for d in range(12_000))
    text = text.replace("\n", "\n", 1) + "11/12/2012;5,678\n" + "25/12/2012;0,5\n"
    table = read_table(write(tmp_path, text.encode()), duplicates="last")
    series = table.series[0]
    at = np.searchsorted(series.time, np.datetime64("2012-12-11", "ns").astype(np.int64))
    assert series.y[at, 0] == 5.678
    assert series.y[np.searchsorted(series.time, np.datetime64("2012-12-25", "ns").astype(np.int64)), 0] == 0.5


@pytest.mark.parametrize("block", [1 << 22, 16])
def test_words_and_numbers_do_not_depend_on_where_a_block_ends(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tauflow.data.read.text, "BLOCK", block)
    path = write(
        tmp_path, b"ds,y,w\n" + b"".join(b"%d,1,%s\n" % (i, w) for i, w in enumerate([b"None", b"", b"Fog", b"NA"]))
    )
    table = read_table(path, past="w")
    np.testing.assert_array_equal(table.series[0].past.ravel(), [2, NAN, 0, 1])
    assert table.schema.categories == {"w": ("Fog", "NA", "None")}
    for words in ([b"Fog", b"7"], [b"7", b"Fog"]):
        path.write_bytes(b"ds,y,w\n" + b"".join(b"%d,1,%s\n" % (i, w) for i, w in enumerate(words)))
        with pytest.raises(DataError, match=r"line [23]: column 'w' has (the number '7'|'Fog', which is no number)"):
            read_table(path, past="w")


@given(st.text(st.sampled_from('ab1.,"\n\r '), max_size=60))
@settings(max_examples=500, deadline=None)
def test_fields_are_those_of_the_csv_module(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever is accepted is cut into the same fields as Python's csv module cuts it."""
    path = tmp_path_factory.getbasetemp() / "fields.csv"
    path.write_bytes(b"h,i\n" + text.encode())
    try:
        found = open_source(path, ",").sample()
    except DataError:
        return
    rows = [row for row in csv.reader(io.StringIO("h,i\n" + text, newline="")) if row][1:]
    fields = [[as_text(token) for token in found[name].values] for name in ("h", "i")]
    blank = " \r\t"
    if '" ' not in text and ' "' not in text:  # the csv module does not know quotes beside blanks
        assert fields == [[row[k].strip(blank) for row in rows] for k in (0, 1)]


def test_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_table(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match="directory"):
        read_table(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_names_are_offered(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("ds,Volume\n2012-10-02,1\n", encoding=encoding)
    with pytest.raises(DataError, match=r"no column 'volum'; nearest: 'Volume'"):
        read_table(path, target="volum")


NUMBERS = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=64))
NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cc", "Zs", "Zl", "Zp"]),
    min_size=1,
    max_size=8,
)


@given(
    values=st.lists(NUMBERS, min_size=1, max_size=30),
    gaps=st.lists(st.integers(1, 10**15), min_size=30, max_size=30),
    notes=st.lists(st.text(st.sampled_from('ab,;\t|"\n \u00e9'), max_size=6), min_size=30, max_size=30),
    other=NAMES,
    delimiter=st.sampled_from(",;\t|"),
    decimal=st.sampled_from(".,"),
    line=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    quote_all=st.booleans(),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_round_trip(
    tmp_path: Path,
    values: list[float | None],
    gaps: list[int],
    notes: list[str],
    other: str,
    delimiter: str,
    decimal: str,
    line: str,
    encoding: str,
    quote_all: bool,
) -> None:
    """What is written in any of the dialects is read back bit by bit (marks given: one column may not prove them)."""

    def field(text: str) -> str:
        needs = quote_all or any(c in text for c in (delimiter, '"', "\n", " "))
        return '"' + text.replace('"', '""') + '"' if needs else text

    times = (np.datetime64("1990-01-01", "ns") + np.cumsum(gaps[: len(values)])).astype("M8[ns]")
    rows = [["ds", "y", "note " + other]]
    for t, v, note in zip(times, values, notes, strict=False):
        rows.append([str(t), "" if v is None else repr(v).replace(".", decimal), note])
    text = line.join(delimiter.join(map(field, row)) for row in rows) + line
    path = tmp_path / "round.csv"
    path.write_bytes(text.encode(encoding))
    (series,) = read_table(path, target="y", decimal=decimal, delimiter=delimiter).series
    np.testing.assert_array_equal(series.time, times.astype(np.int64))
    np.testing.assert_array_equal(series.y[:, 0], np.array(values, dtype=np.float64))


def test_locale_changes_nothing(tmp_path: Path) -> None:
    """The same bytes under a German locale: no number and no month name is read through the C library's locale."""
    path = write(tmp_path, semicolon(["1,5", "2,25"]) + b"3 Oct 2012 04:00:00;7\n")
    code = (
        "import locale, sys\n"
        "for name in ('de_DE.UTF-8', 'de_DE', ''):\n"
        "    try: locale.setlocale(locale.LC_ALL, name); break\n"
        "    except locale.Error: pass\n"
        "from tauflow.data import read_table\n"
        "print(read_table(sys.argv[1]).series[0].y.ravel().tolist())\n"
    )
    environment = {**os.environ, "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-c", code, path], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[1.5, 2.25, 7.0]"
