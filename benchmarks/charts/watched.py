"""tradeapi as it is served, which tells at `/gap` for how long its loop has not come round, at
the most, since it was last asked, and for how long of that it has not just waited for a core; in
seconds.
"""

import asyncio
import time
from pathlib import Path
from typing import Never

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.streams.servers import say_where
from tradeapi import logging
from tradeapi.app import create_app
from tradeapi.settings import load
from tradeapi.web.server import Server

ROUND_SECONDS = 0.001
NANO = 1e-9


class Watched:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._longest = self._held = 0.0
        self._task: asyncio.Task[Never] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") != "/gap":
            await self._app(scope, receive, send)
            return
        self._task = self._task or asyncio.create_task(self._watch())
        body = orjson.dumps([self._longest, self._held])
        self._longest = self._held = 0.0
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _watch(self) -> Never:
        waited = _waited_for_core()
        while True:
            begun, before = time.perf_counter(), waited
            await asyncio.sleep(ROUND_SECONDS)
            gap = time.perf_counter() - begun - ROUND_SECONDS
            waited = _waited_for_core()
            self._longest = max(self._longest, gap)
            self._held = max(self._held, gap - (waited - before))


def _waited_for_core() -> float:
    """For how many seconds this thread could have run, and others did; 0 where nobody counts."""
    try:
        return int(_SCHEDULED.read_text().split()[1]) * NANO
    except (OSError, IndexError):
        return 0.0


# See sched-stats.rst of Linux: what it has run, what it has waited, and how often.
_SCHEDULED = Path("/proc/thread-self/schedstat")


if __name__ == "__main__":
    settings = load()
    logging.configure(settings.log_level)
    Server(Watched(create_app(settings)), settings, say_where).run()
