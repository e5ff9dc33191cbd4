"""One WebSocket: frames in, answers out, and the limits on the way. What is said in the frames is a Session's matter.

A turn answers up to TURN messages, then the other connections have theirs. A session that has used up its rate waits for its
answers; one that goes on sending meanwhile, more than a frame's worth, is closed. What was begun and is not ended in time, what is
not read, and who says nothing is found by the sweep of house.py, through `overdue`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from . import frames
from .errors import Broken, Refused
from .limits import REFUSED, TURN
from .words import write as as_json

if TYPE_CHECKING:
    from .house import House

FAREWELL = 1.0  # seconds for the other side to close, once it was told to


class Socket(asyncio.Protocol):
    """The connection of a session, from the handshake on."""

    __slots__ = (
        "allowance", "began", "closing", "filled", "heard", "house", "loop", "paused", "pieces", "pieces_kind", "pieces_size",
        "refused", "rest", "session", "stuck", "transport", "undo", "waiting",
    )  # fmt: skip

    def __init__(self, house: House, session: Any, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.house, self.session, self.transport, self.loop = house, session, transport, loop
        self.undo = frames.unmasker()
        self.rest = b""  # what came and was not answered yet
        self.pieces: list[bytes] | None = None  # of a message in several frames
        self.pieces_kind = self.pieces_size = 0
        self.refused = 0  # messages in a row
        self.paused = False  # reading
        self.waiting: asyncio.Handle | None = None  # for the next turn
        self.heard = self.filled = loop.time()  # when the last whole message came, when the allowance was looked at
        self.allowance = max(house.limits.rate, 1.0)  # steps
        self.began = self.stuck = self.closing = 0.0  # since when; 0 is not

    # what asyncio calls

    def data_received(self, data: bytes) -> None:
        if self.closing:
            return
        self.rest = self.rest + data if self.rest else data
        if self.waiting is None and not self.stuck:
            self.turn()
        elif len(self.rest) > self.house.limits.frame + frames.MOST_HEAD:
            self.overfull()

    def eof_received(self) -> None:
        self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self.waiting is not None:
            self.waiting.cancel()
        self.rest, self.pieces = b"", None
        self.house.gone(self)

    def pause_writing(self) -> None:
        self.stuck = self.loop.time()
        self.pause()

    def resume_writing(self) -> None:
        self.stuck = 0.0
        if not self.closing and self.waiting is None:
            self.turn()

    # turns

    def turn(self) -> None:
        """Answer what is whole of what came, up to TURN messages and the allowance."""
        self.waiting = None
        if self.closing or self.stuck:
            return
        now, limits = self.loop.time(), self.house.limits
        most = max(limits.rate, 1.0)
        if self.allowance < most:
            self.allowance = min(most, self.allowance + (now - self.filled) * limits.rate)
        self.filled = now
        data, at, answers, left = self.rest, 0, list[bytes](), TURN
        broken, incomplete = None, False
        try:
            while left > 0 and self.allowance >= 1:
                frame = frames.read(data, at, limits.frame, self.undo)
                if frame is None:
                    incomplete = True
                    break
                fin, opcode, payload, at = frame
                cost = self.take(fin, opcode, payload, answers)
                self.allowance -= cost
                left -= cost
        except Broken as error:
            broken = error
        self.rest = data[at:] if at else data
        if at or broken:
            self.heard = now
            self.house.metrics.turn(self.loop.time() - now)
        if answers:
            self.transport.write(b"".join(answers) if len(answers) > 1 else answers[0])
        if broken is not None:
            self.close(broken.code, broken.reason)
            return
        if incomplete:
            if self.pieces is not None or (self.rest and not at):
                self.began = self.began or now  # since its first byte
            else:
                self.began = now if self.rest else 0.0
            if not self.stuck:
                self.resume()
            return
        self.began = 0.0
        self.next_turn(limits.rate)

    def next_turn(self, rate: float) -> None:
        """Let the others have their turn, and the allowance grow where it is used up."""
        if self.stuck:
            return
        if self.allowance >= 1:
            if len(self.rest) > self.house.limits.frame:
                self.pause()
            self.waiting = self.loop.call_soon(self.turn) if self.rest else None
            if not self.rest:
                self.resume()
            return
        if len(self.rest) > self.house.limits.frame:
            self.overfull()
            return
        self.resume()
        self.waiting = self.loop.call_later(min(TURN, rate) / rate, self.turn)

    def take(self, fin: bool, opcode: int, payload: bytes, answers: list[bytes]) -> int:
        """One frame; what it costs of the allowance."""
        if opcode > frames.BINARY:
            return self.control(opcode, payload, answers)
        if self.pieces is not None or not fin or opcode == frames.MORE:
            whole = self.collect(fin, opcode, payload)
            if whole is None:
                return 1
            opcode, payload = whole
        session = self.session
        try:
            if opcode == frames.BINARY:
                answers.append(frames.write(frames.BINARY, session.binary(payload)))
                self.refused = 0
                return session.took  # type: ignore[no-any-return]
            try:
                text = payload.decode()
            except UnicodeDecodeError:
                raise Broken(frames.NO_TEXT, "a text is not UTF-8") from None
            if "\n" in text:
                return self.lines(text, answers)
            answers.append(frames.write(frames.TEXT, session.line(text).encode()))
            self.refused = 0
        except Refused as error:
            self.refuse(error, answers)
        return session.took  # type: ignore[no-any-return]

    def lines(self, text: str, answers: list[bytes]) -> int:
        """Several messages in a frame, a line each, answered by as many lines."""
        said, cost = list[str](), 0
        for line in text.split("\n"):
            if not line.strip():
                continue
            try:
                said.append(self.session.line(line))
                self.refused = 0
            except Refused as error:
                said.append(self.count(error))
            cost += self.session.took
        answers.append(frames.write(frames.TEXT, "\n".join(said).encode()))
        return max(cost, 1)

    def refuse(self, error: Refused, answers: list[bytes]) -> None:
        answers.append(frames.write(frames.TEXT, self.count(error).encode()))

    def count(self, error: Refused) -> str:
        """The answer to what was refused; too many in a row end the session."""
        self.refused += 1
        self.house.metrics.refused += 1
        if self.refused > REFUSED:
            raise Broken(frames.POLICY, f"{REFUSED} messages in a row were refused; the last: {error}")
        return as_json({"error": str(error)})

    def collect(self, fin: bool, opcode: int, payload: bytes) -> tuple[int, bytes] | None:
        """A message in pieces: its kind and bytes once it is whole."""
        if (opcode == frames.MORE) != (self.pieces is not None):
            raise Broken(frames.PROTOCOL_ERROR, "a message in pieces is not continued, or was not begun")
        if self.pieces is None:
            self.pieces, self.pieces_kind, self.pieces_size = [], opcode, 0
        self.pieces.append(payload)
        self.pieces_size += len(payload) + 8
        if self.pieces_size > self.house.limits.frame:
            raise Broken(frames.TOO_BIG, f"a message in pieces has more than the {self.house.limits.frame} bytes of --frame")
        if not fin:
            return None
        whole = b"".join(self.pieces)
        self.pieces = None
        return self.pieces_kind, whole

    def control(self, opcode: int, payload: bytes, answers: list[bytes]) -> int:
        if opcode == frames.PING:
            answers.append(frames.write(frames.PONG, payload))
        elif opcode == frames.CLOSE:
            code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1000
            raise Broken(code if 1000 <= code < 5000 and code not in (1005, 1006, 1015) else frames.PROTOCOL_ERROR, "")
        return 1

    # the end

    def overfull(self) -> None:
        rate = self.house.limits.rate
        if self.stuck or self.allowance >= 1:
            self.pause()
            return
        self.close(frames.POLICY, f"more than {rate:g} steps a second, and no waiting for answers: send slower, or raise --rate")

    def overdue(self, now: float) -> str | None:
        """Why this connection is to be cut now."""
        limits = self.house.limits
        if self.closing:
            return "told to go" if now - self.closing > FAREWELL else None
        if self.stuck:
            return "does not read its answers" if now - self.stuck > limits.timeout else None
        if self.began and now - self.began > limits.timeout:
            return "half a message"
        if now - self.heard > limits.idle:
            return "idle"
        return None

    def cut(self, why: str) -> None:
        """End it: with a word where the other side can hear one."""
        if self.closing or self.stuck:
            self.transport.abort()
        else:
            self.close(frames.POLICY, f"{why}: the limit is {self.house.limits.idle if why == 'idle' else self.house.limits.timeout:g} s")

    def close(self, code: int, reason: str) -> None:
        """Say why and go; what still comes is not looked at."""
        if self.closing:
            return
        self.closing = self.loop.time()
        self.rest, self.pieces = b"", None
        if self.waiting is not None:
            self.waiting.cancel()
            self.waiting = None
        self.house.metrics.closed(code, reason)
        self.transport.write(frames.closing(code, reason))
        if reason:
            self.resume()  # so that the other side gets to read it
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """The server ends."""
        self.close(frames.GONE, "the server stops")

    def pause(self) -> None:
        if not self.paused and not self.transport.is_closing():
            self.paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        if self.paused and not self.transport.is_closing():
            self.paused = False
            self.transport.resume_reading()
