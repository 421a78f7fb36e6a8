"""A balancer as Kubernetes is one: connections go to whoever is ready, and stay there."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

import httpx2

LOOK_SECONDS = 0.1


class Balancer:
    """Passes every connection on to the next of those that were ready when last asked."""

    def __init__(self, places: Sequence[str]) -> None:
        self._places = places
        self._ready: list[str] = []
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._start(self._look())
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def is_ready(self, place: str) -> bool:
        return place in self._ready

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self) -> None:
        limits = httpx2.Limits(max_keepalive_connections=0)
        async with httpx2.AsyncClient(timeout=5, trust_env=False, limits=limits) as http:
            while True:
                self._ready = [place for place in self._places if await _is_ready(http, place)]
                await asyncio.sleep(LOOK_SECONDS)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._start(self._pass(reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._turn += 1
        try:
            place = urlsplit(self._ready[self._turn % len(self._ready)])
            far_reader, far_writer = await asyncio.open_connection(place.hostname, place.port)
            try:
                with suppress(OSError):
                    await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
            finally:
                far_writer.transport.abort()
        finally:
            writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.close()


async def _is_ready(http: httpx2.AsyncClient, place: str) -> bool:
    try:
        return (await http.get(f"{place}/health/ready")).status_code == 200
    except httpx2.TransportError:
        return False
