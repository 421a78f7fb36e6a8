"""Old minutes go, what was folded from them stays."""

import anyio
import numpy as np
import pytest
from sqlalchemy import text

from tradeapi.analytics.bars import Bars, Int64Array
from tradeapi.bus.memory import MemoryBus
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store import retention
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.history import Page, Window, history
from tradeapi.market.store.retention import Retention
from tradeapi.market.symbols.directory import Directory
from tradeapi.market.symbols.service import Symbols

DAY = 86400
NOW = 1_700_000_000 // DAY * DAY


async def test_minutes_past_their_age_are_dropped_and_their_rollups_stay(
    database: Database,
) -> None:
    """200 days, 30 to keep: whole partitions go, hours stay whatever minutes come back."""
    clock = FixedClock(NOW)
    bus = MemoryBus()
    store = BarStore(database, bus, clock, lateness=5)
    directory = Directory(database, Calendars(database, clock))
    minutes = _bars(np.arange(NOW - 200 * DAY, NOW, 600, dtype=np.int64))
    async with database.transaction() as session:
        await Symbols(session).ensure("X:A")
    listing = await directory.get("X:A")
    async with database.transaction() as session:
        [book] = await store.open(session, [listing.facts])
        await book.upsert(Resolution.MINUTE, minutes)
        await store.flush(session, [book])
    hours = await _read(database, listing.id, Resolution.HOUR)

    keeper = Retention(database, store, directory, clock, days=30)
    assert await keeper.apply() == ["X:A"]
    assert await keeper.apply() == []

    left = await _read(database, listing.id, Resolution.MINUTE)
    assert NOW - 94 * DAY < left.bars.time[0] <= NOW - 30 * DAY
    assert left.first == left.bars.time[0]
    assert not left.has_more_before
    assert left.bars == minutes[minutes.time >= left.bars.time[0]]
    assert left.revision == hours.revision + 1
    assert (await _read(database, listing.id, Resolution.HOUR)).bars == hours.bars

    async with database.transaction() as session:
        [book] = await store.open(session, [listing.facts])
        await book.upsert(Resolution.MINUTE, _bars(minutes.time[:1] + 60))
        await store.flush(session, [book])
    assert (await _read(database, listing.id, Resolution.HOUR)).bars == hours.bars


async def test_a_database_that_is_away_does_not_end_the_service(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be dropped is tried again."""
    clock = FixedClock(NOW)
    store = BarStore(database, MemoryBus(), clock, lateness=5)
    directory = Directory(database, Calendars(database, clock))
    monkeypatch.setattr(retention, "RETRY_SECONDS", 0.01)
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE bar_series RENAME TO away"))
    with anyio.move_on_after(0.2) as scope:
        await Retention(database, store, directory, clock, days=30).run()
    assert scope.cancelled_caught


def _bars(time: Int64Array) -> Bars:
    price = (100 + np.arange(len(time)) % 50).astype(np.float64)
    return Bars(time, price, price, price, price, np.ones(len(time)))


async def _read(database: Database, symbol_id: int, resolution: Resolution) -> Page:
    async with database.read() as raw:
        return await history(raw, symbol_id, resolution, Window(limit=50_000))
