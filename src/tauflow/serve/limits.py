"""What a client may ask of the server: one place for every limit, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import isfinite

from .errors import ServeError

SPARE = 256  # connections beside the sessions: pages, predictions, and those that have not said yet what they are
BODIES = 16  # requests with a body that are read or answered at once; more are told to come back
TURN = 32  # messages of a session in a row, before the others have theirs
HEAD = 16 * 1024  # bytes of a request's head
REFUSED = 100  # messages in a row that were refused: this client does not read what it is told
STEPS = 10_000  # ahead, for a forecaster that can go any number


@dataclass(frozen=True)
class Limits:
    """sessions (at once)   rate (steps a second, of a session)   frame, body (bytes)   idle, timeout (seconds)"""

    sessions: int = 1024
    rate: float = 2000.0  # twice a control loop of 1 kHz; faster, answers wait
    frame: int = 64 * 1024  # of a message of a session
    body: int = 1024 * 1024  # of a request to predict
    idle: float = 300.0  # a session that says nothing
    timeout: float = 8.0  # what was begun (a request, a message) must be whole, and what was answered must be read

    burst: float = field(init=False, default=0.0)  # steps at once: those of a second

    def __post_init__(self) -> None:
        for one in fields(self):
            if not one.init:
                continue
            value, whole = getattr(self, one.name), one.type == "int"
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                raise ServeError(f"{one.name} is {value!r}, expected a {'whole ' if whole else ''}number")
            if not (isfinite(value) and value > 0):
                raise ServeError(f"{one.name} is {value!r}, expected a number above zero")
        if self.frame < 128:
            raise ServeError(f"frame is {self.frame} bytes, expected 128 or more: a message has to fit")
        object.__setattr__(self, "burst", max(float(self.rate), 1.0))
