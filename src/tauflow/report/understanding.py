"""The page of a model that is to be understood: one answer on one time axis, then why it is stable, in sentences and pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any, Protocol

from ..drawing import Colours, Drawn, page_svg
from ..drawing.pictures import motion
from ..drawing.pictures import stability as pictures
from .page import Download, Drawing, Fold, Grid, Page, Part, Points, Say, Section, Table, Terms

NARROW = 380  # px, of a figure for a phone
ASKS = {
    "bounded": "Can it run away?",
    "forgets": "How long does it remember?",
    "proved": "What is certain for every input?",
    "steps": "Which gaps can it cross?",
    "speed": "How fast does it answer?",
}


class Understanding(Protocol):
    """What the page shows of `tauflow.estimators.explaining.understanding.understand`'s answer."""

    @property
    def kind(self) -> str: ...
    @property
    def answer(self) -> Any: ...  # explain.Shares, or None
    @property
    def card(self) -> Any: ...  # analysis.Stability
    @property
    def speeds(self) -> Any: ...  # analysis.SpeedTable
    @property
    def wiring(self) -> Any: ...  # explain.Flow
    @property
    def cloud(self) -> Any: ...  # analysis.Eigenvalues
    @property
    def notes(self) -> Sequence[str]: ...
    @property
    def rows(self) -> int: ...
    def to_dict(self) -> dict[str, Any]: ...


def understanding_page(
    found: Understanding, path: str | os.PathLike[str] | None = None, *, model: str = "", data: str = ""
) -> str:
    """The page as text; with `path` also written there, whole or not at all. model, data: what they are called."""
    answer, card = found.answer, found.card
    sections = [_answered(answer)] if answer is not None else []
    if card is not None:
        sections.append(_stable(card, found.speeds, found.cloud))
    if found.wiring is not None:
        sections.append(_wired(found.wiring))
    text = json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False, default=str)
    notes: list[Part] = [Points([f"Not shown, {note}" for note in found.notes])] if found.notes else []
    sections.append(Section("All numbers", [Download("As JSON", "understanding.json", text), *notes]))
    title = answer.sentence.partition(". It ")[0].partition(". Nothing ")[0] if answer is not None else _title(card)
    page = Page(
        title,
        over="tauflow explain" if answer is not None else "tauflow stability",
        facts={
            "model": f"{model}: {found.kind}" if model else found.kind,
            **({"data": data} if data else {}),
            **({"looked at": f"{found.rows:,} rows"} if found.rows else {}),
        },
        sections=sections,
    )
    if path is not None:
        page.write(path)
    return page.html()


def _title(card: Any) -> str:
    if card is None:
        return "What can be said of this network"
    return "The network " + (
        "does not forget: see why" if card.counter is not None else f"remembers: {dict(card.lines)['forgets']}"
    )


def _answered(answer: Any) -> Section:
    parts: list[Part] = [Say(f"{line}." if what == "answer" else _whole(line)) for what, line in answer.lines]
    if answer.story is not None:
        parts.append(_bands(answer.story))
    drawings = [
        _drawn(
            "What moved it, in the unit of the answer",
            "From what it says as usual to this answer, part by part.",
            answer,
        )
    ]
    if answer.what_if is not None:
        drawings.append(
            _drawn(
                "What would have been",
                "How far the answer moves when one input is changed and all else stays.",
                answer.what_if,
            )
        )
    parts.append(Grid(drawings))
    rows = [
        (name, f"{share:+.4g}", f"{spread:.2g}" if spread else "exact")
        for name, share, spread in zip(answer.names, answer.share.tolist(), answer.spread.tolist(), strict=True)
    ]
    parts.append(
        Fold("The same as a table", [
            Table(
                ("part", "share", "±"), rows, name="Shares of the answer",
                note=f"Together {answer.share.sum():+.4g}, the answer less the usual; what is missing: {abs(answer.error):.1g}.",
                meanings={"±": "The standard error from the orders in which parts were looked at; exact: every order, or none was needed."},
            )
        ])
    )  # fmt: skip
    return Section("Why this answer?", parts)


def _bands(story: Any) -> Drawing:
    """The four bands; for a phone the same drawn narrow."""
    close = story.close()
    speeds = ", and how fast each neuron was" if story.tau is not None else ""
    height = 640 if story.tau is not None else 500
    left = len(story.why.time) - len(close.why.time)
    note = "All on one time axis; the dashed line stands at the answer that is explained."
    if left:
        note += f" The {left:,} samples before are not drawn: they hold less than 1 % of what moved it."
    wide, narrow = page_svg(close.draw, 1000, height), page_svg(close.draw, NARROW, height)
    return Drawing(f"Inputs, the answer, what moved it{speeds}", note, wide, wide=True, narrow=narrow)


def _stable(card: Any, speeds: Any, cloud: Any) -> Section:
    unit = card.unit
    parts: list[Part] = [Terms({ASKS[what]: _whole(line) for what, line in card.lines})]
    exponent = None if card.spectrum is None else float(card.spectrum.exponents[0])
    drawings = [
        (card.spectrum, "Memory times", "How long a small disturbance of each direction of the state lasts.",
         lambda axes, ink: motion.memories(axes, card.spectrum, ink, unit)),
        (card.meeting, "Two opposite starts", "The same data, from two opposite states: once they meet, the start is forgotten.",
         lambda axes, ink: motion.starts(axes, card.meeting, ink, unit, exponent)),
        (card.steps, "Step margin", "How wrong one step is after a gap; the ticks are the gaps of these data.",
         lambda axes, ink: motion.margin(axes, card.steps, ink, unit, card.gaps)),
        (card.bounds.layers or None, "Time constants", "From the fastest to the slowest that each neuron can be.",
         lambda axes, ink: pictures.ranges(axes, card.bounds, ink, unit)),
    ]  # fmt: skip
    shown = [Drawing(title, note, page_svg(_one(draw))) for has, title, note, draw in drawings if has is not None]
    parts.append(Grid(shown))
    if speeds is not None:
        note = "The same network, run slower and faster; the line marks how it was trained."
        panels = motion.speed_panels(speeds, unit)
        parts.append(
            Say("Responsiveness against stability: a faster network answers sooner and lets more noise through.")
        )
        parts.append(Grid([Drawing(title, note, page_svg(_one(draw))) for title, draw in panels]))
    if cloud is not None:
        parts.append(
            Fold(
                "For mathematicians: the cloud of eigenvalues",
                [Say(_whole(cloud.sentence)), Grid([_drawn("Eigenvalues", "", cloud)])],
            )
        )
    return Section("Is it stable?", parts)


def _wired(wiring: Any) -> Section:
    frame = wiring.frame()
    said = "nothing"
    if len(frame):
        first = frame.iloc[0]
        said = f"{first['source']} to neuron {int(first['target'])}"
    drawing = Drawing(
        "The wiring, with what it carried", "As thick as the current on these data; blue raises, orange lowers.", wiring.svg(),
        wide=True,
    )  # fmt: skip
    return Section("Through which synapses?", [Say(f"The busiest synapse is that from {said}."), drawing])


def _one(draw: Any) -> Any:
    def drawn(figure: Any, colours: Colours) -> None:
        draw(figure.add_subplot(), colours)

    return drawn


def _drawn(title: str, note: str, one: Drawn) -> Drawing:
    return Drawing(title, note, one.svg())


def _whole(line: str) -> str:
    """A line as a sentence."""
    return f"{line[:1].upper()}{line[1:]}{'' if line.endswith('.') else '.'}"
