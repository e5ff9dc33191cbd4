"""The server under load: sessions equal to offline runs, steps a second, p50 and p99, memory of a session, hostile clients.

The server is `tauflow serve` in a process of its own, the clients are in this one, both on this machine; the network is an NCP of 19
neurons with 24 inputs and 4 outputs. Nothing is timed before every session's numbers were equal to the bit.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import tauflow
from tauflow import wirings

from .. import machine
from .clients import HALF, Crowd, connect, frame, percentile, read

INPUTS, OUTPUTS, NEURONS = 24, 4, 19
SAMPLES = 16  # different ones a session
PATH = str(Path(tauflow.__file__).parents[1])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sessions", type=int, default=1000, help="at once (1000)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load (5)")
    parser.add_argument(
        "--half", type=float, default=7500.0, help="steps a second, in all, at which waiting is measured (7500)"
    )
    parser.add_argument("--cell", default="wired_cfc", help="of the network (wired_cfc)")
    parser.add_argument(
        "--hostile", action="store_true", help="100 honest clients alone and beside hostile ones (a minute)"
    )
    parser.add_argument(
        "--million", type=int, default=0, metavar="STEPS", help="steps of one session, say 1000000 (a minute)"
    )


def run(options: argparse.Namespace) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = options.sessions * 2 + 256
    if soft < need:
        resource.setrlimit(resource.RLIMIT_NOFILE, (need if hard == resource.RLIM_INFINITY else min(need, hard), hard))
    torch.set_num_threads(1)
    about = machine.describe()
    where = f"{about['processor']}, {about['processors']} processors, load average {os.getloadavg()[0]:.1f}"
    print(f"{about['date']}, commit {about['commit']}, {where}")
    network = made(options.cell)
    with tempfile.TemporaryDirectory() as folder, serving(network, folder, options.sessions) as (port, process):
        report("memory", memory(port, process, options.sessions))
        report("sessions equal to offline runs", parity(port, network, options.sessions))
        crowd = {kind: frames(kind, options.sessions) for kind in ("json", "binary")}
        for kind, said in crowd.items():
            report(
                f"{kind}, each answered sample followed by the next", saturated(port, process, said, options.seconds)
            )
        for kind, said in crowd.items():
            report(f"{kind}, {options.half:,.0f} steps a second", paced(port, said, options.half, options.seconds))
        if options.million:
            report("one long session", long(port, process, network, options.million))
    if options.hostile:
        with tempfile.TemporaryDirectory() as folder, serving(network, folder, 1024, rate=2000) as (port, process):
            for line in hostile(port, process):
                report(*line)


def report(what: str, found: str) -> None:
    print(f"{what}: {found}", flush=True)


def made(cell: str) -> Any:
    torch.manual_seed(0)
    units = wirings.auto_ncp(INPUTS, NEURONS, OUTPUTS) if cell in ("ltc", "wired_cfc") else NEURONS
    return tauflow.Network(INPUTS, OUTPUTS, cell, units).eval()


@contextlib.contextmanager
def serving(network: Any, folder: str, sessions: int, rate: float = 1e6) -> Iterator[tuple[int, int]]:
    """(port, process) of `tauflow serve`."""
    file = Path(folder) / "ncp.tau"
    tauflow.save(network, file)
    command = [
        sys.executable,
        "-m",
        "tauflow",
        "serve",
        str(file),
        "--port",
        "0",
        "--sessions",
        str(sessions + 24),
        "--rate",
        str(rate),
    ]
    path = os.pathsep.join([PATH, os.environ.get("PYTHONPATH", "")])
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path})
    try:
        assert server.stderr is not None
        for line in server.stderr:
            if line.startswith("serving"):
                break
        else:
            raise RuntimeError("the server did not start")
        port = int(line.split(" at ")[1].split("/")[2].split(":")[1])
        connect(port).close()  # it takes clients now
        yield port, server.pid
    finally:
        server.terminate()
        server.communicate(timeout=20)


def samples(session: int, count: int = SAMPLES) -> tuple[Any, Any]:
    rng = np.random.default_rng(session)
    return rng.normal(size=(count, INPUTS)).astype(np.float32), (rng.random(count) + 0.01).astype(np.float32)


def frames(kind: str, sessions: int) -> list[list[bytes]]:
    """What each session says."""
    return [[said(kind, x, dt) for x, dt in zip(*samples(k), strict=True)] for k in range(sessions)]


def said(kind: str, x: Any, dt: Any) -> bytes:
    if kind == "binary":
        return frame(2, np.concatenate([[dt], x]).astype(np.float32).tobytes())
    return frame(1, json.dumps({"x": [round(float(v), 5) for v in x], "dt": round(float(dt), 5)}).encode())


def parity(port: int, network: Any, sessions: int, steps: int = 20) -> str:
    """Every session's answers against a stream of its own; in a random order; one in a hundred breaks off and goes on elsewhere."""
    chance = random.Random(0)
    sockets, data = [connect(port) for _ in range(sessions)], [samples(k, steps) for k in range(sessions)]
    answers: list[list[bytes]] = [[] for _ in range(sessions)]
    order = [k for k in range(sessions) for _ in range(steps)]
    chance.shuffle(order)
    broken = 0
    for k in order:
        x, dt = data[k]
        n = len(answers[k])
        sockets[k].sendall(said("binary", x[n], dt[n]))
        answers[k].append(read(sockets[k])[0])
        if chance.random() < 0.01:
            broken += 1
            sockets[k].sendall(frame(1, b'{"snapshot": true}'))
            kept = json.loads(read(sockets[k])[0])["snapshot"]
            sockets[k].sendall(HALF)
            sockets[k].close()
            sockets[k] = connect(port)
            sockets[k].sendall(frame(1, json.dumps({"restore": kept}).encode()))
            read(sockets[k])
    wrong = 0
    for k in range(sessions):
        stream, (x, dt) = network.stream(), data[k]
        expected = [stream(u, float(t)).tobytes() for u, t in zip(x, dt, strict=True)]
        wrong += expected != answers[k]
        sockets[k].close()
    if wrong:
        raise RuntimeError(f"{wrong} of {sessions} sessions are not what offline runs give")
    return f"{sessions} of {sessions} to the bit, {len(order):,} steps in a random order, {broken} broke off in a frame and were restored"


def resident(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * resource.getpagesize()


def memory(port: int, process: int, sessions: int) -> str:
    """What an idle session takes, and what comes back."""
    time.sleep(0.5)
    before = resident(process)
    sockets = [connect(port) for _ in range(sessions)]
    for k, made in enumerate(sockets):
        x, dt = samples(k, 1)
        made.sendall(said("json", x[0], dt[0]))
        read(made)
    time.sleep(0.5)
    open_ = resident(process)
    for made in sockets:
        made.close()
    time.sleep(1.5)
    after = resident(process)
    grown = 100 * (after - before) / before
    return f"{(open_ - before) / sessions / 1024:.1f} kB a session that has answered, {grown:+.1f} % of the process after they closed"


def saturated(port: int, process: int, said: list[list[bytes]], seconds: float) -> str:
    crowd = Crowd([connect(port) for _ in said], said)
    crowd.saturate(0.5)
    before = cpu(process)
    steps = crowd.saturate(seconds)
    used = (cpu(process) - before) / (steps * seconds) * 1e6
    crowd.close()
    return f"{steps:,.0f} steps a second over {len(said)} sessions, {used:.1f} us of the server's processor a step"


def paced(port: int, said: list[list[bytes]], per_second: float, seconds: float) -> str:
    crowd = Crowd([connect(port) for _ in said], said)
    crowd.paced(per_second, 1.0)
    took = crowd.paced(per_second, seconds)
    crowd.close()
    return f"p50 {percentile(took, 0.5) * 1e3:.2f} ms, p99 {percentile(took, 0.99) * 1e3:.2f} ms, most {max(took) * 1e3:.1f} ms"


def cpu(process: int) -> float:
    """Seconds of processor time."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def long(port: int, process: int, network: Any, steps: int) -> str:
    """One session step by step, a few out at a time: memory, drift of the time a step takes, and its end against an offline run."""
    made, stream, out = connect(port), network.stream(), 8
    x, dt = samples(0, 1000)
    sent = [said("binary", u, t) for u, t in zip(x, dt, strict=True)]
    took, buffer, last, mark = list[float](), b"", b"", time.perf_counter()
    warm = 0
    for k in range(steps + out):
        if k < steps:
            made.sendall(sent[k % 1000])
        if k >= out:
            last, buffer = read(made, buffer)
            now = time.perf_counter()
            took.append(now - mark)
            mark = now
        if k == steps // 10:
            warm = resident(process)
    grown = (resident(process) - warm) / (steps * 0.9)
    y = np.zeros(OUTPUTS, np.float32)
    for k in range(steps):
        y = stream(x[k % 1000], float(dt[k % 1000]))
    made.close()
    tenth = steps // 10
    first, final = percentile(took[:tenth], 0.99), percentile(took[-tenth:], 0.99)
    same = "to the bit" if last == y.tobytes() else "NOT EQUAL"
    return f"{steps:,} steps, {grown:.3f} B a step, p99 of the last tenth {final / first:.2f} of the first's, the end {same}"


def hostile(port: int, process: int, honest: int = 100) -> Iterator[tuple[str, str]]:
    """100 clients of 10 steps a second each, alone, then beside the hostile ones."""
    crowd = Crowd([connect(port) for _ in range(honest)], frames("json", honest))
    crowd.paced(10.0 * honest, 1.0)
    alone = percentile(crowd.paced(10.0 * honest, 10.0), 0.99)
    before = resident(process)
    path = os.pathsep.join([PATH, os.environ.get("PYTHONPATH", "")])
    others = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.serve.hostile", str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    beside, most = list[float](), before
    while others.poll() is None:
        beside += crowd.paced(10.0 * honest, 1.0)
        most = max(most, resident(process))
    ends = [json.loads(line) for line in others.communicate()[0].splitlines()]
    crowd.close()
    p99 = percentile(beside, 0.99)
    yield (
        "100 honest clients",
        f"p99 {alone * 1e3:.2f} ms alone, {p99 * 1e3:.2f} ms beside {len(ends)} hostile ones ({p99 / alone:.2f} of it)",
    )
    yield "memory meanwhile", f"{(most - before) / 2**20:+.1f} MB"
    for name in dict.fromkeys(one["name"] for one in ends):
        mine = [one for one in ends if one["name"] == name]
        kinds, times = ", ".join(sorted({one["end"] for one in mine})), [one["seconds"] for one in mine]
        yield f"  {name}", f"gone after {statistics.median(times):.1f} s, at most {max(times):.1f} ({kinds})"
