"""The simulated exchange: prices that follow from a seed, at whatever time one looks.

A day's bar depends on the seed, the ticker and the days before it since 2020; its minutes depend on
the day and fold to it bit for bit, and a minute's trades fold to the minute. So history that is
made at once and history that was watched as it happened are the same.
"""

from dataclasses import replace
from datetime import date
from random import Random
from zlib import crc32

import numpy as np

from tradeapi.analytics.bars import Bars, BoolArray
from tradeapi.market.calendars.calendar import CONTINUOUS, Calendar
from tradeapi.market.calendars.days import DAY, day_of, next_month
from tradeapi.market.providers.paths import Grid, Terms, quantise, spread, walk
from tradeapi.market.providers.securities import TICK_SIZE, Security
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.tick_bars import Tick
from tradeapi.market.tracing import trace

BEGINNING = day_of(date(2020, 1, 1))
_TICKS_PER_UNIT = round(1 / TICK_SIZE)
_MINUTE = Resolution.MINUTE.seconds


class SimulatedMarket:
    """Bars and trades of securities that do not exist; no clock inside: it knows the future."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        # The longest walk of each security yet, and where it ends: the shorter ones begin it.
        self._walks: dict[Security, tuple[int, Bars]] = {}
        # Of each calendar, whether each day up to an end has a session.
        self._sessions: dict[str, tuple[int, BoolArray]] = {}

    def days(self, security: Security, calendar: Calendar, start: int, end: int) -> Bars:
        """The daily bars of the trading days `start <= day < end`."""
        known, bars = self._walks.get(security, (0, Bars.empty()))
        if end > known:
            known = next_month(next_month(end))
            random = _random(self._seed, security)
            bars = walk(_terms(security), self._is_session(calendar, known), random)
            bars = replace(bars, time=BEGINNING + bars.time * DAY)
            bars = quantise(_before_splits(security, bars), _grid(security))
            self._walks[security] = known, bars
        return _between(bars, start, end)

    def minutes(self, security: Security, calendar: Calendar, start: int, end: int) -> Bars:
        """The 1-minute bars with `start <= time < end`."""
        days = self.days(security, calendar, start - 2 * DAY, end + 2 * DAY)
        runs = []
        for index, day in enumerate(days.time.tolist()):
            open, close = calendar.span(day, Resolution.DAY)
            if open < end and close > start:
                times = np.arange(open, close, _MINUTE)
                random = _random(self._seed, security, day)
                runs.append(spread(days[index : index + 1], times, _grid(security), random))
        return _between(Bars.concat(runs), start, end)

    def trades(self, security: Security, minute: Bars) -> list[Tick]:
        """The trades behind one of the 1-minute bars, all of them inside it."""
        [[time], *bar] = [column.tolist() for column in minute.columns()]
        random = Random(f"{self._seed} {security.ticker} {time}")  # noqa: S311  a simulation
        count = max(round(random.gauss(1, 0.25) * security.trades_per_minute), 4)
        times = sorted(random.sample(range(1, 1000 * _MINUTE), count))
        prices = [value for [value] in bar]
        return trace(prices, [time + milliseconds / 1000 for milliseconds in times], random)

    def _is_session(self, calendar: Calendar, end: int) -> BoolArray:
        """Whether each day from the beginning on has a session."""
        known, is_session = self._sessions.get(calendar.code, (0, np.empty(0, np.bool_)))
        if end > known:
            is_session = _sessions(calendar, end)
            self._sessions[calendar.code] = end, is_session
        return is_session[: max(end - BEGINNING, 0) // DAY]


def _sessions(calendar: Calendar, end: int) -> BoolArray:
    # No session is shorter than half an hour.
    probes = np.arange(BEGINNING - DAY, end + DAY, 1800)
    days = np.unique(calendar.labels(probes, Resolution.DAY))
    is_session = np.zeros(max(end - BEGINNING, 0) // DAY, np.bool_)
    places = (days - BEGINNING) // DAY
    is_session[places[(places >= 0) & (places < len(is_session))]] = True
    return is_session


def _terms(security: Security) -> Terms:
    return Terms(
        price=security.price,
        volatility=security.volatility,
        growth=security.growth,
        volume=security.volume,
        sessions_per_year=365 if security.calendar == CONTINUOUS else 252,
    )


def _grid(security: Security) -> Grid:
    return Grid(_TICKS_PER_UNIT, security.lot)


def _random(seed: int, security: Security, *more: int) -> np.random.Generator:
    return np.random.default_rng([seed, crc32(security.ticker.encode()), *more])


def _before_splits(security: Security, bars: Bars) -> Bars:
    """The path is in today's shares; before a split there were fewer of them, and dearer."""
    ratio = np.ones(len(bars))
    for ex_date, value in security.splits:
        ratio[bars.time < day_of(ex_date)] *= value
    return Bars(
        time=bars.time,
        open=bars.open * ratio,
        high=bars.high * ratio,
        low=bars.low * ratio,
        close=bars.close * ratio,
        volume=bars.volume / ratio,
    )


def _between(bars: Bars, start: int, end: int) -> Bars:
    low, high = bars.time.searchsorted((start, end)).tolist()
    return bars[low:high]
