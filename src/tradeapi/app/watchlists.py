"""What watchlists need while the application runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from tradeapi.alerts.kept import KeptAlerts
from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.market.live.live_quotes import LiveQuotes
from tradeapi.settings import Settings
from tradeapi.streams.hub import Hub
from tradeapi.watchlists.alerting import ItemAlerts
from tradeapi.watchlists.live.channel import WatchlistsChannel
from tradeapi.watchlists.live.followed import LOOKS_AT_ONCE, FollowedWatchlists


class WatchlistsState(TypedDict):
    item_alerts: ItemAlerts


@asynccontextmanager
async def open_watchlists(  # noqa: PLR0913, PLR0917  they are what they are made of
    settings: Settings, clock: Clock, database: Database, bus: Bus, hub: Hub, quotes: LiveQuotes
) -> AsyncIterator[WatchlistsState]:
    async with FollowedWatchlists(database, bus, hub, quotes) as followed:
        hub.register("watchlists", WatchlistsChannel(followed), own_reads=LOOKS_AT_ONCE)
        yield {"item_alerts": KeptAlerts(bus, clock, most=settings.alerts_per_user)}
