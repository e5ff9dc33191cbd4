"""Text categories are categories: one column each, not ranks of the alphabet."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tauflow.data import read_table
from tauflow.estimators import Forecaster
from tauflow.estimators.tables import recoded
from tauflow.windows.categories import MOST, one_hot, shown_codes, slots, unseen
from tauflow.windows.learn import learn
from tauflow.windows.windows import windows

EFFECTS = dict(zip("ABCDEFGH", (3.0, -5.0, 8.0, 0.0, -9.0, 6.0, -2.0, 9.0), strict=True))


def effects(rows: int = 600, names: dict[str, float] = EFFECTS, seed: int = 0) -> pd.DataFrame:
    words = np.random.default_rng(seed).choice(list(names), rows)
    time = pd.date_range("2020-01-01", periods=rows, freq="h")
    return pd.DataFrame({"ds": time, "cat": words, "y": [names[word] for word in words]})


def ahead(frame: pd.DataFrame, words) -> pd.DataFrame:
    return pd.DataFrame(
        {"ds": pd.date_range(frame["ds"].iloc[-1], periods=len(words) + 1, freq="h")[1:], "cat": list(words)}
    )


@pytest.mark.parametrize(("cell", "within"), [("ridge", 0.05), ("ctrnn", 0.5)])
def test_the_effect_of_each_category_is_found(cell, within):
    frame = effects()
    model = Forecaster(cell, h=8, context=4, epochs=6, steps=60, batch_size=128)
    model.fit(frame, future=["cat"], progress=False)
    forecast = model.predict(future=ahead(frame, EFFECTS))["y"]
    assert np.abs(forecast - list(EFFECTS.values())).max() < within


@pytest.mark.parametrize("role", ["past", "static"])
def test_past_and_static_categories_have_effects_too(role):
    frame = effects(400)
    if role == "past":
        frame["y"] = frame["y"].shift(1, fill_value=0.0)  # the next value is what the word says
        forecast = Forecaster("ridge", h=1, context=3).fit(frame, past=["cat"], progress=False).predict()["y"].iloc[0]
        assert forecast == pytest.approx(EFFECTS[frame["cat"].iloc[-1]], abs=0.1)
        return
    shape = {"A": 1.0, "B": -1.0, "C": 1.0}  # not in the order of the alphabet
    t = np.arange(200)
    many = pd.concat([
        pd.DataFrame({"ds": pd.date_range("2020", periods=200, freq="D"), "unique_id": f"{word}{k}", "cat": word,
                      "y": np.where(t % 9 == 8, sign * 5.0, 0.0) + k})
        for word, sign in shape.items() for k in range(3)
    ])  # fmt: skip
    encoder = learn(read_table(many, static=["cat"], target="y"), 3, None)
    assert encoder.shown == {"cat": (0, 1, 2)}
    batch = windows(read_table(many, static=["cat"], target="y"), encoder, 3).batch(np.array([0, 900, 1700]))
    words = batch["x"][:, -1, -encoder.calendar.size - encoder.statics :][:, : encoder.statics]
    assert (words > 0).tolist() == [[True, False, False, True], [False, True, False, True], [False, False, True, True]]


def test_a_missing_category_and_one_never_seen_are_told_apart():
    frame = effects(200)
    table = read_table(frame, past=["cat"], target="y")
    encoder = learn(table, 2, None)
    later = frame.assign(cat=[*frame["cat"][:-3], "unheard of", None, "A"])
    new = recoded(read_table(later, past=["cat"], target="y"), encoder.schema.categories)
    assert unseen(new) == {"cat": 1}
    assert unseen(read_table(later, schema=encoder.schema)) == {"cat": 1}
    assert unseen(table) == {}
    batch = windows(new, encoder, 4).batch(np.array([len(frame) - 2]))
    first = encoder.numbers
    columns, flags = batch["x"][0, :, first : first + 8], batch["x"][0, :, first + 9]
    assert (columns != 0).sum(axis=1).tolist() == [1, 1, 0, 0]  # known, known, unheard of, missing
    assert flags.tolist() == [1, 1, 1, 0]


def test_hundreds_of_categories_are_bounded():
    names = {f"shop {k:03d}": float(k % 7) for k in range(400)}
    frame = effects(3000, names)
    frame.loc[:899, "cat"] = [f"shop {k % 9:03d}" for k in range(900)]
    table = read_table(frame, past=["cat"], target="y")
    encoder = learn(table, 2, None)
    assert len(encoder.shown["cat"]) == MOST
    assert set(range(9)) <= set(encoder.shown["cat"])  # the most frequent
    assert encoder.inputs < 2 * MOST


def test_categories_come_from_the_training_part_and_back_from_the_file(tmp_path):
    frame = effects(300)
    frame.loc[290:, "cat"] = "late"
    table = read_table(frame, future=["cat"], target="y")
    until = float(table.series[0].time[200])
    assert len(learn(table, 2, until).shown["cat"]) == 8
    model = Forecaster("ridge", h=2, context=3).fit(table, progress=False)
    model.save(tmp_path / "model.tau")
    again = Forecaster.load(tmp_path / "model.tau")
    assert again.encoder.shown == model.encoder.shown
    pd.testing.assert_frame_equal(again.predict(table), model.predict(table))


def test_true_and_false_are_the_numbers_one_and_zero():
    frame = effects(200).assign(flag=lambda f: f["y"] > 0)
    number, word = (
        Forecaster("ridge", h=2, context=3)
        .fit(frame.assign(flag=flag), past=["flag"], target="y", progress=False)
        .predict()
        for flag in (frame["flag"].astype(float), frame["flag"])
    )
    pd.testing.assert_frame_equal(number, word)


def test_columns_by_hand():
    codes = np.array([3.0, 1.0, np.nan, -1.0, 3.0, 7.0])
    assert shown_codes(codes) == (1, 3, 7)
    np.testing.assert_array_equal(slots(codes, (1, 3)), [1, 0, np.nan, 2, 1, 2])
    assert one_hot(np.array([1.0, 0.0, np.nan, 2.0]), 2).tolist() == [
        [0, np.float32(2**0.5)],
        [np.float32(2**0.5), 0],
        [0, 0],
        [0, 0],
    ]
    assert slots(codes, ()).tolist()[0] == 0 and one_hot(slots(codes, ()), 0).shape == (6, 0)
