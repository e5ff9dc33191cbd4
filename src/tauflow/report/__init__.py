"""The page of a comparison: one HTML file that needs nothing else, no network, no script.

A page is made of a comparison's numbers and names alone: the same comparison gives the same bytes. Every name from the
data goes through jinja2's escaping, and a content security policy forbids the page to load or run anything at all.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

import tauflow

from ..files import write_bytes_atomically
from ..report import figures
from ..report.page import environment
from ..report.rows import COLUMNS, Row, best, error

Array = NDArray[Any]
EXAMPLES = 6  # forecast plots on a page
LABEL = 18  # characters of a model's name that fit beside a line

__all__ = ["COLUMNS", "Comparison", "Example", "Row", "best", "comparison_page"]


class Example(Protocol):
    """One forecast: (context + h) times and values, NaN = missing, and (h,) numbers of each model."""

    @property
    def id(self) -> str | None: ...
    @property
    def times(self) -> Array: ...
    @property
    def actual(self) -> Array: ...
    @property
    def forecasts(self) -> Mapping[str, Array]: ...


class Part(Protocol):
    """One target of several, in its own units."""

    @property
    def target(self) -> str: ...
    @property
    def rows(self) -> Sequence[Row]: ...
    @property
    def by_horizon(self) -> Mapping[str, Array]: ...
    @property
    def examples(self) -> Sequence[Example]: ...


class Comparison(Protocol):
    """What the page shows of `tauflow.estimators.compare`'s answer."""

    @property
    def rows(self) -> Sequence[Row]: ...
    @property
    def parts(self) -> Sequence[Part]: ...
    @property
    def target(self) -> str: ...
    @property
    def h(self) -> int: ...
    @property
    def step(self) -> str: ...
    @property
    def test_start(self) -> str: ...
    @property
    def test_end(self) -> str: ...
    @property
    def train_rows(self) -> int: ...
    @property
    def forecasts(self) -> int: ...
    @property
    def by_horizon(self) -> Mapping[str, Array]: ...
    @property
    def curves(self) -> Mapping[str, tuple[Array, Array]]: ...
    @property
    def time_constants(self) -> Mapping[str, Array]: ...
    @property
    def examples(self) -> Sequence[Example]: ...
    @property
    def notes(self) -> Sequence[str]: ...
    @property
    def verdict(self) -> str: ...


def comparison_page(comparison: Comparison, path: str | os.PathLike[str] | None = None) -> str:
    """The page as text; with `path` also written there, whole or not at all."""
    template = environment().get_template("comparison.html")
    page = template.render(
        c=comparison,
        version=tauflow.__version__,
        table=_table(comparison.rows),
        tables=[(part.target, _table(part.rows)) for part in comparison.parts] if len(comparison.parts) > 1 else [],
        columns=COLUMNS,
        seeds=max((row.seeds for row in comparison.rows), default=0),
        **_figures(comparison),
    )
    if path is not None:
        write_bytes_atomically(path, page.encode("utf-8", "replace"))
    return page


def _table(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """One entry a row: its cells, its colour, its bar (MAE in % of the seasonal naive rule's), is it the best."""
    cells = zip(*(column.texts(rows) for column in COLUMNS), strict=True)
    palette = figures.colours({row.model: row.kind for row in rows})
    winner = best(rows)
    naive = _naive(rows)
    value = error(rows)
    full = value(naive) if naive is not None and value(naive) > 0 else math.inf
    return [
        {
            "cells": texts,
            "kind": row.kind,
            "colour": palette[row.model],
            "bar": round(min(100 * value(row) / full, 100), 1) if math.isfinite(value(row)) else 100,
            "best": row is winner,
        }
        for row, texts in zip(rows, cells, strict=True)
    ]


def _figures(c: Comparison) -> dict[str, Any]:
    """Every figure of the page as markup; an empty string where the comparison has no numbers for it."""
    kinds = {row.model: row.kind for row in c.rows}
    labels = {row.model: row.label for row in c.rows}
    short = {model: label if len(label) <= LABEL else f"{label[: LABEL - 1]}…" for model, label in labels.items()}
    palette = figures.colours(kinds)

    def lines(curves: Mapping[str, Array], x: str) -> Markup:
        known = {model: np.asarray(curves[model], dtype=float) for model in kinds if model in curves}
        drawn = any(np.isfinite(values).any() for values in known.values())
        return Markup(figures.lines(known, kinds, palette, short, x) if drawn else "")

    def drawing(one: Example) -> Markup:
        forecasts = {m: np.asarray(one.forecasts[m], dtype=float) for m in shown if m in one.forecasts}
        actual = np.asarray(one.actual, dtype=float)
        return Markup(figures.forecast(np.asarray(one.times), actual, forecasts, kinds, palette))

    shown = _shown(c)
    taus = {model: np.asarray(c.time_constants[model], dtype=float) for model in kinds if model in c.time_constants}
    several = len(c.parts) > 1
    parts: Sequence[Comparison | Part] = c.parts if several else [c]
    return {
        "legend": [(labels[model], palette[model], kinds[model]) for model in shown],
        "examples": [
            (_caption(one, c.h, part.target if several else ""), drawing(one))
            for part in parts
            for one in part.examples[: max(1, EXAMPLES // len(parts))]
        ],
        "by_horizon": [
            (
                part.target,
                [labels[m] for m in figures.out_of_scale(part.by_horizon) if m in labels],
                lines(part.by_horizon, f"steps ahead, of {c.step}"),
            )
            for part in parts
        ],
        "training": lines({model: curve[0] for model, curve in c.curves.items()}, "epoch"),
        "validation": lines({model: curve[1] for model, curve in c.curves.items()}, "epoch"),
        "taus": Markup(figures.strips(taus, palette, short, c.h, "horizon", f"steps of {c.step}") if taus else ""),
    }


def _shown(c: Comparison) -> list[str]:
    """Whose forecasts are plotted: the best liquid and the best static model, and the seasonal naive rule."""
    leaders = [best(c.rows, "liquid"), best(c.rows, "static")]
    return [row.model for row in (*leaders, _naive(c.rows)) if row is not None]


def _naive(rows: Sequence[Row]) -> Row | None:
    """The seasonal naive rule, or the best of the trivial ones."""
    return next((row for row in rows if row.model == "seasonal_naive"), best(rows, "trivial"))


def _caption(one: Example, h: int, target: str) -> tuple[str, str]:
    """The names of target and series where there are several, and the first and last time of the forecast."""
    first, last = (_when(time) for time in (np.asarray(one.times)[-h], np.asarray(one.times)[-1]))
    return ", ".join(name for name in (target, one.id) if name), f"{first} to {last}"


def _when(time: Any) -> str:
    if isinstance(time, np.datetime64):
        return str(time.astype("datetime64[m]")).replace("T", " ").removesuffix(" 00:00")
    return f"{int(time):,}" if float(time).is_integer() else f"{time:,}"
