"""A closed schema takes what it says, exactly, and names the place of what it refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest

from tauflow.errors import DataError, ModelFileError
from tauflow.files import schema


@dataclass(frozen=True)
class Inner:
    n: int

    def __post_init__(self) -> None:
        if self.n < 0:
            raise DataError(f"n is {self.n},\nexpected >= 0")


@dataclass(frozen=True)
class Outer:
    flag: bool
    count: int
    rate: float
    name: str | None
    mode: Literal["a", "b"]
    pairs: tuple[tuple[int, float], ...]
    inner: Inner
    many: Mapping[str, tuple[Inner, ...]]
    rest: dict[str, Any]
    limit: float | None


GOOD = Outer(True, 3, 0.5, None, "a", ((1, 2.0),), Inner(1), {"x": (Inner(2),)}, {"any": [1, None]}, 2.5)


def test_it_comes_back_through_json() -> None:
    text = json.dumps(schema.dump(GOOD))
    assert schema.read(Outer, json.loads(text)) == GOOD


def test_numbers_of_numpy_become_plain() -> None:
    found = schema.dump({"a": (np.int64(3), np.float32(0.5)), "b": [np.bool_(True)]})
    assert found == {"a": [3, 0.5], "b": [True]}
    assert [type(x) for x in (*found["a"], *found["b"])] == [int, float, bool]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("flag", 1, "config.flag is 1, expected true or false"),
        ("flag", None, "config.flag is None"),
        ("count", True, "config.count is True, expected a whole number"),
        ("count", 1.0, "config.count is 1.0, expected a whole number"),
        ("count", "3", "config.count is '3'"),
        ("rate", "x", "config.rate is 'x', expected a number"),
        ("rate", True, "config.rate is True"),
        ("rate", 10**400, "config.rate is 1000"),
        ("name", 3, "config.name is 3, expected a text"),
        ("mode", "c", "config.mode is 'c', expected 'a' or 'b'"),
        ("mode", 0, "config.mode is 0"),
        ("pairs", [[1]], r"config.pairs\[0\] is \[1\], expected a list of 2"),
        ("pairs", [[1, 2.0, 3]], r"config.pairs\[0\]"),
        ("pairs", [["a", 2.0]], r"config.pairs\[0\]\[0\] is 'a'"),
        ("pairs", {"a": 1}, "config.pairs is .*expected a list"),
        ("pairs", "ab", "config.pairs is 'ab'"),
        ("inner", {}, "config.inner lacks n, expected exactly n"),
        ("inner", {"n": 1, "m": 2}, "config.inner has 'm', expected exactly n"),
        ("inner", [1], "config.inner is"),
        ("inner", {"n": -1}, "config.inner: n is -1,$"),
        ("many", {"x": [{"n": "a"}]}, r"config.many\['x'\]\[0\].n is 'a'"),
        ("many", {"x": {"n": 1}}, r"config.many\['x'\] is"),
        ("many", [], "config.many is"),
        ("rest", [], "config.rest is"),
        ("limit", "x", "config.limit is 'x', expected a number"),
    ],
)
def test_the_wrong_place_is_named(field: str, value: Any, message: str) -> None:
    with pytest.raises(ModelFileError, match=message) as caught:
        schema.read(Outer, {**schema.dump(GOOD), field: value})
    assert "\n" not in str(caught.value)


def test_every_field_and_no_other() -> None:
    good = schema.dump(GOOD)
    for name in good:
        with pytest.raises(ModelFileError, match=f"config lacks {name}"):
            schema.read(Outer, {key: value for key, value in good.items() if key != name})
    with pytest.raises(ModelFileError, match="config has 'more'"):
        schema.read(Outer, {**good, "more": 1})
    for value in (None, [], 3, "x"):
        with pytest.raises(ModelFileError, match="config is"):
            schema.read(Outer, value)


def test_long_values_are_cut() -> None:
    with pytest.raises(ModelFileError) as caught:
        schema.read(Outer, {**schema.dump(GOOD), "count": "x" * 10_000})
    assert len(str(caught.value)) < 200


def test_one_line_of_an_error() -> None:
    assert schema.first_line(RuntimeError("what\nwhere\nC++")) == "what"
    assert schema.first_line(KeyError()) == "KeyError"
    assert len(schema.first_line(RuntimeError("x" * 9999))) == 200
