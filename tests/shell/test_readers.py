"""Connections that read, when what is behind them does not answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from sqlalchemy.engine import make_url

from tradeapi.database import Database


@dataclass
class Wire:
    """Between us and PostgreSQL; connections that are cut stay open and bring nothing more."""

    url: str = ""
    pumps: set[asyncio.Task[None]] = field(default_factory=set)

    def cut(self) -> None:
        for pump in self.pumps:
            pump.cancel()
        self.pumps.clear()


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[Wire]:
    address = make_url(url)
    wire = Wire()
    writers: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(address.host, address.port)
        writers.extend((writer, far_writer))
        for way in ((reader, far_writer), (far_reader, writer)):
            wire.pumps.add(asyncio.create_task(pump(*way)))

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wire.url = address.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
    try:
        yield wire
    finally:
        wire.cut()
        for writer in writers:
            writer.transport.abort()
        server.close()


async def test_a_connection_that_stopped_answering_is_replaced(postgres_url: str) -> None:
    """A read through it was given up; the next one waits a second for it, and opens another."""
    async with wired(postgres_url) as wire, Database(wire.url) as database:
        await database.ping()
        wire.cut()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await database.ping()
        async with asyncio.timeout(5):
            await database.ping()
            await database.ping()


async def test_a_read_that_was_given_up_costs_no_connection(database: Database) -> None:
    """Many times as often as there are connections."""
    for _ in range(20):
        with suppress(TimeoutError):
            async with asyncio.timeout(0.0001):
                await database.ping()
    async with asyncio.timeout(5):
        await database.ping()
    # Threads of SQLite connections that were given up while they opened still report to this loop.
    await asyncio.sleep(0.5)
