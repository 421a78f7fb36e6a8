"""The sessions of a calendar, by their labels: the 00:00 UTC of their days in epoch seconds."""

import numpy as np

from tradeapi.analytics.bars import Int64Array
from tradeapi.errors import Invalid
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.days import DAY
from tradeapi.market.resolutions import Resolution

# No market is closed for longer.
_LONGEST_PAUSE = 40 * DAY


def sessions(calendar: Calendar, start: int, end: int) -> Int64Array:
    """Those in `[start, end)`."""
    # A session with a break has two parts.
    return np.unique(calendar.parts(start, end)[:, 0])


def sessions_before(calendar: Calendar, day: int, count: int) -> Int64Array:
    """The last ones before a day; fewer where the calendar begins."""
    days = sessions(calendar, day - 2 * count * DAY - _LONGEST_PAUSE, day)
    return days[max(len(days) - count, 0) :]


def session_after(calendar: Calendar, day: int) -> int:
    """The first one after a day; where the calendar ends, the next day."""
    later = sessions(calendar, day + DAY, day + _LONGEST_PAUSE)
    return int(later[0]) if len(later) else day + DAY


def last_session(calendar: Calendar, now: float) -> int:
    """The last one that is over; raises Invalid where there is none."""
    today = int(now // DAY) * DAY
    days = sessions(calendar, today - _LONGEST_PAUSE, today + 2 * DAY)
    over = [day for day in days.tolist() if calendar.end(day, Resolution.DAY) <= now]
    if not over:
        raise Invalid("No session has been over lately.", code="nothing_to_build")
    return int(over[-1])
