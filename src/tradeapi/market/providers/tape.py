"""The trades of one simulated security as they fall due."""

from bisect import bisect_right
from math import floor as whole
from operator import attrgetter

from tradeapi.market.calendars.days import floor
from tradeapi.market.providers.securities import Security
from tradeapi.market.providers.simulated import SimulatedMarket
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.tick_bars import Tick
from tradeapi.market.symbols.directory import Listing

_MINUTE = Resolution.MINUTE.seconds
_time = attrgetter("time")


class Tape:
    """Everything up to the instant `until` has been told."""

    def __init__(
        self, market: SimulatedMarket, security: Security, listing: Listing, until: float
    ) -> None:
        self.security = security
        self.listing = listing
        self.until = until
        self._market = market
        self._minute = -1
        self._trades: list[Tick] = []

    def due(self, now: float) -> list[Tick]:
        """The trades after `until`, up to now."""
        trades: list[Tick] = []
        for minute in range(floor(whole(self.until), _MINUTE), whole(now) + 1, _MINUTE):
            self._turn_to(minute)
            first = bisect_right(self._trades, self.until, key=_time)
            trades += self._trades[first : bisect_right(self._trades, now, key=_time)]
        return trades

    def _turn_to(self, minute: int) -> None:
        if minute == self._minute:
            return
        calendar = self.listing.calendar
        bar = self._market.minutes(self.security, calendar, minute, minute + _MINUTE)
        self._trades = self._market.trades(self.security, bar) if len(bar) else []
        self._minute = minute
