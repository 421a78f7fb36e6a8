"""Writers in other processes, whose news comes over Redis."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from tests.market.places import MONDAY
from tests.streams.client import client
from tests.streams.live import LATENESS, LiveMarket, live
from tests.streams.test_stream_is_history import Writer, follow
from tests.web.redis_process import redis_process
from tradeapi.bus.redis_streams import RedisBus
from tradeapi.database import Database
from tradeapi.market.live import watches
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.bar_store import BarStore

pytestmark = pytest.mark.anyio


class Elsewhere(Writer):
    """Most is written in the other process."""

    @property
    def _elsewhere(self) -> bool:
        return self._chance.random() < 0.8


@asynccontextmanager
async def processes(database: Database, url: str) -> AsyncIterator[LiveMarket]:
    """The market of one, that is written `elsewhere` in another."""
    async with RedisBus(url) as here, RedisBus(url) as there, live(database, bus=here) as market:
        market.elsewhere = BarStore(database, there, market.clock, lateness=LATENESS)
        yield market


async def test_what_one_process_writes_another_streams(
    database: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the news alone: the database is not asked whether there is something new."""
    monkeypatch.setattr(watches, "ASK_EVERY_SECONDS", 3600)
    monkeypatch.setattr(watches, "PATIENCE_SECONDS", 3600)
    async with processes(database, redis_url) as market, client(market.url) as guest:
        coin = await market.market.add("CRYPTO:BTCUSD")
        topics = [f"bars:{coin.symbol}:{resolution}" for resolution in Resolution]
        await guest.subscribe(*topics)
        for number in range(40):
            market.clock.time += 20
            trade = (market.clock.time, 100 + number % 7, 1)
            await market.trade(coin, [trade], elsewhere=number % 3 > 0)
        await guest.hear_until(
            lambda: all(sum(row[5] for row in guest.charts[topic].rows) == 40 for topic in topics)
        )
        for topic in topics:
            assert await market.agrees(topic, guest.charts[topic])


async def test_the_stream_is_the_history_while_redis_comes_and_goes(
    sqlite_url: str, tmp_path: Path
) -> None:
    """What its news would have said is read from the database."""
    chance = random.Random(1)
    with redis_process(tmp_path) as process:
        async with Database(sqlite_url) as database, processes(database, process.url) as market:
            coin = await market.market.add("CRYPTO:BTCUSD")
            stock = await market.market.add("CRYPTO:ETHUSD")
            await market.trade(coin, [(MONDAY, 100, 1)])
            topics = [
                f"bars:{listing.symbol}:{resolution}"
                for listing in (coin, stock)
                for resolution in Resolution
            ]

            async def come_and_go() -> None:
                for _ in range(3):
                    await anyio.sleep(0.3)
                    process.kill()
                    await anyio.sleep(0.3)
                    await anyio.to_thread.run_sync(process.start)

            async with anyio.create_task_group() as everybody:
                everybody.start_soon(follow, market, topics)
                everybody.start_soon(come_and_go)
                everybody.start_soon(Elsewhere(market, [coin, stock], chance).write)
