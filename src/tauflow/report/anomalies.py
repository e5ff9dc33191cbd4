"""The page of anomalies: how many, the least likely ones in a table and drawn, and every judged row to save."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any, Protocol

from ..drawing.canvas import Colours, page_svg
from ..drawing.pictures import anomalies as pictures
from .page import Command, Download, Drawing, Grid, Page, Points, Section, Table, Terms

LISTED, DRAWN, AROUND = 50, 4, 200
MEANINGS = {
    "expected": "The forecast from the last ordinary row before it.",
    "band": "Where all but a share of alpha of the ordinary values lie.",
    "p": "The share of known ordinary forecast errors that were as far off, for their moment and steps ahead.",
    "score": "-log10 p: 3 is one in a thousand. Beyond the farthest known error it grows with the distance.",
}


class Anomalies(Protocol):
    """What the page shows of `AnomalyDetector.predict`'s answer."""

    @property
    def data(self) -> Any: ...
    @property
    def targets(self) -> tuple[str, ...]: ...
    @property
    def alpha(self) -> float: ...
    @property
    def flagged(self) -> Any: ...
    @property
    def notes(self) -> Sequence[str]: ...
    @property
    def sentence(self) -> str: ...
    def frame(self) -> Any: ...
    def to_dict(self) -> dict[str, Any]: ...


def anomalies_page(found: Anomalies, path: str | os.PathLike[str] | None = None, command: str = "") -> str:
    """The page as text; with `path` also written there, whole or not at all. `command`: what made it."""
    name = found.targets[0]
    note = f"{name}; black is what came, shaded where it was expected, dots are anomalies"
    tables, order = [], ranked(found, name)
    for target in found.targets:
        columns, rows = texts(found, target)
        shown = (
            f"the least likely {LISTED} of {len(ranked(found, target)):,}"
            if len(ranked(found, target)) > LISTED
            else ""
        )
        tables.append(
            Table(
                columns,
                rows[:LISTED],
                name=target,
                note=shown,
                text_columns=tuple(range(len(columns) - 6)),
                meanings=MEANINGS,
            )
        )
    course = Drawing(
        "All rows, or those around the least likely one",
        note,
        page_svg(_course(found, None, 3000), 900, 300),
        wide=True,
    )
    near = [
        Drawing(f"Around {found.data[_time(found)].iloc[k]}", note, page_svg(_course(found, k, AROUND)))
        for k in order[:DRAWN]
    ]
    text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    save = [
        Download("Every judged row as CSV", "anomalies.csv", found.frame().to_csv(index=False, lineterminator="\n")),
        Download("The anomalies as JSON", "anomalies.json", text),
    ]
    page = Page(
        found.sentence,
        over=f"tauflow anomalies · {', '.join(found.targets)}",
        sections=[
            Section("Where they are", [course, *([Grid(near)] if near else [])]),
            Section("The least likely first", [*tables, Terms(MEANINGS)]),
            Section("To save", [*save, *([Command(command)] if command else [])]),
            *([Section("What was done to the data", [Points(found.notes)])] if found.notes else []),
        ],
    )
    if path is not None:
        page.write(path)
    return page.html()


def ranked(found: Anomalies, target: str) -> list[int]:
    """The rows of a target's anomalies, the least likely first."""
    k = found.targets.index(target)
    score = found.data[f"{target}-score"].to_numpy()
    rows = [row for row in range(len(score)) if found.flagged[row, k]]
    return sorted(rows, key=lambda row: -score[row])


def texts(found: Anomalies, target: str) -> tuple[list[str], list[list[str]]]:
    """(columns, rows of texts) of a target's anomalies."""
    keys = list(found.data.columns[: list(found.data.columns).index(found.targets[0])])
    keys = [key for key in keys if key == _time(found) or found.data[key].nunique() > 1]  # one id needs no column
    columns = [*keys, target, "expected", "from", "to", "p", "score"]
    rows = []
    for row in ranked(found, target):
        line = found.data.iloc[row]
        numbers = [f"{line[f'{target}{part}']:,.6g}" for part in ("", "-expected", "-lo", "-hi")]
        rows.append(
            [
                *(str(line[key]) for key in keys),
                *numbers,
                f"{line[f'{target}-p']:.2g}",
                f"{line[f'{target}-score']:.2f}",
            ]
        )
    return columns, rows


def _time(found: Anomalies) -> str:
    names = list(found.data.columns)
    return str(names[names.index(found.targets[0]) - 1])


def _course(found: Anomalies, around: int | None, rows: int) -> Any:
    def draw(figure: Any, palette: Colours) -> None:
        pictures.course(figure, found, palette, 0, around, rows)

    return draw
