"""Clients of row 25 of the scorecard, in a process of their own: each does one wrong thing, and says how long it was let.

`python -m benchmarks.serve.hostile PORT` prints a line of JSON a client: {"name": ..., "seconds": ..., "end": ...}.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable

from .clients import connect, frame

MOST = 20.0  # seconds that a client tries
SAMPLE = json.dumps({"x": [0.0] * 24, "dt": 0.02}).encode()
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
BODY = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
BOMB = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbomb"
MANY = 3  # of each

Act = Callable[[socket.socket, float], None]  # the connection, and until when


def silent(made: socket.socket, until: float) -> None:
    """Say nothing, and wait for the end."""
    made.settimeout(max(0.1, until - time.monotonic()))
    while made.recv(65536):
        pass


def sending(data: bytes) -> Act:
    """Say this once, and wait."""

    def act(made: socket.socket, until: float) -> None:
        made.sendall(data)
        silent(made, until)

    return act


def dripping(data: bytes, pause: float) -> Act:
    """A byte at a time, again and again."""

    def act(made: socket.socket, until: float) -> None:
        made.settimeout(pause)
        for byte in data * 100:
            made.sendall(bytes((byte,)))
            try:
                if not made.recv(4096):
                    return
            except TimeoutError:
                pass
            if time.monotonic() > until:
                raise TimeoutError

    return act


def flooding(data: bytes) -> Act:
    """As fast as it goes, without reading."""

    def act(made: socket.socket, until: float) -> None:
        made.settimeout(0.5)
        while time.monotonic() < until:
            try:
                made.sendall(data)
            except TimeoutError:
                continue
        raise TimeoutError

    return act


def deep() -> bytes:
    return frame(1, b"[" * 60_000)


PLAIN: dict[str, Act] = {
    "no bytes": silent,
    "half a header": sending(HEAD),
    "a byte a second": dripping(HEAD, 1.0),
    "a header of 1 MB": flooding(b"X-Filler: " + b"x" * 1000 + b"\r\n"),
    "half a body": sending(BODY % 1000 + b"{"),
    "a body of 100 MB": flooding(b" " * 65536),
    "a bomb in gzip": sending(BOMB),
}  # fmt: skip
SESSIONS: dict[str, Act] = {
    "half a frame": sending(b"\x81\xfe\x10\x00half"),
    "a frame a byte a second": dripping(b"\x81\xfe\x10\x00" + b"x" * 40, 1.0),
    "never reads": flooding(frame(9, b"x" * 120) * 50),
    "a flood of steps": flooding(frame(1, SAMPLE) * 50),
    "a flood of pings": flooding(frame(9, b"") * 50),
    "a flood of errors": flooding(frame(1, b"{") * 50),
    "a deflated frame": sending(bytes((frame(1, SAMPLE)[0] | 0x40,)) + frame(1, SAMPLE)[1:]),
    "deep JSON": flooding(deep()),
    "NaN in JSON": flooding(frame(1, b'{"x": [NaN], "dt": 1}') * 20),
    "keys twice": flooding(frame(1, b'{"dt": 1, "dt": 1}') * 20),
    "1e9 steps": sending(b"\x82\xff" + struct.pack(">Q", 100 * 10**9) + b"\0" * 1000),
    "random bytes": sending(os.urandom(4000)),
}
FIRST = {"a body of 100 MB": BODY % 100_000_000, "a header of 1 MB": HEAD}


def one(port: int, name: str, act: Act, session: bool) -> dict[str, object]:
    """Do it, and say how long it was let."""
    began, end = time.monotonic(), "closed"
    try:
        made = connect(port) if session else socket.create_connection(("127.0.0.1", port), timeout=10)
        if name in FIRST:
            made.sendall(FIRST[name])
        act(made, began + MOST)
    except TimeoutError:
        end = "still there"
    except OSError as error:
        end = type(error).__name__
    return {"name": name, "seconds": round(time.monotonic() - began, 2), "end": end}


def main(port: int) -> None:
    """All of them at once, MANY of each."""
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    os.nice(10)  # they stand for other machines, and are not to take the processor from the server on this one
    acts = [
        *((name, act, False) for name, act in PLAIN.items()),
        *((name, act, True) for name, act in SESSIONS.items()),
    ]
    lock = threading.Lock()

    def run(name: str, act: Act, session: bool) -> None:
        found = one(port, name, act, session)
        with lock:
            print(json.dumps(found), flush=True)

    threads = [threading.Thread(target=run, args=act) for act in acts * MANY]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(int(sys.argv[1]))
