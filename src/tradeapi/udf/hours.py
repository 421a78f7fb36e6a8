"""When a market trades, as TradingView writes it: the usual week, the days off, the odd days.

A session is `0930-1600` where Mondays to Fridays are alike, else `0930-1600:23456|1000-1400:7`,
with Sunday as day 1. One that begins on the day before is marked with F, unless it ends no later
than it begins. Times are the exchange's own, whatever daylight saving does.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.days import DAY, WEEK, floor

# Holidays and odd days are told from here on; the usual week is the one of these days.
YEARS_BACK = 10
RECENT_DAYS = 30
YEAR = 365 * DAY
ALWAYS = "24x7"
MINUTES = 1440
WORKDAYS = frozenset(range(5))

# TradingView has a list of zones; these have the same clocks.
_ZONES = {
    "UTC": "Etc/UTC",
    "Asia/Tel_Aviv": "Asia/Jerusalem",
    "Atlantic/Bermuda": "America/Halifax",
    "Europe/Ljubljana": "Europe/Belgrade",
    "Europe/Zagreb": "Europe/Belgrade",
}

# Opens and closes in minutes from the day's own midnight.
Day = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """Ready to be sent; what there is none of is empty."""

    timezone: str
    session: str
    holidays: str = ""
    corrections: str = ""


def hours_of(calendar: Calendar, now: float, *, extended: bool) -> Hours:
    """`extended`: the symbol trades outside of the session too, whenever somebody does."""
    if extended:
        return Hours(timezone_of(calendar), ALWAYS)
    return _hours(calendar, floor(int(now), DAY))


def timezone_of(calendar: Calendar) -> str:
    return _ZONES.get(calendar.timezone, calendar.timezone)


@lru_cache(maxsize=256)
def _hours(calendar: Calendar, today: int) -> Hours:
    days = _days(calendar, today - YEARS_BACK * YEAR, today + 2 * YEAR)
    usual = _usual_week(days, today)
    return Hours(
        timezone_of(calendar),
        _session(usual),
        ",".join(_date(day) for day in _days_off(days, usual)),
        _corrections(days, usual),
    )


def _days(calendar: Calendar, start: int, end: int) -> Mapping[int, Day]:
    """Each trading day with its hours by the clocks of the exchange."""
    zone = ZoneInfo(calendar.timezone)
    days: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for day, open, close in calendar.parts(start, end).tolist():
        days[day].append((_minute(open, day, zone), _minute(close, day, zone)))
    return {day: tuple(parts) for day, parts in days.items()}


def _minute(instant: int, day: int, zone: ZoneInfo) -> int:
    local = datetime.fromtimestamp(instant, zone).replace(tzinfo=UTC)
    return int(local.timestamp() - day) // 60


def _usual_week(days: Mapping[int, Day], today: int) -> Mapping[int, Day]:
    """What each weekday that trades in most weeks usually has, from Monday = 0 on."""
    recent = [day for day in days if day >= today - RECENT_DAYS * DAY]
    if len(recent) < RECENT_DAYS:
        recent = sorted(days)[-365:]
    if not recent:
        return {}
    weeks = (recent[-1] - recent[0]) / WEEK + 1
    by_weekday: dict[int, Counter[Day]] = defaultdict(Counter)
    for day in recent:
        by_weekday[_weekday(day)][days[day]] += 1
    return {
        weekday: seen.most_common(1)[0][0]
        for weekday, seen in sorted(by_weekday.items())
        if seen.total() > weeks / 2
    }


def _days_off(days: Mapping[int, Day], usual: Mapping[int, Day]) -> Iterable[int]:
    every = np.arange(min(days, default=0), max(days, default=0), DAY).tolist()
    return (day for day in every if day not in days and _weekday(day) in usual)


def _corrections(days: Mapping[int, Day], usual: Mapping[int, Day]) -> str:
    odd: dict[str, list[str]] = defaultdict(list)
    for day, parts in days.items():
        if usual.get(_weekday(day)) != parts:
            odd[_parts(parts)].append(_date(day))
    return ";".join(f"{session}:{','.join(dates)}" for session, dates in odd.items())


def _session(usual: Mapping[int, Day]) -> str:
    alike: dict[Day, list[int]] = defaultdict(list)
    for weekday, parts in usual.items():
        alike[parts].append(weekday)
    if [*alike] == [((0, MINUTES),)] and len(usual) == 7:
        return ALWAYS
    if len(alike) == 1 and usual.keys() == WORKDAYS:
        return _parts(*alike)
    return "|".join(
        f"{_parts(parts)}:{''.join(sorted(str((weekday + 1) % 7 + 1) for weekday in weekdays))}"
        for parts, weekdays in alike.items()
    )


def _parts(day: Day) -> str:
    return ",".join(_part(open, close) for open, close in day)


def _part(open: int, close: int) -> str:
    begins_before, ends_before = -(open // MINUTES), -((close - 1) // MINUTES)
    # By itself a session that ends no later than it begins is one that began on the day before.
    is_told = begins_before == 1 and ends_before == 0 and close <= open + MINUTES
    begin = _clock(open) + ("" if is_told else _mark(begins_before))
    return f"{begin}-{_clock(close)}{_mark(ends_before)}"


def _mark(days_before: int) -> str:
    return "" if days_before <= 0 else "F" if days_before == 1 else f"F{days_before}"


def _clock(minute: int) -> str:
    """Midnight at the end of a day is 0000, too."""
    return f"{minute % MINUTES // 60:02}{minute % 60:02}"


def _weekday(day: int) -> int:
    """From Monday = 0 on; 1970 began on a Thursday."""
    return (day // DAY + 3) % 7


def _date(day: int) -> str:
    return f"{datetime.fromtimestamp(day, UTC):%Y%m%d}"
