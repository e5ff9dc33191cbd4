"""A model behind a socket: `Server(model).run()`, or `tauflow serve MODEL`. START with session.py, then socket.py.

    model.py      what is served: streams and windows          gate.py     Host, Origin, token
    session.py    one stream, in JSON lines or binary frames    limits.py   every limit, with its reason
    frames.py, socket.py, door.py    a WebSocket, from the first byte to the last
    http.py, routes.py               the other requests, by FastAPI and uvicorn
    house.py, server.py              who is connected; the socket and its end
    look.py, wires.py, page/         the live page
"""

from __future__ import annotations

from .errors import ServeError
from .limits import Limits
from .model import read_model
from .server import Server

__all__ = ["Limits", "ServeError", "Server", "read_model"]
