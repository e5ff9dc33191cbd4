"""What runs and how far it is: one line that changes on a terminal, one line a title elsewhere."""

from __future__ import annotations

import sys
import time


class Progress:
    """`at(what)` before each of `total` pieces of work, `end()` after the last."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.done, self.start = title, total, 0, time.perf_counter()
        self.changes = sys.stderr.isatty()
        if not self.changes:
            print(title, file=sys.stderr, flush=True)

    def at(self, what: str) -> None:
        if self.changes:
            line = f"{self.title}  {self.done}/{self.total}  {what}"
            print(f"\r\033[K{line[:110]}", end="", file=sys.stderr, flush=True)
        self.done += 1

    def end(self) -> None:
        seconds = f"{time.perf_counter() - self.start:.1f} s"
        line = f"\r\033[K{self.title}  {seconds}" if self.changes else f"  {seconds}"
        print(line, file=sys.stderr, flush=True)
