"""One broken copy of the package after another, each under its tests in a fork of one warm process.

A new process with torch costs seconds, a fork milliseconds. The copy is a folder of links to the files of src/, in which
the broken one stands as text. It comes first in the path, also in that of the processes that tests start.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mutants.edit import ROOT, SOURCES, Edit
from tests.mutants.select import asked, calls

BUILD = ROOT / "build" / "mutants"
LIMIT = 240.0  # seconds for one edit; a broken loop that never ends is noticed
PASSED, FAILED, NONE = 0, 1, 5  # pytest's exit codes
OPTIONS = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-m", "not slow", "--timeout=60", "--no-header"]
OPTIONS += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # what is warm was loaded before pytest could rewrite it

WARM = (
    *("hypothesis", "matplotlib.pyplot", "narwhals", "pandas", "polars", "pyarrow", "pytest", "scipy.integrate"),
    *("torch._dynamo", "torch.func", "torch.utils.data", "typer.testing"),
)

# Processes that a test starts import the broken copy, too: an editable installation's way to src/ goes.
SITE = """
import sys
sys.meta_path = [finder for finder in sys.meta_path if "Redirecting" not in type(finder).__name__]
"""


@dataclass(frozen=True)
class Verdict:
    """What the tests said of an edit: killed by a test, or survived; broken where they don't run at all."""

    edit: Edit
    outcome: str
    by: str
    seconds: float


def warm() -> Path:
    """Load what tests need, the package aside; where the package's C++ core lies."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("MPLBACKEND", "Agg")
    core = subprocess.run(
        [sys.executable, "-c", "from tauflow import _core; print(_core.__file__)"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    for name in WARM:
        importlib.import_module(name)
    if any(name.partition(".")[0] == "tauflow" for name in sys.modules):
        raise RuntimeError("the warm process has loaded the package, which it is to see broken only")
    return Path(core)


def copy(edit: Edit | None, core: Path, folder: Path) -> Path:
    """The package by links, with one file broken and `core` as its C++ part."""
    shutil.rmtree(folder, ignore_errors=True)
    for path in SOURCES[0].rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".so":
            link = folder / "tauflow" / path.relative_to(SOURCES[0])
            link.parent.mkdir(parents=True, exist_ok=True)
            if edit is not None and not edit.native and path == edit.path:
                link.write_text(edit.applied(), "utf-8")
            else:
                link.symlink_to(path)
    (folder / "tauflow" / core.name).symlink_to(core)
    (folder / "sitecustomize.py").write_text(SITE)
    return folder


def tests_of(edit: Edit) -> list[list[str]]:
    """The edit's own tests first, then those of its module and room."""
    return [call for call in (*calls(edit.tests), *asked(edit.path)) if call]


class Watch:
    """Remembers the tests that fail."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(f"{report.nodeid} does not load")


def child(folder: Path, told: list[list[str]], first: str) -> None:
    """In a fork: the tests under the copy; what they say goes to result.json."""
    log = os.open(folder / "log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, null), (1, log), (2, log)):
        os.dup2(source, target)
    import pytest

    exec(SITE, {})
    sys.path[:0] = [str(folder), str(ROOT)]
    sys.dont_write_bytecode = True
    os.environ |= {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    watch, code = Watch(), NONE
    for call in told:
        end = int(pytest.main([*OPTIONS, first, f"--basetemp={folder / 'tmp'}", *call], plugins=[watch]))
        code = code if end == NONE else end
        if code not in (PASSED, NONE):
            break
    package = sys.modules.get("tauflow")
    seen = package is None or str(package.__file__).startswith(str(folder))
    (folder / "result.json").write_text(json.dumps({"code": code, "failed": watch.failed, "seen": seen}))


def fork(folder: Path, told: list[list[str]], first: str = "-x") -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    try:
        child(folder, told, first)
    except BaseException:
        (folder / "log").write_text(traceback.format_exc())
        os._exit(1)
    os._exit(0)


@dataclass
class Running:
    edit: Edit
    folder: Path
    began: float


def run(edits: list[tuple[Edit, Path]], jobs: int) -> Iterator[Verdict]:
    """A verdict for each (edit, C++ core), as they come; `jobs` at a time."""
    waiting, running = list(reversed(edits)), dict[int, Running]()
    shutil.rmtree(BUILD / "copies", ignore_errors=True)
    number = 0
    while waiting or running:
        while waiting and len(running) < jobs:
            edit, core = waiting.pop()
            folder = copy(edit, core, BUILD / "copies" / str(number))
            number += 1
            running[fork(folder, tests_of(edit))] = Running(edit, folder, time.monotonic())
        time.sleep(0.05)
        for pid, one in list(running.items()):
            spent = time.monotonic() - one.began
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended and spent < LIMIT:
                continue
            _end(pid, bool(ended))
            del running[pid]
            yield verdict(one, status if ended else None, spent)
            shutil.rmtree(one.folder / "tmp", ignore_errors=True)


def _end(pid: int, ended: bool) -> None:
    """End what the fork left behind, and itself where it is late."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if not ended:
        os.waitpid(pid, 0)


def verdict(one: Running, status: int | None, spent: float) -> Verdict:
    """What the end of a fork says; only a test that fails, a crash of the tested code or a loop without end kill."""
    result = one.folder / "result.json"
    if status is None:
        return Verdict(one.edit, "killed", f"no end within {LIMIT:g} s", spent)
    if os.WIFSIGNALED(status):
        return Verdict(one.edit, "killed", f"signal {os.WTERMSIG(status)} ended the process", spent)
    if not result.exists():
        return Verdict(one.edit, "broken", f"see {one.folder / 'log'}", spent)
    said = json.loads(result.read_text())
    if not said["seen"]:
        return Verdict(one.edit, "broken", "another package was tested", spent)
    if said["code"] == PASSED:
        return Verdict(one.edit, "survived", "", spent)
    if said["code"] == NONE:
        return Verdict(one.edit, "broken", "no test was found", spent)
    return Verdict(one.edit, "killed", (said["failed"] or ["the tests don't load"])[0], spent)


def failing(tests: set[str], core: Path) -> set[str]:
    """Those of the tests that fail on the whole package: what they said of a broken one is worth nothing."""
    if not tests:
        return set()
    folder = copy(None, core, BUILD / "copies" / "whole")
    os.waitpid(fork(folder, [sorted(tests)], "--maxfail=1000"), 0)
    failed: list[str] = json.loads((folder / "result.json").read_text())["failed"]
    return tests.intersection(failed)
