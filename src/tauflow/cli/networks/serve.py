"""tauflow serve: a saved model behind a WebSocket, with a live page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...cli.options import option
from ...cli.output import complain

WHERE, WHO, LIMITS, PAGE = "Where", "Who may come in", "Limits of a client", "The live page"


def serve(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A network or forecaster that was saved.")],
    host: Annotated[str, option("An address of this machine.", WHERE, metavar="ADDRESS", shown=True)] = "127.0.0.1",
    port: Annotated[int, option("0 takes a free one.", WHERE, min=0, max=65535, metavar="N", shown=True)] = 8000,
    token_file: Annotated[
        Path | None, option("A file with the token that every request must bring.", WHO, metavar="FILE")
    ] = None,
    allow_host: Annotated[list[str] | None, option("One more name of this server.", WHO, metavar="NAME")] = None,
    allow_origin: Annotated[list[str] | None, option("A page that may talk to it.", WHO, metavar="ORIGIN")] = None,
    sessions: Annotated[int, option("Sessions at once.", LIMITS, min=1, metavar="N", shown=True)] = 1024,
    rate: Annotated[float, option("Steps a second of a session.", LIMITS, metavar="N", shown=True)] = 2000,
    frame: Annotated[int, option("Bytes of a message.", LIMITS, metavar="BYTES", shown=True)] = 65536,
    body: Annotated[int, option("Bytes of a request.", LIMITS, metavar="BYTES", shown=True)] = 1048576,
    idle: Annotated[float, option("A session that says nothing.", LIMITS, metavar="SECONDS", shown=True)] = 300,
    timeout: Annotated[
        float, option("What was begun must be whole, what was answered be read.", LIMITS, metavar="SECONDS", shown=True)
    ] = 8,
    record: Annotated[
        Path | None, option("Samples to play, a CSV file: a column an input, and dt.", PAGE, metavar="FILE")
    ] = None,
) -> None:
    """Serve a model to programs, sample by sample, and to people, as a page that shows its neurons at work.

    Programs open a WebSocket, /v1/stream, and have a session with a state of its own; /v1/predict answers whole windows and tables.
    The page is at /. Only this machine is served unless --host says otherwise, which needs --token-file.

    Example: [bold]tauflow serve walker.tau --port 8000[/bold]
    """
    from ...serve import Limits, Server, read_model

    server = Server(
        read_model(model),
        name=model.stem,
        host=host,
        port=port,
        token_file=token_file,
        allow_host=allow_host or (),
        allow_origin=allow_origin or (),
        limits=Limits(sessions, float(rate), frame, body, float(idle), float(timeout)),
        recording=record,
    )
    served = server.house.model
    for note in served.notes:
        complain(f"note: {note}")
    server.run(lambda: complain(f"serving {served.name}, a {served.kind}, at {server.url}  (Ctrl-C stops it)"))
