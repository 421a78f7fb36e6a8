"""Servers to compare ours with, run as ours is: `bare FILE`, and `unwrapped`: no middleware."""

import sys
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from tradeapi import logging
from tradeapi.app import create_app
from tradeapi.settings import load
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


if __name__ == "__main__":
    settings = load()
    logging.configure(settings.log_level)
    wanted = sys.argv[1]
    served = unwrapped() if wanted == "unwrapped" else bare(Path(sys.argv[2]).read_bytes())
    Server(served, settings, lambda url: print("serves", url, file=sys.stderr, flush=True)).run()
