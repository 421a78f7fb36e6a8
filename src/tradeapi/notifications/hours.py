"""Times of day where somebody lives, as instants: quiet hours, and when a digest is due.

On the day that clocks are changed, a time that is skipped is one hour later, and of one that comes
twice the first counts, as RFC 5545 has it.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Every day from one minute of the day to another one, which may be on the day after."""

    zone: ZoneInfo
    begin: int
    end: int

    def until(self, now: float) -> float | None:
        """When they end; None while it is not quiet."""
        today = day_of(now, self.zone)
        for day in (today - _DAY, today):
            last = day if self.end > self.begin else day + _DAY
            end = instant(last, self.end, self.zone)
            if instant(day, self.begin, self.zone) <= now < end:
                return end
        return None


def instant(day: date, minute: int, zone: ZoneInfo) -> float:
    return datetime.combine(day, time(*divmod(minute, 60)), zone).timestamp()


def day_of(now: float, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(now, zone).date()


def next_time(minute: int, zone: ZoneInfo, *, after: float, last: date | None = None) -> float:
    """When that minute comes next, on a day after the `last` one that had it."""
    day = day_of(after, zone)
    if last is not None and day <= last:
        day = last + _DAY
    while (at := instant(day, minute, zone)) <= after:
        day += _DAY
    return at


@cache
def zones() -> frozenset[str]:
    """Their names, as the IANA has them."""
    # These are this machine's.
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})
