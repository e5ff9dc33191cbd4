"""Many WebSockets in one process: no library between, so that the load costs less than what it measures."""

from __future__ import annotations

import base64
import os
import select
import socket
import struct
import time
from collections.abc import Callable

HALF = b"\x81\xfe\x01\x00half a frame"


def connect(port: int, path: str = "/v1/stream") -> socket.socket:
    """A socket behind its handshake."""
    made = socket.create_connection(("127.0.0.1", port), timeout=30)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16)).decode()
    upgrade = (
        f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    )
    made.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{upgrade}".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        part = made.recv(4096)
        if not part:
            raise ConnectionError(f"the server refused a session: {head[:200]!r}")
        head += part
    if b" 101 " not in head:
        raise ConnectionError(f"the server refused a session: {head[:200]!r}")
    return made


def frame(opcode: int, payload: bytes) -> bytes:
    """A masked frame, final."""
    size, mask = len(payload), os.urandom(4)
    head = bytes((128 | opcode, 128 | size)) if size < 126 else bytes((128 | opcode, 254)) + struct.pack(">H", size)
    long = (mask * (size // 4 + 1))[:size]
    return head + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(long, "big")).to_bytes(size, "big")


def payload_of(data: bytes) -> tuple[bytes, bytes] | None:
    """(payload, rest) of the first frame of a server; None while it is not whole."""
    if len(data) < 2:
        return None
    size, start = data[1], 2
    if size == 126:
        if len(data) < 4:
            return None
        size, start = data[2] << 8 | data[3], 4
    if len(data) < start + size:
        return None
    return data[start : start + size], data[start + size :]


def read(made: socket.socket, buffer: bytes = b"") -> tuple[bytes, bytes]:
    """(payload, rest), waiting for it."""
    while True:
        found = payload_of(buffer)
        if found is not None:
            return found
        part = made.recv(65536)
        if not part:
            raise ConnectionError("the server closed a session")
        buffer += part


class Crowd:
    """Sessions that are all open; frames[k] are what session k says, one after the other, round and round."""

    def __init__(self, sockets: list[socket.socket], frames: list[list[bytes]]) -> None:
        self.sockets, self.frames = sockets, frames
        self.number = {made.fileno(): k for k, made in enumerate(sockets)}
        self.said = [0] * len(sockets)
        self.poll = select.epoll()
        for made in sockets:
            made.setblocking(False)
            self.poll.register(made.fileno(), select.EPOLLIN)

    def say(self, k: int) -> None:
        mine = self.frames[k]
        self.sockets[k].send(mine[self.said[k] % len(mine)])
        self.said[k] += 1

    def hear(self, wait: float, heard: Callable[[int], None]) -> None:
        """Call `heard` with the number of each session that was answered; one answer is out at a time, and small."""
        for file, _ in self.poll.poll(wait):
            k = self.number[file]
            if not self.sockets[k].recv(4096):
                raise ConnectionError(f"the server closed session {k}")
            heard(k)

    def saturate(self, seconds: float) -> float:
        """Steps a second where every session sends its next sample as soon as it is answered."""
        steps = 0

        def again(k: int) -> None:
            nonlocal steps
            steps += 1
            self.say(k)

        waiting = set(range(len(self.sockets)))
        for k in waiting:
            self.say(k)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            self.hear(1.0, again)
        took = time.perf_counter() - began
        self.settle(waiting)
        return steps / took

    def settle(self, waiting: set[int]) -> None:
        """Read the answers that are still out."""
        deadline = time.perf_counter() + 10
        while waiting and time.perf_counter() < deadline:
            self.hear(0.2, waiting.discard)

    def paced(self, per_second: float, seconds: float) -> list[float]:
        """Seconds from when a sample was due to its answer, at so many samples a second in all, whatever the server does."""
        count, gap = len(self.sockets), 1 / per_second
        due, out, took = list[float]([0.0] * count), set[int](), list[float]()
        late: list[int] = []

        def heard(k: int) -> None:
            took.append(time.perf_counter() - due[k])
            out.discard(k)

        began = following = time.perf_counter()
        turn = 0
        while following < began + seconds:
            now = time.perf_counter()
            while following <= now and following < began + seconds:
                k = turn % count
                if k in out:
                    late.append(k)
                    took.append(now - due[k])  # it missed its turn: what it waits already counts
                else:
                    due[k] = following
                    out.add(k)
                    self.say(k)
                turn, following = turn + 1, following + gap
            self.hear(max(0.0, min(following - time.perf_counter(), 0.05)), heard)
        self.settle_into(out, heard)
        return took

    def settle_into(self, out: set[int], heard: Callable[[int], None]) -> None:
        deadline = time.perf_counter() + 10
        while out and time.perf_counter() < deadline:
            self.hear(0.2, heard)

    def close(self) -> None:
        self.poll.close()
        for made in self.sockets:
            made.close()


def percentile(values: list[float], share: float) -> float:
    """The value that this share of them stays below."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
