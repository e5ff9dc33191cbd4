"""Every result of `analysis`, `explain`, and what a run or a training leaves: a picture, a table, and a notebook's view of itself."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import tauflow
from tauflow import analysis, estimators, explain
from tauflow.drawing import Drawn
from tauflow.training import Batch, gradient_health
from tests.test_analysis_rest import oscillator, pitchfork
from tests.test_explain_more import network

# tests/test_pictures.py, test_compare.py, test_backtest.py, test_anomalies.py, test_outlook.py; Line is a test's own
ELSEWHERE = {"Anomalies", "Backtest", "Check", "Comparison", "History", "Line", "Outlook"}


def subclasses(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


@cache
def results() -> dict[str, list[Any]]:
    rng = torch.Generator().manual_seed(0)
    x, dt = 3 + torch.randn(120, 3, generator=rng), torch.rand(120, generator=rng) + 1.5
    net, pair = network(), pitchfork()
    batch, gaps = x.reshape(4, 30, 3), dt.reshape(4, 30)
    answers = net(batch, gaps)[0].detach()
    ltc = tauflow.Network(3, 1, "ltc", 8)
    ltc.scale.measure(x)
    found = [
        analysis.spectrum(net, x, dt), analysis.meeting(net, x, dt), analysis.step_margin(net, x, dt),
        analysis.speed_table(net, x, dt, speeds=(0.5, 1.0), score=lambda one: 0.5), analysis.bounds(net),
        analysis.bounds(tauflow.CfC(2, 3)),
        analysis.stability(net, x, dt), analysis.stability(tauflow.LSTM(2, 3)), analysis.fixed_points(pair, [0.0], starts=8),
        analysis.bifurcation(pair, [0.0], 0, [-1.0, 0.0, 1.0], starts=8), analysis.cycles(oscillator(), [0.0], 0.1, starts=2, steps=300),
        analysis.cycles(pair, [0.0], 0.1, starts=2, steps=300), analysis.portrait(oscillator(), [0.0], 0.1, starts=3, steps=20),
        analysis.eigenvalues(net, x, dt), analysis.eigenvalues(tauflow.Network(3, 1, "lstm", 4), x, dt), analysis.suggest_tau(x, dt),
        analysis.certify(net), analysis.certify(tauflow.CTRNN(2, 3, activation="relu")), analysis.counter_example(pair),
        net.trace(x[None], dt[None]), network(head="values").trace(x[None], dt[None]),
        gradient_health(net, Batch(x[None], torch.zeros(1, 120, 2), dt[None])),
        explain.integrated_gradients(net, x, dt), explain.occlusion(net, x, dt), explain.what_if(net, x, dt),
        explain.ranking(net, batch, answers, gaps, rounds=2), explain.faithfulness(net, x[:20], dt[:20]), explain.currents(net, x, dt),
        explain.flow(net, x, dt), explain.flow(ltc, x, dt), explain.neurons(net, x, dt), explain.story(net, x, dt, y=np.zeros(120)),
        explain.story(net, x[:20], dt[:20]),
        explain.explain(net, x, dt), explain.prune(net, batch, answers, gaps),
    ]  # fmt: skip
    by_kind: dict[str, list[Any]] = {}
    for one in found:
        by_kind.setdefault(type(one).__name__, []).append(one)
    return by_kind


assert estimators.Forecaster  # loaded, so that the same kinds are known in whatever order files are collected
KINDS = sorted({one.__name__ for one in subclasses(Drawn) if one.__module__.startswith("tauflow")} - ELSEWHERE)


def test_what_public_functions_return_is_drawn() -> None:
    """Whoever adds a function to these rooms makes its result one that people can see."""
    simple = (int, float, bool, str, type(None), tauflow.Network, np.ndarray, torch.Tensor)
    for room in (analysis, explain):
        for name in room.__all__:
            function = getattr(room, name)
            if not inspect.isfunction(function):
                continue
            kind = typing.get_type_hints(function)["return"]
            for one in typing.get_args(kind) or (kind,):
                assert not inspect.isclass(one) or issubclass(one, (Drawn, *simple)), f"{name} returns a {one}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_result_has_a_picture_a_table_and_a_notebooks_view(kind: str) -> None:
    assert kind in results(), f"no example of {kind}: add one"
    for found in results()[kind]:
        axes = [one for one in found.plot().findobj() if hasattr(one, "get_xlabel") and one.axison]
        assert axes or kind == "Flow"
        assert all(one.get_xlabel() or one.get_ylabel() or one.get_title() or one.get_title(loc="left") for one in axes)
        html, svg = found._repr_html_(), found.svg()
        assert "<svg" in html and "var(--" not in html and "<script" not in html
        assert "var(--" in svg and "#00f0" not in svg
        assert "<image" not in svg or kind == "Record"  # a page may load nothing
        assert len(found.frame().columns)
