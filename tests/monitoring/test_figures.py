"""What a process measures of itself, of its feed and of its jobs."""

import time

import anyio
import pytest
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncSession

from tests.faults.trading import eventually
from tests.jobs.office import at_work, noted
from tests.market.conftest import CalendarData
from tests.market.places import MONDAY, Market, flat
from tradeapi import __version__
from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.jobs.opening import jobs_of
from tradeapi.jobs.port import NewJob
from tradeapi.market.quotes.feed_age import FeedAge
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.tick_bars import Tick
from tradeapi.market.symbols.directory import Listing
from tradeapi.ops import pulse

CLOSE = 1718049600  # 16:00 in New York on that Monday


def value(metric: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(metric, labels) or 0.0


async def until(metric: str, wanted: float, **labels: str) -> None:
    await eventually(lambda: value(metric, **labels) == wanted)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "EVERY_SECONDS", 0.02)


async def test_a_loop_that_is_blocked_is_late(database: Database) -> None:
    """By what blocked it; and the version is told."""
    late, looks = "event_loop_lag_seconds_sum", "event_loop_lag_seconds_count"
    looked = value(looks)
    async with pulse.measured(database):
        # By then it is under way.
        await eventually(lambda: value(looks) > looked)
        assert value("tradeapi_build_info", version=__version__) == 1
        before = value(late)
        time.sleep(0.5)  # noqa: ASYNC251  that is what must be seen
        await eventually(lambda: value(late) - before >= 0.4)


@pytest.mark.parametrize("pool", ["readers", "writers", "singles"])
async def test_who_waits_for_a_connection_is_counted(database: Database, pool: str) -> None:
    """Beside those in use and the limit; and for how long, once there is one."""
    if pool == "singles" and database.is_sqlite:
        pytest.skip("SQLite writes single ticks in another way")
    take = {
        "readers": database.read,
        "writers": database.reading,
        "singles": database.at_once,
    }[pool]
    waits = value("database_connection_wait_seconds_count", pool=pool)
    limit = database.pools[pool].limit

    async def hold(release: anyio.Event) -> None:
        async with take() as one:
            if isinstance(one, AsyncSession):
                await one.connection()
            await release.wait()

    first, second = anyio.Event(), anyio.Event()
    async with pulse.measured(database), anyio.create_task_group() as tasks:
        await until("database_connections", limit, pool=pool, state="limit")
        for _ in range(limit):
            tasks.start_soon(hold, first)
        await until("database_connections", limit, pool=pool, state="in_use")
        assert value("database_connection_wait_seconds_count", pool=pool) == waits
        tasks.start_soon(hold, second)
        await until("database_connections", 1, pool=pool, state="waiting")
        first.set()
        await until("database_connections", 1, pool=pool, state="in_use")
        second.set()
        await until("database_connections", 0, pool=pool, state="in_use")
    assert value("database_connections", pool=pool, state="waiting") == 0
    assert value("database_connection_wait_seconds_count", pool=pool) == waits + 1


async def test_the_oldest_job_is_told(database: Database) -> None:
    """Since when it might have been begun: one that is for later is not late."""
    async with database.transaction() as session:
        later = NewJob(name="later", payload={}, run_at=time.time() + 1000)
        await jobs_of(database, SystemClock()).enqueue(session, noted(1), noted(2), later)
    await anyio.sleep(0.3)
    async with at_work(database, {}):
        await until("jobs_waiting", 2, name="note")
        await eventually(lambda: value("jobs_oldest_seconds", name="note") >= 0.3)
        assert value("jobs_waiting", name="later") == 1
        assert value("jobs_oldest_seconds", name="later") == 0


@pytest.fixture
async def market(database: Database, calendar_data: CalendarData) -> Market:
    """New York's at 11:00, of which a trade came a minute ago."""
    market = Market(database)
    await market.keep_calendar("XNYS", calendar_data("XNYS"))
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(
            "INSERT INTO exchanges (code, name, calendar) VALUES ('NY', 'New York', 'XNYS')"
        )
    await trade(market, await market.add("NY:IBM"), MONDAY - 60)
    return market


async def trade(market: Market, listing: Listing, at: float) -> None:
    async with market.database.transaction() as session:
        [book] = await market.store.open(session, [listing.facts])
        await book.add_ticks([Tick(at, 100.0, 1.0)])
        await market.store.flush(session, [book])


@pytest.fixture
def ages(market: Market) -> FeedAge:
    return FeedAge(market.database, market.calendars, market.clock)


async def age(market: Market, ages: FeedAge, at: float, exchange: str = "NY") -> float:
    market.clock.time = at
    await ages.look()
    return value("feed_age_seconds", exchange=exchange)


async def test_a_feed_that_stands_still_ages(market: Market, ages: FeedAge) -> None:
    """Until the next trade of any symbol."""
    assert await age(market, ages, MONDAY) == 60
    assert await age(market, ages, MONDAY + 600) == 660
    await trade(market, await market.add("NY:GE"), MONDAY + 610)
    assert await age(market, ages, MONDAY + 615) == 5


async def test_a_closed_market_has_no_age(market: Market, ages: FeedAge) -> None:
    """The next day it counts from the opening, not from the evening before."""
    assert await age(market, ages, CLOSE - 1) == CLOSE - 1 - MONDAY + 60
    assert await age(market, ages, CLOSE + 1) == 0
    opening = CLOSE + 17.5 * 3600
    assert await age(market, ages, opening - 1) == 0
    assert await age(market, ages, opening + 7) == 7


async def test_what_is_imported_is_no_feed(market: Market, ages: FeedAge) -> None:
    """Bars come whenever somebody has them; and a feed that was given up is forgotten."""
    listing = await market.add("XX:OLD", calendar="24x7")
    minute = MONDAY // 60 * 60
    await market.write(listing, Resolution.MINUTE, [flat(minute - 120, 1.0)])
    assert await age(market, ages, MONDAY + 3600, "XX") == 0
    assert await age(market, ages, MONDAY + 30 * 86400 + 3600) == 0
