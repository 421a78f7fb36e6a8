"""At which closes an index is rebalanced."""

import numpy as np

from tradeapi.analytics.bars import BoolArray, Int64Array
from tradeapi.analytics.indices.methodology import Methodology, Schedule

_UNITS = {
    # Weeks of numpy begin on Thursdays, as 1970 did; ours on Mondays.
    Schedule.MONTHLY: ("datetime64[M]", 1),
    Schedule.QUARTERLY: ("datetime64[M]", 3),
}
_WEEK, _MONDAY = 7 * 86400, 4 * 86400


def rebalances(methodology: Methodology, days: Int64Array, ends: Int64Array) -> BoolArray:
    """Whether it is at the close of each session; `ends` are the labels of the sessions after."""
    if methodology.schedule is Schedule.DAILY:
        return np.ones(len(days), np.bool_)
    if methodology.schedule is Schedule.DATES:
        assert methodology.dates is not None  # noqa: S101  what such a schedule is made of
        return np.isin(days, methodology.dates)
    is_last: BoolArray = _periods(methodology.schedule, days) != _periods(
        methodology.schedule, ends
    )
    return is_last


def _periods(schedule: Schedule, days: Int64Array) -> Int64Array:
    if schedule is Schedule.WEEKLY:
        return (days - _MONDAY) // _WEEK
    unit, months = _UNITS[schedule]
    return days.astype("datetime64[s]").astype(unit).astype(np.int64) // months
