"""While a command works: a line on the terminal that lives, and is gone when something is printed."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="this system has no terminals to open")

WORK = """
import sys, time, warnings
from tauflow.cli import busy, output
busy.AFTER, busy.EVERY = 0.2, 0.05
with busy.busy("teaching cfc, and " + 200 * "x", "--quiet" in sys.argv) as now:
    time.sleep(0.6)
    output.tell(["one is done"])
    time.sleep(0.1)
    warnings.warn("a kink")
    now("teaching\\x1b[2J\\ngru")
    with busy.busy("inside", "--quiet" in sys.argv):
        time.sleep(0.3)
    if "--fail" in sys.argv:
        raise SystemExit("it failed")
print("the result", file=sys.stderr)
"""


def said(*words: str, term: str = "xterm") -> str:
    """What a terminal of 40 columns was sent."""
    ours, theirs = pty.openpty()
    command = f"import os, termios; termios.tcsetwinsize(2, (24, 40)){WORK}"
    with subprocess.Popen(
        [sys.executable, "-c", command, *words],
        stderr=theirs,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"TERM": term},
    ) as process:
        os.close(theirs)
        found = bytearray()
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux says so when the last writer has gone
                break
            if not part:
                break
            found += part
        process.wait(60)
    os.close(ours)
    return found.decode()


def test_the_line_changes_in_place_and_leaves_what_is_printed_alone() -> None:
    text = said()
    frames = text.split("\r\x1b[K")
    assert any(re.fullmatch(r"teaching cfc, and x+, \d+ s", one) for one in frames), frames
    assert any(re.fullmatch(r"teaching\?\[2J\?gru, \d+ s", one) for one in frames), frames
    assert any(one.endswith("UserWarning: a kink\r\n") for one in frames)
    assert "note: one is done\r\n" in frames and frames[-1] == "the result\r\n"  # each after a line that was cleared
    assert all(len(one) <= 40 for one in frames if not one.endswith("\n")) and "inside" not in text


def test_it_is_gone_when_the_work_fails() -> None:
    assert said("--fail").endswith("\r\x1b[Kit failed\r\n")


@pytest.mark.parametrize("how", [("--quiet", "xterm"), ("", "dumb")], ids=["quiet", "a terminal that can not"])
def test_nothing_where_nobody_wants_it(how: tuple[str, str]) -> None:
    text = said(how[0], term=how[1])
    assert text.startswith("note: one is done\r\n") and text.endswith("\r\nthe result\r\n") and "\x1b" not in text


def test_nothing_into_a_pipe() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, timeout=60)
    assert done.stderr.startswith("note: one is done\n") and done.stderr.endswith("\nthe result\n")
    assert "teaching" not in done.stderr and "\x1b" not in done.stderr


def test_every_application_shows_that_it_works() -> None:
    import tauflow.cli.apps as apps

    names = {one.name for one in pkgutil.iter_modules([str(Path(apps.__file__).parent)])}
    silent = {name for name in names if not hasattr(importlib.import_module(f"tauflow.cli.apps.{name}"), "busy")}
    assert silent == {"watch", "scored"}  # answers line by line; what two of them share
