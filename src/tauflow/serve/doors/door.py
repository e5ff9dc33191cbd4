"""The door: the first bytes of every connection. A session's handshake is answered here, any other request goes on to uvicorn.

No byte reaches the web framework before the head of the request is whole, short enough, and let in by the gate. A connection that
says nothing, or half a head, or a byte a second, is cut after --timeout.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..gate import PROTOCOL
from ..limits import HEAD
from . import frames
from .socket import FAREWELL, Socket
from .wire import Wire

if TYPE_CHECKING:
    from ..house import House

REQUEST = re.compile(rb"([A-Z]{1,16}) (/[!-~]{0,2047}) HTTP/1\.[01]")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
WORDS = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 431: "Request Header Fields Too Large", 503: "Service Unavailable",
}  # fmt: skip


class Door(asyncio.Protocol):
    """A connection that has not said yet what it is; `serve_http` makes the protocol for plain requests."""

    def __init__(self, house: House, serve_http: Any) -> None:
        self.house, self.serve_http = house, serve_http
        self.head = b""
        self.since = monotonic()
        self.leaving = 0.0  # since when the answer was no

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(high=self.house.limits.frame)
        if self.house.full:
            self.house.came(self)
            self.refuse(503, "this server has all the connections that it takes: come back later")
            return
        self.house.came(self)

    def data_received(self, data: bytes) -> None:
        if self.leaving or self.transport.is_closing():
            return
        self.head += data
        end = self.head.find(b"\r\n\r\n", max(0, len(self.head) - len(data) - 3))
        if end < 0 or end > HEAD:
            if len(self.head) > HEAD:
                self.refuse(431, f"the head of a request is longer than {HEAD} bytes")
            return
        try:
            path, headers = parse(self.head[:end])
        except ValueError as error:
            self.refuse(400, str(error))
            return
        refused = self.house.gate.refusal(headers)
        wants_socket = any(name == b"upgrade" for name, _ in headers)
        if wants_socket:
            if refused is not None:
                self.refuse(*refused)
            else:
                self.handshake(path, dict(headers), self.head[end + 4 :])
        else:
            self.hand_over(self.serve_http(), self.head)

    def hand_over(self, protocol: Any, data: bytes) -> None:
        """Another protocol goes on with this connection, from these bytes on."""
        self.house.gone(self)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        if data:
            protocol.data_received(data)

    def handshake(self, path: bytes, headers: dict[bytes, bytes], rest: bytes) -> None:
        """Answer a WebSocket's request and become one."""
        open_session = self.house.doors.get(path.partition(b"?")[0])
        key = headers.get(b"sec-websocket-key", b"")
        wrong = (
            headers.get(b"upgrade", b"").lower() != b"websocket"
            or b"upgrade" not in headers.get(b"connection", b"").lower()
            or headers.get(b"sec-websocket-version") != b"13"
            or not KEY.fullmatch(key)
        )
        if wrong:
            self.refuse(400, "this is no handshake of a WebSocket, version 13")
        elif open_session is None:
            paths = ", ".join(name.decode() for name in self.house.doors)
            why = self.house.model.why_no_sessions or f"there is no WebSocket at this path, expected {paths}"
            self.refuse(400, why)
        elif not self.house.admits():
            self.refuse(
                503, f"this server has all the {self.house.limits.sessions} sessions of --sessions: come back later"
            )
        else:
            lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"]
            lines.append(b"Sec-WebSocket-Accept: " + frames.accept(key))
            offered = [part.strip() for part in headers.get(b"sec-websocket-protocol", b"").split(b",")]
            if PROTOCOL.encode() in offered:
                lines.append(b"Sec-WebSocket-Protocol: " + PROTOCOL.encode())
            self.begin(open_session(), b"\r\n".join(lines) + b"\r\n\r\n", rest)

    def begin(self, session: Any, accepted: bytes, rest: bytes) -> None:
        """The same connection under a second file number, which outlives that of asyncio's transport."""
        raw = socket.socket(fileno=os.dup(self.transport.get_extra_info("socket").fileno()))
        self.leaving = monotonic()  # nothing more is heard here
        self.transport.abort()
        wire = Wire(self.house.ring(), raw, self.house.limits.frame)
        new = Socket(self.house, session, wire)
        self.house.came(new)
        self.house.sessions.add(new)
        wire.begin(new)
        wire.write(accepted)
        if rest:
            new.data_received(rest)

    def refuse(self, status: int, why: str) -> None:
        """A short answer, and the end."""
        self.house.metrics.unwelcome += 1
        body = why.encode() + b"\n"
        head = f"HTTP/1.1 {status} {WORDS[status]}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        head += f"content-length: {len(body)}\r\nconnection: close\r\n"
        extra = 'www-authenticate: Bearer realm="tauflow"\r\n' if status == 401 else ""
        self.transport.write((head + extra + "\r\n").encode() + body)
        self.leaving, self.head = monotonic(), b""
        if self.transport.can_write_eof():
            self.transport.write_eof()  # what still comes is read and dropped, so that the answer is not lost

    def eof_received(self) -> None:
        self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.house.gone(self)

    def overdue(self, now: float) -> str | None:
        """Why this connection is to be cut now."""
        if self.leaving:
            return "told to go" if now - self.leaving > FAREWELL else None
        return "half a request" if now - self.since > self.house.limits.timeout else None

    def cut(self, why: str) -> None:
        self.transport.abort()

    def shutdown(self) -> None:
        """The server ends."""
        self.transport.close()


def parse(head: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """(path, headers with names in lower case) of a request's head; ValueError where it is none, or could be read in two ways."""
    first, *fields = head.split(b"\r\n")
    request = REQUEST.fullmatch(first)
    if request is None:
        raise ValueError("this is no request of HTTP/1.1")
    headers = []
    for line in fields:
        field = FIELD.fullmatch(line)
        if field is None:
            raise ValueError("a header is no `Name: value`")
        headers.append((field[1].lower(), field[2].rstrip(b" \t")))
    names = [name for name, _ in headers]
    for once in (b"host", b"content-length", b"transfer-encoding", b"upgrade", b"sec-websocket-key"):
        if names.count(once) > 1:
            raise ValueError(f"the header {once.decode()} came twice")
    return request[2], headers
