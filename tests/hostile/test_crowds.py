"""Many clients, and such as do not read."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import anyio
import anyio.to_thread
import pytest

from tests.hostile.serving import Server, eventually, serve
from tests.hostile.wire import TEXT, close_code, frame, said, say, stream
from tests.servers.databases import SqliteDatabases
from tests.streams.client import client

SYMBOLS = [f"CRYPTO:C{number}" for number in range(40)]
RESOLUTIONS = ["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w", "1M"]
TOPICS = [f"bars:{symbol}:{resolution}" for symbol in SYMBOLS for resolution in RESOLUTIONS]
MEGABYTE = 1024 * 1024
TIMEOUT_SECONDS = 2


@pytest.fixture(scope="module")
def market(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that loses its patience soon, and many coins that have traded."""
    folder = tmp_path_factory.mktemp("crowds")
    settings = {
        "WEBSOCKET_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
        "WEBSOCKET_PING_INTERVAL_SECONDS": "2",
        "WEBSOCKET_CONNECTIONS_PER_USER": "1000",
    }
    with serve(sqlite_databases.copy(folder), folder, **settings) as server:
        for symbol in SYMBOLS:
            server.put(f"/symbols/{symbol}")
        trade(server, 0)
        yield server


@pytest.fixture
def crowded(market: Server) -> Iterator[Server]:
    """Afterwards nobody is there any more, and nothing of anybody has stayed."""
    yield market
    assert_empty(market)


def assert_empty(server: Server) -> None:
    for _ in eventually(30):
        if server.metric("stream_clients") == 0 and server.metric("stream_subscriptions") == 0:
            break
    for _ in eventually():
        # The one that asks.
        if server.sockets <= 1:
            break
    assert server.crashes == []


def trade(server: Server, number: int) -> None:
    """Each coin once."""
    price = 100 + number % 50
    ticks = [
        {"symbol": symbol, "price": price, "size": 1, "time": time.time()} for symbol in SYMBOLS
    ]
    assert server.post("/ticks", ticks)["accepted"] == len(SYMBOLS)


async def test_those_who_do_not_read_are_dropped_while_the_market_goes_on(crowded: Server) -> None:
    """Their memory is bounded, and who reads sees all of it: what history says."""
    followed = TOPICS[:90]
    with ExitStack() as deaf:
        for _ in range(10):
            opened = deaf.enter_context(stream(crowded.address, room=4096))
            opened.sendall(say(op="subscribe", topics=TOPICS, history=5000))
        memory, waits = crowded.memory, []
        async with client(f"ws://{crowded.address[0]}:{crowded.address[1]}/ws") as guest:
            await guest.subscribe(*followed)

            async def pour() -> None:
                for number in range(80):
                    begun = time.monotonic()
                    await anyio.to_thread.run_sync(trade, crowded, number)
                    waits.append(time.monotonic() - begun)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(pour)
                # Of the last trade the guest may hear before the trader has its answer.
                while len(waits) < 80:
                    await guest.hear_rest(0.1)
            await guest.hear_rest(1)
            for topic in followed:
                _, exchange, ticker, resolution = topic.split(":")
                found = crowded.get(f"/bars/{exchange}:{ticker}", resolution=resolution)
                last = [found[name][-1] for name in ("time", "open", "high", "low", "close")]
                assert guest.charts[topic].rows[-1][:5] == last
        assert crowded.memory - memory < 40 * MEGABYTE
        assert sorted(waits)[-2] < 1
        for _ in eventually():
            if crowded.metric("stream_clients") == 0:
                break


def test_those_who_do_not_read_their_answers_are_not_listened_to(crowded: Server) -> None:
    """A request of 57 kB has an answer of twice that; they do not pile up."""
    names = ",".join(f'"bars:CRYPTO:{number}{"x" * 100}:9m"' for number in range(480))
    request = frame(TEXT, f'{{"op":"subscribe","topics":[{names}]}}'.encode())
    memory, most = crowded.memory, 0

    def flood() -> None:
        with stream(crowded.address, room=4096, seconds=60) as opened:
            try:
                while True:
                    opened.sendall(request)
                    time.sleep(0.05)
            except OSError:
                pass

    with ThreadPoolExecutor(8) as threads:
        floods = [threads.submit(flood) for _ in range(8)]
        while not all(one.done() for one in floods):
            most = max(most, crowded.memory - memory)
            assert crowded.client.get("/health").elapsed.total_seconds() < 1
            time.sleep(0.05)
    assert most < 30 * MEGABYTE


def test_pings_that_are_answered_into_the_void_are_bounded(crowded: Server) -> None:
    """uvicorn would keep every answer until it is read."""
    memory = crowded.memory
    with stream(crowded.address, room=4096) as opened:
        pings = frame(9, b"p" * 125) * 1000
        try:
            for _ in range(1000):
                opened.sendall(pings)
        except OSError:
            pass
    assert crowded.memory - memory < 10 * MEGABYTE


def test_a_client_that_answers_no_ping_is_dropped(crowded: Server) -> None:
    """Its cable may have been pulled."""
    with stream(crowded.address) as opened:
        begun = time.monotonic()
        assert close_code(opened) == 1011
        assert time.monotonic() - begun < 2 + TIMEOUT_SECONDS + 2


def test_a_storm_of_connections(crowded: Server) -> None:
    """Two hundred at once, three times, some of whom say goodbye and some of whom don't."""
    chance = random.Random(1)
    memory = 0
    for _ in range(3):
        with ExitStack() as guests:
            sockets = [guests.enter_context(stream(crowded.address)) for _ in range(200)]
            for opened in sockets:
                opened.sendall(say(op="subscribe", topics=chance.sample(TOPICS, 5), history=10))
            for opened in chance.sample(sockets, 50):
                assert said(opened, "snapshot")
            trade(crowded, 1)
            for opened in chance.sample(sockets, 100):
                # Unread data makes it a reset.
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        memory = memory or crowded.memory
    assert crowded.memory - memory < 20 * MEGABYTE


def test_who_breaks_the_protocol_again_and_again_fills_no_log(crowded: Server) -> None:
    """Nor the memory: each time it is a close and nothing else."""
    faulty = (frame(TEXT, b"\xff"), frame(TEXT, b"x" * 70_000), frame(9, b"p") * 200)
    log, memory = len(crowded.log), 0
    for _ in range(2):
        for number in range(150):
            with stream(crowded.address) as opened:
                opened.sendall(faulty[number % 3])
                assert close_code(opened) in {1007, 1008, 1009}
        memory = memory or crowded.memory
    assert crowded.memory - memory < 5 * MEGABYTE
    assert len(crowded.log) == log


def test_coming_and_going_is_limited_and_leaves_nothing(crowded: Server) -> None:
    """Who subscribes and unsubscribes without end is told so, and then sent away."""
    is_over = threading.Event()

    def flood(number: int) -> int:
        topics = TOPICS[number : number + 100]
        requests = say(op="subscribe", topics=topics, history=5000)
        requests += say(op="unsubscribe", topics=topics)
        with stream(crowded.address, seconds=30) as opened:
            reader = threads.submit(close_code, opened)
            try:
                while True:
                    opened.sendall(requests)
            except OSError:
                pass
            return reader.result()

    def be_served() -> float:
        longest = 0.0
        while not is_over.is_set():
            begun = time.monotonic()
            trade(crowded, 2)
            longest = max(longest, time.monotonic() - begun)
        return longest

    with ThreadPoolExecutor(20) as threads:
        served = threads.submit(be_served)
        codes = [code.result() for code in [threads.submit(flood, number) for number in range(5)]]
        is_over.set()
        assert served.result() < 3
    assert set(codes) == {1008}
