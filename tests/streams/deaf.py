"""A client that never reads."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.streams.conftest import Served
from tests.streams.waiting import until


@asynccontextmanager
async def deaf(served: Served, board: str, token: str = "") -> AsyncIterator[socket.socket]:
    """A client that follows a board and never reads, with as little room as there can be."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    topic = f"board:{board}"
    served.boards[board].write("x", 0)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, ("127.0.0.1", served.server.port))
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
