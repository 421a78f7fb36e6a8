"""Days, weeks and months of UTC in epoch seconds, for one instant or for an array of them."""

from datetime import date
from typing import TypeVar

import numpy as np

from tradeapi.analytics.bars import Int64Array

DAY = 86400
WEEK = 7 * DAY
FIRST_MONDAY = 4 * DAY
EPOCH = date(1970, 1, 1).toordinal()

Instants = TypeVar("Instants", int, Int64Array)


def floor(time: Instants, width: int) -> Instants:
    """The last multiple of `width` at or before the instant."""
    return time - time % width


def monday_of(time: Instants) -> Instants:
    """00:00 of the Monday of the week."""
    return time - (time - FIRST_MONDAY) % WEEK


def month_of(time: int) -> int:
    """00:00 of the first of the month."""
    return (date.fromordinal(time // DAY + EPOCH).replace(day=1).toordinal() - EPOCH) * DAY


def months_of(times: Int64Array) -> Int64Array:
    months = times.astype("datetime64[s]").astype("datetime64[M]")
    return months.astype("datetime64[s]").astype(np.int64)


def next_month(time: int) -> int:
    """00:00 of the first of the month after this one."""
    return month_of(month_of(time) + 31 * DAY)


def date_of(stored: date | str) -> date:
    """As the database has it: SQLite keeps dates as text."""
    return date.fromisoformat(stored) if isinstance(stored, str) else stored


def day_of(day: date) -> int:
    """00:00 of the day."""
    return (day.toordinal() - EPOCH) * DAY


def date_at(time: int) -> date:
    """The day that an instant is in."""
    return date.fromordinal(time // DAY + EPOCH)
