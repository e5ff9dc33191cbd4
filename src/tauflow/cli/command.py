"""A command to copy: quoted for the shell, and right for names that begin with a dash."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any


def command_line(name: str, files: Sequence[object], options: Mapping[str, Any] | None = None) -> str:
    """`tauflow NAME FILES OPTIONS`, NAME "fit" or "classify fit": an option's value is a text, True, False, or several texts."""
    words = ["tauflow", *name.split(), *(_file(str(file)) for file in files)]
    for key, value in (options or {}).items():
        flag = "--" + key.replace("_", "-")
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
            continue
        for one in (value,) if isinstance(value, str | int | float) else value:
            words += [f"{flag}={one}"] if str(one).startswith("-") else [flag, str(one)]
    return shlex.join(words)


def _file(name: str) -> str:
    """-o is an option, ./-o is a file."""
    return f"./{name}" if name.startswith("-") else name
