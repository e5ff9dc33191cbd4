"""A page of results: one HTML file that needs nothing else, no network and, but for a slider, no script.

    page = Page("Which model forecasts it best?", sections=[Section("Results", parts=[Table(...), Drawing(...)])])
    page.write("page.html")

A page is made of sections, a section of parts: tables, drawings, grids of drawings, sentences, terms, a command, a
download, a part that folds away, and a choice that shows one of several things (radio buttons and style sheets, so that
it works without a script), and a slider, which runs the one script that there is. The same parts give the same bytes.
Every text is escaped by the template, and a content security policy forbids the page to load or run anything at all, but
for that script, known by its digest, and pictures that stand in the page itself; drawings are SVG that `drawing.page_svg` made.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import jinja2
from markupsafe import Markup

import tauflow

from ..files import write_bytes_atomically


@dataclass(frozen=True)
class Table:
    """Rows of texts under the names of their columns; the first column names the row, the others hold numbers unless
    `text_columns` lists them. `colours`: one name of `drawing.canvas.LIGHT` a row; `kinds`: liquid, static or trivial, how
    its line is drawn; `bars`: one number 0..100 a row, drawn under the first number; `best`: the row in bold; `meanings`:
    column -> what it is, shown where the pointer rests."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    name: str = ""
    note: str = ""
    text_columns: Sequence[int] = (0,)
    colours: Sequence[str] = ()
    kinds: Sequence[str] = ()
    bars: Sequence[float] = ()
    best: int | None = None
    meanings: Mapping[str, str] = field(default_factory=dict)
    kind: ClassVar[str] = "table"

    def __post_init__(self) -> None:
        wrong = [row for row in self.rows if len(row) != len(self.columns)]
        if wrong:
            raise ValueError(
                f"a row has {len(wrong[0])} cells, but the table has {len(self.columns)} columns: {wrong[0]}"
            )
        for name in ("colours", "kinds", "bars"):
            given = getattr(self, name)
            if given and len(given) != len(self.rows):
                raise ValueError(f"{len(given)} {name} for {len(self.rows)} rows; give one a row")

    @property
    def barred(self) -> int:
        """The column under whose numbers the bars stand."""
        return next((k for k in range(len(self.columns)) if k not in self.text_columns), 0)


@dataclass(frozen=True)
class Drawing:
    """A figure: what is seen, a line on units and how to read it, and the SVG of `drawing.page_svg`.

    narrow: another SVG for a phone, where the letters of a wide one would be too small.
    """

    title: str
    note: str
    svg: str
    wide: bool = False
    narrow: str = ""
    kind: ClassVar[str] = "drawing"

    def __post_init__(self) -> None:
        for svg in (self.svg, self.narrow or "<svg"):
            if not svg.startswith("<svg"):
                raise ValueError(f"a drawing is an <svg> element as drawing.page_svg gives it, got {svg[:40]!r}")

    def named(self, path: str) -> Markup:
        """The figure with names of its own inside: two that share one would lose it while the first is hidden."""
        return Markup(_named(self.svg, path))

    def named_narrow(self, path: str) -> Markup:
        """The same of the narrow one."""
        return Markup(_named(self.narrow, f"{path}-n"))


def _named(svg: str, path: str) -> str:
    return re.sub(r'(\bid="|"#|url\(#)', rf"\g<1>d{path}-", svg)


@dataclass(frozen=True)
class Grid:
    """Drawings beside each other, as many as the width allows."""

    parts: Sequence[Part]
    kind: ClassVar[str] = "grid"


@dataclass(frozen=True)
class Say:
    """A sentence or two."""

    text: str
    kind: ClassVar[str] = "say"


@dataclass(frozen=True)
class Legend:
    """What the lines of the drawings below are: (name, colour, kind) each; kind is liquid, static, trivial or dots."""

    entries: Sequence[tuple[str, str, str]]
    kind: ClassVar[str] = "legend"


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    texts: Sequence[str]
    kind: ClassVar[str] = "points"


@dataclass(frozen=True)
class Terms:
    """Words and what they mean."""

    terms: Mapping[str, str]
    kind: ClassVar[str] = "terms"


@dataclass(frozen=True)
class Command:
    """A command or a few lines of code, as they are typed."""

    text: str
    kind: ClassVar[str] = "command"


@dataclass(frozen=True)
class Download:
    """A button that saves `content` under the name `file`; the bytes stand in the page itself."""

    label: str
    file: str
    content: str
    kind: ClassVar[str] = "download"

    @property
    def href(self) -> str:
        media = (
            "application/json"
            if self.file.endswith(".json")
            else "text/csv"
            if self.file.endswith(".csv")
            else "text/plain"
        )
        return f"data:{media};charset=utf-8;base64,{base64.b64encode(self.content.encode()).decode()}"


@dataclass(frozen=True)
class Fold:
    """Parts that are shown when somebody asks for them."""

    title: str
    parts: Sequence[Part]
    kind: ClassVar[str] = "fold"


@dataclass(frozen=True)
class Choice:
    """One of several: `options` maps the name on the button to what is then shown; the first is shown at first."""

    label: str
    options: Mapping[str, Sequence[Part]]
    kind: ClassVar[str] = "choice"

    def __post_init__(self) -> None:
        if not self.options:
            raise ValueError(f"the choice {self.label!r} has nothing to choose from; leave it out")


@dataclass(frozen=True)
class Picture:
    """Pixels, as the bytes of a PNG or GIF file; `alt`: what is seen, for who can't see it. Small ones are enlarged to the width."""

    title: str
    note: str
    content: bytes
    alt: str
    wide: bool = False
    kind: ClassVar[str] = "picture"

    def __post_init__(self) -> None:
        if self.content[:4] not in (b"\x89PNG", b"GIF8"):
            raise ValueError(f"a picture is a PNG or a GIF, got {self.content[:8]!r}")

    @property
    def src(self) -> str:
        media = "image/gif" if self.content[:3] == b"GIF" else "image/png"
        return f"data:{media};base64,{base64.b64encode(self.content).decode()}"


SLIDE = """for (const box of document.querySelectorAll(".slider")) {
  const range = box.querySelector("input"), said = box.querySelector("output");
  const frames = [...box.children].filter(child => child.classList.contains("frame"));
  const show = () => {
    frames.forEach((frame, k) => { frame.hidden = k != range.value; });
    said.textContent = frames[range.value].dataset.name;
  };
  range.addEventListener("input", show);
  show();
}"""
SLIDE_DIGEST = f"sha256-{base64.b64encode(hashlib.sha256(SLIDE.encode()).digest()).decode()}"


@dataclass(frozen=True)
class Slider:
    """One of several that have an order, by a slider: `frames` maps the name of each place to what is shown there; `start` at first,
    and alone where scripts are off. All of it was computed before and stands in the page."""

    label: str
    frames: Mapping[str, Sequence[Part]]
    start: int = 0
    kind: ClassVar[str] = "slider"

    def __post_init__(self) -> None:
        if not 0 <= self.start < len(self.frames):
            raise ValueError(f"the slider {self.label!r} starts at {self.start}, but has {len(self.frames)} frames")


Part = Table | Drawing | Grid | Say | Legend | Points | Terms | Command | Download | Fold | Choice | Picture | Slider


@dataclass(frozen=True)
class Section:
    title: str
    parts: Sequence[Part]
    lead: str = ""


@dataclass(frozen=True)
class Page:
    """`title`: what was found, as a sentence; `over`: a small line above it, what this page is; `facts`: name -> fact; `footer`: a warning
    that stands at the foot."""

    title: str
    sections: Sequence[Section]
    over: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    footer: str = ""

    @property
    def most_options(self) -> int:
        """The options of the largest choice: so many rules the style sheet needs."""
        return max(
            (len(p.options) for p in _every(q for s in self.sections for q in s.parts) if isinstance(p, Choice)),
            default=0,
        )

    def has(self, kind: str) -> bool:
        """Whether a part of this kind stands anywhere on the page."""
        return any(part.kind == kind for part in _every(q for s in self.sections for q in s.parts))

    def html(self) -> str:
        given = {"script": Markup(SLIDE), "digest": SLIDE_DIGEST}
        return environment().get_template("page.html").render(page=self, version=tauflow.__version__, **given)

    def write(self, path: str | os.PathLike[str]) -> None:
        """The page in a file, whole or not at all."""
        write_bytes_atomically(path, self.html().encode("utf-8", "replace"))


def environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def _every(parts: Iterable[Part]) -> Iterable[Part]:
    for part in parts:
        yield part
        if isinstance(part, Grid | Fold):
            yield from _every(part.parts)
        elif isinstance(part, Choice | Slider):
            for inner in (part.options if isinstance(part, Choice) else part.frames).values():
                yield from _every(inner)
