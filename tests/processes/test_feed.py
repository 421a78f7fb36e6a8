"""One feed among many processes: it goes on when the one that has it is killed, or paused."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence

import anyio
import httpx2
import pytest

from tests.processes.conftest import Process, Start
from tests.processes.tapes import assert_every_trade_counts_once, told_until
from tests.processes.waiting import eventually
from tests.servers.databases import PostgresDatabases
from tests.streams.waiting import until
from tradeapi.bus.memory import MemoryBus
from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.market.parts import open_parts
from tradeapi.market.providers.feed import Feed
from tradeapi.market.providers.securities import SECURITIES
from tradeapi.settings import Settings

# Nothing is asked of it here.
REDIS = "redis://127.0.0.1:1"


@pytest.fixture(scope="module")
def opened(postgres_databases: PostgresDatabases) -> Iterator[str]:
    """A database in which the simulated exchange has its history."""
    url = postgres_databases.clone()
    asyncio.run(_open(url))
    yield url
    postgres_databases.drop(url)


async def _open(url: str) -> None:
    clock = SystemClock()
    async with (
        Database(url) as database,
        open_parts(Settings(), clock, database, MemoryBus()) as parts,
    ):
        store, directory, calendars = parts["store"], parts["directory"], parts["calendars"]
        await Feed(SECURITIES, database, store, directory, calendars, clock).advance()


async def test_a_killed_feed_is_taken_over(tradeapi: Start, opened: str) -> None:
    """Two race for it and one has it; after kill -9 the other goes on where that one was."""
    since = await told_until(opened)
    settings = {"DATABASE_URL": opened, "REDIS_URL": REDIS}
    workers = [tradeapi("worker", **settings), tradeapi("worker", **settings)]
    holder, other = await _holder_and_other(opened, workers)
    await _goes_on(opened)
    assert not other.has_logged("lease.taken", lease="feed")
    holder.process.kill()
    await _holds_feed(opened, other)
    await _goes_on(opened)
    await _stop(other)
    await assert_every_trade_counts_once(opened, since)


async def test_a_paused_feed_writes_nothing_late(tradeapi: Start, opened: str) -> None:
    """It is taken over meanwhile, and contends for it again when it wakes up."""
    since = await told_until(opened)
    settings = {"DATABASE_URL": opened, "REDIS_URL": REDIS}
    workers = [tradeapi("worker", **settings), tradeapi("worker", **settings)]
    holder, other = await _holder_and_other(opened, workers)
    await _goes_on(opened)
    os.kill(holder.process.pid, signal.SIGSTOP)
    await _holds_feed(opened, other)
    await _goes_on(opened)
    os.kill(holder.process.pid, signal.SIGCONT)
    await until(lambda: holder.has_logged("lease.lost", lease="feed"), seconds=60)
    await _goes_on(opened)
    await _stop(other)
    await _holds_feed(opened, holder)
    await _goes_on(opened)
    await _stop(holder)
    await assert_every_trade_counts_once(opened, since)


def test_who_has_no_feed_is_not_degraded(tradeapi: Start, opened: str) -> None:
    """It asks whether prices come, and not from where."""
    settings = {"DATABASE_URL": opened, "REDIS_URL": REDIS}
    tradeapi("worker", **settings, ROLES="feed")
    server = tradeapi("serve", "--port", "0", **settings, ROLES="")
    with httpx2.Client(base_url=server.address()) as client:
        eventually(lambda: _is_up(client, "demo"))
        assert "lease_held{" not in client.get("/metrics").text


def _is_up(client: httpx2.Client, dependency: str) -> bool:
    state: str = client.get("/health/ready").json()["dependencies"][dependency]["status"]
    return state == "up"


async def _holder_and_other(url: str, workers: Sequence[Process]) -> Sequence[Process]:
    by_pid = {worker.process.pid: worker for worker in workers}

    async def is_held() -> bool:
        return await _feed_holder(url) in by_pid

    await _until(is_held)
    holder = by_pid.pop(await _feed_holder(url))
    return [holder, *by_pid.values()]


async def _holds_feed(url: str, worker: Process) -> None:
    async def is_held() -> bool:
        return await _feed_holder(url) == worker.process.pid

    await _until(is_held)


async def _feed_holder(url: str) -> int:
    """The process that has it, or had it last."""
    async with Database(url) as database, database.read() as raw:
        rows = await raw.fetch("SELECT holder FROM leases WHERE name = 'feed'")
    return int(rows[0][0].rpartition(":")[2]) if rows else 0


async def _goes_on(url: str) -> None:
    """There are newer prices than there were."""
    before = await told_until(url)

    async def is_newer() -> bool:
        return await told_until(url) > before + 1

    await _until(is_newer)


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    with anyio.fail_after(60):
        while not await condition():  # noqa: ASYNC110
            await anyio.sleep(0.1)


async def _stop(worker: Process) -> None:
    worker.process.terminate()
    assert await asyncio.to_thread(worker.process.wait, 60) == 0
