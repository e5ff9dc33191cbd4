"""While a command works and has nothing to print: a line at the bottom of the terminal, what it does and for how many seconds.

It comes after two seconds, changes in place, and is gone when anything is printed; where the error stream is no terminal there is none.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

AFTER, EVERY = 2.0, 0.5  # s
CLEAR = "\r\x1b[K"


class _Line(threading.Thread):
    def __init__(self, text: str) -> None:
        super().__init__(daemon=True, name="busy")
        self.text, self.began, self.drawn = text, time.monotonic(), False
        self.over, self.lock = threading.Event(), threading.RLock()

    def run(self) -> None:
        while not self.over.wait(EVERY):
            self.draw()

    def draw(self) -> None:
        seconds = time.monotonic() - self.began
        if seconds < AFTER:
            return
        with self.lock:
            if self.over.is_set():
                return
            clock = f"{seconds:.0f} s" if seconds < 120 else f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
            room = os.get_terminal_size(sys.stderr.fileno()).columns - len(clock) - 3
            text = "".join(
                c if c.isprintable() else "?" for c in self.text
            )  # a name from a file must not move the cursor
            print(f"{CLEAR}{text[: max(room, 0)]}, {clock}", end="", file=sys.stderr, flush=True)
            self.drawn = True

    def clear(self) -> None:
        with self.lock:
            if self.drawn:
                print(CLEAR, end="", file=sys.stderr, flush=True)
            self.drawn = False


_NOW: list[_Line] = []  # the line of the command that runs


@contextmanager
def busy(text: str, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """`with busy("teaching cfc") as now:` shows it; `now("teaching cfc, round 2")` says it anew, and the seconds go on."""
    if quiet or _NOW or not _watched():
        yield lambda text: None
        return
    line, show = _Line(text), warnings.showwarning
    _NOW.append(line)
    line.start()

    def between(*given: Any, **more: Any) -> None:
        with paused():
            show(*given, **more)

    warnings.showwarning = between
    try:
        yield lambda text: setattr(line, "text", text)
    finally:
        warnings.showwarning = show
        with line.lock:
            line.over.set()
            line.clear()
        _NOW.remove(line)


@contextmanager
def paused() -> Iterator[None]:
    """The line is out of the way while something is printed."""
    if not _NOW:
        yield
        return
    with _NOW[0].lock:
        _NOW[0].clear()
        yield


def _watched() -> bool:
    try:
        return (
            sys.stderr.isatty()
            and os.environ.get("TERM") != "dumb"
            and os.get_terminal_size(sys.stderr.fileno()).columns > 0
        )
    except (OSError, ValueError, AttributeError):
        return False
