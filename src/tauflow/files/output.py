"""Whether a file can be written where it was asked for: told before hours of work, not after them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from ..errors import OutputError


def check_output(path: str | os.PathLike[str], inputs: Iterable[object] = ()) -> Path:
    """`path`, if `write_bytes_atomically` can put a file there and that file is none of the `inputs`.

    Refused are folders, devices, pipes and sockets (a save replaces what stands there), folders that are not there or that
    can't be written to, and every name of an input: links, hard ones too, and other spellings. Inputs that are no path
    (frames, tables) have no file to lose.

    >>> tauflow.files.check_output("new.csv", inputs=["old.csv"]).name
    'new.csv'
    >>> tauflow.files.check_output("old.csv", inputs=["old.csv"])
    Traceback (most recent call last):
        ...
    tauflow.errors.OutputError: old.csv is the file that is read: writing it would destroy it; name another
    """
    path = Path(path)
    target = Path(os.path.realpath(path))
    found = _status(target)
    if found is not None and stat.S_ISDIR(found.st_mode):
        raise OutputError(f"{path} is a folder; give the name of a file, such as {path / 'out'}{path.suffix}")
    if found is not None and not stat.S_ISREG(found.st_mode):
        raise OutputError(f"{path} is a device, pipe or socket, and a save replaces what stands there; name a new file")
    folder = target.parent
    if not folder.is_dir():
        raise OutputError(f"there is no folder {folder}; make it first: mkdir -p {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"may not write into the folder {folder}; choose another")
    for source in inputs:
        if isinstance(source, (str, os.PathLike)) and _same(target, found, source):
            also = f" ({source})" if str(source) != str(path) else ""
            raise OutputError(f"{path} is the file that is read{also}: writing it would destroy it; name another")
    return path


def _same(target: Path, found: os.stat_result | None, source: str | os.PathLike[str]) -> bool:
    other = _status(Path(source))
    if found is not None and other is not None:
        return os.path.samestat(found, other)
    return os.path.realpath(source) == str(target)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):  # not there, not to be looked at, or no path at all: `folder` or the writer says so
        return None
