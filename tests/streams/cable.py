"""A cable to a server that can be cut and mended."""

import asyncio
from typing import Self
from urllib.parse import urlsplit


class Cable:
    """Listens on a port of its own and passes every connection on to a server."""

    def __init__(self, url: str) -> None:
        self._far = urlsplit(url)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._asks, self._answers = asyncio.Event(), asyncio.Event()
        self.release()

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()

    @property
    def url(self) -> str:
        """The server's URL through the cable."""
        address = f"{self._far.hostname}:{self._far.port}"
        return self._far.geturl().replace(address, f"127.0.0.1:{self._port}")

    def lead_to(self, url: str) -> None:
        """From the next connection on."""
        self._far = urlsplit(url)

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def hold(self) -> None:
        """Lose every byte's way for a while, with no word to either end."""
        self._asks.clear()
        self._answers.clear()

    def mute(self) -> None:
        """The same for what the server says, who goes on to hear everything."""
        self._answers.clear()

    def release(self) -> None:
        self._asks.set()
        self._answers.set()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._pass(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)
        # A task that is cancelled before it has begun has no end of its own.
        connection.add_done_callback(lambda _: writer.transport.abort())
        if self._server is None or not self._server.is_serving():
            connection.cancel()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(
                self._far.hostname, self._far.port
            )
        except OSError:
            return
        try:
            await asyncio.gather(
                _copy(reader, far_writer, self._asks), _copy(far_reader, writer, self._answers)
            )
        except OSError:
            pass
        finally:
            far_writer.transport.abort()


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: asyncio.Event
) -> None:
    while chunk := await reader.read(65536):
        await passes.wait()
        writer.write(chunk)
        await writer.drain()
    writer.close()
