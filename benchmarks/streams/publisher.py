"""Sends updates at a pace, in a process on the measuring core: lines to a server of ours, ticks to
an API, messages to Redis, or changes to our bus. Each has as its price when it was sent.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from urllib.parse import urlsplit

import orjson
import redis.asyncio
import uvloop

from benchmarks.processes import MEASURING, ROOT, on, python
from benchmarks.streams import changes

# Of these none waits for another's answer.
TICK_CONNECTIONS = 16
# A price that swings is LOW every other time, and else above LEVEL, as all others are.
LOW, LEVEL = 1, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`rate` updates a second, `at_once` of them in a burst, in turn of the symbols.

    `to` is "lines", "ticks", "messages" or "changes"; `place` a path or a URL. `first` is how many
    updates came before. The prices of those that are `swinging` do, in ticks.
    """

    to: str
    place: str
    symbols: Sequence[str]
    rate: float
    seconds: float
    at_once: int = 1
    token: str = ""
    ids: Sequence[int] = ()
    first: int = 0
    swinging: Sequence[str] = ()


Send = Callable[[Sequence[str]], Awaitable[None]]


@dataclass(slots=True)
class Sent:
    """How many updates, and of these how many an API refused."""

    count: int = 0
    refused: int = 0


def publish(plan: Plan) -> Sent:
    command = python("benchmarks.streams.publisher", json.dumps(asdict(plan)))
    with on(MEASURING):
        said = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    # A bus logs before that.
    return Sent(**json.loads(said.splitlines()[-1]))


def topic(symbol: str) -> str:
    return f"quotes:{symbol}"


def stamp() -> int:
    return time.monotonic_ns() // 1000


def update(symbol: str, number: int) -> bytes:
    """A frame of some 128 bytes, as those of ours are."""
    head = b'{"type":"quote","topic":"quotes:%b","seq":%d,"prev":%d,' % (
        symbol.encode(),
        number + 1,
        number,
    )
    return head + b'"quote":{"last":%d,"bid":null,"ask":null,"open":101.25}}' % stamp()


@asynccontextmanager
async def _lines(plan: Plan, sent: Sent) -> AsyncIterator[Send]:
    _, writer = await asyncio.open_unix_connection(plan.place)

    async def send(symbols: Sequence[str]) -> None:
        for place, symbol in enumerate(symbols, plan.first + sent.count):
            writer.write(update(symbol, place) + b"\n")
        await writer.drain()

    yield send
    writer.close()


@asynccontextmanager
async def _messages(plan: Plan, sent: Sent) -> AsyncIterator[Send]:
    async with redis.asyncio.from_url(plan.place) as client:

        async def send(symbols: Sequence[str]) -> None:
            async with client.pipeline(transaction=False) as pipeline:
                for place, symbol in enumerate(symbols, plan.first + sent.count):
                    pipeline.publish(topic(symbol), update(symbol, place))
                await pipeline.execute()

        yield send


@asynccontextmanager
async def _ticks(plan: Plan, sent: Sent) -> AsyncIterator[Send]:
    address = urlsplit(plan.place)
    head = (
        f"POST /api/v1/ticks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {plan.token}\r\nContent-Length: "
    ).encode()
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(TICK_CONNECTIONS):
        idle.put_nowait(await asyncio.open_connection(address.hostname, address.port))
    is_low = dict.fromkeys(plan.swinging, False)

    def price(symbol: str) -> int:
        if symbol in is_low:
            is_low[symbol] = not is_low[symbol]
        return LOW if is_low.get(symbol) else stamp()

    async with asyncio.TaskGroup() as answers:

        async def send(symbols: Sequence[str]) -> None:
            reader, writer = await idle.get()
            now = {"time": time.time(), "size": 1}
            ticks = [{"symbol": symbol, "price": price(symbol), **now} for symbol in symbols]
            body = orjson.dumps({"items": ticks})
            writer.write(head + b"%d\r\n\r\n%b" % (len(body), body))
            answers.create_task(answered(reader, writer, len(symbols)))

        async def answered(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: int
        ) -> None:
            said = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(said.partition(b"content-length: ")[2].split(b"\r\n")[0]))
            if not said.startswith(b"http/1.1 200"):
                sent.refused += count
            idle.put_nowait((reader, writer))

        yield send


@asynccontextmanager
async def _changes(plan: Plan, sent: Sent) -> AsyncIterator[Send]:
    ids = dict(zip(plan.symbols, plan.ids, strict=True))
    async with changes.open_bus(plan.place) as publish:

        async def send(symbols: Sequence[str]) -> None:
            for place, symbol in enumerate(symbols, plan.first + sent.count):
                version = place // len(ids) + 1
                await publish(changes.change(ids[symbol], symbol, version, stamp()))

        yield send


WAYS: dict[str, Callable[[Plan, Sent], AbstractAsyncContextManager[Send]]] = {
    "lines": _lines,
    "messages": _messages,
    "ticks": _ticks,
    "changes": _changes,
}


async def _publish(plan: Plan) -> Sent:
    """Who has fallen behind stops when the time is over, all the same."""
    symbols = islice(cycle(plan.symbols), plan.first % len(plan.symbols), None)
    sent = Sent()
    async with WAYS[plan.to](plan, sent) as send:
        begun = time.monotonic()
        while (due := sent.count / plan.rate) < plan.seconds:
            late = time.monotonic() - begun - due
            if due + late > plan.seconds:
                break
            if late < 0:
                await asyncio.sleep(-late)
            await send([*islice(symbols, plan.at_once)])
            sent.count += plan.at_once
    return sent


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(_publish(Plan(**json.loads(sys.argv[1])))))))
