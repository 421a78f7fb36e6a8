"""For how long no trade has come of exchanges whose trades do come, while they are in session."""

from collections import defaultdict
from typing import Never

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.market.calendars.days import DAY
from tradeapi.market.calendars.registry import Calendars
from tradeapi.metrics import FEED_AGE
from tradeapi.repeating import repeatedly

EVERY_SECONDS = 15.0
# An exchange without a trade for so long is not fed any more. It is longer than any holidays.
FORGOTTEN_AFTER_SECONDS = 14 * DAY


class FeedAge:
    """Bars that somebody posts or imports are no trades; levels of indices are ours."""

    def __init__(self, database: Database, calendars: Calendars, clock: Clock) -> None:
        self._database = database
        self._calendars = calendars
        self._clock = clock
        self._exchanges: set[str] = set()

    async def run(self) -> Never:
        await repeatedly(self.look, EVERY_SECONDS, "feed.not_looked_at")

    async def look(self) -> None:
        now = self._clock.now()
        async with self._database.read() as raw:
            rows = await raw.fetch(_NEWEST, now - FORGOTTEN_AFTER_SECONDS)
        ages: dict[str, float] = defaultdict(float)
        for exchange, code, newest in rows:
            calendar = await self._calendars.get(code)
            # Symbols of an exchange may have hours of their own: the worst is told.
            if calendar.is_open(now):
                since = max(newest, calendar.session(now).open)
                ages[exchange] = max(ages[exchange], now - since)
            else:
                ages.setdefault(exchange, 0.0)
        self._exchanges |= ages.keys()
        for exchange in self._exchanges:
            FEED_AGE.labels(exchange).set(ages[exchange])


# Of each symbol one row is looked at, the minute that its newest price is in.
_NEWEST = """
SELECT s.exchange, COALESCE(s.calendar, e.calendar), max(b.last_tick)
FROM heads h
JOIN symbols s ON s.id = h.symbol_id
JOIN exchanges e ON e.code = s.exchange
JOIN bar_rows b ON b.symbol_id = h.symbol_id AND b.resolution = 60
  AND b.time <= h.last_time AND b.time > h.last_time - 60
WHERE h.last_time >= $1 AND b.last_tick IS NOT NULL AND s.type <> 'index'
GROUP BY 1, 2
"""
