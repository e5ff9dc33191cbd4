"""While a command works: a line on the terminal that lives, and is gone when the work is done."""

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
from tauflow.cli import output
from tauflow.cli.busy import busy
with busy("teaching cfc, and " + 200 * "x", "--quiet" in sys.argv) as now:
    time.sleep(0.6)
    output.tell(["one is done"])
    warnings.warn("a kink")
    now("teaching\\x1b[2J\\ngru [red]")
    with busy("inside", "--quiet" in sys.argv):
        time.sleep(0.6)
    if "--fail" in sys.argv:
        raise SystemExit("it failed")
print("the answer")
print("the result", file=sys.stderr)
"""
PLAIN = re.compile(r"\x1b\[[0-9;]*m")  # colours


def said(*words: str, term: str = "xterm") -> tuple[str, str]:
    """What went into a pipe, and what a terminal of 40 columns was sent."""
    ours, theirs = pty.openpty()
    command = f"import os, termios; termios.tcsetwinsize(2, (24, 40)){WORK}"
    wide = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(
        [sys.executable, "-c", command, *words],
        stderr=theirs, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=wide | {"TERM": term},
    ) as process:  # fmt: skip
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
        assert process.stdout is not None
        answer = process.stdout.read().decode()
        process.wait(60)
    os.close(ours)
    return answer, PLAIN.sub("", found.decode())


def test_the_line_changes_in_place_and_leaves_what_is_printed_alone() -> None:
    answer, text = said()
    frames = text.split("\r\x1b[2K")
    assert answer == "the answer\n"
    assert any(re.fullmatch(r"0:00:\d\d teaching cfc, and x+…? ?", one) for one in frames), frames
    assert any(re.match(r"0:00:\d\d teaching\\x1b\[2J gru \[red\]", one) for one in frames), frames  # made harmless
    assert any(one.startswith("note: one is done\r\n") for one in frames), frames
    assert any("UserWarning: a kink\r\n" in one for one in frames), frames
    assert text.endswith("\x1b[2Kthe result\r\n") and "inside" not in text


def test_it_is_gone_when_the_work_fails() -> None:
    assert said("--fail")[1].endswith("\x1b[2Kit failed\r\n")


@pytest.mark.parametrize("how", [("--quiet", "xterm"), ("", "dumb")], ids=["quiet", "a terminal that can not"])
def test_nothing_where_nobody_wants_it(how: tuple[str, str]) -> None:
    _, text = said(how[0], term=how[1])
    assert text.startswith("note: one is done\r\n") and text.endswith("\r\nthe result\r\n") and "teaching" not in text


def test_nothing_into_a_pipe() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, timeout=60)
    assert done.stderr.startswith("note: one is done\n") and done.stderr.endswith("\nthe result\n")
    assert "teaching" not in done.stderr and done.stdout == "the answer\n"


def test_every_application_shows_that_it_works() -> None:
    import tauflow.cli.apps as apps

    names = {one.name for one in pkgutil.iter_modules([str(Path(apps.__file__).parent)])}
    silent = {name for name in names if not hasattr(importlib.import_module(f"tauflow.cli.apps.{name}"), "busy")}
    assert silent == {"watch", "scored"}  # answers line by line; what two of them share
