"""What the live page talks to: a session that others can be seen through.

    {"x": [...], "dt": 0.05}                 the page's own sample
    ->  {"from": "page" | "client", "steps": n, "x": [...], "dt": ..., "y": [...], "cells": [...], "sessions": n}

Where a client's session is open, its samples are shown and the page's own is not used; {"own": true} beside x insists on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import words
from ..errors import RefusedError
from ..models.session import MISTAKES, Session
from ..numbers import narrow, numbers

if TYPE_CHECKING:
    from ..house import House
    from ..models.network import Served


class Live:
    """As Session, to a Socket."""

    __slots__ = ("answered", "house", "model", "own", "seen", "took", "watching")

    def __init__(self, house: House, model: Served) -> None:
        self.house, self.model = house, model
        self.own: Any = model.open(np.zeros(model.static) if model.static else None)
        self.answered, self.took, self.seen = 0, 1, 0
        self.watching: Session | None = None

    def binary(self, data: bytes) -> bytes:
        raise RefusedError("the live page is spoken to in JSON")

    def line(self, text: str) -> str:
        message = words.read(text)
        words.only(message, "x", "dt", "own")
        if message.get("own") is not True:
            watched = self.choose()
            if watched is not None:
                return self.of_client(watched)
        else:
            self.leave()
        return self.of_page(message)

    def choose(self) -> Session | None:
        """The client that is looked at: the same one as before while it is there, else the one that spoke last."""
        house = self.house
        if self.watching is not None and any(socket.session is self.watching for socket in house.sessions):
            return self.watching
        self.leave()
        clients = [socket for socket in house.sessions if type(socket.session) is Session and socket.session.steps]
        if clients:
            self.watching = max(clients, key=lambda socket: socket.heard).session
            self.watching.watched += 1
        return self.watching

    def leave(self) -> None:
        """Nobody is looked at any more."""
        if self.watching is not None:
            self.watching.watched -= 1
            self.watching = None

    def of_client(self, session: Session) -> str:
        shown = session.shown
        if shown is None:  # nothing since we look on
            return words.write({"from": "client", "steps": session.steps, "sessions": self.clients()})
        return self.picture("client", session.steps, *shown)

    def of_page(self, message: dict[str, Any]) -> str:
        model = self.model
        x = numbers(message.get("x"), "x", (model.inputs,), unknown=model.knows_missing)
        dt = message.get("dt")
        if type(dt) is not float and type(dt) is not int:
            raise RefusedError(f"dt is {dt!r:.40}, expected a number")
        before = self.own.state
        try:
            y = self.own(narrow(x, model.dtype), dt)
        except MISTAKES as error:
            raise RefusedError(str(error)[:300]) from None
        self.answered += 1
        return self.picture("page", self.answered, before, x, float(dt), y)

    def picture(self, who: str, steps: int, before: Any, x: Any, dt: float, y: Any) -> str:
        cells = self.model.look.now(x, dt, before)
        seen = [None if np.isnan(value) else float(f"{value:.5g}") for value in x]
        said = [float(f"{value:.5g}") if np.isfinite(value) else None for value in y]
        about = {
            "from": who,
            "steps": steps,
            "x": seen,
            "dt": dt,
            "y": said,
            "cells": cells,
            "sessions": self.clients(),
        }
        return words.write(about)

    def clients(self) -> int:
        return sum(1 for socket in self.house.sessions if type(socket.session) is Session)
