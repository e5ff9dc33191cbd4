"""A comparison while it runs and when it is done: live bars, the table of the terminal, the page and the JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ...cli.output import TYPED, Format, chosen, complain, console, emit, plain, tell
from ...cli.speech import in_options

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress, TaskID

COLOURS = {"liquid": "cyan", "static": "yellow", "trivial": "bright_black"}
MOST_LINES = 50  # of a log, for one model and seed
DROPPED = (
    "pinball", "CRPS", "µs/step", "width", "train s", "kind", "interval", "RMSE", "parameters", "MASE", "coverage",
)  # fmt: skip


class Watch:
    """How far the models are, on the error stream: on a terminal a bar each, gone when done; into a log a line an epoch."""

    def __init__(
        self, models: Iterable[str], seeds: int, quiet: bool, notes: Iterable[str] = (), windows: int = 1
    ) -> None:
        from ...estimators import BASELINES
        from ...estimators.peers import SEEDLESS

        each = {name: 1 if name in SEEDLESS else seeds for name in models} | dict.fromkeys(BASELINES, 1)
        self.totals = {name: count * windows for name, count in each.items()}
        self.quiet, self.notes = quiet, tuple(notes)  # told when the work begins: until then an error stands alone
        self.bars: Progress | None = None
        self.tasks: dict[str, TaskID] = {}
        self.fractions: dict[tuple[str, int, int], float] = {}
        screen = console(stderr=True)
        if not quiet and screen.is_terminal:
            bars = self.bars = _bars(screen)
            self.tasks = {m: bars.add_task(plain(m), total=total, numbers="waits") for m, total in self.totals.items()}

    def __enter__(self) -> Self:
        if self.bars is not None:
            self.bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.bars is not None:
            self.bars.stop()

    def told(self, news: Any) -> None:
        """One `Progress` of estimators.compare: model, seed, epoch, epochs, loss, validation, done."""
        tell(self.notes, self.quiet)
        self.notes = ()
        if self.bars is None and not self.quiet:
            self._log(news)
        if self.bars is None or news.model not in self.tasks:
            return
        self.fractions[news.model, news.seed, news.window] = 1.0 if news.done else news.epoch / max(news.epochs, 1)
        done = sum(fraction for (model, *_), fraction in self.fractions.items() if model == news.model)
        numbers = "done" if done >= self.totals[news.model] else f"{_window(news)}{_numbers(news)}"
        self.bars.update(self.tasks[news.model], completed=done, numbers=numbers)

    def _log(self, news: Any) -> None:
        """A line an epoch, at most some fifty a model and seed."""
        if news.done:
            complain(f"{_window(news)}{news.model}, seed {news.seed}: done")
        elif news.epoch % -(-news.epochs // MOST_LINES) == 0 or news.epoch == news.epochs:
            complain(f"{_window(news)}{news.model}, {_numbers(news)}")


def _bars(screen: Console) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    texts = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[numbers]}", markup=False)
    return Progress(texts[0], BarColumn(bar_width=28), TimeElapsedColumn(), texts[1], console=screen, transient=True)


def _window(news: Any) -> str:
    return f"window {news.window}/{news.windows}, " if news.windows > 1 else ""


def _numbers(news: Any) -> str:
    shown = [f"{name} {value:.4g}" for name in ("loss", "validation") if (value := getattr(news, name)) is not None]
    return f"seed {news.seed}, epoch {news.epoch}/{news.epochs}  {'  '.join(shown)}"


def write(found: Any, page: Path | None, file: Path | None) -> None:
    """The page and the JSON file, each whole or not at all."""
    if page is not None:
        from ...report import comparison_page

        comparison_page(found, page, TYPED.get())
    if file is not None:
        from ...files import write_bytes_atomically

        text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        write_bytes_atomically(file, text.encode() + b"\n")


def show(found: Any, view: Format | None, quiet: bool, page: Path | None, told: Iterable[str] = ()) -> None:
    """The comparison; where it goes into a pipe its verdict stands on the error stream. `told`: notes that were shown."""
    new = [note for note in found.notes if note not in set(told)]
    view = chosen(view, Format.csv)
    emit(view, view, lambda screen: _told(screen, found, [] if quiet else new), found.to_frame, found.to_dict)
    if quiet:
        return
    if view is not Format.table:
        tell(new)
        complain(found.verdict)
    if page is not None:
        complain(f"the page is {page.resolve()}")


def _told(screen: Console, found: Any, new: Sequence[str]) -> list[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    ahead = f"{plain(found.target)}, {found.h} steps of {found.step} ahead"
    tested = f"{found.forecasts:,} forecasts from {found.test_start} to {found.test_end}"
    learned = f"learned from {found.train_rows:,} rows before"
    notes = [Padding(Text(f"- {plain(in_options(note))}", style="dim"), (0, 2)) for note in new]
    several = found.parts if len(found.parts) > 1 else ()
    each = [part for one in several for part in (Text(f"  {plain(one.target)}", style="cyan"), table(screen, one.rows))]
    return [
        Text(f"  {ahead}: {tested}, {learned}", style="dim"),
        table(screen, found.rows),
        *each,
        Padding(Text(plain(found.verdict), style="bold"), (0, 2)),
        *notes,
    ]


def table(screen: Console, rows: Sequence[Any]) -> RenderableType:
    """The rows with as many columns as the terminal has room for, none that is empty; the lowest error is bold."""
    from rich.measure import Measurement

    from ...report.rows import COLUMNS, NOTHING

    every = {column.title: column.texts(rows) for column in COLUMNS}
    texts = {title: cells for title, cells in every.items() if set(cells) != {NOTHING}}
    for title in ("", *DROPPED):
        texts.pop(title, None)
        grid = _grid(rows, texts)
        if Measurement.get(screen, screen.options.update(max_width=10_000), grid).maximum <= screen.width:
            break
    return grid


def _grid(rows: Sequence[Any], texts: dict[str, list[str]]) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from ...report.rows import best

    grid = Table(box=box.SIMPLE_HEAD, header_style="dim")
    for title in texts:
        grid.add_column(title, justify="left" if title in ("model", "kind") else "right", no_wrap=True)
    winner = best(rows)
    for row, cells in zip(rows, zip(*texts.values(), strict=True), strict=True):
        first, *others = (Text(plain(cell)) for cell in cells)
        first.stylize(COLOURS.get(row.kind, ""))
        grid.add_row(first, *others, style="bold" if row is winner else "")
    return grid
