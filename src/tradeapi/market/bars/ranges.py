"""Ranges that charts offer, such as a year: where each begins, and in which resolution it is shown.

A range ends with the newest bar, so that on a Sunday `1D` is Friday. Its days are trading days of
the exchange, which begin at midnight of its time zone, or with a session on the evening before.
"""

from calendar import monthrange
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.market.bars.adjusted import begin_of
from tradeapi.market.bars.bar_history import Answer, BarHistory
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.days import DAY, day_of
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.history import Window

# Of a range that begins with the first bar, by the clock.
MOST_BARS = 1500
# Any market trades on five of so many.
SEARCHED_DAYS = 60


class Range(StrEnum):
    """By its name on a button."""

    DAY = "1D"
    DAYS_5 = "5D"
    WEEK = "1W"
    MONTH = "1M"
    MONTHS_3 = "3M"
    MONTHS_6 = "6M"
    YEAR_TO_DATE = "YTD"
    YEAR = "1Y"
    YEARS_5 = "5Y"
    ALL = "ALL"


# That of ALL depends on how long it is.
RESOLUTIONS = {
    Range.DAY: Resolution.MINUTE,
    Range.DAYS_5: Resolution.MINUTES_5,
    Range.WEEK: Resolution.MINUTES_15,
    Range.MONTH: Resolution.MINUTES_30,
    Range.MONTHS_3: Resolution.HOUR,
    Range.MONTHS_6: Resolution.HOURS_4,
    Range.YEAR_TO_DATE: Resolution.DAY,
    Range.YEAR: Resolution.DAY,
    Range.YEARS_5: Resolution.WEEK,
}
_MONTHS = {
    Range.MONTH: 1,
    Range.MONTHS_3: 3,
    Range.MONTHS_6: 6,
    Range.YEAR: 12,
    Range.YEARS_5: 60,
}


class Opened(NamedTuple):
    """How a range is shown; `start` is None where there are no bars."""

    resolution: Resolution
    start: int | None


async def opened(history: BarHistory, symbol: str, range: Range) -> Opened:
    """In the range's resolution, or the next wider one of which there are bars from its first day.

    Raises NotFound (unknown_symbol) or Conflict (ambiguous_symbol).
    """
    newest = await _newest(history, symbol)
    calendar, first, last = newest.listing.calendar, newest.page.first, newest.page.last
    if first is None or last is None:
        return Opened(newest.resolution, None)
    if range is Range.ALL:
        day, wished = first, _fitting(last - first)
    else:
        day, wished = first_day(range, calendar, last), RESOLUTIONS[range]
    from_day = Window(1, start=day, earliest=True)
    [traded] = (await _read(history, symbol, newest.resolution, from_day)).bars.time.tolist()
    closes = calendar.end(traded, newest.resolution)
    for resolution in Resolution:
        if resolution.seconds < wished.seconds:
            continue
        if resolution.seconds >= newest.resolution.seconds:
            break
        answer = await _read(history, symbol, resolution, Window(1))
        if answer.page.first is not None and answer.page.first < closes:
            return Opened(resolution, begin_of(calendar, day))
    if resolution is not Resolution.DAY:
        # Of the week or month that holds the day.
        day = calendar.label(day, resolution)
    return Opened(resolution, day)


def first_day(range: Range, calendar: Calendar, last: int) -> int:
    """The day on which the range begins (00:00 UTC) that ends with the trading day `last`."""
    if range is Range.DAY:
        return last
    if range is Range.WEEK:
        return last - 7 * DAY
    if range is Range.DAYS_5:
        days = np.unique(calendar.parts(last - SEARCHED_DAYS * DAY, last + DAY)[:, 0])
        return int(days[-5:][0]) if len(days) else last - 4 * DAY
    ends = datetime.fromtimestamp(last, UTC).date()
    if range is Range.YEAR_TO_DATE:
        return day_of(ends.replace(month=1, day=1))
    return day_of(_months_before(ends, _MONTHS[range]))


def _months_before(day: date, months: int) -> date:
    """The same day of that month, or its last."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _fitting(seconds: int) -> Resolution:
    """The finest that does not make too many bars of it."""
    return next((one for one in Resolution if seconds <= MOST_BARS * one.seconds), Resolution.MONTH)


async def _newest(history: BarHistory, symbol: str) -> Answer:
    """The symbol's newest day; its newest week or month where it has no days."""
    for resolution in (Resolution.DAY, Resolution.WEEK, Resolution.MONTH):
        answer = await _read(history, symbol, resolution, Window(1))
        if len(answer.bars):
            break
    return answer


async def _read(history: BarHistory, symbol: str, resolution: Resolution, window: Window) -> Answer:
    return await history.read(symbol, resolution, window, Adjustment.RAW)
