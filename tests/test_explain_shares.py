"""Shares of an answer: exact sums, closed forms where a model adds up, planted causes found, and the numbers of the model itself."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch

import tauflow
from tauflow import explain
from tauflow.errors import DataError
from tauflow.estimators.explaining.owners import cells_of, columns_of
from tauflow.explain import ExplanationError
from tauflow.explain.shares import PAIRS, shared
from tauflow.windows.windows import window_set
from tests.test_explain_more import network
from tests.test_windows import hourly


@pytest.mark.parametrize("columns", [1, 2, 4, 7])
def test_shares_add_up_and_those_of_a_sum_are_its_terms(columns: int) -> None:
    rng = np.random.default_rng(columns)
    group = np.repeat(np.arange(columns), 3)
    size = rng.normal(size=len(group))
    share, spread, base, answer = shared(lambda shown: 2 + shown @ size, group)
    np.testing.assert_allclose(share, size, atol=1e-12)
    assert base == 2 and answer == pytest.approx(2 + size.sum()) and np.abs(spread).max() < 1e-12
    both = rng.normal(size=(len(group), len(group)))
    share, spread, base, answer = shared(lambda shown: np.einsum("ni,ij,nj->n", shown, both, shown), group)
    assert share.sum() == pytest.approx(answer - base)
    assert (spread > 0).any() == (columns > 4)
    # a game of pairs: each of two columns has half of what only both have together, which pairs of orders say exactly
    of = np.stack([group == k for k in range(columns)]).astype(float)
    pairs = of @ both @ of.T
    np.testing.assert_allclose(
        of @ share, (pairs + pairs.T).sum(axis=1) / 2, atol=1e-12 if columns <= 4 else np.abs(pairs).sum() / PAIRS
    )


def test_nothing_to_share_and_answers_that_are_no_numbers() -> None:
    share, spread, base, answer = shared(lambda shown: np.full(len(shown), 3.0), np.zeros(0, dtype=np.int64))
    assert len(share) == len(spread) == 0 and base == answer == 3
    with pytest.raises(ExplanationError, match="finite"):
        shared(lambda shown: np.full(len(shown), np.nan), np.zeros(1, dtype=np.int64))


def stores(rows: int = 24 * 20) -> pd.DataFrame:
    """Two series with a past and a future column, a text column, a static one, gaps and missing values."""
    parts = []
    for name, seed in (("a", 0), ("b", 1)):
        part = hourly(rows, seed=seed)
        part["kind"] = np.where(np.random.default_rng(seed).random(len(part)) < 0.5, "open", "shut")
        parts.append(part.assign(unique_id=name, size=3.0 + seed))
    return pd.concat(parts)


STORES = {"past": ["temperature"], "future": ["holiday", "kind"], "static": ["size"], "id": "unique_id"}


@pytest.fixture(scope="module")
def forecaster() -> tauflow.Forecaster:
    return tauflow.Forecaster("gated_ltc", h=4, units=6, context=12, epochs=1, steps=5, presets="fast").fit(
        stores(), progress=False, **STORES
    )


@pytest.mark.parametrize("cell", ["gated_ltc", "ridge", "seasonal_naive", "persistence"])
def test_a_forecast_is_what_predict_says_and_its_shares_add_up(cell: str, forecaster: tauflow.Forecaster) -> None:
    model = forecaster
    if cell != "gated_ltc":
        model = tauflow.Forecaster(cell, h=4, context=12).fit(stores(), progress=False, **STORES)
    found = explain.explain(model, row=-1, step=3, series="b")
    forecast = model.predict()
    wanted = forecast[forecast["unique_id"] == "b"]["y"].to_numpy()[2]
    assert found.answer == pytest.approx(wanted, rel=1e-5)
    assert abs(found.error) < 1e-9 * max(1, abs(found.answer)) and found.share.sum() == pytest.approx(
        found.answer - found.base
    )
    assert found.story is not None and found.what_if is not None
    why = found.story.why
    assert why.attribution.sum() + why.gap.sum() == pytest.approx(found.answer - found.base)
    assert why.time[why.at] == 3.0 and found.story.unit == "h"
    if cell in ("seasonal_naive", "persistence"):
        assert [name for name, size in zip(found.names, found.share, strict=True) if size] == ["past y"]
        place, _ = np.unravel_index(np.abs(why.attribution).argmax(), why.attribution.shape)
        assert place == (0 if cell == "seasonal_naive" else len(why.time) - 5)
    if cell == "gated_ltc":
        assert {"past y", "calendar", "temperature", "holiday", "kind", "gaps", "series"} >= set(found.names)
        assert found.story.tau is not None and "gaps" in found.names


def test_windows_as_they_were_and_as_usual(forecaster: tauflow.Forecaster) -> None:
    """All cells shown: the window, number by number. None: targets at their middle, even gaps, no hour of the day."""
    encoder, _ = forecaster._fitted()
    table, reach = forecaster.table, forecaster.reach
    assert table is not None and reach
    windows = window_set(table, encoder, 12, np.array([[1, 300]]), reach)
    time = encoder.moments.ahead(table.series[1].time[300:301], 4)[:, 1:2]
    batch = windows.batch(np.array([0]), time)
    columns = columns_of(encoder)
    assert len(columns.x) == encoder.inputs and len(columns.query) == encoder.queries
    cells = cells_of(windows, columns, batch)
    shown = np.zeros((2, len(cells.column)), dtype=bool)
    shown[0] = True
    found = cells.batch(batch, shown)
    for name, values in batch.items():
        np.testing.assert_array_equal(found[name][0], values[0])
    assert (found["dt"][1] == 1).all() and (found["history"][1] == 0).all() and (found["x"][1, :, 0] == 0).all()
    assert encoder.calendar.size == 8 and (found["query"][1, :, 2:10] == 0).all()
    assert (found["query"][1, :, :2] == batch["query"][0, :, :2]).all()
    one = np.flatnonzero(cells.column == columns.calendar)
    shown[1] = False
    shown[1, one] = True
    again = cells.batch(batch, shown)
    np.testing.assert_array_equal(again["query"][1, :, 2:10], batch["query"][0, :, 2:10])
    np.testing.assert_array_equal(again["dt"][1], 1)


def test_what_would_have_been_is_the_forecast_of_the_edited_table(forecaster: tauflow.Forecaster) -> None:
    table = stores()
    found = explain.explain(forecaster, table, row=-1, step=2, series="b").what_if
    assert found is not None
    last = np.flatnonzero((table["unique_id"] == "b") & table["y"].notna())[-1]
    edited = table.iloc[: last + 1].copy()
    place = edited.columns.get_loc("y")
    edited.iloc[last, place] *= 1.1
    wanted = forecaster.predict(edited)
    change = wanted[wanted["unique_id"] == "b"]["y"].to_numpy()[1] - found.answer
    assert found.higher[found.names.index("y")] == pytest.approx(change, rel=1e-4)
    assert "kind" not in found.names  # a word can't be 10 % higher


def test_the_forecasts_need_what_they_were_made_of() -> None:
    frame = hourly(24 * 40, drop=0.0)
    frame["y"] = 5 * frame["temperature"].shift(1, fill_value=0.0)  # of the last hour's temperature alone
    model = tauflow.Forecaster("ridge", h=1, context=6, season=None).fit(frame, past=["temperature"], progress=False)
    ranking = explain.ranking(model, frame, start="10D")
    assert ranking.names[0] == "temperature" and ranking.importance[0] > 2 * abs(ranking.importance[1:]).max()
    found = explain.explain(model, frame, row=-3)
    assert found.names[0] == "temperature" and abs(found.share[0]) > 2 * np.abs(found.share[1:]).max()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"row": 10**6}, "row is 1000000"), ({"step": 5}, "step is 5"), ({"target": "z"}, "target is 'z'"), ({"series": "c"}, "no series"),
        ({"row": 1.0}, "row is 1.0"), ({"dt": [1.0]}, "leave them out"), ({"wrong": 1}, "wrong"),
    ],
)  # fmt: skip
def test_what_a_forecaster_is_not_asked(forecaster: tauflow.Forecaster, asked: dict[str, object], said: str) -> None:
    with pytest.raises((ExplanationError, DataError, TypeError), match=said):
        explain.explain(forecaster, **asked)


def sequences(seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray, np.ndarray]:
    """Uneven sequences of three channels, of which the second decides in the end; a static number says nothing."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(rng.integers(20, 40), 3)) for _ in range(80)]
    times = [np.cumsum(rng.exponential(1, len(x))) for x in X]
    y = np.array([int(x[-6:, 1].mean() > 0) for x in X])
    return X, times, rng.normal(size=(80, 1)), y


@pytest.mark.parametrize("causal", [True, False])
def test_an_answer_to_a_sequence_is_shared_exactly(causal: bool) -> None:
    X, times, static, y = sequences()
    X[3][2, 0] = np.nan
    model = tauflow.Classifier("gated_ltc", units=6, members=2, epochs=3, causal=causal).fit(
        X, y, times=times, static=static
    )
    p = model.predict_proba(X, times=times, static=static)
    found = explain.explain(model, X, row=3, times=times, static=static)
    assert found.answer == pytest.approx(p[3].max()) and abs(found.error) < 1e-12
    assert set(found.names) == {"channel 0", "channel 1", "channel 2", "gaps", "static 0"}
    assert found.story is not None and (found.story.tau is not None) == causal
    assert np.isfinite(found.story.answer).all() == causal
    other = explain.explain(model, X, row=3, target=1 - int(p[3].argmax()), times=times, static=static)
    np.testing.assert_allclose(sorted(other.share), sorted(-found.share), atol=1e-9)
    ranking = explain.ranking(model, X, y, times=times, static=static, rounds=2)
    assert ranking.names[0] == "channel 1"
    with pytest.raises(ExplanationError, match="expected a class: 0, 1"):
        explain.explain(model, X, target=7, times=times, static=static)


def test_a_regressor_and_an_answer_at_every_row() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 30, 2))
    y = np.cumsum(X[:, :, 1], axis=1) / np.arange(1, 31)
    model = tauflow.Regressor("cfc", units=6, members=2, epochs=3, every=True).fit(X, y)
    said = model.predict(X)
    found = explain.explain(model, X, row=4, at=9)
    assert found.answer == pytest.approx(said[4][9]) and abs(found.error) < 1e-12
    np.testing.assert_allclose(found.story.answer, said[4])
    mean = np.broadcast_to(model.model_.committee.networks()[0].scale.mean[:2].numpy(), (1, 30, 2))
    assert found.base == pytest.approx(float(model.predict(mean)[0][9]), abs=1e-6)
    with pytest.raises(ExplanationError, match="at is 40"):
        explain.explain(model, X, at=40)
    once = tauflow.Regressor("cfc", units=6, members=2, epochs=3).fit(X, y[:, -1])
    assert explain.explain(once, X, row=-1).answer == pytest.approx(once.predict(X)[-1])
    with pytest.raises(ExplanationError, match="leave it out"):
        explain.explain(once, X, at=3)
    with pytest.raises(ExplanationError, match="column of y"):
        explain.explain(once, X, target=1)
    with pytest.raises(ExplanationError, match="row is 40"):
        explain.explain(once, X, row=40)
    with pytest.raises(DataError, match="two at least"):
        explain.ranking(once, X[:1], y[:1, -1])


def test_a_network_is_shared_by_integrated_gradients_and_where_it_jumps_by_pieces() -> None:
    net = network()
    x, dt = 3 + torch.randn(40, 3), torch.rand(40) + 1.5
    found = explain.explain(net, x, dt, row=20, output=1, unit="s")
    why = explain.integrated_gradients(net, x, dt, at=20, output=1)
    assert dict(zip(found.names, found.share, strict=True))["tilt"] == pytest.approx(why.attribution[:, 0].sum())
    assert abs(found.error) <= 1e-4 * abs(found.answer - found.base)
    jumping = tauflow.Network(["tilt", "antenna", "load"], 1, tauflow.CTRNN(3, 2, tau=0.5), scale="scale")
    jumping.scale.measure(x)
    jumping.measured.fill_(True)
    with torch.no_grad():  # a switch that keeps what it was set to: no straight way leads through its jump
        cell = jumping.core.cell
        cell.W.copy_(300 * torch.eye(2)), cell.U.copy_(torch.tensor([[400.0, 0, 0], [0, 300, 0]])), cell.b.fill_(-80.0)
    x[:, :2] = 3 + 10 * x[:, :2].abs()
    jumped = explain.explain(jumping, x, dt)
    assert abs(jumped.error) < 1e-12 and len(jumped.names) == 4 and np.abs(jumped.share).max() > 0.1
    assert jumped.story is not None and jumped.story.why.nodes == 0
    with pytest.warns(explain.IncompleteWarning):
        explain.integrated_gradients(jumping, x, dt)


def test_what_can_not_be_explained_is_told_what_can() -> None:
    with pytest.raises(ExplanationError, match="wrap a cell"):
        explain.explain(tauflow.CTRNN(2, 3), torch.zeros(4, 2))


def test_sentences_and_json_hold_the_numbers(forecaster: tauflow.Forecaster) -> None:
    found = explain.explain(forecaster, row=200, step=2, series="a")
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["answer"] == found.answer and set(told["shares"]) == set(found.names)
    assert list(dict(found.lines)) == ["answer", "when", "what if"]
    assert found.sentence.startswith("y, 2 steps after 2024-01-") and found.names[0] in found.sentence
    assert len(found.frame()) == len(found.names) and "<svg" in found._repr_html_()
