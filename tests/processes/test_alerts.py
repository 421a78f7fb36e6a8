"""One watcher of alerts among many processes: whichever dies, each crossing is told once."""

import time
from collections import Counter
from collections.abc import AsyncIterator
from random import Random

import anyio
import pytest

from tests.alerts.desks import MINUTE, Desk, price, tick, trading
from tests.market.places import Market
from tests.processes.conftest import Process, Start
from tests.servers.redis import call
from tradeapi.bus.redis_streams import RedisBus
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.market.bars.tick_writer import PostedTicks

BARS = 60
# The price crosses the level once in each minute, and comes back.
PRICES = (100, 103, 106, 104, 101)


@pytest.fixture
async def desk(postgres_url: str, redis_url: str) -> AsyncIterator[Desk]:
    async with Database(postgres_url) as database, RedisBus(redis_url) as bus:
        market = Market(database, FixedClock(time.time()), bus)  # type: ignore[arg-type]
        for symbol in ("X:A", "X:B"):
            await market.add(symbol)
        yield await Desk.open(market)


async def _holder(database: Database) -> int:
    async with database.read() as raw:
        rows = await raw.fetch("SELECT holder FROM leases WHERE name = 'alerts'")
    return int(rows[0][0].rpartition(":")[2]) if rows else 0


async def test_each_crossing_is_told_once_whoever_dies(
    desk: Desk, tradeapi: Start, postgres_url: str, redis_url: str
) -> None:
    """Two processes may watch; whoever does is killed again and again, and Redis forgets."""
    random = Random(7)
    settings = {"DATABASE_URL": postgres_url, "REDIS_URL": redis_url, "ROLES": "alerts"}
    workers: dict[int, Process] = {}

    def start() -> None:
        worker = tradeapi("worker", **settings)
        workers[worker.process.pid] = worker

    start()
    start()
    symbols = ("X:A", "X:B")
    first = int(desk.market.clock.now()) // MINUTE * MINUTE - (BARS + 2) * MINUTE
    desk.market.clock.time = first
    async with trading(desk.market) as ticks:
        await ticks.post(PostedTicks([tick(symbol, first - 1, 100) for symbol in symbols]))
        ids = [await desk.make(one, price("crosses_up", 105), repeat=True) for one in symbols]
        for number in range(BARS):
            for place, one in enumerate(PRICES):
                desk.market.clock.time = at = first + number * MINUTE + place * 10
                await ticks.post(PostedTicks([tick(symbol, at, one) for symbol in symbols]))
                await anyio.sleep(0.01)
            if number % 15 == 7:
                holder = workers.pop(await _holder(desk.market.database), None)
                if holder is not None:
                    holder.process.kill()
                    start()
            if number % 20 == 11:
                call(redis_url, "FLUSHALL")
            await anyio.sleep(random.random() / 10)
        await desk.wait(2 * BARS)
    await anyio.sleep(2)
    told = await desk.told()
    bars = {first + number * MINUTE for number in range(BARS)}
    for id in ids:
        counted = Counter(one.data["bar"] for one in told if one.data["alert_id"] == str(id))
        assert counted == Counter(bars)
    assert any(one.data["late"] for one in told)
    assert any(not one.data["late"] for one in told)
