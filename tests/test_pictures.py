"""What a notebook shows of results: a picture, a table, and nothing of the data unescaped."""

from __future__ import annotations

import pickle

import pandas as pd
import pytest
import torch

import tauflow
from tauflow.training import ArraySource, History

EVIL = "<script>alert(1)</script>"


def history(**options: object) -> History:
    torch.manual_seed(0)
    net = tauflow.Network(2, 2, "ctrnn", 4, pool="last", head="classes")
    x, y = torch.randn(20, 5, 2), torch.randint(2, (20,))
    source = ArraySource(x, y)
    return tauflow.fit(net, source, epochs=3, progress=False, **options)


@pytest.mark.parametrize("metric", [None, "loss", "accuracy"])
def test_a_history_shows_its_numbers_and_its_best_epoch(metric: str | None) -> None:
    made = history()
    if metric is not None:
        x, y = torch.randn(20, 5, 2), torch.randint(2, (20,))
        options = {} if metric == "loss" else {"metric": metric}
        made = history(validation=ArraySource(x, y), **options)
    figure = made.plot()
    lines = [line for axes in figure.axes for line in axes.lines if len(line.get_xdata()) == 3]
    assert tuple(lines[0].get_ydata()) == made.train
    assert len(lines) == (1 if metric is None else 2) and len(figure.axes) == (2 if metric == "accuracy" else 1)
    if metric is not None:
        assert tuple(lines[1].get_ydata()) == made.validation
    assert made.frame()["train"].tolist() == list(made.train)
    assert f"best, {(made.validation or made.train)[made.best_epoch - 1]:.4g}" in made._repr_html_()
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in figure.axes)


def test_a_check_shows_every_column_and_escapes_its_names() -> None:
    days = pd.date_range("2024-01-01", periods=40, freq="D")
    table = pd.DataFrame({"ds": days, "y": range(40), EVIL: [None, 1.0] * 20})
    found = tauflow.check(table, time="ds")
    html = found._repr_html_()
    assert "<script" not in html and "&lt;script&gt;" in html and "next" in html
    assert found.frame().set_index("column").loc[EVIL, "missing"] == 20
    svg = found.svg()
    assert "<script" not in svg and "% of 40 rows" in svg
    widths = [line.get_xdata()[1] for line in found.plot().axes[0].lines[1::2]]
    assert sorted(widths) == [50, 100]


def test_a_wiring_is_shown_with_its_counts() -> None:
    wiring = tauflow.wirings.auto_ncp(2, 8, 1)
    assert f"synapses={wiring.synapse_count}" in wiring._repr_html_() and "<svg" in wiring._repr_html_()
    assert wiring.plot().axes


def test_a_figure_shows_itself_in_a_notebook_without_pyplot() -> None:
    for made in (history().plot(), tauflow.wirings.dense(2, 3).plot()):
        text = made._repr_svg_()  # what IPython asks for
        assert text.startswith("<?xml") and "</svg>" in text
        assert pickle.loads(pickle.dumps(made))._repr_svg_().count("<path") == text.count("<path")
