"""Which session each bar is of."""

import numpy as np

from tradeapi.analytics.bars import Bars, Float64Array, Int64Array
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.days import DAY
from tradeapi.market.resolutions import Resolution

# No market was ever closed for longer.
CLOSED_DAYS = 180


def sessions(calendar: Calendar, bars: Bars, resolution: Resolution) -> Float64Array:
    """The session of each bar, by its day; what trades outside of one goes on with that before.

    A bar of a day or more is a session of its own.
    """
    if not resolution.is_intraday or not len(bars):
        return bars.time.astype(np.float64)
    first, last = int(bars.time[0]), int(bars.time[-1])
    start = first // DAY * DAY - CLOSED_DAYS * DAY
    day, opens, _ = calendar.parts(start, last + 2 * DAY).T
    if not len(day):
        return np.zeros(len(bars))
    latest = opens.searchsorted(bars.time, "right") - 1
    begun: Int64Array = day[np.maximum(latest, 0)]
    return begun.astype(np.float64)
