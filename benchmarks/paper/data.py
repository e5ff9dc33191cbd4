"""Where the data lies: under `--data DIR` or the folder named by TAUFLOW_DATA, as it was published, checked by its sha256.

No data set is part of the project. A loader asks for files by their path under that folder and says where to get one that is missing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tauflow.errors import TauflowError

VARIABLE = "TAUFLOW_DATA"


class PaperDataError(TauflowError):
    """A file of a task that is missing, or is not the published one."""


@dataclass(frozen=True)
class Files:
    """The folder, and whether a file must be the published one, to the byte."""

    root: Path | None
    check: bool = True

    def get(self, names: Sequence[str], sha256: str, source: str) -> list[Path]:
        """The files called `names`; sha256 of their bytes one after the other; `source` says where to get them."""
        paths = [self.find(name, source) for name in names]
        if self.check:
            verify(paths, sha256, source)
        return paths

    def find(self, name: str, source: str) -> Path:
        if self.root is None:
            raise PaperDataError(
                f"{name} is needed: pass --data DIR or set {VARIABLE}, with it at DIR/{name}. Get it from {source}"
            )
        path = self.root / name
        if not path.is_file():
            raise PaperDataError(f"there is no {name} under {self.root}. Get it from {source}")
        return path


def folder(given: str | None) -> Path | None:
    """--data, or else the environment's."""
    chosen = given or os.environ.get(VARIABLE)
    if chosen is None:
        return None
    if not Path(chosen).is_dir():
        raise PaperDataError(f"{chosen} is no folder: pass the one with the data sets as --data DIR or in {VARIABLE}")
    return Path(chosen)


def verify(paths: Sequence[Path], sha256: str, source: str) -> None:
    found = digest(paths)
    if found != sha256:
        raise PaperDataError(
            f"{paths[0].name}{' and what follows' if len(paths) > 1 else ''} has sha256 {found[:16]}..., expected "
            f"{sha256[:16]}...: not the file that was published. Get it from {source}"
        )


def digest(paths: Sequence[Path]) -> str:
    """sha256 of the files' bytes, one after the other."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def in_package(package: str, name: str) -> Path | None:
    """A data file that an installed package carries, found without importing the package."""
    spec = importlib.util.find_spec(package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        path = Path(place) / name
        if path.is_file():
            return path
    return None
