"""Tables of any source to series: names, duplicates, order, categories, missing and infinite values, notes."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tauflow.data import Table, read_table
from tauflow.data.series import UNSEEN
from tauflow.errors import DataError, MissingExtraError, TauflowError

HOURS = np.datetime64("2012-10-02", "ns") + np.arange(4) * np.timedelta64(3600, "s")


def frame(**changes: Any) -> dict[str, Any]:
    return {
        "unique_id": ["b", "b", "a", "a"],
        "ds": HOURS,
        "y": [1.0, np.nan, 3.0, 4.5],
        "rain": [0.0, 1.0, 2.0, 3.0],
        "weather": ["Fog", "Clear", "", "Fog"],
        "holiday": [True, False, False, True],
        "size": [7, 7, 9, 9],
        **changes,
    }


ROLES: dict[str, Any] = {"past": ["rain", "weather"], "future": "holiday", "static": "size"}


def assert_equal(one: Table, other: Table) -> None:
    assert one.schema == other.schema
    assert [s.id for s in one.series] == [s.id for s in other.series]
    for a, b in zip(one.series, other.series, strict=True):
        for name in ("time", "y", "past", "future", "static"):
            assert getattr(a, name).dtype == getattr(b, name).dtype
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


def test_what_a_table_holds() -> None:
    table = read_table(frame(), **ROLES)
    a, b = table.series
    assert (a.id, b.id, len(table)) == ("a", "b", 2)
    assert a.time.dtype == np.int64 and a.time.tolist() == HOURS[2:].astype(np.int64).tolist()
    np.testing.assert_array_equal(b.y, [[1.0], [np.nan]])
    np.testing.assert_array_equal(a.past, [[2.0, np.nan], [3.0, 1.0]])
    np.testing.assert_array_equal(b.future, [[1.0], [0.0]])
    assert a.static.tolist() == [9.0]
    assert table.schema.categories == {"weather": ("Clear", "Fog"), "holiday": ("False", "True")}
    assert table.schema.values == ("y", "rain", "weather", "holiday", "size")


def test_every_kind_of_source_reads_the_same(tmp_path: Path) -> None:
    data = pd.DataFrame(frame())
    data.to_csv(tmp_path / "t.csv", index=False)
    data.to_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.parquet").rename(tmp_path / "noname")
    expected = read_table(frame(), **ROLES)
    sources: list[Any] = [
        data,
        data.astype({"weather": "category", "size": "Int64"}),
        data.astype({"weather": object, "holiday": object, "y": object, "ds": object}),
        data.set_index("ds"),
        data.convert_dtypes(),
        data.convert_dtypes(dtype_backend="pyarrow"),
        pl.from_pandas(data),
        pl.from_pandas(data).with_columns(pl.col("ds").cast(pl.Datetime("us")), pl.col("weather").cast(pl.Categorical)),
        pa.Table.from_pandas(data),
        tmp_path / "t.csv",
        str(tmp_path / "noname"),
    ]
    for source in sources:
        assert_equal(read_table(source, **ROLES), expected)


def test_the_source_is_left_alone() -> None:
    source = {name: np.array(column) for name, column in frame().items()}
    for column in source.values():
        column.flags.writeable = False
    first = read_table(source, **ROLES)
    assert first.series[0].y.flags.writeable
    for name in ("time", "y", "past", "future", "static"):
        assert getattr(first.series[0], name).flags.writeable
        getattr(first.series[0], name)[:] = 0
    assert_equal(read_table(source, **ROLES), read_table(frame(), **ROLES))


def test_a_memory_map_is_read(tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", np.arange(4.0))
    mapped = np.load(tmp_path / "y.npy", mmap_mode="r")
    assert read_table({"ds": HOURS, "y": mapped}).series[0].y.ravel().tolist() == [0, 1, 2, 3]


def test_names_by_default() -> None:
    assert read_table({"when": HOURS, "level": [1, 2, 3, 4]}).schema.time == "when"
    assert read_table({"t": [0.0, 0.5, 2], "level": [1, 2, 3]}).schema.kind == "number"
    table = read_table({"ds": HOURS, "y": [1] * 4, "z": [1, 2, 3, 4]})
    assert table.schema.targets == ("y",) and table.series[0].past.shape == (4, 0)
    assert table.series[0].id == "" and table.schema.id is None
    assert "not used: z; name them in past=, future= or static= to use them" in table.notes
    wide = read_table({"ds": HOURS, "u": [1] * 4, "v": [2] * 4}, target=["v", "u"])
    assert wide.series[0].y[0].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "yy"}, "no column 'yy'; nearest: 'y'"),
        ({"id": "uniqueid"}, "nearest: 'unique_id'"),
        ({"past": "Rian"}, "no column 'Rian'; nearest: 'rain'"),
        ({"past": "xxxxxxxxxxx"}, "there are: 'unique_id', 'ds'"),
        ({"target": "y", "past": "y"}, "'y' was given two roles"),
        ({"past": ["rain", "rain"]}, "'rain' was given two roles"),
        ({"target": "weather"}, "row 0: column 'weather' has 'Fog', which is no number"),
        ({"target": "ds", "time": "rain"}, "holds time stamps"),
        ({"static": "rain"}, "static column 'rain' changes within id 'a'"),
        ({"duplicates": "any"}, "expected one of error, last, first, mean"),
        ({"unsorted": "no"}, "expected one of sort, error"),
        ({"decimal": "x"}, "expected '.' or ','"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_table(frame(), **options)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"a": HOURS, "b": HOURS, "y": [1] * 4}, "'a', 'b' could each be the time"),
        ({"ds": HOURS, "u": [1] * 4, "v": [1] * 4}, "2 columns that could be the target: 'u', 'v'"),
        ({"ds": HOURS, "v": ["a"] * 4}, "no column of numbers"),
        ({"y": [1.0]}, "no column that holds time"),
        ({"ds": HOURS}, "no column of numbers"),
        ({"ds": HOURS[:0], "y": []}, "no rows"),
        ({}, "no column"),
        ({"ds": HOURS, "y": [1, 2]}, "differ in length"),
        ({"ds": HOURS, "y": np.zeros((4, 2))}, "one number per row"),
        (np.zeros((4, 2)), "no column names"),
        (7, "expected a path"),
        (pl.LazyFrame({"ds": [1], "y": [1]}), "collect"),
        (pd.DataFrame([[1, 2, 3]], columns=["ds", "y", "y"]), "more than once"),
        (pd.DataFrame({0: HOURS, 1: [1] * 4}), "column named 0"),
        ({"ds": HOURS, "y": [1 + 2j] * 4}, "column 'y': complex128"),
        ({"ds": HOURS, "y": [[1]] * 4}, "one number per row"),
        ({"ds": HOURS, "y": np.array([1, {}, 2, 3], dtype=object)}, "row 1 is a dict"),
        ({"ds": HOURS, "y": np.array([1, "x", 2, 3], dtype=object)}, "row 1: column 'y' has 'x'"),
        ({"ds": [True] * 4, "y": [1] * 4}, "true/false"),
        ({"ds": [1.0, np.nan], "y": [1, 2]}, "row 1 has no time"),
        ({"ds": [1.0, np.inf], "y": [1, 2]}, "row 1: time in column 'ds' is infinite"),
        ({"ds": np.array(["2012-10-02", "NaT"], "M8[D]"), "y": [1, 2]}, "row 1 has no time"),
        (
            pl.DataFrame({"ds": [HOURS[0].item() and None, HOURS[0].astype("M8[us]").item()], "y": [1, 2]}),
            "row 0 has no time",
        ),
        ({"unique_id": ["a", None], "ds": HOURS[:2], "y": [1, 2]}, "row 1 has no id"),
        (pl.DataFrame({"ds": [1], "y": [[1]]}), "column 'y': List"),
        ({"ds": HOURS, "y": ["a\0b"] * 4}, "NUL"),
        ({"ds": HOURS, "y": ["9" * 300] * 4}, "300 bytes"),
    ],
)
def test_sources_that_can_not_be_read(source: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_table(source)


def test_infinity_is_refused_with_id_and_row() -> None:
    with pytest.raises(DataError, match=r"row 2 \(id 'a'\): column 'rain' is infinite"):
        read_table(frame(rain=[0, 1, -np.inf, 3]), past="rain")
    assert len(read_table(frame(rain=[0, 1, -np.inf, 3])).series) == 2  # a column that is not used is not looked at


@pytest.mark.parametrize("value", [1e38, 1e308, -1e308, 5e-324])
def test_huge_values_are_kept(value: float) -> None:
    table = read_table({"ds": np.arange(50.0), "y": [value, -value, *range(48)]})
    assert table.series[0].y[0, 0] == value


def test_object_columns() -> None:
    values = np.array([1, 2.5, "3.5", Decimal("4.25")], dtype=object)
    assert read_table({"ds": HOURS, "y": values}).series[0].y.ravel().tolist() == [1, 2.5, 3.5, 4.25]
    nothing = np.array([None, np.nan, pd.NA, pd.NaT], dtype=object)
    assert np.isnan(read_table({"ds": HOURS, "y": nothing}).series[0].y).all()


def repeated() -> dict[str, Any]:
    return {"ds": [1.0, 1, 2, 2, 2, 3], "y": [1.0, 5, 2, np.nan, 6, 3], "w": list("abccda")}


@pytest.mark.parametrize(
    ("rule", "y", "w"),
    [("last", [5, 6, 3], [1, 3, 0]), ("first", [1, 2, 3], [0, 2, 0]), ("mean", [3, 4, 3], [1, 3, 0])],
)
def test_duplicates_by_rule(rule: Any, y: list[float], w: list[float]) -> None:
    table = read_table(repeated(), past="w", duplicates=rule)
    assert table.series[0].y.ravel().tolist() == y
    assert table.series[0].past.ravel().tolist() == w
    assert "3 duplicate timestamps: " + ("took the mean" if rule == "mean" else f"kept the {rule}") in table.notes


def test_duplicates_are_an_error_that_counts_them() -> None:
    with pytest.raises(
        DataError, match=r"3 rows repeat an \(id, time\) with other values, the first at 1; .*id=.*duplicates="
    ):
        read_table(repeated())
    source = repeated() | {"unique_id": ["k"] * 6}
    with pytest.raises(DataError, match="the first id 'k' at 1; say duplicates="):
        read_table(source)


def test_equal_rows_are_merged() -> None:
    table = read_table({"ds": [1.0, 1, 2, 2], "y": [1.0, 1, np.nan, np.nan], "z": [1, 2, 3, 4]})
    assert len(table.series[0]) == 2
    assert "2 duplicate timestamps with equal values: merged" in table.notes
    with pytest.raises(DataError, match="2 rows repeat"):
        read_table({"ds": [1.0, 1, 2, 2], "y": [1.0, 1, np.nan, np.nan], "z": [1, 2, 3, 4]}, past="z")


def test_unsorted_rows() -> None:
    source = {"ds": [3.0, 1, 2], "y": [3, 1, 2]}
    table = read_table(source)
    assert table.series[0].y.ravel().tolist() == [1, 2, 3]
    assert "1 rows stepped back in time: sorted" in table.notes
    with pytest.raises(DataError, match="1 rows step back in time, the first at 1"):
        read_table(source, unsorted="error")
    mixed = {"ds": [1.0, 1, 2, 2], "unique_id": list("abab"), "y": [1, 2, 3, 4]}
    assert read_table(mixed, unsorted="error").notes == ()  # ids taking turns are in order


@given(st.permutations(range(12)))
@settings(max_examples=50, deadline=None)
def test_the_order_of_rows_changes_nothing(order: list[int]) -> None:
    source = {
        "unique_id": np.repeat(["a", "b", "c"], 4),
        "ds": np.tile(np.arange(4.0), 3),
        "y": np.arange(12.0),
        "w": np.array(list("pqrspqpqrrrr")),
    }
    shuffled = {name: column[order] for name, column in source.items()}
    assert_equal(read_table(shuffled, past="w"), read_table(source, past="w"))


def test_ids_of_other_types() -> None:
    for ids in ([10, 10, 9, 9], [10.0, 10.0, 9.0, 9.0], ["10", "10", "9", "9"]):
        assert [s.id for s in read_table(frame(unique_id=ids)).series] == ["10", "9"]
    assert [s.id for s in read_table(frame(unique_id=["NA", "NA", "001", "001"])).series] == ["001", "NA"]


@pytest.mark.parametrize(
    ("ids", "whole", "in_text"),
    [([1, 2], True, True), (["1", "2"], False, True), (["007", "7"], False, False), (["a", "b"], False, False)],
)
def test_a_schema_knows_ids_that_were_numbers(ids: list[object], whole: bool, in_text: bool, tmp_path: Path) -> None:
    source = pd.DataFrame({"unique_id": ids, "ds": ["2021-01-01"] * 2, "y": [1, 2]})
    source.to_csv(tmp_path / "t.csv", index=False)
    assert read_table(source).schema.id_kind == ("integer" if whole else "text")
    assert read_table(tmp_path / "t.csv").schema.id_kind == ("integer" if in_text else "text")


def test_categories_of_a_second_table(tmp_path: Path) -> None:
    first = read_table(frame(), **ROLES)
    later = frame(weather=["Snow", "Clear", "Fog", ""], y=[np.nan] * 4)
    second = read_table(later, schema=first.schema)
    assert second.schema == first.schema
    np.testing.assert_array_equal(second.series[1].past[:, 1], [UNSEEN, 0])
    assert "1 values of 'weather' are categories not seen before: they count as none of the known ones" in second.notes
    del later["y"]
    ahead = read_table(pl.DataFrame(later), schema=first.schema)
    assert np.isnan(ahead.series[0].y).all() and "no column 'y': its values count as missing" in ahead.notes
    del later["holiday"]
    with pytest.raises(DataError, match="no column 'holiday'"):
        read_table(later, schema=first.schema)
    with pytest.raises(DataError, match="is a number; the schema has a timestamp"):
        read_table(frame(ds=[1, 2, 3, 4]), schema=first.schema)


def test_codes_that_are_numbers_stay_categories_when_the_schema_says_so() -> None:
    schema = read_table(frame(weather=["w1", "w2", "w1", "w2"]), past="weather").schema
    again = read_table(frame(weather=[1, 2, 1, 2]), schema=schema)
    assert (again.series[0].past == UNSEEN).all() and any("not seen before" in note for note in again.notes)


def test_true_and_false_in_any_case(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("ds,y,flag\n1,1,TRUE\n2,2,false\n3,3,\n")
    table = read_table(path, past="flag")
    np.testing.assert_array_equal(table.series[0].past.ravel(), [1, 0, np.nan])
    assert table.schema.categories == {"flag": ("False", "True")}


def test_the_word_none_is_a_category_beside_other_words(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("ds,y,holiday\n1,1,None\n2,2,Labor Day\n")
    assert read_table(path, past="holiday").schema.categories == {"holiday": ("Labor Day", "None")}


def test_notes_about_values() -> None:
    rng = np.random.default_rng(0)
    rows = 1200
    temperature = 280 + 10 * rng.standard_normal(rows)
    temperature[[3, 700]] = 0
    wild = rng.standard_normal(rows)
    wild[5] = 1e6
    rare = np.where(np.arange(rows) % 6 == 0, 1.0 * np.arange(rows), np.nan)
    source = {
        "ds": np.arange(rows),
        "y": wild,
        "k": temperature,
        "c": np.full(rows, 5.0),
        "r": rare,
        "e": [None] * rows,
    }
    notes = read_table(source, past=["k", "c", "r", "e"]).notes
    assert "'y' has 1 values beyond 20 robust scales, the furthest 1e+06" in notes
    assert "'k' is exactly 0 in 2 rows and far from 0 in all others: missing values?" in notes
    assert "'c' is constant: 5 in every row" in notes
    assert "'e' has no value at all" in notes
    assert "mixed rates: 'r' is observed in 1 of 6.0 rows" in notes


def test_notes_about_ids_at_other_rates() -> None:
    slow, fast = HOURS, HOURS[0] + np.arange(4) * np.timedelta64(60, "s")
    table = read_table({"unique_id": list("ssssffff"), "ds": np.concatenate([slow, fast]), "y": np.arange(8.0)})
    assert "mixed rates: typical gap 60 s for id 'f', 3600 s for id 's'" in table.notes


def test_describe() -> None:
    ds = np.array([0, 60, 120, 180, 600]) * 10**9
    table = read_table({"ds": ds.view("M8[ns]"), "y": [1, np.nan, 1, 1, 1], "w": list("abcab")}, past="w")
    (facts,) = table.describe()
    assert (facts.rows, facts.typical_gap, facts.long_gaps, facts.longest_gap) == (5, 60.0, 1, 420.0)
    assert facts.start == 0 and facts.end == 600 * 10**9
    assert facts.columns["y"].constant and facts.columns["y"].missing == 1
    assert facts.columns["w"].outliers == 0


def test_a_missing_extra_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"ds": [1, 2], "y": [1, 2]}), tmp_path / "t.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r'pip install "tauflow\[parquet\]"'):
        read_table(tmp_path / "t.parquet")


def test_damaged_parquet(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(DataError, match="Parquet"):
        read_table(tmp_path / "t.parquet")
    (tmp_path / "u.parquet").write_bytes(b"ds,y\n1,2\n")
    with pytest.raises(DataError, match="not a Parquet file"):
        read_table(tmp_path / "u.parquet")


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(b"ds,y\n1,2\n" + data)
    try:
        read_table(path)
    except TauflowError:
        return
    assert len(data.strip()) == 0 or b"," in data


def test_a_csv_needs_no_pandas(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("ds,y\n2012-10-02,2\n2012-10-03,3\n")
    code = (
        "import sys; from tauflow.data import read_table, check; read_table(sys.argv[1]); check(sys.argv[1]);"
        "print([m for m in ('pandas', 'narwhals', 'pyarrow', 'polars') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "t.csv"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
