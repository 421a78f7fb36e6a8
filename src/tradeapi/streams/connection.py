"""The socket below the protocol: what a session asks of the server beyond ASGI.

Through ASGI a server can neither be told to drop a client that does not read, nor tell that it is
about to stop. Under another server, or another protocol class, streams work without both.
"""

import socket
from asyncio.transports import BaseTransport
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect

from tradeapi.streams.outlet import Outlet

EXTENSION = "tradeapi.connection"
# More unsent bytes in the kernel would only age there, where newer values can't replace them.
UNSENT_BYTES = 16 * 1024
ACKNOWLEDGED_WITHIN_MILLISECONDS = 15_000
# How long a client may take to close after us, and when the server stops.
CLOSE_SECONDS = 5.0
FAREWELL_SECONDS = 0.5


class Flow(Protocol):
    """Who is told when a socket can take no more, and when it can again."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class Connection:
    """What a session may ask of the server that holds its socket; here it answers nothing."""

    def outlet(self, flow: Flow) -> Outlet | None:  # noqa: ARG002
        """What takes frames past ASGI, if there is such a thing; `flow` hears of its state."""
        return None

    async def carry(self, run: Callable[[], Awaitable[None]]) -> None:
        """Have the session run: here, or once all that the handshake has passed has returned.

        What it has passed takes more memory than an idle client.
        """
        await run()

    def forget_handshake(self) -> None:
        """Nobody will ask for it again."""

    def on_shutdown(self, leave: Callable[[], float]) -> None:
        """Have `leave` called when the server stops; it returns in how many seconds it is done."""

    def abort(self) -> None:
        """Drop the socket at once, whatever is unsent."""


@contextmanager
def as_disconnect() -> Iterator[None]:
    """Say of a socket that uvicorn has closed itself, for want of a pong, that the client is gone.

    It raises no more than a RuntimeError for what is sent after that.
    """
    try:
        yield
    except RuntimeError as error:
        raise WebSocketDisconnect(1006) from error


def be_prompt(transport: BaseTransport) -> None:
    """Have the kernel keep little that is unsent, and give up on who does not acknowledge."""
    connected = transport.get_extra_info("socket")
    if connected is not None and connected.family in {socket.AF_INET, socket.AF_INET6}:
        for option, value in _TCP_OPTIONS.items():
            connected.setsockopt(socket.IPPROTO_TCP, option, value)


def connection_of(client: HTTPConnection) -> Connection:
    connection = client.scope.get("extensions", {}).get(EXTENSION)
    return connection if isinstance(connection, Connection) else Connection()


_TCP_OPTIONS = {
    getattr(socket, name): value
    # Not every system has them.
    for name, value in {
        "TCP_NOTSENT_LOWAT": UNSENT_BYTES,
        "TCP_USER_TIMEOUT": ACKNOWLEDGED_WITHIN_MILLISECONDS,
    }.items()
    if hasattr(socket, name)
}
