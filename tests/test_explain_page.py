"""`tauflow explain` and the page: what the command prints is what the library says, and the page is looked at in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from chromium import BINARY, Page

import tauflow
from tauflow import explain
from tauflow.cli.commands import run
from tauflow.estimators.explaining.understanding import understand
from tauflow.estimators.looking import opened
from tauflow.report.understanding import understanding_page
from tests.test_analysis_card import network
from tests.test_report import SIZES, brightness
from tests.test_windows import hourly


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explain")
    rng = np.random.default_rng(0)
    time = np.cumsum(rng.exponential(2.0, 300))
    table = pd.DataFrame({"when": pd.Timestamp("2024-01-01") + pd.to_timedelta(time, unit="min")})
    table["flow"], table["heat"], table["level"] = rng.normal(size=(3, 300))
    table.loc[5, "heat"] = np.nan
    table.to_csv(folder / "data.csv", index=False)
    net = network(period=1.0)
    net.scale.measure(torch.from_numpy(table[["flow", "heat"]].dropna().to_numpy()).float())
    tauflow.save(net, folder / "net.tau")
    tauflow.save(network("lstm", period=1.0), folder / "lstm.tau")
    frame = hourly(24 * 20)
    frame.to_csv(folder / "hours.csv", index=False)
    settings = {"h": 3, "units": 4, "context": 12, "epochs": 1, "steps": 2, "presets": "fast"}
    model = tauflow.Forecaster("gated_ltc", **settings).fit(
        frame, past=["temperature"], future=["holiday"], progress=False
    )
    model.save(folder / "forecaster.tau")
    stays = pd.DataFrame({"stay": np.repeat(np.arange(30), 30), "t": np.tile(np.arange(30.0), 30)})
    stays["pulse"], stays["fever"] = rng.normal(size=(2, len(stays)))
    fever = (stays.groupby("stay")["fever"].mean() > 0).map({True: "yes", False: "no"})
    stays["died"] = np.repeat(fever.to_numpy(), 30)
    stays.to_csv(folder / "stays.csv", index=False)
    for name, causal in (("stream", True), ("whole", False)):
        made = tauflow.Classifier("gated_ltc", units=4, members=2, epochs=1, causal=causal, beside=None)
        made.fit(folder / "stays.csv", id="stay", time="t", target="died").save(folder / f"{name}.tau")
    return folder


def test_the_command_says_what_the_library_says(
    files: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ["explain", str(files / "net.tau"), str(files / "data.csv"), "--row", "250", "--unit", "min"]
    before = (files / "net.tau").read_bytes()
    assert run([*arguments, "--truth", "level", "--json", str(tmp_path / "all.json"), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = understand(opened(files / "net.tau"), files / "data.csv", row=250, unit="min", truth="level")
    assert found.answer is not None and told == json.loads(json.dumps(found.answer.to_dict()))
    whole = json.loads((tmp_path / "all.json").read_text())
    assert whole["answer"] == told and whole["stability"]["unit"] == "min" and len(whole["speeds"]["speed"]) == 7
    table = pd.read_csv(files / "data.csv")
    story = found.answer.story
    assert story is not None and story.truth is not None and len(story.answer) == 250  # of 251 rows one lacks a value
    assert story.truth[-1] == table["level"][250]
    assert sum(one["share"] for one in told["shares"].values()) == pytest.approx(
        told["answer"] - told["base"], rel=1e-4, abs=1e-7
    )
    assert (files / "net.tau").read_bytes() == before
    assert run([*arguments, "--format", "table"]) == 0 and "what if" in capsys.readouterr().out


def test_the_command_explains_forecasters_and_classifiers(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", str(files / "forecaster.tau"), str(files / "hours.csv"), "--step", "2", "--row", "200"]) == 0
    told = json.loads(capsys.readouterr().out)
    again = explain.explain(tauflow.Forecaster.load(files / "forecaster.tau"), files / "hours.csv", row=200, step=2)
    assert told["answer"] == again.answer and "past y" in told["shares"]
    assert run(["explain", str(files / "stream.tau"), str(files / "stays.csv"), "--row", "4", "--target", "yes"]) == 0
    told = json.loads(capsys.readouterr().out)
    model = tauflow.Classifier.load(files / "stream.tau")
    assert told["answer"] == pytest.approx(model.predict_proba(files / "stays.csv")["yes"].iloc[4])
    assert set(told["shares"]) >= {"pulse", "fever"}


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        ("net.tau", ["data.csv", "--row", "300"], "row is 300"),
        ("net.tau", ["data.csv", "--step", "2"], "step was given"),
        ("net.tau", ["data.csv", "--target", "no"], "expected an output"),
        ("forecaster.tau", ["hours.csv", "--truth", "y"], "truth was given"),
        ("stream.tau", ["stays.csv", "--target", "maybe"], "expected a class"),
    ],
)
def test_what_the_command_can_not_do_is_one_line(
    files: Path,
    model: str,
    options: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(files)
    assert run(["explain", model, *options]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error


@pytest.mark.parametrize(
    ("model", "data", "missing"),
    [
        ("net", "data", ""),
        ("lstm", "data", "wiring"),
        ("forecaster", "hours", ""),
        ("stream", "stays", ""),
        ("whole", "stays", "both ways"),
    ],
)  # fmt: skip
def test_a_page_of_every_model(files: Path, model: str, data: str, missing: str) -> None:
    table = files / f"{data}.csv"
    found = understand(opened(files / f"{model}.tau"), table, row=3 if data == "stays" else -1, unit="min")
    html = understanding_page(found, model=model, data=data)
    assert "<script" not in html and "<image" not in html and "default-src 'none'" in html
    assert "Why this answer?" in html and "what came in, each input over its own range" in html
    assert ("Is it stable?" in html) == (model != "whole") and (
        missing in html if missing else "Through which synapses?" in html
    )
    if model in ("net", "forecaster", "stream"):
        for said in (
            "Memory times",
            "Two opposite starts",
            "Step margin",
            "time constant of each neuron",
            "cloud of eigenvalues",
        ):
            assert said in html
    assert html == understanding_page(found, model=model, data=data)


def test_stability_writes_the_page_without_an_answer(
    files: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "card.html"
    assert run(["stability", str(files / "net.tau"), str(files / "data.csv"), "--page", str(page)]) == 0
    html = page.read_text()
    assert "Is it stable?" in html and "Why this answer?" not in html and "How nervous: noise let through" in html
    assert run(["stability", str(files / "net.tau"), "--page", str(page)]) == 0 and "give data" in page.read_text()
    capsys.readouterr()


@pytest.mark.skipif(BINARY is None, reason="no chromium on this machine")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_in_a_real_browser(files: Path, tmp_path: Path, width: int, scheme: str) -> None:
    path = tmp_path / "why.html"
    assert (
        run(["explain", str(files / "net.tau"), str(files / "data.csv"), "--truth", "level", "--page", str(path)]) == 0
    )
    with Page(tmp_path, width, scheme=scheme) as browser:
        browser.open(path)
        assert browser.evaluate("document.querySelectorAll('details').length") == 2
        browser.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        sizes = browser.evaluate(SIZES.replace("[...document.querySelectorAll('svg text')]", VISIBLE))
        assert browser.requests() == [path.as_uri()] and browser.complaints() == []
        bands = browser.evaluate(
            "[...document.querySelectorAll('figure.wide')].map(one => one.scrollWidth - one.clientWidth)"
        )
    assert sizes["wide"] <= width and sizes["font"] >= 8 and sizes["unstyled"] == 0
    assert bands[0] <= 1  # the four bands fit a phone
    ink, paper = brightness(sizes["ink"]), brightness(sizes["page"])
    assert (ink < 0.2 and paper > 0.9) if scheme == "light" else (ink > 0.8 and paper < 0.1)


VISIBLE = "[...document.querySelectorAll('svg text')].filter(t => t.getClientRects().length && t.getBoundingClientRect().height)"
