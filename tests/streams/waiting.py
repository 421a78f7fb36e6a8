"""Waiting for what tells nobody that it has happened, and having others wait."""

from collections.abc import Callable

import anyio
from starlette.types import ASGIApp, Receive, Scope, Send


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110
            await anyio.sleep(0.01)


class Waiting:
    """A layer that lets nobody pass until it is told to, as one that waits for Redis does."""

    def __init__(self, app: ASGIApp, *, arrived: anyio.Event, go: anyio.Event) -> None:
        self._app = app
        self._arrived = arrived
        self._go = go

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            self._arrived.set()
            await self._go.wait()
        await self._app(scope, receive, send)
