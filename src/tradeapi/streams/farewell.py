"""The last words to a client that we close, on a socket or a stream of events."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from tradeapi import metrics
from tradeapi.streams import protocol
from tradeapi.streams.connection import Connection, as_disconnect
from tradeapi.streams.mailbox import Mailbox

# Who is sent away from a server that stops comes back to another: not with all others.
SOONEST_SECONDS, LATEST_SECONDS = 0.5, 5.0
# Room is made by those who leave, and that may take longer.
FULL_SECONDS = 10.0
# What a client does not read holds up our close, too, and then there is none.
PATIENCE_SECONDS = 1.0


def full() -> str:
    return protocol.bye("limit", FULL_SECONDS)


def part(mailbox: Mailbox, drain_seconds: float, close: Callable[[], None]) -> float:
    """Say goodbye within the time to drain; how many seconds from now at the latest."""

    def say_goodbye() -> None:
        wait = random.uniform(SOONEST_SECONDS, LATEST_SECONDS)  # noqa: S311
        mailbox.say(protocol.bye("restart", wait))
        close()

    moment = random.uniform(0, 0.9 * drain_seconds)  # noqa: S311  spreads the load, hides nothing
    asyncio.get_running_loop().call_later(moment, say_goodbye)
    return drain_seconds


async def close(socket: WebSocket, connection: Connection, code: int, reason: str) -> None:
    metrics.STREAM_CLOSED.labels(code).inc()
    with (
        anyio.move_on_after(PATIENCE_SECONDS) as patience,
        suppress(WebSocketDisconnect),
        as_disconnect(),
    ):
        await socket.close(code, reason)
    if patience.cancelled_caught:
        # What the client does not read keeps the close frame, too, from being sent.
        connection.abort()
