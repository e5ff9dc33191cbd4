"""Frames of a WebSocket, RFC 6455: read from the bytes of a client, written for it. No extension, so nothing is unpacked.

    byte 0   fin, three bits that must be zero, opcode      byte 1   masked, length (126: two bytes follow, 127: eight)
    a client masks: four bytes, then the payload xor these four again and again

Written here because a step takes a microsecond and the general paths take fifty to a hundred of them; see docs/adr/0019.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache

from ..errors import BrokenError

MORE, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GONE, PROTOCOL_ERROR, NO_TEXT, POLICY, TOO_BIG = 1001, 1002, 1007, 1008, 1009
MOST_HEAD = 14  # bytes before a payload
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Frame = tuple[bool, int, bytes, int]  # fin, opcode, payload, where the next one begins


def accept(key: bytes) -> bytes:
    """The answer to Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())


@cache
def unmasker() -> Callable[[bytes, bytes], bytes]:
    """(payload, mask) -> payload: in C where the websockets package has it so."""
    try:
        from websockets.speedups import apply_mask
    except ImportError:
        return unmask
    return apply_mask


def unmask(payload: bytes, mask: bytes) -> bytes:
    """The payload xor the mask again and again, as one long number."""
    size = len(payload)
    repeated = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(repeated, "little")).to_bytes(size, "little")


def read(data: bytes, at: int, most: int, undo: Callable[[bytes, bytes], bytes]) -> Frame | None:
    """The frame that begins at `at`; None while it is not whole. BrokenError where it breaks the protocol, or is longer than `most`."""
    size = len(data) - at
    if size < 2:
        return None
    first, second = data[at], data[at + 1]
    opcode, length, start = first & 15, second & 127, at + 2
    if first & 0x70:
        raise BrokenError(PROTOCOL_ERROR, "a frame uses an extension that was not agreed on")
    if not second & 128:
        raise BrokenError(PROTOCOL_ERROR, "a client's frame is not masked")
    if opcode > BINARY:
        if opcode not in (CLOSE, PING, PONG):
            raise BrokenError(PROTOCOL_ERROR, f"no frame has the opcode {opcode}")
        if length > 125 or not first & 128:
            raise BrokenError(PROTOCOL_ERROR, "a control frame is cut in pieces, or longer than 125 bytes")
    elif length == 126:
        start = at + 4
        length = int.from_bytes(data[at + 2 : start], "big") if size >= 4 else 0
    elif length == 127:
        start = at + 10
        length = int.from_bytes(data[at + 2 : start], "big") if size >= 10 else 0
    if length > most:
        raise BrokenError(TOO_BIG, f"a message has {length} bytes, more than the {most} of --frame")
    end = start + 4 + length
    if len(data) < end:
        return None
    return bool(first & 128), opcode, undo(data[start + 4 : end], data[start : start + 4]), end


def head(opcode: int, size: int) -> bytes:
    """What stands before a payload of so many bytes."""
    if size < 126:
        return bytes((128 | opcode, size))
    if size < 65536:
        return bytes((128 | opcode, 126, size >> 8, size & 255))
    return bytes((128 | opcode, 127)) + size.to_bytes(8, "big")


def write(opcode: int, payload: bytes) -> bytes:
    """A whole frame for a client."""
    return head(opcode, len(payload)) + payload


def code_of(payload: bytes) -> int:
    """The code to answer a close frame with."""
    code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1000
    return code if 1000 <= code < 5000 and code not in (1004, 1005, 1006, 1015) else PROTOCOL_ERROR


def closing(code: int, reason: str) -> bytes:
    """A close frame; the reason is cut to what fits."""
    return write(CLOSE, code.to_bytes(2, "big") + reason.encode()[:123].decode(errors="ignore").encode())
