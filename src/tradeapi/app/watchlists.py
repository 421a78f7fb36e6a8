"""What watchlists need while the application runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tradeapi.bus.port import Bus
from tradeapi.database import Database
from tradeapi.market.live.live_quotes import LiveQuotes
from tradeapi.streams.hub import Hub
from tradeapi.watchlists.live.channel import WatchlistsChannel
from tradeapi.watchlists.live.followed import LOOKS_AT_ONCE, FollowedWatchlists


@asynccontextmanager
async def open_watchlists(
    database: Database, bus: Bus, hub: Hub, quotes: LiveQuotes
) -> AsyncIterator[None]:
    async with FollowedWatchlists(database, bus, hub, quotes) as followed:
        hub.register("watchlists", WatchlistsChannel(followed), own_reads=LOOKS_AT_ONCE)
        yield
