"""The market and its streams, put together."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypedDict

import anyio

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.bars.bar_writer import BarWriter
from tradeapi.market.bars.newest import Newest
from tradeapi.market.bars.tick_writer import TickWriter
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.events import CHANGES
from tradeapi.market.live.channels import BarsChannel, QuotesChannel
from tradeapi.market.live.watches import Watches
from tradeapi.market.providers.feed import Feed
from tradeapi.market.providers.securities import SECURITIES
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.retention import Retention
from tradeapi.market.symbols.catalogue import Catalogue
from tradeapi.market.symbols.directory import Directory
from tradeapi.ops.readiness import Dependency
from tradeapi.settings import Settings
from tradeapi.streams.hub import Hub
from tradeapi.streams.limits import Limits
from tradeapi.streams.status import StatusChannel


class MarketState(TypedDict):
    calendars: Calendars
    directory: Directory
    catalogue: Catalogue
    store: BarStore
    bar_history: BarHistory
    bar_writer: BarWriter
    tick_writer: TickWriter
    feeds: Sequence[Dependency]


@asynccontextmanager
async def open_market(
    settings: Settings, clock: Clock, database: Database, bus: Bus
) -> AsyncIterator[MarketState]:
    lateness = settings.bar_lateness_seconds
    calendars = Calendars(database, clock)
    directory = Directory(database, calendars)
    newest = Newest(database, directory, clock)
    store = BarStore(database, bus, clock, lateness=lateness)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(newest.run)
        feeds = []
        if settings.demo:
            feed = Feed(SECURITIES, database, store, directory, calendars, clock)
            tasks.start_soon(feed.run)
            feeds.append(Dependency("demo", feed.probe, essential=False))
        if days := settings.minute_retention_days:
            tasks.start_soon(Retention(database, store, directory, clock, days=days).run)
        with bus.subscribe(CHANGES, newest.listen):
            yield {
                "calendars": calendars,
                "directory": directory,
                "catalogue": Catalogue(database),
                "store": store,
                "bar_history": BarHistory(database, directory, newest, clock, lateness=lateness),
                "bar_writer": BarWriter(database, directory, store, clock),
                "tick_writer": TickWriter(database, directory, store, clock),
                "feeds": feeds,
            }
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def open_streams(
    settings: Settings, clock: Clock, database: Database, bus: Bus, market: MarketState
) -> AsyncIterator[Hub]:
    lateness, stale_after = settings.bar_lateness_seconds, settings.quote_stale_seconds
    hub = Hub(Limits.of(settings), clock)
    async with (
        Watches(database, bus, market["directory"], clock) as watches,
        anyio.create_task_group() as tasks,
    ):
        hub.register("bars", BarsChannel(watches, market["bar_history"], clock, lateness=lateness))
        hub.register("quotes", QuotesChannel(watches, clock, stale_after=stale_after))
        hub.register("status", StatusChannel(bus))
        tasks.start_soon(hub.run)
        yield hub
        tasks.cancel_scope.cancel()
