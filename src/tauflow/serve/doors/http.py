"""Plain requests: uvicorn's protocol under our clock, and a guard before the web framework.

The guard looks at every request, also at the later ones of a connection: Host, Origin, token, the length of the body, how many bodies
are on their way. fastapi and uvicorn are imported in this room alone, where a server begins.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from ...errors import MissingExtraError
from .. import page
from ..gate import COOKIE

if TYPE_CHECKING:
    from ..house import House

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
SAFE = [
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


def needed() -> Any:
    """uvicorn, or the sentence that says how to get the extra."""
    try:
        import fastapi  # noqa: F401
        import uvicorn
    except ImportError:
        raise MissingExtraError('serving a model needs fastapi and uvicorn: pip install "tauflow[serve]"') from None
    return uvicorn


def protocol_class(house: House) -> Any:
    """uvicorn's protocol, which the sweep may ask."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Http(H11Protocol):
        """`doing` is what the connection waits for from its client: a head, a body, or that it reads; None while we work."""

        doing: str | None = "half a request"
        since = 0.0

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.since = monotonic()
            house.came(self)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            house.gone(self)

        def on_response_complete(self) -> None:
            self.since = monotonic()
            super().on_response_complete()

        def overdue(self, now: float) -> str | None:
            cycle = self.cycle
            if self.flow.write_paused:
                doing: str | None = "does not read its answer"
            elif cycle is None or cycle.response_complete:
                doing = "half a request"
            else:
                doing = "half a body" if cycle.more_body else None
            if doing != self.doing:
                self.doing, self.since = doing, now
            return doing if doing is not None and now - self.since > house.limits.timeout else None

        def cut(self, why: str) -> None:
            self.transport.abort()

    return Http


class Guard:
    """Around the application: who may come in, and how much they may send."""

    def __init__(self, app: Application, house: House) -> None:
        from fastapi import HTTPException

        self.app, self.house = app, house
        why = f"a body is longer than the {house.limits.body} bytes of --body"
        self.too_long = HTTPException(413, why, headers={"connection": "close"})
        self.gone = HTTPException(400, "the client went away")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = self.house.gate.refusal(scope["headers"]) or self._too_much(scope)
        if refused is not None:
            self.house.metrics.unwelcome += 1
            await self._say(scope, send, *refused)
            return
        has_body = scope["method"] not in ("GET", "HEAD")
        if has_body and self.house.bodies < 1:
            self.house.metrics.unwelcome += 1
            await self._say(scope, send, 503, "too many requests at once: come back later")
            return
        self.house.bodies -= has_body
        try:
            await self._let_in(scope, receive, send)
        finally:
            self.house.bodies += has_body

    async def _let_in(self, scope: Message, receive: Receive, send: Send) -> None:
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.disconnect":
                raise self.gone
            taken += len(message.get("body", b""))
            if taken > self.house.limits.body:
                raise self.too_long
            return message

        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", [])
                message["headers"] = [
                    *headers,
                    *SAFE,
                    (b"content-security-policy", POLICY.encode()),
                    *self._cookie(scope),
                ]
            await send(message)

        await self.app(scope, counted, safely)

    def _too_much(self, scope: Message) -> tuple[int, str] | None:
        """What the head alone says too much of."""
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:19]) > self.house.limits.body:
            return 413, str(self.too_long.detail)
        if b"content-encoding" in headers:
            return 415, "a body is packed (Content-Encoding), expected as it is"
        return None

    def _cookie(self, scope: Message) -> list[tuple[bytes, bytes]]:
        """The page's own requests and its WebSocket carry the token that opened it."""
        if not self.house.gate.asks:
            return []
        for name, value in scope["headers"]:
            if name == b"authorization" and scope["path"] == "/":
                kept = f"{COOKIE}=".encode() + value[7:].strip() + b"; HttpOnly; SameSite=Strict; Path=/"
                return [(b"set-cookie", kept)]
        return []

    async def _say(self, scope: Message, send: Send, status: int, why: str) -> None:
        """A short answer, and the end of the connection; a browser without its token gets a field to put it in."""
        body, kind, policy = why.encode() + b"\n", b"text/plain; charset=utf-8", POLICY
        wants_page = any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
        if status == 401 and wants_page and scope["path"] == "/":
            body, kind, policy = page.TOKEN, b"text/html; charset=utf-8", page.token_policy(POLICY)
        extra = [(b"www-authenticate", b'Bearer realm="tauflow"')] if status == 401 else []
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *extra,
            *SAFE,
        ]
        headers.append((b"content-security-policy", policy.encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
