"""What the tests' events are about, and who hears them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.streams.waiting import until
from tradeapi.bus.port import Bus, Subject
from tradeapi.bus.redis_streams import RedisBus

LETTERS: Subject[str] = Subject("letters", str.encode, bytes.decode)
NUMBERS: Subject[int] = Subject("numbers", lambda number: b"%d" % number, int)
ECHOES: Subject[int] = Subject("echoes", NUMBERS.encode, NUMBERS.decode)
KEY = "1"
# One of each partition of a cluster, in their order.
KEYS = ("1", "5", "2", "6", "3", "7", "0", "4")


@asynccontextmanager
async def two(url: str) -> AsyncIterator[tuple[RedisBus, RedisBus]]:
    """What two processes have."""
    async with RedisBus(url) as one, RedisBus(url) as other:
        yield one, other


@asynccontextmanager
async def hearing(
    bus: Bus, *keys: str, subject: Subject[int] = NUMBERS
) -> AsyncIterator[list[int]]:
    """The numbers that are heard of these keys."""
    heard: list[int] = []
    for key in keys:
        bus.follow(subject, key)
    for key in keys:
        await bus.ready(subject, key)
    with bus.subscribe(subject, heard.append):
        yield heard
    for key in keys:
        bus.unfollow(subject, key)


@asynccontextmanager
async def publishing(bus: Bus) -> AsyncIterator[list[int]]:
    """What is published meanwhile, a number every few milliseconds."""
    published: list[int] = []

    async def publish() -> None:
        while True:
            number = len(published)
            published.append(number)
            await bus.publish(NUMBERS, KEYS[number % len(KEYS)], number)
            await asyncio.sleep(0.002)

    task = asyncio.create_task(publish())
    try:
        yield published
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def live(*buses: Bus) -> None:
    await until(lambda: all(bus.state.name == "live" for bus in buses), 10)


async def degraded(bus: Bus) -> None:
    await until(lambda: bus.state.name == "degraded", 10)


async def hears(bus: Bus, other: Bus, heard: list[int], number: int) -> None:
    """Whatever was, what is published from now on is heard, of each key."""
    await live(bus, other)
    numbers = range(number, number + len(KEYS))
    for one, key in zip(numbers, KEYS, strict=True):
        await bus.publish(NUMBERS, key, one)
    await until(lambda: set(numbers) <= set(heard))
