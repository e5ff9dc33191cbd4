"""What a server says no to: its user at the start, its clients later."""

from __future__ import annotations

from ..errors import TauflowError


class ServeError(TauflowError, ValueError):
    """A model, an address or an option that can't be served so; said before the server begins."""


class RefusedError(TauflowError, ValueError):
    """A message that is answered by this sentence; the session stays as it was."""


class BrokenError(TauflowError, ValueError):
    """A client that breaks the protocol or a limit: its connection is closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason
