"""The page of texts: who labels them best, texts with coloured tokens, and what is thought after every token."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ...drawing.canvas import Colours, page_svg
from ...report.page import Command, Download, Drawing, Grid, Page, Points, Section, Table
from .explaining import Told
from .study import BOTH, LINE, Study

SHOWN = 4  # texts of a kind
WIDE, LINE_HEIGHT, LETTER = 440, 24, 6.1  # px
MOST_WORDS, LONGEST = 26, 150  # of a text that is drawn; of one where no shorter was labelled so
NOTES = (
    "TF-IDF with logistic regression: tokens and pairs; the strongest of three penalties on the texts that choose, learned anew with them.",
    "A network: learned rows for tokens, a convolution over three of them, a liquid core, mean and maximum over the text.",
    "No vectors from elsewhere, unless a file of them was given.",
    "Together: each counts as much as makes the log loss of the texts that choose least. Those texts choose the epoch too.",
    "The tested texts were looked at once.",
    "Colours: TF-IDF's part is exact, the networks' is by integrated gradients from a text of zeros.",
)


def page(study: Study, command: str) -> Page:
    """The whole page."""
    facts = {
        "Texts": f"{len(study.learn):,} learned, {len(study.held):,} chose, {len(study.test):,} tested",
        "Labels": ", ".join(study.classes[:8]) + (", ..." if len(study.classes) > 8 else ""),
        "Network": f"{study.model.recipe.cell}, {study.parameters:,} parameters, {study.model.members} together",
    }
    right, wrong = _examples(study)
    sections = [
        Section("Who labels best", [_table(study), Grid([_dots(study), _confused(study)])]),
        Section(
            "Why",
            [Grid([_coloured(*one) for one in right])],
            "Surely right: what spoke for the label in blue, against it in orange.",
        ),
        *(
            [
                Section(
                    "Where it was surely wrong",
                    [Grid([_coloured(*one) for one in wrong])],
                    "The same of the surest mistakes, for the wrong label.",
                )
            ]
            if wrong
            else []
        ),
    ]
    some = [told for told, _ in [*right[:2], *wrong[:2]] if len(told.words) <= 2 * MOST_WORDS]
    if study.model.recipe.causal and some:
        sections.append(
            Section(
                "Token by token",
                [Grid([_streamed(study, one) for one in some])],
                "The probability of the label after every token.",
            )
        )
    numbers = Download("Every number", "text.json", json.dumps(study.rows(), indent=1))
    sections.append(Section("How it was measured", [Points([*NOTES, *study.model.notes]), Command(command), numbers]))
    return Page(study.sentence(), sections, f"Labels of texts: {study.test.name}", facts)


COLOURS = {LINE: "trivial1", BOTH: "liquid1", "network": "liquid4"}


def _colour(name: str) -> str:
    return COLOURS.get(name, "liquid2")


def _table(study: Study) -> Table:
    columns, rows = study.table()
    seeds = len(study.said[BOTH])
    note = f"Mean ± spread of {seeds} seeds." if seeds > 1 else "One seed."
    marks = ["trivial" if name == LINE else "liquid" for name in study.said]
    return Table(columns, rows, "models", note, colours=[_colour(name) for name in study.said], kinds=marks)


def _dots(study: Study) -> Drawing:
    names = list(study.said)

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        axes.grid(True, axis="x")
        axes.grid(False, axis="y")
        line = 100 * float(np.mean(study.scores(LINE)))
        axes.axvline(line, color=named["ink"], lw=1)
        for k, name in enumerate(names):
            values = 100 * np.array(study.scores(name))
            axes.plot(values, np.full(len(values), k), "o", color=named[_colour(name)], ms=6)
        axes.set(ylim=(len(names) - 0.5, -0.5), xlabel="labelled rightly [%]; the line is TF-IDF's")
        axes.set_yticks(range(len(names)), names)

    return Drawing("Right labels", "a dot a seed", page_svg(draw, WIDE, 70 + 34 * len(names)))


def _confused(study: Study) -> Drawing:
    said = study.said[BOTH][0].argmax(axis=1)
    n = len(study.classes)
    counts = np.array([[int(((study.codes == a) & (said == b)).sum()) for b in range(n)] for a in range(n)])
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def draw(figure: Any, named: Colours) -> None:
        from matplotlib.patches import Rectangle

        axes = figure.add_subplot()
        axes.grid(False)
        for a in range(n):
            for b in range(n):
                colour = named["liquid1" if a == b else "static1"]
                axes.add_patch(
                    Rectangle((b - 0.48, a - 0.46), 0.96, 0.92, facecolor=colour, alpha=0.75 * float(share[a, b]), lw=0)
                )
                if n <= 10:
                    axes.text(b, a, f"{counts[a, b]}", ha="center", va="center", color=named["ink"])
        axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), xlabel="label given", ylabel="label that was right")
        if n <= 10:
            names = [name if len(name) < 12 else name[:10] + "…" for name in study.classes]
            axes.set_xticks(range(n), names)
            axes.set_yticks(range(n), names)
        for spine in axes.spines.values():
            spine.set_visible(False)

    return Drawing(
        "What was taken for what",
        "texts, all together, first seed; blue: right, orange: wrong",
        page_svg(draw, WIDE, 120 + 34 * min(n, 10)),
    )


def _examples(study: Study) -> tuple[list[tuple[Told, str]], list[tuple[Told, str]]]:
    """The last model's surest answers, right and wrong, of texts that fit a picture: (what was told, the right label)."""
    p = study.said[BOTH][-1]
    said, sure = p.argmax(axis=1), p.max(axis=1)
    length = np.array([len(text.split()) for text in study.test.texts])
    found = []
    for right in (True, False):
        index = np.flatnonzero(((said == study.codes) == right) & (length >= 4) & (length <= LONGEST))
        short = index[length[index] <= MOST_WORDS]
        index = short if len(short) else index[np.argsort(length[index], kind="stable")[:SHOWN]]
        index = index[np.argsort(-sure[index], kind="stable")]
        labels: list[int] = []
        for k in index:  # of each label some
            if labels.count(int(said[k])) < max(1, SHOWN // len(study.classes)) and len(labels) < SHOWN:
                labels.append(int(said[k]))
                found.append((right, int(k)))
    told = [(right, study.model.explain(study.test.texts[k]), study.classes[study.codes[k]]) for right, k in found]
    return [(one, truth) for right, one, truth in told if right], [
        (one, truth) for right, one, truth in told if not right
    ]


def _coloured(told: Told, truth: str) -> Drawing:
    """The tokens one after the other, shaded by what they added."""
    strongest = float(np.abs(told.parts).max()) or 1.0
    lines: list[list[tuple[float, str, float]]] = [[]]
    at = 0.0
    for word, part in zip(told.words, told.parts, strict=True):
        width = LETTER * max(len(word), 1) + 8
        if at + width > WIDE - 20 and lines[-1]:
            lines.append([])
            at = 0.0
        lines[-1].append((at, word, float(part)))
        at += width

    def draw(figure: Any, named: Colours) -> None:
        from matplotlib.patches import Rectangle

        height = LINE_HEIGHT * len(lines)
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.set(xlim=(0, WIDE - 20), ylim=(height, 0))
        for row, line in enumerate(lines):
            for left, word, part in line:
                colour, alpha = named["liquid1" if part > 0 else "static1"], 0.7 * abs(part) / strongest
                width = LETTER * max(len(word), 1) + 4
                axes.add_patch(
                    Rectangle(
                        (left, row * LINE_HEIGHT + 2), width, LINE_HEIGHT - 5, facecolor=colour, alpha=alpha, lw=0
                    )
                )
                axes.text(
                    left + width / 2,
                    row * LINE_HEIGHT + LINE_HEIGHT / 2,
                    word,
                    ha="center",
                    va="center",
                    color=named["ink"],
                )

    title = f"{told.label}, {100 * told.p[told.label]:.0f} % sure"
    note = "right" if truth == told.label else f"wrong: it is {truth}"
    return Drawing(title, note, page_svg(draw, WIDE, LINE_HEIGHT * len(lines) + 12))


def _streamed(study: Study, told: Told) -> Drawing:
    p = study.model.prefixes(told.text)[:, study.classes.index(told.label)]

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        axes.plot(range(len(p)), 100 * p, "o-", color=named["liquid1"], ms=4)
        axes.set(ylim=(0, 100), ylabel=f"p({told.label}) [%]")
        axes.set_xticks(range(len(p)), told.words, rotation=60, ha="right", fontsize=8)

    return Drawing(f"Towards {told.label}", "after every token", page_svg(draw, WIDE, 230))
