"""`as_sequences` and `read_sequences`: every form that people bring means the same sequences, and what looks wrong is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tauflow.data import Sequences, as_sequences, read_sequences
from tauflow.errors import DataError, NonFiniteError, ShapeError, TimeError

VALUES = np.random.default_rng(0).normal(size=(5, 12, 3))
STAMPS = np.cumsum(np.random.default_rng(1).uniform(0.5, 2, size=(5, 12)), axis=1)


def alike(found: Sequences, times: bool = False) -> None:
    assert len(found) == 5 and found.channels == 3
    assert all(np.array_equal(one, want) for one, want in zip(found.values, VALUES, strict=True))
    if times:
        assert found.times is not None
        assert all(np.allclose(np.diff(one), np.diff(want)) for one, want in zip(found.times, STAMPS, strict=True))
    else:
        assert found.times is None


@pytest.mark.parametrize("form", ["array", "tensor", "turned", "list", "turned list", "object array", "iterator"])
def test_forms_without_times_are_the_same(form: str) -> None:
    import torch

    objects = np.empty(5, dtype=object)
    objects[:] = list(VALUES)
    given: dict[str, tuple[Any, Any]] = {
        "array": (VALUES, None),
        "tensor": (torch.from_numpy(VALUES), None),
        "turned": (VALUES.transpose(0, 2, 1), "nct"),
        "list": (list(VALUES), None),
        "turned list": ([one.T for one in VALUES], "nct"),
        "object array": (objects, None),
        "iterator": (iter(list(VALUES)), None),
    }
    X, layout = given[form]
    alike(as_sequences(X, layout=layout))


@pytest.mark.parametrize("form", ["pairs", "beside", "beside as a list", "frames", "dates"])
def test_forms_with_times_are_the_same(form: str) -> None:
    dates = [pd.Timestamp("2024-03-01") + pd.to_timedelta(one, unit="s") for one in STAMPS]
    given: dict[str, tuple[Any, Any]] = {
        "pairs": (list(zip(VALUES, STAMPS, strict=True)), None),
        "beside": (VALUES, STAMPS),
        "beside as a list": (list(VALUES), list(STAMPS)),
        "frames": ([pd.DataFrame(x, index=t, columns=list("abc")) for x, t in zip(VALUES, STAMPS, strict=True)], None),
        "dates": ([pd.DataFrame(x, index=t) for x, t in zip(VALUES, dates, strict=True)], None),
    }
    X, times = given[form]
    found = as_sequences(X, times=times)
    alike(found, times=True)
    assert found.names == (("a", "b", "c") if form == "frames" else None)


def test_a_rectangle_has_one_channel_and_lists_of_rows_are_one() -> None:
    rows = VALUES[:, :, 0]
    for X in (rows, rows.tolist(), pd.DataFrame(rows)):
        found = as_sequences(X)
        assert (found.kind, found.channels, found.lengths.tolist()) == ("rectangle", 1, [12] * 5)
    uneven = as_sequences([rows[0], rows[1][:4], rows[2]])
    assert (uneven.kind, uneven.channels, uneven.lengths.tolist()) == ("sequences", 1, [12, 4, 12])


def test_some_of_them_keep_what_belongs_to_them() -> None:
    found = as_sequences(VALUES, times=STAMPS, static=np.arange(10.0).reshape(5, 2)).part([3, 1])
    assert found.static is not None and found.times is not None
    assert np.array_equal(found.static, [[6, 7], [2, 3]]) and np.array_equal(found.times[0], STAMPS[3])


@pytest.mark.parametrize(
    ("X", "how", "error", "words"),
    [
        (VALUES.transpose(0, 2, 1)[:, :, :] * np.ones((1, 1, 12)), {"layout": "channels"}, DataError, "layout is 'channels'"),
        (np.zeros((4, 2, 30)), {}, DataError, "looks turned: say layout='nct'"),
        ([np.zeros((2, 30))] * 3, {}, DataError, "looks turned"),
        (np.zeros(7), {}, ShapeError, "Expected 2D array, got 1D array instead"),
        (np.zeros((2, 3, 4, 5)), {}, ShapeError, r"\(2, 3, 4, 5\)"),
        (np.zeros((0, 3)), {}, ShapeError, "0 sample"),
        ([np.zeros((4, 2)), np.zeros((4, 3))], {}, ShapeError, r"sequence 1 has shape \(4, 3\)"),
        ([np.zeros((4, 2)), np.zeros((0, 2))], {}, ShapeError, "sequence 1 has no samples"),
        (np.full((2, 3), np.inf), {}, NonFiniteError, "infinity"),
        (np.array([["a", "b"]]), {}, DataError, "can't be read as numbers"),
        (np.ones((2, 3), complex), {}, DataError, "Complex data not supported"),
        (VALUES, {"times": STAMPS[:, ::-1]}, TimeError, "go backward"),
        (VALUES, {"times": STAMPS[:, :-1]}, ShapeError, "has 12 samples"),
        ([(VALUES[0], STAMPS[0]), VALUES[1]], {}, DataError, "some have none"),
        (VALUES, {"static": np.zeros((4, 1))}, ShapeError, "a row a sequence"),
        ("stays.csv", {}, DataError, "id= and time="),
    ],
)  # fmt: skip
def test_what_looks_wrong_is_refused(X: Any, how: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        as_sequences(X, **how)


def test_a_layout_that_is_said_is_believed() -> None:
    assert as_sequences(np.zeros((4, 2, 30)), layout="ntc").channels == 30
    assert as_sequences(np.zeros((4, 2, 30)), layout="nct").channels == 2


def long_frame() -> pd.DataFrame:
    """Five stays; the label and the age belong to a stay, the posture to a row; two channels at other rates."""
    rows = []
    for stay, (x, t) in enumerate(zip(VALUES, STAMPS, strict=True)):
        for k in range(12):
            posture = ["lie", "walk"][int(x[k, 0] > 0)]
            lab = x[k, 1] if k % 3 == 0 else np.nan
            rows.append(
                (f"s{stay}", t[k], x[k, 0], lab, 40 + stay, "AB"[stay % 2], ["no", "yes"][stay % 2], posture, stay // 2)
            )
    return pd.DataFrame(rows, columns=["stay", "hours", "pulse", "lab", "age", "unit", "died", "posture", "patient"])


def test_a_long_table_is_read_with_its_labels(tmp_path: Path) -> None:
    frame = long_frame()
    path = tmp_path / "stays.csv"
    frame.drop(columns="posture").sample(frac=1, random_state=0).to_csv(path, index=False)
    table = read_sequences(path, id="stay", time="hours", target="died", static=["age", "unit"], groups="patient")
    found = table.sequences
    assert found.names == ("pulse", "lab") and found.ids == ("s0", "s1", "s2", "s3", "s4")
    assert (table.labels, table.every) == (["no", "yes", "no", "yes", "no"], False)
    assert table.groups is not None and table.groups.tolist() == [0, 0, 1, 1, 2]
    assert found.static_names == ("age", "unit=A", "unit=B")
    assert found.static is not None and found.static[1].tolist() == [41, 0, 1]
    assert np.allclose(found.values[2][:, 0], VALUES[2, :, 0]) and np.isnan(found.values[0][:, 1]).sum() == 8
    again = read_sequences(path, schema=table.schema)
    assert again.sequences.names == found.names and again.labels is None


def test_a_label_that_changes_is_one_of_each_row() -> None:
    table = read_sequences(long_frame(), id="stay", time="hours", target="posture", channels=["pulse", "lab"])
    assert table.every and table.labels is not None
    assert table.labels[0].tolist() == [["lie", "walk"][int(x > 0)] for x in VALUES[0, :, 0]]


def test_labels_that_lack_and_groups_that_change_are_refused() -> None:
    frame = long_frame()
    channels = {"id": "stay", "time": "hours", "channels": ["pulse"]}
    with pytest.raises(DataError, match="'posture' changes within a sequence"):
        read_sequences(frame, target="died", groups="posture", **channels)  # type: ignore[arg-type]
    frame.loc[3, "died"] = None
    with pytest.raises(DataError, match="'died' is missing in 1 rows of 's0'"):
        read_sequences(frame, target="died", **channels)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="id="):
        read_sequences(frame, target="died")
