"""The routes beside the sessions: predictions, health, numbers, description, page.

No `from __future__ import annotations` here: FastAPI reads the annotations of functions whose types are imported inside.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ... import __version__
from .. import page, words
from ..errors import RefusedError

if TYPE_CHECKING:
    from ..house import House

SESSIONS = """A session: a stream of the model with a state of its own, over a WebSocket. A text holds messages, a line each:
{"x": [...], "dt": 0.02} is answered by {"y": [...]}; {"snapshot": true}, {"restore": {...}}, {"reset": true}, {"static": [...]};
what can't be done by {"error": "..."}. A binary frame holds samples, dt and x of each, as numbers of the model's type,
and is answered by y of each."""
LIVE = "What the live page talks to, over a WebSocket: the states and time constants of a session that is open, or of its own."
COMMON = {
    401: {"description": "a token is needed, or it is another"},
    403: {"description": "Host or Origin is not of this server"},
}


def application(house: "House") -> Any:
    """The FastAPI application; its own documentation pages, which ask the internet, are replaced by one that does not."""
    from fastapi import FastAPI, Request
    from fastapi.responses import JSONResponse, PlainTextResponse, Response

    one = asyncio.Lock()  # a prediction at a time, beside the sessions

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(house.sweep())
        yield
        sweeping.cancel()
        house.close()

    about = f"The model {house.model.name}, {house.model.kind}."
    app = FastAPI(
        title="tauflow serve", version=__version__, description=about, docs_url=None, redoc_url=None, lifespan=lifespan,
        responses={code: dict(answer) for code, answer in COMMON.items()},
    )  # fmt: skip

    body = {
        "required": True,
        "content": {"application/json": {"schema": house.model.schema(), "example": json.dumps(house.model.example())}},
    }

    @app.post(
        "/v1/predict",
        openapi_extra={"requestBody": body},
        responses={
            413: {"description": "the body is longer than --body"},
            422: {"description": "what came, and what was expected"},
            503: {"description": "too many at once: come back later"},
        },
    )
    async def predict(request: Request) -> Response:
        """Answers for a whole window of a network, or a table of a forecaster."""
        data = b"".join([part async for part in request.stream()])

        def work() -> str:
            try:
                text = data.decode()
            except UnicodeDecodeError:
                raise RefusedError("the body is not UTF-8") from None
            message = words.read(text)
            words.only(message, *house.model.schema()["properties"])
            return words.write(house.model.predict(message))

        try:
            async with one:
                answer = await asyncio.to_thread(work)
        except RefusedError as error:
            return JSONResponse({"error": str(error)}, 422)
        house.metrics.predictions += 1
        return Response(answer + "\n", media_type="application/json")

    @app.get("/v1/model")
    async def model() -> JSONResponse:
        """What the model reads and answers, and how its numbers go into binary frames."""
        return JSONResponse(house.model.about())

    @app.get("/v1/stream", responses={426: {"description": "ask for a WebSocket"}}, description=SESSIONS)
    async def stream() -> Response:
        return PlainTextResponse("this is a WebSocket: ws://.../v1/stream\n", 426, {"upgrade": "websocket"})

    @app.get("/v1/live", responses={426: {"description": "ask for a WebSocket"}}, description=LIVE)
    async def live() -> Response:
        return PlainTextResponse("this is a WebSocket: ws://.../v1/live\n", 426, {"upgrade": "websocket"})

    @app.get("/v1/scene")
    async def scene() -> Response:
        """What the live page draws: neurons, synapses, and the recorded samples that it plays."""
        return Response(house.scene(), media_type="application/json")

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        """Whether the server answers, and how many sessions it has."""
        limit = house.limits.sessions
        return JSONResponse(
            {"status": "ok", "model": house.model.fingerprint, "sessions": len(house.sessions), "limit": limit}
        )

    @app.get("/metrics")
    async def metrics() -> Response:
        """The server's numbers, as Prometheus reads them."""
        return Response(house.numbers(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return Response(page.of_routes(app.openapi()), media_type="text/html; charset=utf-8")

    def file(name: str) -> None:
        async def send() -> Response:
            if name == "live.html" and house.model.why_no_sessions:
                return await docs()
            return Response(page.FILES[name], media_type=f"{page.KINDS[name]}; charset=utf-8")

        app.add_api_route("/" if name == "live.html" else f"/{name}", send, include_in_schema=False)

    for name in page.FILES:
        file(name)
    return app
