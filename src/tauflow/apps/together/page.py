"""The page of a study: one core beside a network each, the control in domains never seen, and how long the core remembers in each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...drawing.canvas import Colours, page_svg
from ...report.page import Command, Download, Drawing, Grid, Legend, Page, Points, Section, Table
from .judged import EACH, HALF, LEARNED, LONG, MORE, ONE, RANDOM, SCRATCH, SMALL, Judged, listed

COLOURS = {ONE: "liquid1", HALF: "liquid2", MORE: "liquid3", EACH: "static1", SMALL: "static2", LONG: "static3"}
SHORT = {
    ONE: "one core",
    HALF: "half of it",
    MORE: "one, more updates",
    EACH: "a network each",
    SMALL: "each, small",
    LONG: "each, more updates",
}
STYLE = {"liquid": "-", "static": "--", "trivial": ":"}  # as the legend draws them
CURVES = {LEARNED: "liquid1", RANDOM: "trivial1", SCRATCH: "static1"}
SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
TICKS = {
    0.001: "1 ms", 0.01: "10 ms", 0.1: "0.1 s", 1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", 3600: "1 h", 36000: "10 h",
    864000: "10 d", 8640000: "100 d",
}  # fmt: skip


def page(judged: Judged, command: str) -> Page:
    """The whole page."""
    one, each = judged.of(ONE)[0], judged.of(EACH)[0]
    facts = {
        "Domains": f"{len(judged.domains)}, in {len({unit for _, _, unit in judged.domains})} units of time",
        "One core": f"GatedLTC of {one.units} neurons, {one.numbers:,} numbers with all doors",
        "A network each": f"{each.numbers:,} numbers in all",
        "Seeds": str(len(judged.of(ONE))),
    }
    curves = Legend([(arm, colour, _kind(colour)) for arm, colour in CURVES.items()])
    sections = [
        Section(
            "One core beside a network each",
            [_whole(judged), Grid([_sizes(judged), _bars(judged)]), _by_domain(judged)],
            _lead(judged),
        ),
        Section(
            "Where it never was",
            [curves, Grid([_transfer(judged, domain) for domain in ["", *judged.unseen]]), _ideas(judged)],
            f"{judged.about_carrying()} The core was taught on {listed(judged.seen)}.",
        ),
        Section("How long it remembers", [Grid(_taus(judged)), _tau_table(judged)], TAU),
        Section(
            "How it was measured",
            [Points(NOTES), Command(command), Download("Every number", "together.json", json.dumps(judged.rows(), indent=1))],
        ),
    ]  # fmt: skip
    return Page(judged.sentence(), sections, "One liquid core for many kinds of series", facts)


TAU = (
    "The same neurons in every domain: a period of each domain, its gap, is what the core counts in. Here is the time constant of each "
    "neuron, by its rate at the pieces of the test series, in the domain's own time."
)
NOTES = (
    "The published division of every set; the test part judges and is used for nothing else: no run ends early, nothing is chosen by it.",
    "All are taught alike: as many updates of every door, AdamW, the rate falling along a cosine.",
    "The one core moves at each domain's updates, more often than each of many; 'more updates' is twice as many of every door.",
    "Carried cores: the domains with most series are held back; new doors, all arms with the same series and updates.",
    "± is the standard deviation over seeds, which draw weights, order and series.",
)


def _kind(colour: str) -> str:
    return colour.rstrip("0123456789")


def told(values: Sequence[float]) -> str:
    """Mean, and the spread where there is one."""
    spread = f" ± {np.std(values):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{spread}"


def _lead(judged: Judged) -> str:
    means = ", ".join(f"{model} {told(judged.values(model))} %" for model in judged.models)
    return f"Right on the test series, the mean over {len(judged.domains)} domains: {means}."


def _whole(judged: Judged) -> Table:
    rows = [
        (
            model,
            told(judged.values(model)),
            f"{judged.of(model)[0].numbers:,}",
            f"{np.mean([one.seconds for one in judged.of(model)]):.0f}",
        )
        for model in judged.models
    ]
    return Table(
        ["", "per cent right", "numbers in all", "CPU [s]"],
        rows,
        "the mean over the domains",
        colours=[COLOURS[model] for model in judged.models],
        kinds=[_kind(COLOURS[model]) for model in judged.models],
    )


def _by_domain(judged: Judged) -> Table:
    rows = [(name, *(told(judged.values(model, name)) for model in judged.models)) for name, _, _ in judged.domains]
    return Table(
        ["domain", *(SHORT[model] for model in judged.models)],
        rows,
        "per cent right on the test series",
        "; ".join(f"{name}: {about}" for name, about, _ in judged.domains if about != name),
    )


def _sizes(judged: Judged) -> Drawing:
    """Right over numbers, a dot an approach."""

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        most = max(judged.of(model)[0].numbers for model in judged.models)
        for model in judged.models:
            each, count = judged.values(model), judged.of(model)[0].numbers
            axes.errorbar(count, np.mean(each), np.std(each), fmt="o", ms=7, lw=1.2, color=named[COLOURS[model]])
            right = count > 0.6 * most
            axes.annotate(
                SHORT[model], (count, float(np.mean(each))), (-7 if right else 7, 5), textcoords="offset points",
                ha="right" if right else "left", color=named[COLOURS[model]], fontsize=9,
            )  # fmt: skip
        axes.set(xlim=(0, 1.08 * most), xlabel="numbers in all", ylabel="per cent right, mean")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.margins(y=0.2)

    return Drawing("Right, and how large", "line: standard deviation over seeds", page_svg(draw))


def _bars(judged: Judged) -> Drawing:
    """What one core changes in each domain, against a network each of its size."""

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        names = [name for name, _, _ in judged.domains][::-1]
        for k, name in enumerate(names):
            apart = np.subtract(judged.values(ONE, name), judged.values(EACH, name))
            mean = float(apart.mean())
            axes.barh(k, mean, height=0.55, color=named["liquid1" if mean >= 0 else "static1"], alpha=0.75)
            axes.plot(apart, np.full(len(apart), k), "o", ms=3.5, color=named["ink"])
        axes.axvline(0, color=named["muted"], lw=1)
        axes.set_yticks(range(len(names)), names)
        axes.tick_params("y", labelcolor=named["ink"])
        axes.grid(False)
        axes.set(xlabel="points: one core minus a network each")

    return Drawing("What sharing changes", "bar: mean; dots: seeds", page_svg(draw))


def _transfer(judged: Judged, domain: str) -> Drawing:
    """Per cent right over the series to learn from; in one domain, or the mean over all."""

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        for arm, colour in CURVES.items():
            found = np.array([judged.carries(arm, count, domain) for count in judged.counts])
            axes.plot(judged.counts, found.mean(axis=1), "o", ls=STYLE[_kind(colour)], ms=4, color=named[colour])
            if found.shape[1] > 1:
                low, high = found.min(axis=1), found.max(axis=1)
                axes.fill_between(judged.counts, low, high, color=named[colour], alpha=0.15, lw=0)
        axes.set(xscale="log", xlabel="series to learn from", ylabel="per cent right")
        axes.set_xticks(judged.counts, [str(count) for count in judged.counts])
        axes.minorticks_off()

    used = [
        max(one.used for one in judged.carried if one.domain == name)
        for name in ([domain] if domain else judged.unseen)
    ]
    fewer = f"; it has {used[0]} series" if domain and used[0] < max(judged.counts) else ""
    note = "band: least to most of the seeds" if len(judged.carries(LEARNED, judged.counts[0])) > 1 else "one seed"
    return Drawing(domain or "Mean over the domains never seen", note + fewer, page_svg(draw))


def _ideas(judged: Judged) -> Table:
    rows = [(arm, *(told(judged.carries(arm, count)) for count in judged.counts)) for arm in judged.arms]
    return Table(
        ["core", *(f"{count} series" for count in judged.counts)],
        rows,
        "per cent right, the mean over the domains never seen",
        "Frozen: doors alone learn. Slowly on: the core learns at a tenth of the doors' rate. Tau alone frozen: its weights learn, its "
        "time constants do not. Free: all learns.",
        colours=[CURVES.get(arm, "liquid3") for arm in judged.arms],
        kinds=[_kind(CURVES.get(arm, "liquid3")) for arm in judged.arms],
    )


def _taus(judged: Judged) -> list[Drawing]:
    """A row of dots a domain: in seconds, where its unit is a time, and counted in its own gaps."""
    timed = [(name, SECONDS[unit]) for name, _, unit in judged.domains if unit in SECONDS]
    gaps = [(name, 1 / judged.gaps[name]) for name, _, _ in judged.domains]
    drawings = [Drawing("The same neurons, counted in gaps", "the first seed; a dot a neuron", _dots(judged, gaps, {}))]
    if timed:
        drawings.insert(
            0, Drawing("One core, many clocks", "the first seed; a dot a neuron", _dots(judged, timed, TICKS))
        )
    return drawings


def _dots(judged: Judged, domains: Sequence[tuple[str, float]], named_ticks: dict[float, str]) -> str:
    """Time constants times a factor, on one logarithmic axis."""

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        for k, (name, factor) in enumerate(domains[::-1]):
            axes.plot(
                judged.tau[name] * factor,
                np.full(len(judged.tau[name]), k),
                "o",
                ms=5,
                alpha=0.4,
                mew=0,
                color=named["liquid1"],
            )
        every = np.concatenate([judged.tau[name] * factor for name, factor in domains])
        low, high = float(every.min()) / 1.5, float(every.max()) * 1.5
        axes.set(xscale="log", xlim=(low, high), ylim=(-0.6, len(domains) - 0.4))
        ticks = [at for at in named_ticks or (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low <= at <= high]
        ticks = ticks[:: -(-len(ticks) // 5)] if ticks else ticks
        axes.set_xticks(ticks, [named_ticks.get(at, f"{at:g}") for at in ticks])
        axes.minorticks_off()
        axes.set_yticks(range(len(domains)), [name for name, _ in domains[::-1]])
        axes.tick_params("y", labelcolor=named["ink"])
        axes.set_xlabel("time constant" if named_ticks else "time constant, in gaps of the domain")

    return page_svg(draw)


def _tau_table(judged: Judged) -> Table:
    rows = []
    for name, _, unit in judged.domains:
        low, middle, high = np.quantile(judged.tau[name], [0.1, 0.5, 0.9])
        rows.append((name, unit, *(f"{value:.3g}" for value in (low, middle, high))))
    return Table(
        ["domain", "unit", "one in ten is faster", "median", "one in ten is slower"],
        rows,
        "time constants of the neurons, in the domain's own unit",
        text_columns=(0, 1),
    )
