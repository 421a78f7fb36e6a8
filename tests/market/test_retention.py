"""Old minutes go, what was folded from them stays."""

from dataclasses import dataclass
from time import monotonic
from typing import Self

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tradeapi.analytics.bars import Bars, Int64Array
from tradeapi.bus.memory import MemoryBus
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store import partitions
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.history import Page, Window, history
from tradeapi.market.store.retention import Retention
from tradeapi.market.symbols.directory import Directory, Listing
from tradeapi.market.symbols.service import Symbols

DAY = 86400
NOW = 1_700_000_000 // DAY * DAY


async def test_minutes_past_their_age_are_dropped_and_their_rollups_stay(
    database: Database,
) -> None:
    """200 days, 30 to keep: whole partitions go, hours stay whatever minutes come back."""
    shop = await _Shop.of(database)
    minutes = _bars(np.arange(NOW - 200 * DAY, NOW, 600, dtype=np.int64))
    await shop.write(minutes)
    listing, keeper = shop.listing, shop.keeper
    hours = await _read(database, listing.id, Resolution.HOUR)

    assert await keeper.apply() == ["X:A"]
    assert await keeper.apply() == []

    left = await _read(database, listing.id, Resolution.MINUTE)
    assert NOW - 94 * DAY < left.bars.time[0] <= NOW - 30 * DAY
    assert left.first == left.bars.time[0]
    assert not left.has_more_before
    assert left.bars == minutes[minutes.time >= left.bars.time[0]]
    assert left.revision == hours.revision + 1
    assert (await _read(database, listing.id, Resolution.HOUR)).bars == hours.bars

    await shop.write(_bars(minutes.time[:1] + 60))
    assert (await _read(database, listing.id, Resolution.HOUR)).bars == hours.bars


async def test_a_series_of_which_nothing_is_left_begins_anew(database: Database) -> None:
    """Its newest bars were removed by hand, and retention takes the others."""
    shop = await _Shop.of(database)
    minutes = _bars(np.arange(NOW - 300 * DAY, NOW - 120 * DAY, 600, dtype=np.int64))
    await shop.write(minutes)
    async with database.transaction() as session:
        [book] = await shop.store.open(session, [shop.listing.facts])
        await book.delete(Resolution.MINUTE, int(minutes.time[-8]), NOW)
        await shop.store.flush(session, [book])

    assert await shop.keeper.apply() == ["X:A"]
    left = await _read(database, shop.listing.id, Resolution.MINUTE)
    assert (len(left.bars), left.first, left.has_more_before) == (0, None, False)
    await shop.write(minutes[-1:])
    left = await _read(database, shop.listing.id, Resolution.MINUTE)
    assert left.bars == minutes[-1:]
    assert not left.has_more_before


async def test_old_bars_may_come_back_after_they_were_dropped(database: Database) -> None:
    """A writer that knew their partition makes it once more."""
    shop = await _Shop.of(database)
    minutes = _bars(np.arange(NOW - 200 * DAY, NOW, 600, dtype=np.int64))
    await shop.write(minutes)
    await shop.write(_bars(NOW + np.arange(0, 60 * 1440 * 70, 600, dtype=np.int64)))
    await shop.keeper.apply()
    await shop.write(minutes[:1])
    left = await _read(database, shop.listing.id, Resolution.MINUTE)
    assert left.first == minutes.time[0]


async def test_another_process_may_have_dropped_them(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer asks anew now and then which partitions there are."""
    async with Database(postgres_url) as database, Database(postgres_url) as other:
        shop = await _Shop.of(database)
        await shop.write(minutes := _bars(np.arange(NOW - 200 * DAY, NOW, 600, dtype=np.int64)))
        assert await (await _Shop.of(other)).keeper.apply() == ["X:A"]
        monkeypatch.setattr(partitions, "monotonic", lambda: monotonic() + 60)
        await shop.write(minutes[:1])
        left = await _read(database, shop.listing.id, Resolution.MINUTE)
        assert left.first == minutes.time[0]


async def test_what_a_long_reader_interrupts_is_done_the_next_time(postgres_url: str) -> None:
    """The partition is left half detached, and the attempt fails."""
    async with Database(postgres_url) as database:
        shop = await _Shop.of(database)
        minutes = _bars(np.arange(NOW - 200 * DAY, NOW, 600, dtype=np.int64))
        await shop.write(minutes)
        async with database.reading() as session:
            await session.execute(text("SELECT count(*) FROM bar_blocks"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                await shop.keeper.apply()
        assert await shop.keeper.apply() == ["X:A"]
        left = await _read(database, shop.listing.id, Resolution.MINUTE)
        assert left.bars == minutes[minutes.time >= left.bars.time[0]]
        assert left.first == left.bars.time[0]


@dataclass
class _Shop:
    """What writes the bars of one symbol, and what drops them."""

    database: Database
    store: BarStore
    keeper: Retention
    listing: Listing

    @classmethod
    async def of(cls, database: Database) -> Self:
        clock = FixedClock(NOW)
        store = BarStore(database, MemoryBus(), clock, lateness=5)
        directory = Directory(database, Calendars(database, clock))
        async with database.transaction() as session:
            await Symbols(session).ensure("X:A")
        keeper = Retention(database, store, directory, clock, days=30)
        return cls(database, store, keeper, await directory.get("X:A"))

    async def write(self, minutes: Bars) -> None:
        async with self.database.transaction() as session:
            [book] = await self.store.open(session, [self.listing.facts])
            await book.upsert(Resolution.MINUTE, minutes)
            await self.store.flush(session, [book])


def _bars(time: Int64Array) -> Bars:
    price = (100 + np.arange(len(time)) % 50).astype(np.float64)
    return Bars(time, price, price, price, price, np.ones(len(time)))


async def _read(database: Database, symbol_id: int, resolution: Resolution) -> Page:
    async with database.read() as raw:
        return await history(raw, symbol_id, resolution, Window(limit=50_000))
