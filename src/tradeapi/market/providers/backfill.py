"""The simulated exchange's history in the database, up to an instant."""

from dataclasses import dataclass

import anyio

from tradeapi.analytics.bars import Bars
from tradeapi.database import Database
from tradeapi.market.calendars.days import DAY
from tradeapi.market.providers.securities import Security
from tradeapi.market.providers.simulated import SimulatedMarket
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.symbols.directory import Listing

DAYS_KEPT = 5 * 365 * DAY
MINUTES_KEPT = 30 * DAY


@dataclass(frozen=True, slots=True)
class Backfill:
    """Writes what is missing: minutes of the last 30 days, and daily bars of the years before."""

    market: SimulatedMarket
    database: Database
    store: BarStore

    async def complete(
        self, security: Security, listing: Listing, since: int | None, end: int
    ) -> None:
        """From the minute `since` on, None if nothing is there yet, up to `end`."""
        days, minutes = await anyio.to_thread.run_sync(self._missing, security, listing, since, end)
        if not len(days) and not len(minutes):
            return
        async with self.database.transaction() as session:
            [book] = await self.store.open(session, [listing.facts])
            for resolution, bars in ((Resolution.DAY, days), (Resolution.MINUTE, minutes)):
                if len(bars):
                    await book.upsert(resolution, bars)
            await self.store.flush(session, [book])

    def days(self, security: Security, listing: Listing, now: int) -> Bars:
        """The daily bars of all history that is kept, the current day's included."""
        today = listing.calendar.trading_day(now)
        return self.market.days(security, listing.calendar, now - DAYS_KEPT, today + 1)

    def _missing(
        self, security: Security, listing: Listing, since: int | None, end: int
    ) -> tuple[Bars, Bars]:
        calendar = listing.calendar
        # Where the minutes begin they begin with a day, which is folded from them.
        day = calendar.trading_day(end - MINUTES_KEPT)
        open, _ = calendar.span(day, Resolution.DAY)
        first = end - DAYS_KEPT if since is None else calendar.trading_day(since)
        return (
            self.market.days(security, calendar, first, day),
            self.market.minutes(security, calendar, max(open, since or open), end),
        )
