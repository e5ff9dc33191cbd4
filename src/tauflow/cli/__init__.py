"""The command line: parse, call a public function, print. One file a command; heavy modules load when a command runs.

Exit codes: 0 done, 1 the data or the model says no, 2 typed wrong, 70 a bug in tauflow, 130 interrupted.
Every error is one line on the error stream; `tauflow --debug ...` shows where it came from.
"""

from __future__ import annotations

import io
import sys
from typing import NoReturn

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run one command and end with its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if sys.stderr is None:
        sys.stderr = io.StringIO()  # closed: nobody hears what is told there
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without the letter shows its number, and goes on
            stream.reconfigure(errors="backslashreplace")
    try:
        from .commands import run  # not above: Ctrl-C is heard from the first module on

        code = run(arguments)
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        print("interrupted", file=sys.stderr, flush=True)
    sys.exit(code)


def __getattr__(name: str) -> object:
    """`tauflow.cli.app`, the typer app, loads on its first use."""
    if name == "app":
        from .commands import app

        return app
    raise AttributeError(f"tauflow.cli has no {name!r}")
