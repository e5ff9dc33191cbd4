"""An edit of one file that breaks it: what a test suite must notice.

A file is found by the end of its path under src/tauflow or csrc, so that an edit outlives a move; its old text must
stand there exactly once. One that does not apply any more is stale, and is to be rewritten or dropped.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "src" / "tauflow", ROOT / "csrc")


class StaleError(Exception):
    """The old text of an edit stands nowhere, or more than once."""


@dataclass(frozen=True)
class Edit:
    """`old` becomes `new` in `file`; `tests` are asked before those that `select` names."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = ()
    start: int | None = None  # where `old` begins, for a generated edit whose text stands more than once

    @property
    def native(self) -> bool:
        return self.file.endswith((".cpp", ".h"))

    @property
    def path(self) -> Path:
        if self.start is not None:
            return SOURCES[0] / self.file
        found = [path for path in sources() if path.as_posix().endswith(f"/{self.file}")]
        found = [path for path in found if self.old in text(path)] if len(found) > 1 else found
        if len(found) != 1:
            raise StaleError(f"{self.name}: {len(found)} files end in {self.file} and hold the old text")
        return found[0]

    def applied(self) -> str:
        """The whole text of the file, broken."""
        before = text(self.path)
        if self.start is not None:
            return before[: self.start] + self.new + before[self.start + len(self.old) :]
        if before.count(self.old) != 1:
            raise StaleError(f"{self.name}: its old text stands {before.count(self.old)} times in {self.file}")
        return before.replace(self.old, self.new)

    def rank(self, seed: int, draw: str = "") -> bytes:
        """The place of the edit in a drawn order that other edits don't change; `draw` names another order."""
        return hashlib.sha256(f"{seed} {draw}{self.name}".encode()).digest()


@cache
def sources() -> tuple[Path, ...]:
    """Every file that an edit can be of."""
    return tuple(
        path
        for folder in SOURCES
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".py", ".cpp", ".h", ".html") and "__pycache__" not in path.parts
    )


@cache
def text(path: Path) -> str:
    return path.read_text("utf-8")
