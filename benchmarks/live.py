"""A trade's way to many sockets: from its request to the frame, and the CPU of a frame."""

import asyncio
import re
import time
from collections.abc import Iterator
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import orjson

from benchmarks.costs import MICRO
from benchmarks.figures import Figure
from benchmarks.market import LIVE, fill
from benchmarks.processes import (
    MEASURING,
    Served,
    as_in_production,
    cpu_seconds,
    on,
    serving,
    tradeapi,
)
from benchmarks.workbench import Workbench

SOCKETS = 200
TICKS = 100
EVERY_SECONDS = 0.05
ROUNDS = 3
TOPIC = f"bars:{LIVE.symbol}:1m"
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_REQUEST = orjson.dumps({"op": "subscribe", "topics": [TOPIC], "history": 1})
# A text frame of less than 126 bytes, with a mask of zeros.
SUBSCRIBE = bytes([0x81, 0x80 | len(_REQUEST), 0, 0, 0, 0]) + _REQUEST
_CLOSE = re.compile(rb'"bar":\[\d+,[\d.]+,[\d.]+,[\d.]+,([\d.]+)')


class Told(NamedTuple):
    """What telling the ticks cost the server, and how long each frame was on its way."""

    cpu: float
    delays: list[float]


def live(bench: Workbench) -> Iterator[Figure]:
    url = bench.databases.clone()
    asyncio.run(fill(url, LIVE))
    # Where anybody may send ticks.
    settings = as_in_production(url) | {"ENVIRONMENT": "development", "AUTH_REQUIRED": "false"}
    with serving(tradeapi("serve"), settings | {"DEMO": "false"}) as served, on(MEASURING):
        rounds = [
            [asyncio.run(_tell(served, sockets)) for sockets in (0, SOCKETS)] for _ in range(ROUNDS)
        ]
    alone, heard = (min(told) for told in zip(*rounds, strict=True))
    frames = len(heard.delays)
    delays = sorted(heard.delays)
    yield Figure(
        what=f"a tick to {SOCKETS} sockets, 99 %",
        unit="ms",
        ours=delays[int(frames * 0.99)] * 1000,
        how=f"half of them in {delays[frames // 2] * 1000:.1f} ms from before the request; "
        f"{frames:,} frames of {SOCKETS * TICKS:,}; a peer, in another run: 912 to 1,603 ms",
    )
    yield Figure(
        what="a frame to a socket",
        unit="µs CPU",
        ours=(heard.cpu - alone.cpu) / frames * MICRO,
        how=f"a tick that nobody hears: {alone.cpu / TICKS * MICRO:,.0f}",
    )


class Socket(asyncio.Protocol):
    """As little of a client as will do: it knows a frame by the price in it."""

    def __init__(self, begun: dict[float, float], delays: list[float]) -> None:
        self._begun = begun
        self._delays = delays
        self.has_snapshot = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(HANDSHAKE)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if b'"hello"' in data:
            self.transport.write(SUBSCRIBE)
        if b'"snapshot"' in data:
            self.has_snapshot.set()
        for price in _CLOSE.findall(data):
            begun = self._begun.get(float(price))
            if begun is not None:
                self._delays.append(now - begun)


async def _tell(served: Served, sockets: int) -> Told:
    address = urlsplit(served.url)
    begun: dict[float, float] = {}
    delays: list[float] = []
    place = str(address.hostname), int(address.port or 0)
    open = [await _follow(*place, begun, delays) for _ in range(sockets)]
    reader, writer = await asyncio.open_connection(*place)
    before = cpu_seconds(served.pid)
    for number in range(TICKS):
        price = 100 + number / 100
        tick = {"symbol": LIVE.symbol, "price": price, "size": 1, "time": time.time()}
        body = orjson.dumps({"items": [tick]})
        begun[price] = time.perf_counter()
        writer.write(
            b"POST /api/v1/ticks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head, head
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
        await asyncio.sleep(EVERY_SECONDS)
    cpu = cpu_seconds(served.pid) - before
    writer.close()
    for transport in open:
        transport.close()
    return Told(cpu, delays)


async def _follow(
    host: str, port: int, begun: dict[float, float], delays: list[float]
) -> asyncio.Transport:
    _, socket = await asyncio.get_running_loop().create_connection(
        lambda: Socket(begun, delays), host, port
    )
    async with asyncio.timeout(10):
        await socket.has_snapshot.wait()
    return socket.transport
