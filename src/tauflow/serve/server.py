"""The server: a socket, the house behind it, and uvicorn to run the two until it is told to stop."""

from __future__ import annotations

import gc
import logging
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .doors import http
from .doors.door import Door
from .doors.routes import application
from .errors import ServeError
from .gate import Gate, check_host, check_names, read_token
from .house import House
from .limits import SPARE, Limits
from .models import served
from .page.recording import read_recording

KEPT = 128 * 1024  # bytes that the system holds for a client that does not read; the usual megabytes would hide it
FAREWELL = 3  # seconds for what is being answered when the server stops


class Server:
    """`Server(model, ...)` checks everything and takes the port; `run()` serves until SIGINT or SIGTERM, or `stop()`.

    model         a Network, Committee, Recurrent, Stack, cell or Forecaster
    host, port    loopback unless given; port 0 takes a free one, see `port`. Another address needs token_file.
    token_file    its one word is asked of every request, as `Authorization: Bearer ...`
    allow_host    more names of this server; allow_origin: pages of other servers that may talk to it
    limits        see Limits
    recording     a CSV file of samples that the live page plays, see recording.py
    Raises ServeError where one of these can't be, MissingExtraError without `pip install "tauflow[serve]"`.
    """

    def __init__(
        self,
        model: Any,
        *,
        name: str = "model",
        host: str = "127.0.0.1",
        port: int = 8000,
        token_file: str | Path | None = None,
        allow_host: Sequence[str] = (),
        allow_origin: Sequence[str] = (),
        limits: Limits | None = None,
        recording: str | Path | None = None,
    ) -> None:
        uvicorn = http.needed()
        limits = limits or Limits()
        token = None if token_file is None else read_token(token_file)
        check_host(host, token)
        check_names(allow_host, allow_origin)
        check_files(limits.sessions + SPARE)
        ready = served(model, name)
        recorded = None if recording is None else read_recording(recording, ready)
        self.house = House(ready, Gate(host, token, allow_host, allow_origin), limits, recorded)
        self.host = host
        self.socket = listen(host, port)
        self.port: int = self.socket.getsockname()[1]
        house, plain = self.house, http.protocol_class(self.house)

        def begin(config: Any, server_state: Any, app_state: Any, _loop: Any) -> Door:
            house.known = server_state.connections
            return Door(house, lambda: plain(config, server_state, app_state))

        config = uvicorn.Config(
            http.Guard(application(house), house),
            http=begin,
            loop="asyncio",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=FAREWELL,
            h11_max_incomplete_event_size=16 * 1024,
        )
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        self._server = uvicorn.Server(config)

    @property
    def url(self) -> str:
        """Where the page is."""
        name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{name}]' if ':' in name else name}:{self.port}/"

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until told to stop; `ready` is called when clients are taken, which is before anything else is done."""
        gc.collect()
        gc.freeze()  # the model and the libraries stay: a collection that looks at them takes a tenth of a second
        try:
            ready()  # the socket listens already: who comes now waits a moment
            self._server.run(sockets=[self.socket])
        except KeyboardInterrupt:
            pass  # uvicorn has said farewell to everybody and hands the signal on
        finally:
            gc.unfreeze()
            self.socket.close()

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._server.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections at this address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KEPT)  # of those that it takes
        found.bind((host, port))
        found.listen(1024)
    except (OSError, OverflowError) as error:
        found.close()
        why = getattr(error, "strerror", None) or str(error)
        raise ServeError(f"can't take {host} port {port}: {why}; try another --port") from None
    return found


def check_files(count: int) -> None:
    """Room for so many open connections, raised as far as the system lets us."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = count + 64
    if soft >= need or soft == resource.RLIM_INFINITY:
        return
    if hard != resource.RLIM_INFINITY and hard < need:
        raise ServeError(
            f"the system lets a process open {hard} files, but {need} are needed: fewer --sessions, or ulimit -n {need}"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))
