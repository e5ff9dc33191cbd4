"""Who may come in: Host, Origin and token of every request, HTTP and WebSocket alike.

Host     must be a name that is ours: a page of somebody else's whose name was bent to our address (DNS rebinding) says its own
Origin   is sent by browsers: only our own page, or one that was allowed, may talk to us with the user's rights
token    asked on every route where there is one; compared in constant time, length included
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from .errors import ServeError

Headers = Iterable[tuple[bytes, bytes]]  # names in lower case
Answer = tuple[int, str]  # status and sentence

COOKIE = "tauflow"
PROTOCOL = "tauflow.v1"  # of the WebSocket; beside it a browser may offer "bearer.TOKEN", since it can't send a header
TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,256}")
LOCAL = ("localhost", "127.0.0.1", "::1")


class Gate:
    """`refusal(headers)` is None for who may come in, else why not."""

    def __init__(
        self, host: str, token: str | None = None, names: Iterable[str] = (), origins: Iterable[str] = ()
    ) -> None:
        address = None if host == "localhost" else ipaddress.ip_address(host)
        self.names = {*LOCAL, host, *(name.lower() for name in names)}
        self.any_address = address is not None and address.is_unspecified
        self.origins = {origin.rstrip("/").lower() for origin in origins}
        self._token = None if token is None else hashlib.sha256(token.encode()).digest()

    @property
    def asks(self) -> bool:
        """Whether there is a token."""
        return self._token is not None

    def refusal(self, headers: Headers) -> Answer | None:
        """The status and the sentence for a request with these headers; None to let it in."""
        found: dict[bytes, list[str]] = {}
        for name, value in headers:
            if name in (b"host", b"origin", b"authorization", b"cookie", b"sec-websocket-protocol"):
                found.setdefault(name, []).append(value.decode("latin-1"))
        hosts = found.get(b"host", [])
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return 403, f"Host is {_shown(hosts)}, which is not a name of this server: start it with --allow-host"
        if not self._may_ask(found.get(b"origin", []), hosts[0]):
            return 403, f"Origin is {_shown(found[b'origin'])}, a page of another server: start with --allow-origin"
        if self._token is not None and not self._knows(found):
            return 401, "a token is needed: Authorization: Bearer TOKEN, with the text of the server's --token-file"
        return None

    def _is_ours(self, host: str) -> bool:
        name = _name_of(host)
        if name is None:
            return False
        if name in self.names:
            return True
        return self.any_address and _is_address(name)

    def _may_ask(self, origins: list[str], host: str) -> bool:
        if not origins:
            return True  # no browser, or its own page
        if len(origins) > 1:
            return False
        origin = origins[0].lower()
        return origin in (f"http://{host.lower()}", f"https://{host.lower()}") or origin in self.origins

    def _knows(self, found: dict[bytes, list[str]]) -> bool:
        """Whether any of the places for a token holds the right one; each is compared, whatever the others gave."""
        given = [value[7:] for value in found.get(b"authorization", []) if value[:7].lower() == "bearer "]
        for cookies in found.get(b"cookie", []):
            given += [
                part.strip()[len(COOKIE) + 1 :] for part in cookies.split(";") if part.strip().startswith(f"{COOKIE}=")
            ]
        for offered in found.get(b"sec-websocket-protocol", []):
            given += [part.strip()[7:] for part in offered.split(",") if part.strip().startswith("bearer.")]
        right = False
        for token in given[:8]:
            right |= hmac.compare_digest(hashlib.sha256(token.encode()).digest(), self._token or b"")
        return right


def read_token(path: str | Path) -> str:
    """The token in a file: one word of 16 letters or more, which nobody else may read."""
    file = Path(path)
    try:
        mode, text = file.stat().st_mode, file.read_bytes()[:1024].decode("ascii", "replace").strip()
    except OSError as error:
        raise ServeError(f"the token file {file} can't be read: {error.strerror}") from None
    make = f"make one: (umask 077; python3 -c 'import secrets; print(secrets.token_urlsafe(32))' > {file})"
    if not TOKEN.fullmatch(text):
        raise ServeError(f"the token file {file} holds no token, expected 16 to 256 of A-Z a-z 0-9 . _ ~ -; {make}")
    if stat.S_IMODE(mode) & 0o077:
        raise ServeError(f"the token file {file} can be read by others: chmod 600 {file}")
    return text


def check_host(host: str, token: str | None) -> None:
    """Loopback, or an address with a token."""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise ServeError(
            f"host is {host!r}, expected an address such as 127.0.0.1, ::1, 0.0.0.0, or localhost"
        ) from None
    if not local and token is None:
        raise ServeError(
            f"host is {host}, which others can reach, and there is no token: give --token-file, or stay with 127.0.0.1"
        )


def check_names(names: Iterable[str], origins: Iterable[str]) -> None:
    """Names without a port, origins with their scheme."""
    for name in names:
        if _name_of(name) != name.lower():
            raise ServeError(f"allow-host is {name!r}, expected a bare name such as tau.example.org")
    for origin in origins:
        if not re.fullmatch(r"https?://[^/\s]+/?", origin):
            raise ServeError(f"allow-origin is {origin!r}, expected such as https://tau.example.org:8443")


def _name_of(host: str) -> str | None:
    """The name in a Host header, without its port, in lower case; None where it is none."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?", host)
    return (found[1] or found[2]).lower() if found else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _shown(values: list[str]) -> str:
    """What came, short and printable."""
    return ", ".join(ascii(value[:80]) for value in values[:3]) or "missing"
