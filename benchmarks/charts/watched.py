"""tradeapi as it is served, which tells at `/gap` for how long its loop has not come round, at
the most, since it was last asked; in seconds.
"""

import asyncio
import time
from typing import Never

from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.streams.servers import say_where
from tradeapi import logging
from tradeapi.app import create_app
from tradeapi.settings import load
from tradeapi.web.server import Server

ROUND_SECONDS = 0.001


class Watched:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._longest = 0.0
        self._task: asyncio.Task[Never] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") != "/gap":
            await self._app(scope, receive, send)
            return
        self._task = self._task or asyncio.create_task(self._watch())
        body, self._longest = repr(self._longest).encode(), 0.0
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _watch(self) -> Never:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(ROUND_SECONDS)
            gap = time.perf_counter() - begun - ROUND_SECONDS
            self._longest = max(self._longest, gap)


if __name__ == "__main__":
    settings = load()
    logging.configure(settings.log_level)
    Server(Watched(create_app(settings)), settings, say_where).run()
