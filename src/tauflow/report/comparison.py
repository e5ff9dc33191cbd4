"""The page of a comparison: who won, the table, forecasts at their best and their worst, and each series by itself.

A page is made of a comparison's numbers and names alone: the same comparison gives the same bytes.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from . import figures
from .page import Choice, Command, Download, Drawing, Fold, Grid, Legend, Page, Part, Points, Say, Section, Table, Terms
from .rows import COLUMNS, NOTHING, Row, best, decimals, error, number

Array = NDArray[Any]
LABEL = 18  # characters of a model's name that fit beside a line
FEW_LINES = 5  # in a figure; the others stand in the numbers
WORST = 10  # series of many that the page lists
CLOSE = 0.005  # of the MAE: nearer than that adds nothing


class Example(Protocol):
    """One forecast: (context + h) times and values, NaN = missing, and (h,) numbers of each model; why it was chosen."""

    @property
    def id(self) -> str | None: ...
    @property
    def times(self) -> Array: ...
    @property
    def actual(self) -> Array: ...
    @property
    def forecasts(self) -> Mapping[str, Array]: ...
    @property
    def model(self) -> str: ...
    @property
    def moment(self) -> str: ...
    @property
    def bands(self) -> Mapping[str, tuple[Array, Array]]: ...
    @property
    def level(self) -> float: ...


class Target(Protocol):
    """One target of several, in its own units."""

    @property
    def target(self) -> str: ...
    @property
    def rows(self) -> Sequence[Any]: ...
    @property
    def by_horizon(self) -> Mapping[str, Array]: ...
    @property
    def examples(self) -> Sequence[Any]: ...
    @property
    def by_id(self) -> Mapping[str, Mapping[str, float]]: ...


class Comparison(Protocol):
    """What the page shows of `tauflow.estimators.compare`'s answer."""

    @property
    def rows(self) -> Sequence[Any]: ...
    @property
    def parts(self) -> Sequence[Any]: ...
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
    def curves(self) -> Mapping[str, tuple[Array, Array]]: ...
    @property
    def time_constants(self) -> Mapping[str, Array]: ...
    @property
    def notes(self) -> Sequence[str]: ...
    @property
    def verdict(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def tried(self) -> Sequence[Any]: ...
    def to_frame(self) -> Any: ...
    def to_dict(self) -> dict[str, Any]: ...


def comparison_page(comparison: Comparison, path: str | os.PathLike[str] | None = None, command: str = "") -> str:
    """The page as text; with `path` also written there, whole or not at all. `command`: what makes the comparison again."""
    c = comparison
    seeds = max((row.seeds for row in c.rows), default=0)
    sections = [
        _results(c),
        *_cutoffs(c),
        *_forecasts(c),
        *_series(c),
        *_behind(c),
        _measured(c, seeds, command),
        *_notes(c),
    ]
    page = Page(
        c.verdict,
        over=f"tauflow comparison · {c.target}, {c.h} {'step' if c.h == 1 else 'steps'} of {c.step} ahead",
        facts={
            "tested on": f"{c.test_start} to {c.test_end}",
            "forecasts": f"{c.forecasts:,} × {c.h} steps",
            "trained on": f"{c.train_rows:,} rows before that",
            "seeds": str(seeds),
        },
        sections=[one for one in sections if one.parts],
    )
    if path is not None:
        page.write(path)
    return page.html()


def _results(c: Comparison) -> Section:
    parts: list[Part] = [_table(c.rows, "Results")]
    for one in c.parts if len(c.parts) > 1 else ():
        parts += [Say(one.target), _table(one.rows, one.target)]
    for one in c.parts:
        parts += _added(one, several=len(c.parts) > 1)
    text = json.dumps(c.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    downloads = [
        Download("The table as CSV", "comparison.csv", c.to_frame().to_csv(index=False)),
        Download("All numbers as JSON", "comparison.json", text),
    ]
    return Section("", [*parts, *downloads])


def _cutoffs(c: Comparison) -> list[Section]:
    """Each cut-off by itself, where there were several."""
    if not c.tried:
        return []
    value = error(c.rows)
    names = [(row.model, row.label) for row in c.rows]
    each = [{row.model: value(row) for row in one.rows} for one in c.tried]
    places = decimals(number_ for one in each for number_ in one.values())
    cells = [
        [_day(one.test_start), *(number(errors.get(model), places) for model, _ in names)]
        for one, errors in zip(c.tried, each, strict=True)
    ]
    what = "MAE" if len(c.parts) == 1 else "mean MASE"
    table = Table(["tested from", *(label for _, label in names)], cells, name="Cut-offs", note=f"{what} of each model")
    lead = (
        "Each cut-off has models of its own, which learned from all rows before it; the table above holds their means."
    )
    return [Section("Each cut-off", [table], lead=lead)]


def _day(stamp: str) -> str:
    return stamp.removesuffix(" 00:00:00")


def _table(rows: Sequence[Row], name: str) -> Table:
    """Each row with its colour and a bar: its error in % of the seasonal naive rule's."""
    columns = [column for column in COLUMNS if not column.optional or set(column.texts(rows)) != {NOTHING}]
    cells = [list(texts) for texts in zip(*(column.texts(rows) for column in columns), strict=True)]
    palette = figures.colours({row.model: row.kind for row in rows})
    winner, naive, value = best(rows), _naive(rows), error(rows)
    full = value(naive) if naive is not None and value(naive) > 0 else math.inf
    return Table(
        [column.title for column in columns],
        cells,
        name=name,
        text_columns=[k for k, column in enumerate(columns) if not column.is_number],
        colours=[palette[row.model] for row in rows],
        kinds=[row.kind for row in rows],
        bars=[round(min(100 * value(row) / full, 100), 1) if math.isfinite(value(row)) else 100 for row in rows],
        best=None if winner is None else next(k for k, row in enumerate(rows) if row is winner),
        meanings={column.title: column.meaning for column in columns},
    )


def _added(one: Target, several: bool) -> list[Part]:
    """What the best liquid network adds to the linear base: by horizon, and by series where there are several."""
    liquid = best(one.rows, "liquid")
    base = next((row for row in one.rows if row.model == "ridge"), None)
    if liquid is None or base is None or not math.isfinite(base.mae) or base.mae == 0:
        return []
    apart = 1 - liquid.mae / base.mae
    where = f"On {one.target}, " if several else ""
    if abs(apart) < CLOSE:
        said = f"{where}{liquid.label} adds nothing to the linear base (ridge): their errors are within {CLOSE:.1%}."
    elif apart < 0:
        said = f"{where}{liquid.label} is {-apart:.1%} worse than the linear base (ridge): use the base here."
    else:
        said = f"{where}{liquid.label} takes {apart:.1%} off the error of the linear base (ridge)."
    if liquid.model in one.by_horizon and "ridge" in one.by_horizon:
        ahead = np.asarray(one.by_horizon[liquid.model], float) / np.asarray(one.by_horizon["ridge"], float)
        nothing = [k + 1 for k, ratio in enumerate(ahead) if math.isfinite(ratio) and ratio > 1 - CLOSE]
        if nothing and apart >= CLOSE:
            said += f" It adds nothing {_steps(nothing)} ahead."
    behind = [name for name, found in one.by_id.items() if _ratio(found, liquid.model, "ridge") > 1 - CLOSE]
    if len(one.by_id) > 1 and behind:
        named = ", ".join(behind[:5]) + (f" and {len(behind) - 5} more" if len(behind) > 5 else "")
        said += f" On {len(behind)} of {len(one.by_id)} series it adds nothing: {named}."
    return [Say(said[0].upper() + said[1:])]


def _steps(steps: Sequence[int]) -> str:
    """[1, 2, 3, 7] -> "1 to 3 and 7 steps"."""
    runs: list[list[int]] = []
    for step in steps:
        if runs and step == runs[-1][1] + 1:
            runs[-1][1] = step
        else:
            runs.append([step, step])
    said = [str(a) if a == b else f"{a} to {b}" for a, b in runs]
    if len(said) > 4:
        return f"{len(steps)} of its steps"
    return f"{' and '.join([', '.join(said[:-1]), said[-1]] if len(said) > 1 else said)} step{'s' if steps[-1] > 1 else ''}"


def _forecasts(c: Comparison) -> list[Section]:
    """For each target a choice of series, then of the model by whose errors the moments are the best, typical and worst."""
    sections = []
    for one in c.parts:
        if not one.examples:
            continue
        kinds = {row.model: row.kind for row in one.rows}
        labels = {row.model: row.label for row in one.rows}
        palette = figures.colours(kinds)
        shown = [model for model in kinds if any(model in example.forecasts for example in one.examples)]
        legend = Legend([("truth", "ink", "dots"), *((labels[model], palette[model], kinds[model]) for model in shown)])
        by_series: dict[str, list[Any]] = {}
        for example in one.examples:
            by_series.setdefault(example.id or "", []).append(example)
        pages = {}
        for name, several in by_series.items():
            by_model: dict[str, list[Part]] = {}
            for example in several:
                drawing = _drawing(example, c.h, one.target, shown, kinds, palette)
                by_model.setdefault(labels.get(example.model, example.model), []).append(drawing)
            pages[name] = _choice(
                "moments by the error of", {model: [Grid(found)] for model, found in by_model.items()}
            )
        several_targets = f" of {one.target}" if len(c.parts) > 1 else ""
        sections.append(
            Section(
                f"Forecasts{several_targets}",
                [legend, *_choice("series", pages)],
                lead=f"Truth and forecasts of {one.target} at the best, the typical and the worst moment of the test part. "
                "What lies in the shaded part was unknown when the forecast was made.",
            )
        )
    return sections


def _choice(label: str, options: Mapping[str, Sequence[Part]]) -> list[Part]:
    """A choice, or what there is where there is nothing to choose."""
    if len(options) == 1:
        return list(next(iter(options.values())))
    return [Choice(label, options)]


def _drawing(
    example: Example, h: int, target: str, shown: Sequence[str], kinds: Mapping[str, str], palette: Mapping[str, str]
) -> Drawing:
    forecasts = {m: np.asarray(example.forecasts[m], dtype=float) for m in shown if m in example.forecasts}
    actual, times = np.asarray(example.actual, dtype=float), np.asarray(example.times)
    first, last = (_when(time) for time in (times[-h], times[-1]))
    mine = {m: ends for m, ends in example.bands.items() if m == example.model}
    bands = {m: (np.asarray(low, float), np.asarray(high, float)) for m, (low, high) in mine.items()}
    band = f", with the {example.level:g} % band of this model" if bands else ""
    svg = figures.forecast(times, actual, forecasts, kinds, palette, bands=bands)
    return Drawing(f"{example.moment}: {first} to {last}", f"{target} over time{band}", svg)


def _series(c: Comparison) -> list[Section]:
    """Errors of each series where there are several, those of which liquid is worst beside the naive rule first."""
    parts: list[Part] = []
    for one in c.parts:
        if len(one.by_id) < 2:
            continue
        shown = [
            row for row in (best(one.rows, "liquid"), best(one.rows, "static"), _naive(one.rows)) if row is not None
        ]
        if not shown:
            continue
        lead, naive = shown[0].model, shown[-1].model
        order = sorted(one.by_id, key=lambda name: (-_ratio(one.by_id[name], lead, naive), name))
        places = decimals(value for found in one.by_id.values() for value in found.values())
        columns = ["series", *(f"MAE, {row.label}" for row in shown), f"{shown[0].label} / {shown[-1].label}"]

        def line(
            name: str, found: Mapping[str, float], rows: Sequence[Any], places: int, lead: str, naive: str
        ) -> list[str]:
            return [
                name,
                *(number(found.get(row.model), places) for row in rows),
                number(_ratio(found, lead, naive), 2),
            ]

        table = [line(name, one.by_id[name], shown, places, lead, naive) for name in order]
        head = f"the worst {min(WORST, len(table))} of {len(table)}" if len(table) > WORST else "all, worst first"
        parts.append(Table(columns, table[:WORST], name=f"{one.target} by series", note=f"{one.target}: {head}."))
        models = [row.model for row in one.rows]
        lines = [
            ["id", *models],
            *([name, *(repr(one.by_id[name].get(m, math.nan)) for m in models)] for name in order),
        ]
        text = "\n".join(",".join(_quoted(cell) for cell in cells) for cells in lines) + "\n"
        suffix = "" if len(c.parts) == 1 else f" ({one.target})"
        parts.append(Download(f"Errors of every series as CSV{suffix}", "series.csv", text))
    lead_text = "The same errors, series by series: an average can hide the ones that are not served."
    return [Section("Each series", parts, lead=lead_text)]


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(mark in cell for mark in ',"\n\r') else cell


def _ratio(found: Mapping[str, float], lead: str, naive: str) -> float:
    ours, theirs = found.get(lead, math.nan), found.get(naive, math.nan)
    return ours / theirs if theirs and math.isfinite(ours) and math.isfinite(theirs) else -math.inf


def _behind(c: Comparison) -> list[Section]:
    """How the error grows with the distance, how the networks learned, and the memories they chose."""
    kinds = {row.model: row.kind for row in c.rows}
    labels = {row.model: row.label if len(row.label) <= LABEL else f"{row.label[: LABEL - 1]}…" for row in c.rows}
    palette = figures.colours(kinds)

    def lines(curves: Mapping[str, Array], x: str, y: str, title: str, note: str) -> list[Drawing]:
        known = {model: np.asarray(curves[model], dtype=float) for model in kinds if model in curves}
        known = {model: values for model, values in known.items() if np.isfinite(values).any()}
        if not known:
            return []
        above = figures.out_of_scale(known)
        near = [model for model in known if model not in above]
        drawn = {model: known[model] for model in near[:FEW_LINES]}
        told = [f"above the scale: {', '.join(labels[m] for m in above)}"] if above else []
        told += [f"not drawn: {', '.join(labels[m] for m in near[FEW_LINES:])}"] if near[FEW_LINES:] else []
        return [Drawing(title, "; ".join([note, *told]), figures.lines(drawn, kinds, palette, labels, x, y))]

    drawings: list[Drawing] = []
    for one in c.parts:
        title = "Error by horizon" + (f", {one.target}" if len(c.parts) > 1 else "")
        drawings += lines(
            one.by_horizon, f"steps ahead, of {c.step}", "MAE", title, f"MAE in the units of {one.target}"
        )
    taus = {model: np.asarray(c.time_constants[model], dtype=float) for model in kinds if model in c.time_constants}
    if taus:
        drawn = figures.strips(taus, palette, labels, c.h, "horizon", f"steps of {c.step}")
        drawings.append(
            Drawing("Learned time constants", "one dot a neuron, the bar is the median: how long it remembers", drawn)
        )
    for k, (title, note) in enumerate(
        (
            ("Training loss", "of the scaled target, first seed"),
            ("Validation loss", "the last stretch before the test part, first seed"),
        )
    ):
        drawings += lines({model: curve[k] for model, curve in c.curves.items()}, "round", "loss", title, note)
    lead = (
        "How the error grows with the distance, how the networks learned, and the memory that the liquid ones chose. "
        "Liquid models are drawn solid, static ones dashed, trivial ones dotted."
    )
    return [Section("Behind the numbers", [Grid(drawings)] if drawings else [], lead=lead)]


def _measured(c: Comparison, seeds: int, command: str) -> Section:
    several = (
        f" Numbers are means over {len(c.tried)} cut-offs, ± is the standard deviation between them." if c.tried else ""
    )
    spread = several or (
        f"Each learning model was trained with {seeds} seeds: numbers are means, ± is the standard deviation between seeds."
        if seeds > 1
        else "Each learning model was trained with one seed, so differences of a few percent may be luck; more seeds tell."
    )
    how = Terms(
        {
            "split": f"By time: all models learn from the {c.train_rows:,} rows before {c.test_start} and are tested on "
            f"{c.test_start} to {c.test_end}. Scaling is learned on the training part only.",
            "windows": f"Every model gets the same {c.forecasts:,} test windows and forecasts the next {c.h} steps of {c.step} in "
            "each. Missing values are never counted as truth.",
            "seeds": spread,
            "data": f"All that was read has the fingerprint {c.fingerprint}: another one means another table.",
        }
    )
    words = Fold("What the columns mean", [Terms({column.title: column.meaning for column in COLUMNS})])
    return Section("How it was measured", [*([Command(command)] if command else []), how, words])


def _notes(c: Comparison) -> list[Section]:
    return [Section("What was done to the data", [Points(c.notes)] if c.notes else [])]


def _naive(rows: Sequence[Row]) -> Row | None:
    """The seasonal naive rule, or the best of the trivial ones."""
    return next((row for row in rows if row.model == "seasonal_naive"), best(rows, "trivial"))


def _when(time: Any) -> str:
    if isinstance(time, np.datetime64):
        return str(time.astype("datetime64[m]")).replace("T", " ").removesuffix(" 00:00")
    return f"{int(time):,}" if float(time).is_integer() else f"{time:,}"
