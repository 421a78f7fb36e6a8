"""A client that never reads."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.streams.conftest import Served
from tests.streams.waiting import until


@asynccontextmanager
async def connected(served: Served, *, room: int | None = None) -> AsyncIterator[socket.socket]:
    """`room` is how many bytes the kernel may keep that nobody reads."""
    with socket.socket() as connection:
        if room is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, ("127.0.0.1", served.server.port))
        yield connection


@asynccontextmanager
async def deaf_to_events(
    served: Served, board: str, token: str = ""
) -> AsyncIterator[socket.socket]:
    """The same without a socket."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    topic = f"board:{board}"
    served.boards[board].write("x", 0)
    async with connected(served, room=4096) as connection:
        asked = f"GET /api/v1/stream?topics={topic} HTTP/1.1\r\nHost: x\r\n{authorization}\r\n"
        await asyncio.get_running_loop().sock_sendall(connection, asked.encode())
        await until(lambda: topic in served.hub.topics)
        yield connection


@asynccontextmanager
async def deaf(served: Served, board: str, token: str = "") -> AsyncIterator[socket.socket]:
    """A client that follows a board and never reads, with as little room as there can be."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    topic = f"board:{board}"
    served.boards[board].write("x", 0)
    loop = asyncio.get_running_loop()
    async with connected(served, room=4096) as connection:
        await loop.sock_sendall(
            connection,
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + authorization.encode()
            + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        assert await loop.sock_recv(connection, 12) == b"HTTP/1.1 101"
        payload = json.dumps({"op": "subscribe", "topics": [topic]}).encode()
        assert len(payload) < 126
        masked = bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload
        await loop.sock_sendall(connection, masked)
        await until(lambda: topic in served.hub.topics)
        yield connection
