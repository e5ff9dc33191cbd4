"""A model behind a socket: `Server(model).run()`, or `tauflow serve MODEL`. START with
models/session.py, then doors/socket.py.

models/   what is served: session.py is one stream, in JSON lines or binary frames
doors/    the ways in: a WebSocket from its first byte to its last, and plain requests, by FastAPI and uvicorn
page/     the live page, and what it looks at
gate.py   Host, Origin, token      limits.py   every limit, with its reason      house.py, server.py   who is connected; the port
"""

from __future__ import annotations

from .errors import ServeError
from .limits import Limits
from .models import read_model
from .server import Server

__all__ = ["Limits", "ServeError", "Server", "read_model"]
