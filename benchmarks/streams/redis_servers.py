"""Servers that send what comes from Redis: `naive REDIS`, the common way with redis-py and FastAPI,
and `upserting REDIS POSTGRESQL`, which takes ticks and does the least with them that is durable.
`hooking REDIS POSTGRESQL URL` does the same, and POSTs there prices that go up through a level.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import orjson
import redis.asyncio
import uvloop
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from starlette.types import Receive, Scope, Send

from benchmarks.streams.publisher import LEVEL
from benchmarks.streams.servers import Uvicorn

# As many as ours has for writing.
CONNECTIONS = 8
BEGUN = '{"type":"snapshot"}'
_TABLE = """
CREATE TABLE floor_bars (symbol text, time bigint, open float8, high float8, low float8,
  close float8, volume float8, PRIMARY KEY (symbol, time))
"""
_UPSERT = """
INSERT INTO floor_bars AS bar VALUES ($1, $2, $3, $3, $3, $3, $4)
ON CONFLICT (symbol, time) DO UPDATE SET high = greatest(bar.high, excluded.high),
  low = least(bar.low, excluded.low), close = excluded.close, volume = bar.volume + excluded.volume
"""

Followers = dict[str, dict[Any, None]]


async def forward(client: redis.asyncio.Redis, send: Callable[[str, str], Awaitable[None]]) -> None:
    async with client.pubsub() as news:
        await news.psubscribe("quotes:*")
        async for message in news.listen():
            if message["type"] == "pmessage":
                await send(message["channel"].decode(), message["data"].decode())


async def naive(redis_url: str) -> None:
    app = FastAPI()
    followers: Followers = defaultdict(dict)

    @app.websocket("/ws")
    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        request = await socket.receive_json()
        for topic in request["topics"]:
            followers[topic][socket] = None
            await socket.send_text(BEGUN)
        with suppress(WebSocketDisconnect):
            await socket.receive_text()
        for topic in request["topics"]:
            del followers[topic][socket]

    async def send(topic: str, text: str) -> None:
        for socket in tuple(followers[topic]):
            await socket.send_text(text)

    async with redis.asyncio.from_url(redis_url) as client, asyncio.TaskGroup() as tasks:
        forwarding = tasks.create_task(forward(client, send))
        await Uvicorn(app).serve()
        forwarding.cancel()


class Upserting:
    """An ASGI application: a tick is committed, published, and sent when it comes back."""

    def __init__(self, pool: Any, client: redis.asyncio.Redis) -> None:  # noqa: ANN401  untyped
        self._pool = pool
        self._client = client
        self._followers: Followers = defaultdict(dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._stream if scope["type"] == "websocket" else self._post)(receive, send)

    async def announce(self, topic: str, text: str) -> None:
        for send in tuple(self._followers[topic]):
            await send({"type": "websocket.send", "text": text})

    async def _stream(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        topics = orjson.loads((await receive())["text"])["topics"]
        for topic in topics:
            self._followers[topic][send] = None
            await send({"type": "websocket.send", "text": BEGUN})
        await receive()
        for topic in topics:
            del self._followers[topic][send]

    async def _post(self, receive: Receive, send: Send) -> None:
        for tick in orjson.loads((await receive())["body"])["items"]:
            minute = int(tick["time"]) // 60 * 60
            await self._pool.execute(
                _UPSERT, tick["symbol"], minute, float(tick["price"]), float(tick["size"])
            )
            topic = f"quotes:{tick['symbol']}"
            quote = {"last": tick["price"], "time": tick["time"], "open": None, "volume": None}
            text = orjson.dumps({"type": "quote", "topic": topic, "quote": quote})
            await self._client.publish(topic, text)
        headers = [(b"content-length", b"2"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})


class Hook:
    """A server that is told on one connection, which is kept."""

    def __init__(
        self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer
        self._last: dict[str, float] = {}

    async def announce(self, topic: str, text: str) -> None:
        price = orjson.loads(text)["quote"]["last"]
        before, self._last[topic] = self._last.get(topic, price), price
        if before < LEVEL <= price:
            await self._post(orjson.dumps({"type": topic, "data": {"price": price}}))

    async def _post(self, body: bytes) -> None:
        head = f"POST / HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        assert b" 204 " in answer, answer


async def upserting(redis_url: str, database_url: str, hook_url: str = "") -> None:
    async with (
        asyncpg.create_pool(database_url, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool,
        redis.asyncio.from_url(redis_url) as client,
        asyncio.TaskGroup() as tasks,
    ):
        await pool.execute(_TABLE)
        app = Upserting(pool, client)
        announce = app.announce
        if hook_url:
            place = urlsplit(hook_url)
            streams = await asyncio.open_connection(place.hostname, place.port)
            announce = Hook(place.netloc, *streams).announce
        forwarding = tasks.create_task(forward(client, announce))
        await Uvicorn(app).serve()
        forwarding.cancel()


Serve = Callable[..., Coroutine[None, None, None]]
SERVERS: dict[str, Serve] = {
    "naive": naive,
    "upserting": upserting,
    "hooking": upserting,
}

if __name__ == "__main__":
    uvloop.run(SERVERS[sys.argv[1]](*sys.argv[2:]))
