"""The page of a market: four questions, each with its table, its picture, and the simple answer in both."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ...drawing.canvas import Colours, page_svg
from ...report.page import Command, Download, Drawing, Grid, Legend, Page, Points, Say, Section, Table
from .nets import LIQUID, STATIC
from .seen import Array
from .study import CORRECTED, HAR, LAST, PRICES, RETURNS, TREES, VOLATILITY, WALK, Model, Study

SHOWN = 120  # rows of a picture of prices and volatility
COLOURS = {
    WALK: "trivial1", LAST: "trivial1", HAR: "trivial2", "ridge": "trivial2", TREES: "static2", LIQUID: "liquid1",
    CORRECTED: "liquid2", STATIC: "static1", f"{LIQUID}, by returns": "liquid1", f"{STATIC}, by returns": "static1",
    f"{LIQUID}, on levels": "liquid3", f"{STATIC}, on levels": "static3",
    "persistence": "trivial1", "frozen": "liquid4", "online": "liquid1",
}  # fmt: skip
MARKS = {"liquid": "liquid", "static": "static"}  # others are dotted


def page(study: Study, command: str) -> Page:
    """The whole page."""
    prices = study.seen.prices
    gaps = np.diff(prices.time)
    facts = {
        "Market": f"{study.name}, {len(prices.close):,} rows, {str(prices.stamps[0])[:10]} to {str(prices.stamps[-1])[:10]}",
        "A step": f"{prices.step:g} h; the longest gap {gaps.max():g} h, told to the networks as it is",
        "Tested": f"the last {study.seen.test.stop - study.seen.test.start:,} rows, from {str(study.stamps[0])[:10]} on",
    }
    tables = study.tables()
    sections = [
        Section(
            "1. Returns", [_table(study, RETURNS, tables[0]), Grid([_skills(study), _directions(study)])], RETURNS_LEAD
        ),
        Section(
            "2. Volatility",
            [_table(study, VOLATILITY, tables[1]), Grid([_beyond(study), _volatility(study)])],
            f"How much the next row will move: its {study.seen.measure}. " + _share(study),
        ),
        Section(
            "3. The primer's experiment",
            [_legend(study), _prices(study), _table(study, PRICES, tables[2]), Say(_levels(study))],
            PRICES_LEAD,
        ),
    ]
    if study.online is not None:
        sections.append(Section("4. Learning on", [_online_table(study, tables[3]), _online(study)], _drifts(study)))
    numbers = Download("Every number", "market.json", json.dumps(study.rows(), indent=1))
    sections.append(Section("How it was measured", [Points([*NOTES, *study.notes]), Command(command), numbers]))
    return Page(study.sentence(), sections, "Four questions to a market", facts)


RETURNS_LEAD = (
    "A random walk says that the price stays where it is. Skill is 1 - MSE / MSE of the random walk, with a 95 % interval; an interval "
    "that holds 0 is no skill. Costs of trading are not counted, so no gain is claimed anywhere."
)
PRICES_LEAD = (
    "A liquid and a static network forecast the next price. The dotted line repeats the last price: whoever lies on it has forecast "
    "nothing, however well the curves agree."
)
NOTES = (
    "70 % of the rows to learn from, the next 10 % to choose with: the epoch, the penalty, the trees, how much of the correction is used.",
    "The last 20 % were tested once. Scales are those of the first 70 %.",
    "Intervals: 2,000 draws of whole weeks with replacement, since neighbours in time are alike.",
    "The first sentence of this page calls a model of returns better only where all its intervals together may be wrong once in twenty.",
    "HAR: a ridge on means of the volatility, of |returns| and returns over rising windows, and on the clock of the next row.",
    "The time of the next row is taken to be known, as markets publish their calendar.",
    "The correction starts as HAR: its last layer is zero. A share of 0 means that the rows that choose did not want it.",
    "Nothing here is advice.",
)


def _table(study: Study, question: str, told: tuple[str, list[str], list[list[str]]]) -> Table:
    _, columns, rows = told
    models = study.asked[question]
    spread = f"Mean ± spread of {len(models[-1].p)} seeds." if len(models[-1].p) > 1 else "One seed."
    marks = [MARKS.get(one.kind, "trivial") for one in models]
    return Table(columns, rows, question, spread, colours=[COLOURS[one.name] for one in models], kinds=marks)


def _online_table(study: Study, told: tuple[str, list[str], list[list[str]]]) -> Table:
    _, columns, rows = told
    marks = ["liquid" if row[0] in ("frozen", "online") else "trivial" for row in rows]
    return Table(columns, rows, "learning on", "", colours=[COLOURS[row[0]] for row in rows], kinds=marks)


def _dots(names: list[str], values: list[tuple[float, float, float]], label: str, middle: float) -> str:
    """A dot and its interval a model, and the line of who knows nothing."""

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        axes.grid(True, axis="x")
        axes.grid(False, axis="y")
        axes.axvline(middle, color=named["ink"], lw=1)
        for k, (name, (value, low, high)) in enumerate(zip(names, values, strict=True)):
            colour = named[COLOURS[name]]
            axes.plot([low, high], [k, k], color=colour, lw=2)
            axes.plot([value], [k], "o", color=colour, ms=6)
        axes.set(ylim=(len(names) - 0.5, -0.5), xlabel=label)
        axes.set_yticks(range(len(names)), names)
        axes.xaxis.set_major_locator(_few())
        axes.ticklabel_format(axis="x", useOffset=False, style="plain")

    return page_svg(draw, 440, 70 + 34 * len(names))


def _few() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(5)


def _skills(study: Study) -> Drawing:
    skills = study.skills()
    values = [(one.value, one.low, one.high) for one in skills.values()]
    svg = _dots(list(skills), values, "skill; the line at 0 is the random walk", 0.0)
    return Drawing("Skill on returns", "a dot and its 95 % interval; right of the line is better", svg)


def _directions(study: Study) -> Drawing:
    ways = {name: one for name, one in study.directions().items() if one is not None}
    values = [(100 * one.value, 100 * one.low, 100 * one.high) for one in ways.values()]
    svg = _dots(list(ways), values, "direction right [%]; the line at 50 is a coin", 50.0)
    return Drawing("Up or down", "a dot and its 95 % interval", svg)


def _beyond(study: Study) -> Drawing:
    models = [one for one in study.asked[VOLATILITY] if one.name not in (HAR, LAST)]
    found = [study.beyond_har(one) for one in models]
    svg = _dots(
        [one.name for one in models],
        [(one.value, one.low, one.high) for one in found],
        "R2 beyond HAR's; the line at 0 is HAR",
        0.0,
    )
    return Drawing("Volatility against HAR", "a dot and its 95 % interval; right of the line is better", svg)


def _volatility(study: Study) -> Drawing:
    y = study.truth(VOLATILITY)

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        when = study.stamps[-SHOWN:].astype("M8[ms]").astype(object)
        axes.plot(when, y[-SHOWN:], color=named["ink"], lw=0.9, label="came")
        for name, line in ((HAR, ":"), (CORRECTED, "-")):
            axes.plot(
                when, study.model(VOLATILITY, name).p[0][-SHOWN:], line, color=named[COLOURS[name]], lw=1.6, label=name
            )
        axes.set_ylabel(f"{study.seen.measure}, in spreads")
        axes.legend(fontsize=9, loc="lower left", ncols=3)
        _dates(axes)

    return Drawing(
        f"The last {SHOWN} rows",
        "black: what came; HAR and the corrected HAR lie on each other where nothing is added",
        page_svg(draw),
    )


def _legend(study: Study) -> Legend:
    entries = [("the price", "ink", "liquid")]
    return Legend(
        [*entries, *((one.name, COLOURS[one.name], MARKS.get(one.kind, "trivial")) for one in study.asked[PRICES])]
    )


def _prices(study: Study) -> Drawing:
    seen = study.seen
    close = seen.prices.close
    learned = close[: seen.learn.stop]

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        when = study.stamps[-SHOWN:].astype("M8[ms]").astype(object)
        axes.plot(when, study.truth(PRICES)[-SHOWN:] * learned.std() + learned.mean(), color=named["ink"], lw=2.2)
        for one in study.asked[PRICES][::-1]:
            values = one.p.mean(axis=0)[-SHOWN:] * learned.std() + learned.mean()
            axes.plot(when, values, _style(one), color=named[COLOURS[one.name]], lw=2.4 if one.name == LAST else 1.3)
        axes.set_ylabel("price")
        _dates(axes)

    svg = page_svg(draw, 900, 300)
    narrow = page_svg(draw, 440, 280)
    return Drawing(
        f"The next price, last {SHOWN} rows",
        "the curve of a model that repeats the last price is the dotted one",
        svg,
        wide=True,
        narrow=narrow,
    )


def _style(one: Model) -> str:
    return {"liquid": "-", "static": "--"}.get(one.kind, ":")


def _dates(axes: Any) -> None:
    from matplotlib import dates

    make: Any = dates
    locator = make.AutoDateLocator(minticks=3, maxticks=5)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(make.ConciseDateFormatter(locator))


def _levels(study: Study) -> str:
    y, last = study.truth(PRICES), study.asked[PRICES][0].p[0]
    explained = 1 - float(((y - last) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    said = (
        f"Why prices are no target here: repeating the last price has R2 = {explained:.4f}, so every model that copies it looks right, "
        "and one that learned the levels of one decade meets others in the next."
    )
    if study.levels:
        return said + " The models 'on levels' were asked for with --levels, and learned them all the same."
    more = "Networks forecast returns, and their price is the last one moved by that; --levels lets them learn prices as they stand."
    return f"{said} {more}"


def _share(study: Study) -> str:
    shares = study.model(VOLATILITY, CORRECTED).shares
    told = ", ".join(f"{one:.2f}" for one in shares)
    return f"HAR is a line on the past; the liquid network starts as HAR, and the rows that choose used so much of what it adds: {told}."


def _drifts(study: Study) -> str:
    online = study.online
    if online is None:
        return ""
    told = ", ".join(str(one)[:10] for one in online.drifts[:6]) or "none"
    shares = ", ".join(f"{name} {share:.2f}" for name, share in online.shares.items())
    return (
        "A liquid forecaster of the same volatility, from its own past alone, meets the test row by row: it answers, sees what came, and "
        f"learns. Drifts seen (its errors rose for good): {told}. At the end its answer is made of: {shares}."
    )


def _online(study: Study) -> Drawing:
    online = study.online
    if online is None:
        raise AssertionError("there was no online question")
    lead: Array = online.lead()

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        when = online.stamps.astype("M8[ms]").astype(object)
        axes.axhline(0, color=named["ink"], lw=1)
        axes.plot(when, lead, color=named["liquid1"])
        for one in online.drifts.astype("M8[ms]").astype(object):
            axes.axvline(one, color=named["static1"], lw=1, ls="--")
        axes.set_ylabel("squared error saved so far")
        _dates(axes)

    note = "rising: learning on helps; the line at 0 is the frozen one; dashed: a drift was seen"
    return Drawing("What learning on saved", note, page_svg(draw, 900, 280), wide=True, narrow=page_svg(draw, 440, 260))
