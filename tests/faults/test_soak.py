"""Clients of every kind come and go for as long as TRADEAPI_TEST_SOAK_SECONDS says."""

import faulthandler
import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

import anyio
import httpx2
import pytest
from websockets.exceptions import ConnectionClosed

from tests.faults.trading import eventually
from tests.hostile.serving import Server
from tests.streams.client import Chart, Client, client
from tests.streams.event_source import event_source

pytestmark = pytest.mark.anyio

SECONDS = float(os.environ.get("TRADEAPI_TEST_SOAK_SECONDS", "20"))
CLIENTS = 200
SYMBOLS = [f"CRYPTO:SOAK{number}" for number in range(10)]
TOPICS = [f"bars:{symbol}:{resolution}" for symbol in SYMBOLS for resolution in ("1m", "1h")]
TOPICS += [f"quotes:{symbol}" for symbol in SYMBOLS]
HOUR = 3600
MEGABYTE = 1024 * 1024
TOO_SLOW = 1013

Visit = Callable[[Server], Awaitable[None]]


async def test_whoever_comes_and_goes_nothing_stays(server: Server) -> None:
    """Memory does not grow from one half of the time to the other; sockets and subscriptions end,
    and files are as few as after a shorter while.
    """
    # pytest gives no test so long.
    faulthandler.cancel_dump_traceback_later()
    await found(server)
    await soak(server, SECONDS / 4)
    files = server.files
    memory = await soak(server, SECONDS * 3 / 4)
    half = len(memory) // 2
    before, after = statistics.median(memory[:half]), statistics.median(memory[half:])
    # What is free the C library gives back late, and never all of it.
    assert after - before < 24 * MEGABYTE
    assert server.files <= files


async def found(server: Server) -> None:
    """Symbols that have traded every minute for an hour."""
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as http:
        for symbol in SYMBOLS:
            (await http.put(f"/api/v1/symbols/{symbol}", json={})).raise_for_status()
        for minute in range(60):
            await trade(http, time.time() - HOUR + 60 * minute)


async def soak(server: Server, seconds: float) -> Sequence[float]:
    """How much memory the server took, once a second; afterwards everybody has gone."""
    memory: list[float] = []
    limits = httpx2.Limits(max_keepalive_connections=1)
    async with (
        httpx2.AsyncClient(base_url=server.url, trust_env=False, limits=limits) as http,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(trades, http)
        for visit in (follow, follow, change, listen, replay) * (CLIENTS // 5):
            tasks.start_soon(come_again, server, visit)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await anyio.sleep(1)
            memory.append(server.memory)
        tasks.cancel_scope.cancel()
    await eventually(lambda: server.metric("stream_clients") == 0)
    await eventually(lambda: server.metric("stream_subscriptions") == 0)
    # The one that asks.
    await eventually(lambda: server.sockets <= 1)
    return memory


async def trades(http: httpx2.AsyncClient) -> None:
    while True:
        await trade(http, time.time())
        await anyio.sleep(0.05)


async def trade(http: httpx2.AsyncClient, moment: float) -> None:
    ticks = [
        {"symbol": symbol, "price": random.randint(90, 110), "size": 1, "time": moment}
        for symbol in SYMBOLS
    ]
    (await http.post("/api/v1/ticks", json=ticks)).raise_for_status()


async def come_again(server: Server, visit: Visit) -> None:
    """For a few seconds each time; a client that its own machine keeps from reading is put out."""
    while True:
        with anyio.move_on_after(random.uniform(0.5, 8)):
            try:
                await visit(server)
            except ConnectionClosed as closed:
                if closed.rcvd is None or closed.rcvd.code != TOO_SLOW:
                    raise


async def follow(server: Server) -> None:
    """Some topics, at any pace, and when it is cut off again from where it was."""
    topics = random.sample(TOPICS, random.randint(1, 10))
    request = {"op": "subscribe", "topics": topics, "history": 50}
    request["throttle_ms"] = random.choice((0, 0, 100, 1000))
    charts = {topic: Chart() for topic in topics}
    while True:
        known = {topic: charts[topic] for topic in topics if charts[topic].epoch}
        resume = {topic: {"epoch": one.epoch, "seq": one.seq} for topic, one in known.items()}
        async with client(_socket(server)) as guest:
            guest.charts = charts
            await guest.say(**request, resume=resume)
            await hear(guest, random.uniform(0, 3))
            if random.random() < 0.5:
                guest.connection.transport.abort()


async def change(server: Server) -> None:
    """Other topics all the time."""
    async with client(_socket(server)) as guest:
        while True:
            topics = random.sample(TOPICS, 5)
            await guest.subscribe(*topics, history=random.choice((0, 300)))
            await hear(guest, random.uniform(0, 1))
            await guest.say(op="unsubscribe", topics=topics)
            await guest.hear_type("ack")
            guest.charts.clear()


async def listen(server: Server) -> None:
    """To events, without a socket."""
    topics = random.sample(TOPICS, 5)
    async with event_source(f"{server.url}/api/v1/stream", *topics, history=50) as source:
        while True:
            await source.hear()


async def replay(server: Server) -> None:
    """Up to the end, or not."""
    async with client(_socket(server)) as guest:
        while True:
            start = int(time.time() - random.uniform(600, HOUR))
            topic = random.choice(TOPICS[:20:2])
            await guest.say(op="replay", topic=topic, start=start, speed=1000)
            while (await guest.hear()).get("state") != "ended":
                pass


async def hear(guest: Client, seconds: float) -> None:
    with anyio.move_on_after(seconds):
        while True:
            await guest.hear()


def _socket(server: Server) -> str:
    return f"{server.url.replace('http', 'ws', 1)}/ws"
