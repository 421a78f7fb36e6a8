"""The market and its streams, put together."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import anyio

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.bars.bar_writer import BarWriter
from tradeapi.market.bars.tick_writer import TickWriter
from tradeapi.market.bars.ticks_together import TicksTogether
from tradeapi.market.events import CHANGES
from tradeapi.market.live.channels import BarsChannel, QuotesChannel
from tradeapi.market.live.live_quotes import LiveQuotes
from tradeapi.market.parts import Followed, open_parts
from tradeapi.market.providers.feed import probe
from tradeapi.market.quotes.kept_years import KeptYears
from tradeapi.market.symbols.catalogue import Catalogue
from tradeapi.ops.readiness import Dependency
from tradeapi.replica import Replica
from tradeapi.settings import Settings
from tradeapi.streams.hub import Hub
from tradeapi.streams.limits import Limits
from tradeapi.streams.status import StatusChannel


class MarketState(Followed):
    catalogue: Catalogue
    bar_writer: BarWriter
    tick_writer: TickWriter
    kept_years: KeptYears
    replicated_history: BarHistory
    feeds: Sequence[Dependency]


@asynccontextmanager
async def open_market(
    settings: Settings, clock: Clock, database: Database, bus: Bus, replica: Replica | None
) -> AsyncIterator[MarketState]:
    async with (
        open_parts(settings, clock, database, bus) as parts,
        anyio.create_task_group() as tasks,
    ):
        directory, store, newest = parts["directory"], parts["store"], parts["newest"]
        tasks.start_soon(newest.run)
        # One statement writes several tables on PostgreSQL alone.
        together = None if database.is_sqlite else TicksTogether(database, store, clock)
        if together is not None:
            tasks.start_soon(together.run)
        feeds = []
        if settings.demo:
            feeds.append(Dependency("demo", partial(probe, database, clock), essential=False))
        with bus.subscribe(CHANGES, newest.listen):
            yield {
                **parts,
                "catalogue": Catalogue(database),
                "bar_writer": BarWriter(database, directory, store, clock),
                "tick_writer": TickWriter(database, directory, store, clock, together),
                "kept_years": KeptYears(database),
                # For those who ask. What is live goes on from a state, which has to be the newest.
                "replicated_history": parts["bar_history"].replicated(replica),
                "feeds": feeds,
            }
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def open_streams(
    settings: Settings, clock: Clock, bus: Bus, market: MarketState
) -> AsyncIterator[tuple[Hub, LiveQuotes]]:
    lateness, stale_after = settings.bar_lateness_seconds, settings.quote_stale_seconds
    hub = Hub(Limits.of(settings), clock)
    watches = market["watches"]
    async with anyio.create_task_group() as tasks:
        quotes = LiveQuotes(watches, clock, stale_after=stale_after)
        hub.register("bars", BarsChannel(watches, market["bar_history"], clock, lateness=lateness))
        hub.register("quotes", QuotesChannel(quotes))
        hub.register("status", StatusChannel(bus))
        tasks.start_soon(hub.run)
        yield hub, quotes
        tasks.cancel_scope.cancel()
