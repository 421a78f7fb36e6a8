"""Servers that are started while the event loop goes on: what they connect to may run in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread

from tests.hostile.serving import Server


async def start(server: Server) -> None:
    await anyio.to_thread.run_sync(server.start)


@asynccontextmanager
async def started(*servers: Server) -> AsyncIterator[None]:
    """All of them at once, until the context is left; none has called anything its own fault."""
    try:
        async with anyio.create_task_group() as tasks:
            for server in servers:
                tasks.start_soon(start, server)
        yield
        assert [crash for server in servers for crash in server.crashes] == []
    finally:
        for server in servers:
            server.kill()
            server.client.close()
