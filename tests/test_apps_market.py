"""The market: what is seen of prices is right to the number, intervals hold what they should, and the command runs whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from chromium import BINARY
from chromium import Page as Browser

import tauflow
from tauflow.apps import market
from tauflow.apps.market import nets, seen, simple, skill
from tauflow.apps.market.online import Online
from tauflow.apps.market.prices import Prices
from tauflow.apps.market.seen import see
from tauflow.apps.market.study import CORRECTED, HAR, LAST, PRICES, RETURNS, VOLATILITY, Study

ROWS = 900


def hourly(rows: int = ROWS, seed: int = 0) -> Prices:
    """Hours of weekdays, whose volatility is larger by day and remembers."""
    stamps = pd.date_range("2020-01-06", periods=3 * rows, freq="h")
    stamps = stamps[stamps.day_of_week < 5][:rows]
    rng = np.random.default_rng(seed)
    heat = np.zeros(rows)
    for t in range(1, rows):
        heat[t] = 0.9 * heat[t - 1] + 0.2 * rng.normal()
    size = 1e-3 * np.exp(heat + 0.5 * np.sin(2 * np.pi * np.asarray(stamps.hour) / 24))
    close = np.exp(np.cumsum(size * rng.normal(size=rows)))
    span = size * np.exp(0.4 * rng.normal(size=rows))
    hours = stamps.to_numpy().astype("M8[h]").astype(float)
    return Prices("made", hours, close, close * np.exp(span / 2), close * np.exp(-span / 2))


def write(path: Path, **columns: Any) -> Path:
    made = hourly()
    table = {"t": made.stamps, "close": made.close, "h": made.high, "l": made.low, **columns}
    pd.DataFrame(table).to_csv(path, index=False)
    return path


def test_what_is_seen_is_the_row_and_what_is_asked_for_the_next() -> None:
    prices = hourly()
    found = see(prices)
    learned = int(0.7 * ROWS)
    r = np.diff(np.log(prices.close))
    spread = r[: learned - 1].std()
    np.testing.assert_allclose(found.returns, r / spread, rtol=1e-12)
    assert found.spread == pytest.approx(spread)
    v = np.log(np.log(prices.high / prices.low))  # type: ignore[operator]
    v = (v - v[:learned].mean()) / v[:learned].std()
    np.testing.assert_allclose(found.moved[v[1:] > -2.5], v[1:][v[1:] > -2.5], atol=0.01)  # the least ranges are lifted
    assert found.moved.min() > v.min() - 0.01
    np.testing.assert_allclose(found.now[1:], found.moved[:-1])
    assert found.measure == "log range"
    np.testing.assert_allclose(found.dt[1:], np.minimum(np.diff(prices.time)[:-1], 80))
    assert found.dt.max() == 49 and found.learn == slice(0, learned - 1)
    assert found.choose == slice(learned - 1, int(0.8 * ROWS) - 1) and found.test == slice(
        int(0.8 * ROWS) - 1, ROWS - 1
    )
    k = 300  # the mean over a day, and the value that the row to come had a day before
    assert found.har[k, seen.spans(1.0).index(24)] == pytest.approx(found.now[k - 23 : k + 1].mean())
    assert any(np.allclose(found.x[200:, j], found.now[200 - 23 : -23]) for j in range(found.x.shape[1]))


def test_nothing_of_the_future_is_seen() -> None:
    prices = hourly()
    t = 500
    later = prices.close.copy()
    later[t + 1 :] *= 1.5
    other = see(Prices("made", prices.time, later, later * 1.001, later * 0.999))
    found = see(Prices("made", prices.time, prices.close, prices.close * 1.001, prices.close * 0.999))
    raw = [one.x[: t + 1, 0] * one.spread for one in (found, other)]
    np.testing.assert_allclose(np.clip(raw[0], -1e-3, 1e-3), np.clip(raw[1], -1e-3, 1e-3), atol=1e-12)


def test_without_a_range_the_return_stands_for_volatility() -> None:
    prices = hourly()
    found = see(Prices("made", prices.time, prices.close))
    assert found.measure == "log |return|"
    size = np.abs(np.diff(np.log(prices.close)))
    assert np.corrcoef(found.moved, np.log(size + np.quantile(size, 0.05)))[0, 1] > 0.999
    assert seen.spans(24.0) == [1, 2, 5, 22, 66] and seen.spans(0.25) == [1, 2, 24, 96, 480, 2400]


def test_the_ridge_is_its_closed_form() -> None:
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(200, 3)), np.array([1.0, -2.0, 0.5])
    y = x @ w + 3
    np.testing.assert_allclose(simple.solve(x, y, 1e-9)(x), y, atol=1e-6)
    np.testing.assert_allclose(simple.solve(x, y, 1e12)(x), y.mean(), atol=1e-6)


def test_scores_and_intervals() -> None:
    rng = np.random.default_rng(2)
    y = rng.normal(size=2000)
    assert (
        skill.skill(y, np.zeros(2000)) == 0
        and skill.skill(y, y) == 1
        and skill.r2(y, np.full(2000, y.mean())) == pytest.approx(0)
    )
    half = skill.skill_of(y, (0.5 * y)[None], 20)
    assert half.value == pytest.approx(0.75) and half.low == pytest.approx(0.75) and not half.holds_zero
    noise = skill.skill_of(y, 0.01 * rng.normal(size=(2, 2000)), 20)
    assert noise.holds_zero and noise.low < noise.value < noise.high
    coin = skill.direction_of(y, rng.normal(size=(1, 2000)), 20)
    assert (
        coin is not None
        and coin.low < 0.5 < coin.high
        and coin.high - coin.low == pytest.approx(4 * 0.5 / 2000**0.5, rel=0.25)
    )
    assert skill.direction_of(y, np.zeros((1, 2000)), 20) is None
    right = skill.direction_of(y, np.stack([y, -y]), 20)
    assert right is not None and right.value == 0.5
    assert str(skill.Interval(-0.00001, -0.1, 0.1)) == "+0.0000 [-0.1000, +0.1000]"


def test_a_correction_starts_as_har_and_is_left_out_where_it_does_not_help() -> None:
    found = see(hourly())
    base = np.zeros_like(found.moved)
    effort = nets.Effort(400, 1, 64)
    rng = np.random.default_rng(3)
    noise = nets.correction(found, rng.normal(size=len(base)) * 1e-9, base, base + 7, nets.LIQUID, 0, effort)
    np.testing.assert_allclose(noise.p, 7, atol=1e-3)
    y = np.where(np.arange(len(base)) < found.learn.stop, 1.0, -1.0)  # what was learned is wrong afterwards
    wrong = nets.correction(found, y, base, base, nets.LIQUID, 0, effort)
    assert wrong.share == 0 and (wrong.p == 0).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"close": 0.0}, "close is 0 at 2020-01-07 04:00, expected prices > 0"),
        ({"h": 0.1}, "high is 0.1 below low"),
        ({"close": np.nan}, "missing"),
    ],
)
def test_wrong_prices_get_a_sentence(tmp_path: Path, change: dict[str, float], words: str) -> None:
    made = hourly()
    columns = {"close": made.close.copy(), "h": made.high.copy(), "l": made.low}  # type: ignore[union-attr]
    for name, value in change.items():
        columns[name][28] = value
    path = write(tmp_path / "p.csv", **columns)
    with pytest.raises(tauflow.TauflowError, match=words):
        market.read_prices(path, time="t", high="h", low="l")


def test_wrong_files_get_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv")
    frame = pd.read_csv(path)
    frame[::-1].to_csv(tmp_path / "back.csv", index=False)
    with pytest.raises(tauflow.TauflowError, match=r"from old to new.*--sort"):
        market.read_prices(tmp_path / "back.csv", time="t")
    sorted_ = market.read_prices(tmp_path / "back.csv", time="t", sort=True)
    np.testing.assert_allclose(sorted_.close, hourly().close)
    frame[:300].to_csv(tmp_path / "few.csv", index=False)
    with pytest.raises(tauflow.TauflowError, match="few has 300 rows, expected at least 400"):
        market.read_prices(tmp_path / "few.csv", time="t")
    twice = frame.copy()
    twice.loc[8, "t"] = twice.loc[7, "t"]
    twice.to_csv(tmp_path / "twice.csv", index=False)
    with pytest.raises(tauflow.TauflowError, match="repeat"):
        market.read_prices(tmp_path / "twice.csv", time="t")
    frame["close"] = 1.0
    frame.to_csv(tmp_path / "still.csv", index=False)
    with pytest.raises(tauflow.TauflowError, match="still never moves"):
        market.read_prices(tmp_path / "still.csv", time="t")
    with pytest.raises(tauflow.TauflowError, match="high and low belong together"):
        market.read_prices(path, time="t", high="h")
    with pytest.raises(tauflow.TauflowError, match="no currency is called 'XYZ'"):
        market.shipped("XYZ")
    assert market.shipped("CHF").name == "EUR/CHF" and market.shipped().step == 24


@pytest.fixture(scope="module")
def asked() -> Study:
    return market.study(hourly(), seeds=2, effort=market.QUICK, levels=True)


def test_the_answers_are_scored_as_they_say(asked: Study) -> None:
    y, last = asked.truth(VOLATILITY), asked.model(VOLATILITY, LAST)
    np.testing.assert_allclose(last.p[0][1:], y[:-1])
    har, added = asked.model(VOLATILITY, HAR), asked.model(VOLATILITY, CORRECTED)
    assert asked.scores(VOLATILITY, har)[0] > asked.scores(VOLATILITY, last)[0] + 0.02
    gain = asked.beyond_har(added)
    assert gain.value == pytest.approx(
        np.mean(asked.scores(VOLATILITY, added)) - asked.scores(VOLATILITY, har)[0], abs=1e-9
    )
    assert asked.beyond_har(har).value == 0 and len(added.shares) == 2
    prices = asked.asked[PRICES]
    assert [one.name for one in prices] == [
        "persistence", "gated_ltc, by returns", "window_mlp, by returns", "gated_ltc, on levels", "window_mlp, on levels",
    ]  # fmt: skip
    close = asked.seen.prices.close
    learned = close[: asked.seen.learn.stop]
    np.testing.assert_allclose(asked.truth(PRICES) * learned.std() + learned.mean(), close[1:][asked.seen.test])
    by = prices[1].p * learned.std() + learned.mean()
    told = asked.model(RETURNS, "gated_ltc").p * asked.seen.spread
    np.testing.assert_allclose(by, close[:-1][asked.seen.test] * np.exp(told))
    online = asked.online
    assert isinstance(online, Online) and 90 < len(online.truth) <= 100
    assert online.lead()[-1] == pytest.approx(
        ((online.truth - online.frozen) ** 2 - (online.truth - online.online) ** 2).sum()
    )


def test_the_sentence_says_what_holds(asked: Study) -> None:
    assert asked.sentence().startswith("Nothing beats the random walk on returns")
    y = asked.truth(RETURNS)
    models = asked.asked[RETURNS]
    better = [type(one)(**{**vars(one), "p": 0.5 * y[None]}) if one.name == "gated_ltc" else one for one in models]
    other = Study(asked.seen, {**asked.asked, RETURNS: better})
    assert other.sentence().startswith("gated_ltc errs less than the random walk on returns, by +0.7500")
    har = asked.model(VOLATILITY, HAR)
    worse = [
        type(one)(**{**vars(one), "p": har.p - 1}) if one.name == CORRECTED else one for one in asked.asked[VOLATILITY]
    ]
    assert "the liquid correction loses" in Study(asked.seen, {**asked.asked, VOLATILITY: worse}).sentence()


def test_the_command_runs_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    from tauflow.cli.commands import run

    monkeypatch.chdir(tmp_path)
    write(tmp_path / "p.csv")
    words = ["market", "p.csv", "--time", "t", "--high", "h", "--low", "l", "--quick", "--seeds", "1", "--quiet"]
    assert run([*words, "--page", "m.html", "--json", "m.json", "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    kept = json.loads((tmp_path / "m.json").read_text())
    assert printed == kept and {row["task"].split(", ")[1] for row in kept} == {
        "returns",
        "volatility",
        "prices",
        "online",
    }
    needed = "task model kind metric mean std seeds parameters seconds settings commit machine"
    assert all(set(row) == set(needed.split()) for row in kept)
    text = (tmp_path / "m.html").read_text()
    assert "Nothing beats the random walk" in text and "--levels lets them" in text and "on levels" not in text
    assert run(["market", "--time", "t"]) == 1 and "none was given" in capsys.readouterr().err


@pytest.mark.skipif(BINARY is None, reason="no chromium on this machine")
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_the_page(asked: Study, tmp_path: Path, width: int) -> None:
    from tauflow.apps.market.page import page

    path = tmp_path / "m.html"
    page(asked, "tauflow market").write(path)
    with Browser(tmp_path, width) as browser:
        browser.open(path)
        assert browser.evaluate("document.querySelectorAll('section h2').length") == 5
        assert browser.evaluate("document.querySelectorAll('figure svg').length") >= 6
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        assert browser.complaints() == []
