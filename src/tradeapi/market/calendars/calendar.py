"""When a market trades, and which bar of a resolution holds an instant.

Instants and labels are epoch seconds. A label is a bar's time: intraday the instant it opens, `1d`
00:00 UTC of the trading day (an overnight session belongs to the day it ends on), `1w` the Monday,
`1M` the first trading day of the month.
"""

# ruff: noqa: ARG002  # a market that never closes has one answer to `extended` and `is_open`

from math import floor as whole
from typing import Protocol

import numpy as np

from tradeapi.analytics.bars import Int64Array
from tradeapi.market.calendars.days import DAY, floor, monday_of, month_of, months_of, next_month
from tradeapi.market.calendars.sessions import Session, SessionCalendar, unpack
from tradeapi.market.resolutions import Resolution

CONTINUOUS = "24x7"


class Calendar(Protocol):
    """What bars, quotes and streams ask of a market's hours; pure, no clock inside.

    `extended` asks for a symbol that trades outside the session too: what lies outside gets
    intraday bars on the clock's grid that start no earlier than the close before them and end no
    later than the open after them. Daily and coarser bars are of the session only.
    """

    def __hash__(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def timezone(self) -> str: ...
    @property
    def fill(self) -> float:
        """The share of a year's minutes that are in session."""
        ...

    @property
    def until(self) -> float:
        """The instant from which on sessions are unknown."""
        ...

    def label(self, time: int, resolution: Resolution, *, extended: bool = False) -> int:
        """The bar that holds the instant, or -1. For `1w` and `1M` the input is a day label."""
        ...

    def labels(
        self, times: Int64Array, resolution: Resolution, *, extended: bool = False
    ) -> Int64Array:
        """`label` of each."""
        ...

    def end(self, label: int, resolution: Resolution) -> int:
        """The instant at which the bar closes; a day, week or month with its last session.

        A day's may lie before its label: noon of a half day in Wellington is the evening before.
        """
        ...

    def span(self, label: int, resolution: Resolution) -> tuple[int, int]:
        """`[start, end)` among the times of the finer bars that can belong to the bar."""
        ...

    def parts(self, start: int, end: int) -> Int64Array:
        """The days `[start, end)` with their hours: rows of day, open and close, one for each
        stretch without a break."""
        ...

    def is_open(self, now: float) -> bool: ...
    def session(self, now: float) -> Session:
        """The current session, else the next; the last one known when the calendar has run out."""
        ...

    def last_open(self, now: float) -> float:
        """The latest instant up to now at which the market was open: now, or the last close."""
        ...

    def trading_day(self, now: float) -> int:
        """The day label of the session that began last."""
        ...

    def next_open(self, now: float) -> int | None:
        """When the market opens next, be it after a break; None if it is not known to."""
        ...

    def next_close(self, now: float) -> int | None:
        """When the market closes next, be it for a break; None if it is not known to."""
        ...


def load(code: str, data: bytes) -> Calendar:
    """The calendar whose `data` `source.build` made."""
    return Continuous() if code == CONTINUOUS else SessionCalendar(code, *unpack(data))


class Continuous:
    """A market that never closes; its days are UTC days."""

    code = CONTINUOUS
    timezone = "UTC"
    fill = 1.0
    until = float("inf")

    def label(self, time: int, resolution: Resolution, *, extended: bool = False) -> int:
        if resolution is Resolution.WEEK:
            return monday_of(time)
        if resolution is Resolution.MONTH:
            return month_of(time)
        return floor(time, resolution.seconds)

    def labels(
        self,
        times: Int64Array,
        resolution: Resolution,
        *,
        extended: bool = False,
    ) -> Int64Array:
        if times.size == 1:
            return np.array([self.label(times.item(), resolution)], np.int64)
        if resolution is Resolution.WEEK:
            return monday_of(times)
        if resolution is Resolution.MONTH:
            return months_of(times)
        return floor(times, resolution.seconds)

    def end(self, label: int, resolution: Resolution) -> int:
        return self.span(label, resolution)[1]

    def span(self, label: int, resolution: Resolution) -> tuple[int, int]:
        if resolution is Resolution.MONTH:
            return label, next_month(label)
        return label, label + resolution.seconds

    def parts(self, start: int, end: int) -> Int64Array:
        days = np.arange(start, end, DAY, dtype=np.int64)
        return np.stack([days, days, days + DAY], axis=1)

    def is_open(self, now: float) -> bool:
        return True

    def session(self, now: float) -> Session:
        day = self.trading_day(now)
        return Session(day=day, open=day, close=day + DAY, is_open=True)

    def last_open(self, now: float) -> float:
        return now

    def trading_day(self, now: float) -> int:
        return floor(whole(now), DAY)

    def next_open(self, now: float) -> None:
        return None

    def next_close(self, now: float) -> None:
        return None
