"""Sockets of sessions, watched by a selector of their own inside the event loop: what a step costs on its way in and out.

The loop knows one file, that of the selector; `Ring.ready` then goes through all sessions that have something to say in one call, where
asyncio makes a handle, a context and two calls of each. A `Wire` is to a Socket what a transport of asyncio is: write, close, abort,
pause_reading, resume_reading; it calls pause_writing and resume_writing.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
from collections.abc import Callable
from typing import Any

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
MOST = 16 * 1024  # bytes at once, so that one who says much does not keep the others waiting


class Ring:
    """All wires of a server."""

    def __init__(self) -> None:
        self.selector: Any = selectors.DefaultSelector()
        self.loop = asyncio.get_running_loop()
        self.loop.add_reader(self.selector.fileno(), self.ready)

    def ready(self) -> None:
        """Go once through those that have something, or have room again."""
        for key, events in self.selector.select(0):
            key.data(events)

    def close(self) -> None:
        self.loop.remove_reader(self.selector.fileno())
        self.selector.close()


class Wire:
    """One socket. `protocol` is told what comes, and once that it is lost."""

    __slots__ = ("closing", "full", "high", "out", "protocol", "raw", "reading", "ring", "wanted")

    def __init__(self, ring: Ring, raw: socket.socket, high: int) -> None:
        raw.setblocking(False)
        self.ring, self.raw, self.high = ring, raw, high
        self.protocol: Any = None
        self.out = b""  # what the system did not take yet
        self.reading, self.full, self.closing = True, False, False
        self.wanted = 0

    def begin(self, protocol: Any) -> None:
        self.protocol = protocol
        self.want()

    def happened(self, events: int) -> None:
        """Bytes came, or there is room for bytes."""
        if events & READ and self.reading:
            try:
                data = self.raw.recv(MOST)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self.lose(error)
                return
            if data:
                self.protocol.data_received(data)
            else:
                self.reading = False
                self.want()
                self.protocol.eof_received()
        if events & WRITE and self.out:
            self.flush()

    def write(self, data: bytes) -> None:
        """Send it, or keep what does not go out now."""
        if self.out:
            self.out += data
        else:
            try:
                sent = self.raw.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                self.lose(error)
                return
            if sent == len(data):
                return
            self.out = data[sent:]
            self.want()
        if len(self.out) > self.high and not self.full:
            self.full = True
            self.protocol.pause_writing()

    def flush(self) -> None:
        try:
            sent = self.raw.send(self.out)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.lose(error)
            return
        self.out = self.out[sent:]
        if not self.out:
            self.want()
            if self.closing:
                self.lose(None)
                return
        if self.full and len(self.out) <= self.high // 4:
            self.full = False
            self.protocol.resume_writing()

    def want(self) -> None:
        """Tell the selector what this wire waits for."""
        wanted = (READ if self.reading else 0) | (WRITE if self.out else 0)
        if wanted == self.wanted:
            return
        change: Callable[..., Any] = (
            self.ring.selector.modify if self.wanted and wanted else self.ring.selector.register
        )
        if wanted:
            change(self.raw, wanted, self.happened)
        else:
            self.ring.selector.unregister(self.raw)
        self.wanted = wanted

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.reading = False
        self.want()

    def resume_reading(self) -> None:
        self.reading = True
        self.want()

    def close(self) -> None:
        """Send what is left, and end."""
        if self.closing:
            return
        self.closing, self.reading = True, False
        self.want()
        if not self.out:
            self.ring.loop.call_soon(self.lose, None)

    def abort(self) -> None:
        """End now."""
        self.out = b""
        self.closing = False
        self.close()

    def lose(self, error: Exception | None) -> None:
        """The end, told once."""
        if self.raw.fileno() < 0:
            return
        self.closing, self.reading, self.out = True, False, b""
        self.want()
        self.raw.close()
        self.ring.loop.call_soon(self.protocol.connection_lost, error)
