"""Files: numbers and JSON under one checksum, written whole or not at all, read without running anything.

`file` writes and reads them, `header` says how one looks, `strictjson` which JSON comes back equal, `schema` what a config
must hold, `atomic` how bytes get onto the disk, and `output` where they may go. torch is loaded when a file is written or read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .atomic import write_bytes_atomically
from .output import check_output
from .strictjson import JSON

if TYPE_CHECKING:
    from .file import File, pack, read, unpack, write

__all__ = ["JSON", "File", "check_output", "pack", "read", "unpack", "write", "write_bytes_atomically"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from . import file

        return getattr(file, name)
    raise AttributeError(f"tauflow.files has no {name!r}; it has {', '.join(__all__)}")
