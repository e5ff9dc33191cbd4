"""A server in a thread for tests, and a client that says to it, byte by byte, what a test wants said."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

from tauflow.serve import Server


@contextlib.contextmanager
def serving(model: Any, **options: Any) -> Iterator[Server]:
    """A server on a free port, until the block ends."""
    server = Server(model, port=0, **options)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_for(server)
        yield server
    finally:
        server.stop()
        thread.join(20)
        assert not thread.is_alive(), "the server did not stop"


def wait_for(server: Server) -> None:
    raw = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    raw.sendall(b"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert raw.recv(100)
    raw.close()


class Client:
    """A raw WebSocket; `send` masks, `read` gives (opcode, payload), or None where the other side is gone."""

    def __init__(self, port: int, path: str = "/v1/stream", timeout: float = 20.0, **headers: str) -> None:
        self.raw = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        said = {"Host": f"127.0.0.1:{port}", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
                **{name.replace("_", "-"): value for name, value in headers.items()}}  # fmt: skip
        lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        self.raw.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            part = self.raw.recv(4096)
            if not part:
                break
            self.buffer += part
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.head = head.decode("latin-1")
        self.status = int(head.split()[1]) if head else 0

    def send(self, opcode: int, payload: bytes, fin: bool = True) -> None:
        self.raw.sendall(frame(opcode, payload, fin))

    def ask(self, message: Any) -> Any:
        """A JSON message and its answer."""
        self.send(1, (message if isinstance(message, str) else json.dumps(message)).encode())
        opcode, payload = self.read()
        assert opcode == 1, (opcode, payload)
        return json.loads(payload)

    def read(self) -> tuple[int, bytes]:
        """The next frame; (0, b"") where the connection ended."""
        while True:
            found = self._whole()
            if found is not None:
                return found
            try:
                part = self.raw.recv(65536)
            except ConnectionError:
                part = b""
            if not part:
                return 0, b""
            self.buffer += part

    def _whole(self) -> tuple[int, bytes] | None:
        data = self.buffer
        if len(data) < 2:
            return None
        size, start = data[1], 2
        if size == 126:
            size, start = struct.unpack_from(">H", data.ljust(4, b"\0"), 2)[0], 4
        elif size == 127:
            size, start = struct.unpack_from(">Q", data.ljust(10, b"\0"), 2)[0], 10
        if len(data) < start + size:
            return None
        self.buffer = data[start + size :]
        return data[0] & 15, data[start : start + size]

    def closed(self) -> tuple[int, str]:
        """(code, reason) of the close frame that comes, whatever comes before it; (1006, "") where none does."""
        while True:
            opcode, payload = self.read()
            if opcode == 8:
                return int.from_bytes(payload[:2], "big"), payload[2:].decode()
            if opcode == 0:
                return 1006, ""

    def close(self) -> None:
        self.raw.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def frame(opcode: int, payload: bytes, fin: bool = True, mask: bytes = b"\x11\x22\x33\x44", bits: int = 0) -> bytes:
    size = len(payload)
    head = bytes((opcode | bits | (128 if fin else 0),))
    if size < 126:
        head += bytes((128 | size,))
    elif size < 65536:
        head += bytes((254,)) + struct.pack(">H", size)
    else:
        head += bytes((255,)) + struct.pack(">Q", size)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def request(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """(status, headers in lower case, body) of a plain request."""
    said = {"Host": f"127.0.0.1:{port}", "Connection": "close", **{k.replace("_", "-"): v for k, v in headers.items()}}
    if body or method == "POST":
        said.setdefault("Content-Length", str(len(body)))
    raw = socket.create_connection(("127.0.0.1", port), timeout=20)
    with raw:
        lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        raw.sendall(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        return answer(raw)


def answer(raw: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """What comes until the other side closes."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while part := raw.recv(65536):
            data += part
    head, _, rest = data.partition(b"\r\n\r\n")
    if not head:
        return 0, {}, b""
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in lines)
    return int(first.split()[1]), {name.lower(): value.strip() for name, value in pairs}, rest


def seconds_until_gone(raw: socket.socket, at_most: float = 15.0) -> float:
    """How long until the other side ends the connection."""
    began = time.monotonic()
    raw.settimeout(at_most)
    with contextlib.suppress(ConnectionError):
        while raw.recv(65536):
            pass
    return time.monotonic() - began
