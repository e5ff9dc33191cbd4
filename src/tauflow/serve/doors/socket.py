"""One WebSocket: frames in, answers out, and the limits on the way. What is said in the frames is a Session's matter.

A message that comes alone, as nearly all do, is answered at once (`data_received`). Anything else goes by turns: up to TURN messages,
then the other connections have theirs. A session that has used up its rate waits for its answers; one that goes on sending
meanwhile, more than a frame's worth, is closed. What was begun and is not ended in time, what is not read, and who says nothing is
found by the sweep of house.py, through `overdue`.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..errors import BrokenError, RefusedError
from ..limits import REFUSED, TURN
from ..metrics import EVERY
from ..words import write as as_json
from . import frames
from .frames import BINARY, TEXT

if TYPE_CHECKING:
    from ..house import House
    from .wire import Wire

FAREWELL = 1.0  # seconds for the other side to close, once it was told to


class Socket:
    """The connection of a session, from the handshake on."""

    __slots__ = (
        "allowance", "began", "closing", "filled", "heard", "house", "paused", "pieces", "refused", "rest", "session", "stuck",
        "transport", "undo", "waiting",
    )  # fmt: skip

    def __init__(self, house: House, session: Any, transport: Wire) -> None:
        self.house, self.session, self.transport = house, session, transport
        self.undo = frames.unmasker()
        self.rest = b""  # what came and was not answered yet
        self.pieces: Pieces | None = None  # of a message in several frames
        self.refused = 0  # messages in a row
        self.paused = False  # reading
        self.waiting: asyncio.Handle | None = None  # for the next turn
        self.heard = self.filled = monotonic()  # when the last whole message came; when the allowance was made up
        self.allowance = house.limits.burst  # steps
        self.began = self.stuck = self.closing = 0.0  # since when; 0 is not

    # what the wire calls

    def data_received(self, data: bytes) -> None:
        """What came. One whole message, and nothing waits: answered here, by the shortest way there is."""
        if (
            self.rest
            or self.waiting is not None
            or self.pieces is not None
            or self.stuck
            or self.closing
            or len(data) < 7
        ):
            self.some(data)
            return
        size, start = data[1] - 128, 6
        if size == 126:
            size, start = data[2] << 8 | data[3], 8
        opcode, house, session = data[0] - 128, self.house, self.session
        if len(data) != start + size or size > house.limits.frame or not 0 < opcode < 3:
            self.some(data)
            return
        began = 0.0 if session.answered % EVERY else monotonic()
        try:
            self.transport.write(self.answer(opcode, self.undo(data[start:], data[start - 4 : start])))
        except BrokenError as error:
            self.close(error.code, error.reason)
            return
        self.heard = house.now
        self.allowance -= session.took
        if self.allowance < 1:
            self.make_up()
            if self.allowance < 1:
                self.wait()
        if began:
            house.metrics.turn(monotonic() - began)

    def eof_received(self) -> None:
        self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self.waiting is not None:
            self.waiting.cancel()
        self.rest, self.pieces = b"", None
        self.house.gone(self)

    def pause_writing(self) -> None:
        self.stuck = monotonic()
        self.pause()

    def resume_writing(self) -> None:
        self.stuck = 0.0
        if not self.closing and self.waiting is None:
            self.turn()

    # turns

    def some(self, data: bytes) -> None:
        """Parts of messages, many of them, control frames, more than there is an allowance for."""
        if self.closing:
            return
        self.rest = self.rest + data if self.rest else data
        if self.waiting is None and not self.stuck:
            self.turn()
        elif len(self.rest) > self.house.limits.frame + frames.MOST_HEAD:
            self.overfull()

    def turn(self) -> None:
        """Answer what is whole of what came, up to TURN messages and the allowance."""
        self.waiting = None
        if self.closing or self.stuck:
            return
        self.make_up()
        data, at, answers, left = self.rest, 0, list[bytes](), TURN
        broken, whole = None, True
        try:
            while left > 0 and self.allowance >= 1:
                frame = frames.read(data, at, self.house.limits.frame, self.undo) if at < len(data) else None
                if frame is None:
                    whole = False
                    break
                fin, opcode, payload, at = frame
                cost = self.take(fin, opcode, payload, answers)
                self.allowance -= cost
                left -= cost
        except BrokenError as error:
            broken = error
        self.rest = data[at:]
        if at:
            self.heard = self.house.now
        if answers:
            self.transport.write(b"".join(answers))
        if broken is not None:
            self.close(broken.code, broken.reason)
        elif whole:
            self.began = 0.0
            self.wait()
        else:
            self.half(moved=at > 0)

    def half(self, moved: bool) -> None:
        """All that was whole is answered; what is left, if anything, was begun when its first byte came."""
        now = monotonic()
        if self.pieces is not None or (self.rest and not moved):
            self.began = self.began or now
        else:
            self.began = now if self.rest else 0.0
        self.resume()

    def wait(self) -> None:
        """Let the others have their turn, or the allowance grow where it is used up."""
        limits, loop = self.house.limits, asyncio.get_running_loop()
        if self.stuck:
            return
        if self.allowance < 1:
            if len(self.rest) > limits.frame:
                self.overfull()
                return
            self.resume()
            self.waiting = loop.call_later(max(min(TURN, limits.rate), 1 - self.allowance) / limits.rate, self.turn)
        elif self.rest:
            if len(self.rest) > limits.frame:
                self.pause()
            self.waiting = loop.call_soon(self.turn)
        else:
            self.resume()

    def make_up(self) -> None:
        """The allowance as it has grown since the last time, up to that of a second."""
        now, limits = monotonic(), self.house.limits
        self.allowance = min(limits.burst, self.allowance + (now - self.filled) * limits.rate)
        self.filled = now

    # messages

    def take(self, fin: bool, opcode: int, payload: bytes, answers: list[bytes]) -> int:
        """One frame; what it costs of the allowance."""
        if opcode > BINARY:
            return self.control(opcode, payload, answers)
        if self.pieces is not None or not fin or opcode == frames.MORE:
            self.collect(opcode, payload)
            if self.pieces is None or not fin:
                return 1
            opcode, payload = self.pieces.kind, b"".join(self.pieces.parts)
            self.pieces = None
        answers.append(self.answer(opcode, payload))
        return self.session.took  # type: ignore[no-any-return]

    def answer(self, opcode: int, payload: bytes) -> bytes:
        """The frame that answers a message; BrokenError ends the session."""
        try:
            if opcode == BINARY:
                done: bytes = self.session.binary(payload)
            elif b"\n" in payload:
                return self.lines(payload)
            else:
                done = self.session.line(payload.decode()).encode()
        except RefusedError as error:
            return frames.write(TEXT, self.refuse(error).encode())
        except UnicodeDecodeError:
            raise BrokenError(frames.NO_TEXT, "a text is not UTF-8") from None
        self.refused = 0
        size = len(done)
        return (bytes((128 | opcode, size)) if size < 126 else frames.head(opcode, size)) + done

    def lines(self, payload: bytes) -> bytes:
        """Several messages in a frame, a line each, answered by as many lines."""
        said, cost = list[str](), 0
        for line in payload.decode().split("\n"):
            if not line.strip():
                continue
            try:
                said.append(self.session.line(line))
                self.refused = 0
            except RefusedError as error:
                said.append(self.refuse(error))
            cost += self.session.took
        self.session.took = max(cost, 1)
        return frames.write(TEXT, "\n".join(said).encode())

    def refuse(self, error: RefusedError) -> str:
        """The answer to what was refused; too many in a row end the session."""
        self.refused += 1
        self.house.metrics.refused += 1
        if self.refused > REFUSED:
            raise BrokenError(frames.POLICY, f"{REFUSED} messages in a row were refused; the last: {error}")
        return as_json({"error": str(error)})

    def collect(self, opcode: int, payload: bytes) -> None:
        """A piece of a message that comes in several frames."""
        if (opcode == frames.MORE) != (self.pieces is not None):
            raise BrokenError(frames.PROTOCOL_ERROR, "a message in pieces is not continued, or was not begun")
        if self.pieces is None:
            self.pieces = Pieces(opcode)
        most = self.house.limits.frame
        if self.pieces.add(payload) > most:
            raise BrokenError(frames.TOO_BIG, f"a message in pieces has more than the {most} bytes of --frame")

    def control(self, opcode: int, payload: bytes, answers: list[bytes]) -> int:
        if opcode == frames.PING:
            answers.append(frames.write(frames.PONG, payload))
        elif opcode == frames.CLOSE:
            raise BrokenError(frames.code_of(payload), "")
        return 1

    # the end

    def overfull(self) -> None:
        """More came than is kept: it waits in the network, or its sender does not wait at all and goes."""
        if self.stuck or self.allowance >= 1:
            self.pause()
            return
        rate = self.house.limits.rate
        self.close(
            frames.POLICY,
            f"more than {rate:g} steps a second, and no waiting for answers: send slower, or raise --rate",
        )

    def overdue(self, now: float) -> str | None:
        """Why this connection is to be cut now."""
        limits = self.house.limits
        if self.closing:
            return "told to go" if now - self.closing > FAREWELL else None
        if self.stuck:
            return "does not read its answers" if now - self.stuck > limits.timeout else None
        if self.began and now - self.began > limits.timeout:
            return f"half a message for {limits.timeout:g} s"
        return f"idle for {limits.idle:g} s" if now - self.heard > limits.idle else None

    def cut(self, why: str) -> None:
        """End it: with a word where the other side can hear one."""
        if self.closing or self.stuck:
            self.transport.abort()
        else:
            self.close(frames.POLICY, why)

    def close(self, code: int, reason: str) -> None:
        """Say why and go; what still comes is not looked at."""
        if self.closing:
            return
        self.closing = monotonic()
        self.rest, self.pieces = b"", None
        if self.waiting is not None:
            self.waiting.cancel()
            self.waiting = None
        self.house.metrics.closed(code)
        self.transport.write(frames.closing(code, reason))
        if reason:
            self.resume()  # so that nothing unread makes the system drop what we say
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


class Pieces:
    """Frames of one message so far; each counts a little more than its bytes, so that empty ones end too."""

    def __init__(self, kind: int) -> None:
        self.kind, self.parts, self.size = kind, list[bytes](), 0

    def add(self, part: bytes) -> int:
        self.parts.append(part)
        self.size += len(part) + 8
        return self.size
