"""A market that is streamed: the parts the application joins, on the test's database."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from tests.market.places import Market, Row
from tests.streams.client import Chart
from tests.streams.conftest import Served, serve_hub
from tradeapi.analytics.bars import Bars
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import Bus
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.market.bars.bar_history import Answer, BarHistory
from tradeapi.market.bars.newest import Newest
from tradeapi.market.live.channels import BarsChannel, QuotesChannel, parse_series
from tradeapi.market.live.live_quotes import LiveQuotes
from tradeapi.market.live.watches import Watches
from tradeapi.market.models import Symbol
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.history import Window
from tradeapi.market.store.tick_bars import Tick, TickStatus
from tradeapi.market.symbols.directory import Listing
from tradeapi.market.symbols.service import Symbols
from tradeapi.streams.hub import Hub
from tradeapi.streams.limits import Limits

LATENESS = 5
STALE_AFTER = 60


class LiveMarket:
    """Writes on one side, a stream on the other; `bus` lies between them."""

    def __init__(self, market: Market, bus: Bus, limits: Limits) -> None:
        database, clock = market.database, market.clock
        self.market = market
        self.clock: FixedClock = clock
        self.store = BarStore(database, bus, clock, lateness=LATENESS)
        # A writer whose bus nobody hears: what another process would be.
        self.elsewhere = BarStore(database, MemoryBus(), clock, lateness=LATENESS)
        newest = Newest(database, market.directory, clock)
        self.history = BarHistory(database, market.directory, newest, clock, lateness=LATENESS)
        self.watches = Watches(database, bus, market.directory, clock)
        self.hub = Hub(limits, clock)
        self.hub.register("bars", BarsChannel(self.watches, self.history, clock, lateness=LATENESS))
        self.quotes = LiveQuotes(self.watches, clock, stale_after=STALE_AFTER)
        self.hub.register("quotes", QuotesChannel(self.quotes))
        self.served: Served

    @property
    def url(self) -> str:
        return self.served.url

    @property
    def events_url(self) -> str:
        return self.served.events_url

    async def trade(
        self,
        listing: Listing,
        ticks: Sequence[tuple[float, float, float]],
        *,
        elsewhere: bool = False,
    ) -> list[TickStatus]:
        """Commit trades of `(time, price, size)` in one transaction."""
        store = self.elsewhere if elsewhere else self.store
        async with self.market.database.transaction() as session:
            [book] = await store.open(session, [listing.facts])
            statuses = await book.add_ticks([Tick(*tick) for tick in ticks])
            await store.flush(session, [book])
        return statuses

    async def post(
        self,
        listing: Listing,
        resolution: Resolution,
        rows: Sequence[Row],
        *,
        elsewhere: bool = False,
    ) -> None:
        store = self.elsewhere if elsewhere else self.store
        async with self.market.database.transaction() as session:
            [book] = await store.open(session, [listing.facts])
            await book.upsert(resolution, Bars.of(rows))
            await store.flush(session, [book])

    async def delete(
        self,
        listing: Listing,
        resolution: Resolution,
        start: int,
        end: int,
        *,
        elsewhere: bool = False,
    ) -> None:
        store = self.elsewhere if elsewhere else self.store
        async with self.market.database.transaction() as session:
            [book] = await store.open(session, [listing.facts])
            await book.delete(resolution, start, end)
            await store.flush(session, [book])

    async def remove(self, symbol: str) -> None:
        """With all its bars."""
        async with self.market.database.transaction() as session:
            row: Symbol = await Symbols(session).get(symbol)
            await session.delete(row)
        self.market.directory.clear()

    async def answer(self, topic: str, limit: int = 5000) -> Answer:
        """What HTTP answers for the topic's series."""
        symbol, resolution, adjustment = parse_series(topic)
        return await self.history.read(symbol, resolution, Window(limit=limit), adjustment)

    async def agrees(self, topic: str, chart: Chart) -> bool:
        """Whether the chart is the newest part of the history, bar for bar."""
        answer = await self.answer(topic)
        rows = [list(row) for row in zip(*(c.tolist() for c in answer.bars.columns()), strict=True)]
        begin = min(chart.bars, default=0)
        return chart.rows == [row for row in rows if row[0] >= begin]


@asynccontextmanager
async def live(
    database: Database,
    *,
    market: Market | None = None,
    bus: Bus | None = None,
    limits: Limits | None = None,
    **options: Any,
) -> AsyncIterator[LiveMarket]:
    """Another one on the same `market` is what another process would be."""
    served = LiveMarket(market or Market(database), bus or MemoryBus(), limits or Limits())
    async with AsyncExitStack() as resources:
        await resources.enter_async_context(served.watches)
        served.served = await resources.enter_async_context(serve_hub(served.hub, **options))
        yield served
