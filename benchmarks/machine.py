"""What the figures depend on: processor, instruction set, commit, versions; and who else uses the processor."""

from __future__ import annotations

import datetime as dt
import os
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tauflow import _core

ROOT = Path(__file__).parents[1]
PACKAGES = ("tauflow", "torch", "numpy", "ncps", "onnxruntime")
BUSY = 5.0  # per cent of one processor: another process that uses more is named


def describe() -> dict[str, Any]:
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d"),
        "commit": git("rev-parse", "--short=10", "HEAD"),
        "changed": bool(git("status", "--porcelain", "--untracked-files=no", "--", "src", "csrc", "benchmarks/*.py")),
        "processor": processor(),
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "isa": _core.isa_in_use(),
        "python": platform.python_version(),
        "versions": found,
    }


def git(*arguments: str) -> str:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def processor() -> str:
    facts = _proc("/proc/cpuinfo")
    for line in facts.splitlines():
        if line.startswith("model name"):
            family = next((f.partition(":")[2].strip() for f in facts.splitlines() if f.startswith("cpu family")), "?")
            model = next((f.partition(":")[2].strip() for f in facts.splitlines() if f.startswith("model\t")), "?")
            return f"{line.partition(':')[2].strip()} (family {family}, model {model})"
    return platform.processor() or platform.machine()


def others(seconds: float = 0.5) -> dict[str, Any]:
    """Load average, and the processes besides this one that use a processor now, in per cent of one."""
    before = _used()
    time.sleep(seconds)
    ticks = os.sysconf("SC_CLK_TCK")
    busy = []
    for number, (name, used) in _used().items():
        share = 100 * (used - before.get(number, (name, used))[1]) / ticks / seconds
        if share > BUSY and number != os.getpid():
            busy.append({"name": name, "per_cent": round(share)})
    return {"load": round(os.getloadavg()[0], 2), "busy": busy}


def _used() -> dict[int, tuple[str, int]]:
    """Process -> its name and ticks of processor time so far."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        text = _proc(folder / "stat")
        if text:
            name, fields = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
            found[int(folder.name)] = name, int(fields[11]) + int(fields[12])
    return found


def _proc(path: str | Path) -> str:
    try:
        return Path(path).read_text()
    except OSError:  # not Linux, or the process has just ended
        return ""
