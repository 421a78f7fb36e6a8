"""Servers that send each line of a UNIX socket to all their clients: `NAME SOCKET`.

`ours` is tradeapi as it is served, where a line is announced by the topic that it names; `bare`
sends to one client after the other through ASGI; `broadcast` is the one of websockets.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
import uvicorn
import uvloop
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.asyncio import server as websockets

from tradeapi import logging
from tradeapi.app import create_app
from tradeapi.settings import load
from tradeapi.streams.hub import Hub
from tradeapi.streams.topics import Change
from tradeapi.web.server import Server

Announce = Callable[[str], Awaitable[None]]


def say_where(url: str) -> None:
    print("serves", url, file=sys.stderr, flush=True)


async def follow(path: str, announce: Announce) -> asyncio.Server:
    """Have every line announced."""

    async def read(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            await announce(line[:-1].decode())
            # Those who send get their turn.
            await asyncio.sleep(0)

    return await asyncio.start_unix_server(read, path)


def ours(path: str) -> None:
    settings = load()
    logging.configure(settings.log_level)
    app = create_app(settings)
    opened = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with opened(app) as state:
            assert state is not None
            hub: Hub = state["hub"]

            async def announce(line: str) -> None:
                update = orjson.loads(line)
                topic = hub.topics[update["topic"]]
                change = Change(type="quote", fields={"quote": update["quote"]}, key="quote")
                topic.announce([change], topic.version + 1)

            async with await follow(path, announce):
                yield state

    app.router.lifespan_context = lifespan
    Server(app, settings, say_where).run()


class Bare:
    """The least ASGI application with clients."""

    def __init__(self) -> None:
        self.clients: dict[Send, None] = {}

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self.clients[send] = None
        while (await receive())["type"] != "websocket.disconnect":
            pass
        del self.clients[send]

    async def announce(self, text: str) -> None:
        for send in tuple(self.clients):
            with suppress(OSError):  # who is gone is not yet known to be
                await send({"type": "websocket.send", "text": text})


class Uvicorn(uvicorn.Server):
    """As it comes, but for what it says: no log, and where it serves."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                port=0,
                ws="websockets-sansio",
                ws_per_message_deflate=False,
                lifespan="off",
                log_level="warning",
                access_log=False,
            )
        )

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        say_where(f"http://{host}:{port}")


async def _bare(path: str) -> None:
    app = Bare()
    async with await follow(path, app.announce):
        await Uvicorn(app).serve()


async def _broadcast(path: str) -> None:
    async def listen(client: websockets.ServerConnection) -> None:
        await client.wait_closed()

    async with websockets.serve(listen, "127.0.0.1", 0, compression=None) as server:

        async def announce(text: str) -> None:
            websockets.broadcast(server.connections, text)

        async with await follow(path, announce):
            host, port = next(iter(server.sockets)).getsockname()
            say_where(f"http://{host}:{port}")
            await server.serve_forever()


SERVERS: dict[str, Callable[[str], object]] = {
    "ours": ours,
    "bare": lambda path: uvloop.run(_bare(path)),
    # On the loop that its documentation measures.
    "broadcast": lambda path: asyncio.run(_broadcast(path)),
}

if __name__ == "__main__":
    SERVERS[sys.argv[1]](sys.argv[2])
