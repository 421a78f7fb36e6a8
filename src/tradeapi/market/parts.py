"""What writes to the market, put together for every kind of process."""

from typing import TypedDict

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.symbols.directory import Directory
from tradeapi.settings import Settings


class Parts(TypedDict):
    calendars: Calendars
    directory: Directory
    store: BarStore


def parts_of(settings: Settings, clock: Clock, database: Database, bus: Bus) -> Parts:
    calendars = Calendars(database, clock)
    return {
        "calendars": calendars,
        "directory": Directory(database, calendars),
        "store": BarStore(database, bus, clock, lateness=settings.bar_lateness_seconds),
    }
