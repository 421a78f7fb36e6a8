"""What writes to the market and follows it, put together for every kind of process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.bars.newest import Newest
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.live.watches import Watches
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.symbols.directory import Directory
from tradeapi.settings import Settings


class Parts(TypedDict):
    calendars: Calendars
    directory: Directory
    store: BarStore


class Followed(Parts):
    newest: Newest
    bar_history: BarHistory
    watches: Watches


@asynccontextmanager
async def open_parts(
    settings: Settings, clock: Clock, database: Database, bus: Bus
) -> AsyncIterator[Followed]:
    lateness = settings.bar_lateness_seconds
    calendars = Calendars(database, clock)
    directory = Directory(database, calendars)
    newest = Newest(database, directory, clock)
    async with Watches(database, bus, directory, clock) as watches:
        yield {
            "calendars": calendars,
            "directory": directory,
            "store": BarStore(database, bus, clock, lateness=lateness),
            "newest": newest,
            "bar_history": BarHistory(database, directory, newest, clock, lateness=lateness),
            "watches": watches,
        }
