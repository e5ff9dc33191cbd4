"""One canvas for every figure: a function draws with named colours, and the figure is for a notebook or for a page.

    def draw(figure, colours): figure.add_subplot().plot(x, y, color=colours["liquid1"])

    figure(draw)      a matplotlib Figure in light colours: .plot() of every result
    page_svg(draw)    SVG text that takes its colours from the page around it, so that one figure serves light and dark

Matplotlib draws a page's figure with a stand-in for each of the page's colours; in its SVG every stand-in becomes the CSS
variable of that name: #00f001 -> var(--ink). Texts stay texts in the page's font. Sizes are in CSS pixels. No pyplot, no
global state.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Colours = Mapping[str, str]
Draw = Callable[["Figure", Colours], None]

# The light page's; report/style.css has the same and the dark page's.
LIGHT = {
    "ink": "#17191c", "muted": "#5f6368", "grid": "#e6e5e0", "shade": "#f1f0ec",
    "liquid1": "#1f6fd0", "liquid2": "#0d8a64", "liquid3": "#8b35c9", "liquid4": "#0b8fa6",
    "static1": "#d1541c", "static2": "#c43d7c", "static3": "#a67400", "static4": "#c43434",
    "trivial1": "#6b7075", "trivial2": "#8b8f94", "trivial3": "#4f5357",
}  # fmt: skip
STAND_IN = {name: f"#00f0{k + 1:02x}" for k, name in enumerate(LIGHT)}
WIDTH, HEIGHT, FONT = 440, 250, 11  # px


def style(colours: Colours) -> Any:
    """Matplotlib's settings in these colours."""
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": "tauflow",
        "font.size": FONT,
        "axes.edgecolor": colours["grid"],
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.labelcolor": colours["muted"],
        "axes.titlecolor": colours["ink"],
        "axes.titlesize": FONT,
        "axes.titlelocation": "left",
        "axes.formatter.useoffset": False,
        "axes.linewidth": 1,
        "grid.color": colours["grid"],
        "grid.linewidth": 0.8,
        "text.color": colours["ink"],
        "text.parse_math": False,
        "xtick.color": colours["grid"],
        "ytick.color": colours["grid"],
        "xtick.labelcolor": colours["muted"],
        "ytick.labelcolor": colours["muted"],
        "ytick.major.size": 0,
        "lines.linewidth": 1.8,
        "lines.solid_capstyle": "round",
        "legend.frameon": False,
    }


@contextmanager
def blank(colours: Colours = STAND_IN, width: int = WIDTH, height: int = HEIGHT) -> Iterator[Figure]:
    """An empty figure in the style."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(style(colours))
        made = Figure(figsize=(width / 72, height / 72), layout="constrained")
        FigureCanvasSVG(made)
        yield made


@contextmanager
def canvas(height: int = HEIGHT, width: int = WIDTH) -> Iterator[tuple[Figure, Axes]]:
    """A figure of one panel for a page: draw with `STAND_IN` colours, return `svg`."""
    with blank(STAND_IN, width, height) as made:
        yield made, made.add_subplot()


def figure(draw: Draw, width: int = WIDTH, height: int = HEIGHT) -> Figure:
    """What `draw` draws, in light colours."""
    with blank(LIGHT, width, height) as made:
        made.set_facecolor("white")
        draw(made, LIGHT)
        finish(made).draw_without_rendering()  # texts and ticks take the style now, not when somebody shows it
        return shown(made)


def shown(made: Figure) -> Figure:
    """A figure that a notebook shows, pyplot or not: IPython asks for this name."""
    vars(made)["_repr_svg_"] = partial(_svg_text, made)
    return made


def _svg_text(made: Figure) -> str:
    buffer = io.StringIO()
    made.savefig(buffer, format="svg")
    return buffer.getvalue()


def page_svg(draw: Draw, width: int = WIDTH, height: int = HEIGHT) -> str:
    """What `draw` draws, for a page."""
    with blank(STAND_IN, width, height) as made:
        draw(made, STAND_IN)
        return svg(finish(made))


def finish(made: Figure) -> Figure:
    """Plain numbers on every logarithmic axis that has no labels of its own."""
    from matplotlib.ticker import LogFormatter

    for axes in made.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_formatter(), LogFormatter):
                plain_numbers(axis)
    return made


def plain_numbers(axis: Any) -> None:
    """Numbers that people read on a logarithmic axis: 0.1, 1, 10."""
    axis.set_major_formatter(lambda value, _: f"{value:,.10g}" if value >= 1e-4 else f"{value:g}")
    axis.set_minor_formatter("")


class Drawn:
    """A result with a picture: subclasses write `draw(figure, colours)`, or name a function of `drawing/pictures`; `pixels`.

    What a result says in words (`lines`, `sentence`, `reason`) stands above the picture in a notebook.
    """

    picture: ClassVar[str] = ""  # "motion.spectrum"
    pixels: tuple[int, int] = (WIDTH, HEIGHT)

    def draw(self, figure: Figure, colours: Colours) -> None:
        module, _, name = self.picture.partition(".")
        getattr(import_module(f".pictures.{module}", __package__), name)(figure, self, colours)

    def plot(self) -> Figure:
        """A matplotlib figure."""
        return figure(self.draw, *self.pixels)

    def svg(self) -> str:
        """The picture for a page, in the page's colours."""
        return page_svg(self.draw, *self.pixels)

    def _repr_html_(self) -> str:
        said = [f"<b>{escape(what)}</b> {escape(line)}" for what, line in getattr(self, "lines", ())]
        words = "<br>".join(said) or escape(str(getattr(self, "sentence", None) or getattr(self, "reason", None) or ""))
        with blank(LIGHT, *self.pixels) as made:
            self.draw(made, LIGHT)
            picture = svg(finish(made))
        above = f"<p>{words}</p>" if words else ""
        return f'<div style="max-width: {self.pixels[0] * 4 // 3}px; background: #fff; color: #17191c">{above}{picture}</div>'


def svg(figure: Figure) -> str:
    """The bare <svg> element: no size of its own, no metadata, no namespace (HTML knows it), the page's colours."""
    buffer = io.StringIO()
    layout = figure.get_layout_engine()
    if layout is not None:  # once, not in each of the two passes that saving makes
        layout.execute(figure)
        figure.set_layout_engine("none")
    figure.savefig(buffer, format="svg", transparent=True)
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', r"<svg \1>", text, count=1)
    text = re.sub(
        r"<style.*?</style>| id=\"(?:figure|axes|patch|line2d|text|matplotlib|[xy]tick)\w*[._]\w*\"", "", text
    )
    text = re.sub(
        r" font-family: [^;]*;|font: (?=[\d.]+px)", lambda found: "font-size: " * (found[0][:5] == "font:"), text
    )
    text = re.sub(r"(font-size: [\d.]+px) [^;\"]*", r"\1", text)
    for name, colour in STAND_IN.items():
        text = text.replace(colour, f"var(--{name})")
    return text
