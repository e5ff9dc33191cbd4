"""The parts of a page: escaped, complete, without a script, and what a browser shows when something is chosen."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from chromium import BINARY
from chromium import Page as Browser
from matplotlib.figure import Figure

from tauflow import report
from tauflow.drawing import Colours, Drawn
from tauflow.drawing.canvas import LIGHT
from tauflow.report.page import (
    Choice,
    Command,
    Download,
    Drawing,
    Fold,
    Grid,
    Page,
    Part,
    Picture,
    Points,
    Say,
    Section,
    Slider,
    Table,
    Terms,
)  # fmt: skip

PIXEL = bytes.fromhex(  # a PNG of one grey pixel
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c636800000082008177cd72b60000000049454e44ae426082"
)
EVIL = "<script>alert(1)</script>\"'&"


class Line(Drawn):
    def draw(self, figure: Figure, colours: Colours) -> None:
        figure.add_subplot().plot([1, 2], [3, 4], color=colours["liquid1"])


def drawing() -> Drawing:
    return Drawing("A line", "y over x", Line().svg())


def every(text: str) -> list[Part]:
    return [
        Table([text, "b"], [[text, "1"], ["d", text]], name=text, note=text, colours=["liquid1", "static1"], best=0, meanings={"b": text}),
        drawing(), Grid([drawing()]), Say(text), Points([text]), Terms({text: text}), Command(text), Download(text, "a.csv", text),
        Fold(text, [Say(text)]), Choice(text, {text: [Say(text)], "other": [Choice("inner", {"x": [Say(text)], "y": []})]}),
    ]  # fmt: skip


def page(text: str) -> Page:
    return Page(text, [Section(text, every(text), lead=text)], over=text, facts={text: text})


def test_every_text_is_escaped_and_the_page_loads_nothing() -> None:
    html = page(EVIL).html()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 20
    assert not re.findall(r"(?:src|href)=\"(?!data:text/csv|#)", html)
    assert "default-src 'none'" in html


def test_a_page_is_the_same_bytes_each_time() -> None:
    assert page("a").html() == page("a").html()


def test_a_picture_is_the_same_for_a_notebook_and_for_a_page() -> None:
    page_one, notebook, plotted = Line().svg(), Line()._repr_html_(), Line().plot()
    assert "var(--liquid1)" in page_one and not re.findall(r"#[0-9a-f]{6}\b", page_one)
    assert LIGHT["liquid1"] in notebook and "var(" not in notebook
    assert plotted.axes[0].lines[0].get_color() == LIGHT["liquid1"]


def test_a_notebook_has_the_colours_of_the_light_page() -> None:
    styles = (Path(report.__file__).parent / "style.css").read_text()
    light = dict(re.findall(r"--(\w+): (#\w+);", styles[: styles.index("@media")]))
    assert {name: light.get(name) for name in LIGHT} == LIGHT


def test_names_inside_a_page_are_unique_and_found() -> None:
    html = page("a").html()
    found = re.findall(r'\bid="([^"]+)"', html)
    assert len(found) == len(set(found)) > 4
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', html)) <= set(found)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Table(["a", "b"], [["1"]]), "1 cells, but the table has 2 columns"),
        (lambda: Table(["a"], [["1"]], colours=["liquid1", "liquid2"]), "2 colours for 1 rows"),
        (lambda: Drawing("a", "b", "<img>"), "an <svg> element"),
        (lambda: Choice("which", {}), "nothing to choose from"),
        (lambda: Picture("a", "b", b"<svg>", "c"), "a PNG or a GIF"),
        (lambda: Slider("how fast", {"1": []}, start=1), "starts at 1, but has 1 frames"),
        (lambda: Slider("how fast", {}), "starts at 0, but has 0 frames"),
    ],
)
def test_what_does_not_fit_is_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.skipif(BINARY is None, reason="no chromium on this machine")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_browser_shows_what_is_chosen_and_saves_what_is_asked_for(tmp_path: Path, width: int, scheme: str) -> None:
    path = tmp_path / "page.html"
    wide = Table([f"column {k}" for k in range(30)], [[f"cell {k}" for k in range(30)]])
    Page("t", [Section("s", [*every("some words"), wide])]).write(path)
    with Browser(tmp_path, width, scheme=scheme) as browser:
        browser.open(path)
        shown = "[...document.querySelectorAll('.choice > .option')].map(x => x.offsetParent !== null)"
        assert browser.evaluate(shown) == [True, False, False, False]
        browser.evaluate("document.querySelector('label[for=c1-10-2]').click()")
        assert browser.evaluate(shown) == [False, True, True, False]
        browser.evaluate("document.querySelector('label[for=c1-10-2-1-2]').click()")
        assert browser.evaluate(shown) == [False, True, False, True]
        assert browser.evaluate("fetch ? document.querySelector('a.button').download : 0") == "a.csv"
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        assert browser.requests() == [path.as_uri()]
        assert browser.complaints() == []


def test_only_what_a_page_has_is_allowed_to_it() -> None:
    def allowed(*parts: Part) -> str:
        return Page("t", [Section("s", parts)]).html().split('Security-Policy" content="')[1].split('"')[0]

    picture, slider = Picture("a", "b", PIXEL, EVIL), Slider(EVIL, {EVIL: [Say(EVIL)], "two": [drawing()]})
    assert "img-src" not in allowed(Say("a")) and "script-src" not in allowed(picture)
    assert (
        allowed(Fold("a", [picture])).count("img-src data:;") == 1 and allowed(slider).count("script-src 'sha256-") == 1
    )
    html = Page("t", [Section("s", [picture, slider])]).html()
    assert html.count("<script>") == 1 and "alert(1)</script>" not in html and html.count("&lt;script&gt;alert") == 6


@pytest.mark.skipif(BINARY is None, reason="no chromium on this machine")
def test_a_browser_slides_and_shows_pictures_and_runs_no_other_script(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    frames = {"slow": [Say("a")], "usual": [Say("b"), drawing()], "fast": [Say("c")]}
    Page("t", [Section("s", [Slider("rate", frames, start=1), Grid([Picture("p", "n", PIXEL, "grey")])])]).write(path)
    with Browser(tmp_path, 390) as browser:
        browser.open(path)
        shown = "[...document.querySelectorAll('.frame')].map(x => x.offsetParent !== null)"
        assert browser.evaluate(shown) == [False, True, False]
        browser.evaluate(
            "r = document.querySelector('.slider input'); r.value = 2; r.dispatchEvent(new Event('input'))"
        )
        assert browser.evaluate(shown) == [False, False, True]
        assert browser.evaluate("document.querySelector('output').textContent") == "fast"
        assert browser.evaluate("document.querySelector('img').naturalWidth") == 1
        assert browser.complaints() == []
        browser.evaluate(
            "s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)"
        )
        assert browser.evaluate("window.ran === undefined")
