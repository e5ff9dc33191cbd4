"""The house behind the door: the model, the gate, the limits, and everybody who is connected.

Once in half a second a sweep asks every connection whether it is overdue; there is no timer a connection, let alone a message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, Protocol

from . import words
from .doors.wire import Ring
from .gate import Gate
from .limits import BODIES, SPARE, Limits
from .metrics import Metrics
from .models import Served, ServedForecaster
from .models.session import Session
from .page.live import Live

SWEEP = 0.5  # seconds


class Connection(Protocol):
    """What the sweep asks of a connection, whatever it became."""

    def overdue(self, now: float) -> str | None: ...

    def cut(self, why: str) -> None: ...


class House:
    """One a server."""

    def __init__(self, model: Served | ServedForecaster, gate: Gate, limits: Limits, recording: Any = None) -> None:
        self.model, self.gate, self.limits = model, gate, limits
        self.metrics = Metrics()
        self.now = monotonic()  # as of the last sweep: near enough for who is idle
        self.connections: set[Any] = set()
        self.sessions: set[Any] = set()  # sockets
        self.bodies = BODIES  # requests with a body that may still come
        self.known: set[Any] = set()  # the connections that uvicorn tells when it ends
        self.recording = recording
        self._ring: Ring | None = None
        self.doors: dict[bytes, Callable[[], Any]] = {}
        if isinstance(model, Served):
            self.doors = {b"/v1/stream": partial(self.begin, model), b"/v1/live": partial(Live, self, model)}

    def ring(self) -> Ring:
        """The sessions' sockets; it begins with the first of them, in the event loop."""
        if self._ring is None:
            self._ring = Ring()
        return self._ring

    @property
    def full(self) -> bool:
        """Whether another connection is too many."""
        return len(self.connections) >= self.limits.sessions + SPARE

    def admits(self) -> bool:
        """Whether there is room for another session."""
        return len(self.sessions) < self.limits.sessions

    def begin(self, model: Served) -> Session:
        """A session for a new socket."""
        self.metrics.opened += 1
        return Session(model)

    def came(self, connection: Any) -> None:
        self.connections.add(connection)
        self.known.add(connection)

    def gone(self, connection: Any) -> None:
        """A connection is lost, for whatever reason."""
        self.connections.discard(connection)
        self.known.discard(connection)
        if connection in self.sessions:
            self.sessions.discard(connection)
            self.metrics.steps += connection.session.answered
            if isinstance(connection.session, Live):
                connection.session.leave()

    async def sweep(self) -> None:
        """Cut who is overdue, again and again."""
        while True:
            await asyncio.sleep(SWEEP)
            now = self.now = monotonic()
            for connection in list(self.connections):
                why = connection.overdue(now)
                if why is not None:
                    self.metrics.cut += 1
                    connection.cut(why)

    def scene(self) -> str:
        """What the live page draws."""
        model = self.model
        if not isinstance(model, Served):
            return words.write(model.about())
        look = {"cells": model.look.scene(), "why_not": model.look.why_not}
        return words.write(
            {**model.about(), **look, "period": model.period, "ranges": model.ranges(), "recording": self.recording}
        )

    def close(self) -> None:
        """The server ended."""
        if self._ring is not None:
            self._ring.close()

    def numbers(self) -> str:
        """The metrics as text."""
        steps = sum(socket.session.answered for socket in self.sessions)
        return self.metrics.text(len(self.sessions), len(self.connections), steps, self.model.about())
