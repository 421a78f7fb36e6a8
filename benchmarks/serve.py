"""Servers to compare ours with, run as ours is: `bare FILE`; `unwrapped`: the routes alone; and
`unguarded`: without asking who calls and how often.
"""

import sys
from pathlib import Path

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from tradeapi import logging
from tradeapi.app import create_app
from tradeapi.auth.layer import Identify
from tradeapi.settings import load
from tradeapi.web.limits import Limits
from tradeapi.web.principal import PRINCIPAL, Principal
from tradeapi.web.server import Server


def bare(body: bytes) -> ASGIApp:
    """Answers everything with this body."""
    start = {
        "type": "http.response.start",
        "status": 200,
        "headers": [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ],
    }
    content = {"type": "http.response.body", "body": body}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await send(start)
            await send(content)

    return app


def unwrapped() -> ASGIApp:
    """Our application, the routes alone."""
    app = create_app()
    app.user_middleware.clear()
    return app


def unguarded() -> ASGIApp:
    """Our application, for which everybody may read."""
    app = create_app()
    app.user_middleware = [
        Middleware(_Anybody) if _is(layer, Identify) else layer
        for layer in app.user_middleware
        if not _is(layer, Limits)
    ]
    return app


def _is(layer: Middleware, kind: type) -> bool:
    made: object = layer.cls
    return made is kind


class _Anybody:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[PRINCIPAL] = _reader
        await self._app(scope, receive, send)


_reader = Principal(may_browse=True)
SERVERS = {"unwrapped": unwrapped, "unguarded": unguarded}


if __name__ == "__main__":
    settings = load()
    logging.configure(settings.log_level)
    wanted = sys.argv[1]
    served = bare(Path(sys.argv[2]).read_bytes()) if wanted == "bare" else SERVERS[wanted]()
    Server(served, settings, lambda url: print("serves", url, file=sys.stderr, flush=True)).run()
