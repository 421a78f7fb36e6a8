"""Times of day as instants, also on days when clocks are changed."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeapi.notifications.hours import QuietHours, day_of, instant, next_time, zones

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
NAMES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]
MINUTES = st.integers(0, 24 * 60 - 1)
INSTANTS = st.floats(1_000_000_000, 2_500_000_000)
DAY = timedelta(days=1)


def at(text: str, zone: ZoneInfo) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def utc(instant: float | None) -> str:
    return "" if instant is None else f"{datetime.fromtimestamp(instant, UTC):%d %H:%M}"


@pytest.mark.parametrize(
    ("local", "end"),
    [
        ("2026-11-10 21:59", ""),
        ("2026-11-10 22:00", "11 06:00"),
        ("2026-11-11 03:00", "11 06:00"),
        ("2026-11-11 06:59", "11 06:00"),
        ("2026-11-11 07:00", ""),
        # An hour more of that night, and an hour less.
        ("2026-10-24 23:00", "25 06:00"),
        ("2026-03-28 23:00", "29 05:00"),
    ],
)
def test_quiet_hours_go_past_midnight(local: str, end: str) -> None:
    """And end when clocks there say so."""
    quiet = QuietHours(BERLIN, 22 * 60, 7 * 60)
    assert utc(quiet.until(at(local, BERLIN))) == end


def test_quiet_hours_may_be_within_a_day() -> None:
    """As those of somebody who sleeps at noon."""
    quiet = QuietHours(NEW_YORK, 12 * 60, 14 * 60)
    assert quiet.until(at("2026-11-10 11:59", NEW_YORK)) is None
    assert quiet.until(at("2026-11-10 12:00", NEW_YORK)) == at("2026-11-10 14:00", NEW_YORK)
    assert quiet.until(at("2026-11-10 14:00", NEW_YORK)) is None


def test_a_time_that_is_skipped_is_an_hour_later() -> None:
    """And one that comes twice counts once, the first time."""
    assert instant(date(2026, 3, 8), 150, NEW_YORK) == at("2026-03-08 03:30", NEW_YORK)
    assert utc(instant(date(2026, 11, 1), 90, NEW_YORK)) == "01 05:30"


@given(st.sampled_from(NAMES), MINUTES, MINUTES, INSTANTS)
def test_quiet_hours_always_end(name: str, begin: int, end: int, now: float) -> None:
    """Within a day and an hour or so; and then it is quiet no more."""
    quiet = QuietHours(ZoneInfo(name), begin, end)
    until = quiet.until(now)
    if until is not None and begin != end:
        assert now < until <= now + 26 * 3600
        assert quiet.until(until) is None or (begin - end) % 1440 < 120


@given(st.sampled_from(NAMES), MINUTES, INSTANTS)
def test_each_day_has_its_time_once(name: str, minute: int, now: float) -> None:
    """No day is left out, none comes twice."""
    zone, days = ZoneInfo(name), list[date]()
    last = None
    for _ in range(400):
        due = next_time(minute, zone, after=now, last=last)
        assert due > now
        last = day_of(due, zone)
        days.append(last)
        now = due
    # Samoa had no 30 December 2011.
    assert all(DAY <= other - one <= 2 * DAY for one, other in pairwise(days))


def test_another_time_on_a_day_that_had_its_own_is_the_next_days() -> None:
    """Whoever moves it to the evening gets no second one."""
    now = at("2026-11-10 09:00", BERLIN)
    due = next_time(20 * 60, BERLIN, after=now, last=date(2026, 11, 10))
    assert due == at("2026-11-11 20:00", BERLIN)
    assert next_time(20 * 60, BERLIN, after=now) == at("2026-11-10 20:00", BERLIN)


def test_zones_are_those_of_the_iana() -> None:
    """And no file names of this machine."""
    assert {*NAMES} <= zones()
    assert not {"localtime", "posixrules", "../etc/passwd"} & zones()
