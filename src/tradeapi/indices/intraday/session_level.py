"""The level of one index during one session."""

from collections.abc import Collection
from math import inf, isfinite

import numpy as np

from tradeapi.analytics.indices.basket import Opened, opened, total, weights_of
from tradeapi.indices.building.gate import MOST_MISSING
from tradeapi.indices.intraday.standing import Standing
from tradeapi.market.events import Quote
from tradeapi.market.store.tick_bars import Tick

# Bars end before the next ones begin.
_LAST_MOMENT = 0.001


class SessionLevel:
    """What the basket of the close before is worth at the newest prices of the session.

    Taking a price is little work, however many constituents there are. A build of the session takes
    the prices that they close at in the same way: what was told last is what it publishes, but for
    what trading at the close costs.
    """

    def __init__(self, standing: Standing) -> None:
        ground, basket = standing.ground, standing.basket
        members = [ground.universe.members[column] for column in basket.members.tolist()]
        self.standing = standing
        self.told = standing.told
        # By the ids of symbols, where a constituent stands, and whose currency it converts.
        self._place_of = {member.id: place for place, member in enumerate(members)}
        self._currency_of = {id: currency for currency, id in ground.converters.items()}
        # The time of the newest price that was taken.
        self._newest = -inf
        self._last = np.full(len(members), np.nan)
        self._places = {
            currency: np.flatnonzero([member.currency == currency for member in members])
            for currency in ground.converters
        }
        self._rates = dict(standing.rates)
        self._fx = np.ones(len(members))
        for currency, rate in self._rates.items():
            self._fx[self._places[currency]] = rate
        listed_to = ground.universe.listed_to[basket.members]
        self._is_delisted = ground.methodology.delisted_at_zero & (listed_to <= standing.day)
        self._opened: Opened | None = None

    @property
    def symbols(self) -> Collection[int]:
        """The ids of all whose prices count."""
        return self._place_of.keys() | self._currency_of.keys()

    def take(self, id: int, quote: Quote) -> bool:
        """The newest quote of a symbol; whether the level may be another now."""
        standing = self.standing
        is_later = (quote.day or 0) > standing.day or (quote.time or 0.0) > standing.close
        if is_later:
            # What it is worth after this session is no price of this session.
            return False
        is_of_session = quote.day == standing.day and quote.time is not None
        price = quote.last if is_of_session else None
        if (place := self._place_of.get(id)) is not None:
            self._last[place] = np.nan if price is None else price
        if (currency := self._currency_of.get(id)) is not None:
            self._convert(currency, standing.rates[currency] if price is None else price)
        if is_of_session and quote.time is not None:
            self._newest = max(self._newest, quote.time)
        return True

    def tick(self) -> Tick | None:
        """The level as of the newest price; None where it is the same as before, and where it can't
        be told: too many have not been traded in the session."""
        standing = self.standing
        if self._newest < standing.open:
            return None
        held = self._held()
        price = self._last * self._fx
        is_traded = ~np.isnan(price)
        price = np.where(is_traded, price, held.price)
        price = np.where(self._is_delisted & ~is_traded, 0.0, price)
        if total(weights_of(held.shares * price)[~is_traded]) > MOST_MISSING:
            return None
        level = held.level(price)
        time = min(self._newest, standing.close - _LAST_MOMENT)
        if self.told is not None:
            # Also where a newer price was withdrawn: the newest level is the newest.
            time = max(time, self.told[0])
        if not isfinite(level) or level <= 0.0 or self.told == (time, level):
            return None
        return Tick(time, level, 0.0)

    def _convert(self, currency: str, rate: float) -> None:
        self._rates[currency] = rate
        self._fx[self._places[currency]] = rate
        # Dividends are converted as well.
        self._opened = None

    def _held(self) -> Opened:
        if self._opened is None:
            standing = self.standing
            fx = {
                column: np.array([self._rates[member.currency]])
                for column, member in enumerate(standing.ground.universe.members)
                if member.currency in self._rates
            }
            days = np.array([standing.day], np.int64)
            events = standing.happened.within(days, fx, after=standing.basket.day).get(0, ())
            self._opened = opened(standing.basket, events, standing.ground.methodology)
        return self._opened
