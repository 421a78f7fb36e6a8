"""A market without HTTP: the same parts that the application joins, on the test's database."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Unpack

import anyio

from tradeapi.analytics.bars import Bars
from tradeapi.bus.memory import MemoryBus
from tradeapi.clock import FixedClock
from tradeapi.database import Database, raw
from tradeapi.market.bars.tick_writer import TickWriter
from tradeapi.market.bars.ticks_together import TicksTogether
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.history import Window, history
from tradeapi.market.symbols.directory import Directory, Listing
from tradeapi.market.symbols.service import SymbolFields, Symbols

# Monday 2024-06-10 15:00 UTC, 11:00 in New York.
MONDAY = 1718031600
# 00:00 UTC of that day.
TODAY = 1717977600
DAY = 86400

Row = tuple[int, float, float, float, float, float]


@dataclass
class Market:
    database: Database
    clock: FixedClock = field(default_factory=lambda: FixedClock(MONDAY))
    bus: MemoryBus = field(default_factory=MemoryBus)

    def __post_init__(self) -> None:
        self.calendars = Calendars(self.database, self.clock)
        self.directory = Directory(self.database, self.calendars)
        self.store = BarStore(self.database, self.bus, self.clock, lateness=5)

    async def add(self, symbol: str, **fields: Unpack[SymbolFields]) -> Listing:
        async with self.database.transaction() as session:
            await Symbols(session).ensure(symbol, **fields)
        self.directory.clear()
        return await self.directory.get(symbol)

    async def write(self, listing: Listing, resolution: Resolution, rows: Sequence[Row]) -> None:
        async with self.database.transaction() as session:
            [book] = await self.store.open(session, [listing.facts])
            await book.upsert(resolution, Bars.of(rows))
            await self.store.flush(session, [book])

    async def read(self, listing: Listing, resolution: Resolution) -> Bars:
        async with self.database.read() as connection:
            return (await history(connection, listing.id, resolution, Window(5000))).bars

    async def revision(self, listing: Listing) -> int:
        async with self.database.read() as connection:
            page = await history(connection, listing.id, Resolution.DAY, Window(1))
        return page.revision

    async def keep_calendar(self, code: str, data: bytes) -> None:
        """As if it had been built already."""
        async with self.database.transaction() as session:
            await (await raw(session)).execute(
                "INSERT INTO calendars (code, sessions, built_at) VALUES ($1, $2, $3)",
                code,
                data,
                int(self.clock.now()),
            )


@asynccontextmanager
async def writing(market: Market) -> AsyncIterator[TickWriter]:
    """As an application has it, with a store of its own."""
    store = Market(market.database, market.clock, market.bus).store
    together = TicksTogether(market.database, store, market.clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(together.run)
        yield TickWriter(
            market.database,
            market.directory,
            store,
            market.clock,
            None if market.database.is_sqlite else together,
        )
        tasks.cancel_scope.cancel()


def flat(time: int, price: float, volume: float = 100) -> Row:
    """A bar that stayed at one price."""
    return time, price, price, price, price, volume
