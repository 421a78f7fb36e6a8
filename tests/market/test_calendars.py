"""What calendars answer on days whose hours are known."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.sessions import Session
from tradeapi.market.resolutions import Resolution

CalendarOf = Callable[[str], Calendar]
DAY, WEEK, MONTH = Resolution.DAY, Resolution.WEEK, Resolution.MONTH
HOUR, HOURS_4, MINUTE = Resolution.HOUR, Resolution.HOURS_4, Resolution.MINUTE


def at(text: str) -> int:
    """Epoch seconds of an instant of UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def hours(calendar: Calendar, day: str) -> tuple[int, int]:
    return calendar.span(at(day), DAY)


def bars_of(calendar: Calendar, day: str, resolution: Resolution) -> list[int]:
    """The labels of all bars of the resolution from midnight to midnight."""
    minutes = np.arange(at(day), at(day) + 86400, 60)
    return sorted(set(calendar.labels(minutes, resolution).tolist()) - {-1})


def test_hours_follow_daylight_saving_time(calendar_of: CalendarOf) -> None:
    """New York opens an hour earlier by UTC after the clocks change on 10 March 2024."""
    xnys = calendar_of("XNYS")
    assert hours(xnys, "2024-03-08") == (1709908200, 1709931600)  # 14:30-21:00
    assert hours(xnys, "2024-03-11") == (1710163800, 1710187200)  # 13:30-20:00


def test_intraday_bars_start_at_the_open_and_the_last_is_cut_at_the_close(
    calendar_of: CalendarOf,
) -> None:
    """A session of 6.5 hours holds seven 1h bars, the last of them 30 minutes long."""
    xnys = calendar_of("XNYS")
    assert bars_of(xnys, "2024-03-11", HOUR) == [1710163800 + 3600 * n for n in range(7)]
    assert xnys.end(1710163800 + 3600 * 6, HOUR) == 1710187200
    assert bars_of(xnys, "2024-03-11", HOURS_4) == [at("2024-03-11 13:30"), at("2024-03-11 17:30")]
    assert xnys.end(at("2024-03-11 17:30"), HOURS_4) == at("2024-03-11 20:00")


def test_a_half_day_ends_early(calendar_of: CalendarOf) -> None:
    """On 3 July 2024 New York closes at 13:00 of its own time."""
    xnys = calendar_of("XNYS")
    assert hours(xnys, "2024-07-03") == (1720013400, 1720026000)  # 13:30-17:00
    assert xnys.end(at("2024-07-03"), DAY) == 1720026000
    assert xnys.labels(np.array([1720025999, 1720026000]), DAY).tolist() == [1719964800, -1]
    assert bars_of(xnys, "2024-07-03", HOURS_4) == [1720013400]
    assert xnys.end(1720013400, HOURS_4) == 1720026000


def test_a_lunch_break_starts_a_new_grid(calendar_of: CalendarOf) -> None:
    """Hong Kong trades 01:30-04:00 and 05:00-08:00 UTC; bars begin anew after the break."""
    xhkg = calendar_of("XHKG")
    assert bars_of(xhkg, "2024-06-03", HOUR) == [
        at(f"2024-06-03 {time}") for time in ("01:30", "02:30", "03:30", "05:00", "06:00", "07:00")
    ]
    assert xhkg.end(at("2024-06-03 03:30"), HOUR) == at("2024-06-03 04:00")
    assert bars_of(xhkg, "2024-06-03", HOURS_4) == [1717378200, 1717390800]
    assert xhkg.label(at("2024-06-03 04:30"), MINUTE) == -1
    assert hours(xhkg, "2024-06-03") == (1717378200, 1717401600)


def test_a_half_day_without_the_afternoon_has_no_break(calendar_of: CalendarOf) -> None:
    """On New Year's eve of the lunar calendar Hong Kong closes at noon."""
    xhkg = calendar_of("XHKG")
    assert hours(xhkg, "2024-02-09") == (1707442200, 1707451200)  # 01:30-04:00
    assert not xhkg.is_open(at("2024-02-09 05:30"))


def test_an_overnight_session_belongs_to_the_day_it_ends_on(calendar_of: CalendarOf) -> None:
    """Monday's futures session opens on Sunday evening, and belongs to Monday's week and month."""
    cmes = calendar_of("CMES")
    sunday_evening = at("2024-06-02 23:00")
    assert cmes.label(sunday_evening, DAY) == at("2024-06-03")
    assert cmes.label(at("2024-06-03"), WEEK) == at("2024-06-03")
    assert hours(cmes, "2024-06-03") == (1717365600, 1717452000)  # 22:00 to 22:00
    assert cmes.label(1717452000 - 1, DAY) == at("2024-06-03")
    assert cmes.label(1717452000, DAY) == at("2024-06-04")
    assert cmes.trading_day(sunday_evening) == at("2024-06-03")


def test_weeks_start_on_monday_even_when_it_is_a_holiday(calendar_of: CalendarOf) -> None:
    """The week of 27 May 2024 opens on Tuesday, after Memorial Day."""
    xnys = calendar_of("XNYS")
    monday = at("2024-05-27")
    assert (
        xnys.labels(np.array([at("2024-05-28"), at("2024-05-31")]), WEEK).tolist() == [monday] * 2
    )
    assert xnys.end(monday, WEEK) == at("2024-05-31 20:00")
    assert xnys.span(monday, WEEK) == (monday, at("2024-06-03"))


def test_months_are_labelled_with_their_first_trading_day(calendar_of: CalendarOf) -> None:
    """June 2024 began on a Saturday, so its first trading day is the third."""
    xnys = calendar_of("XNYS")
    days = np.array([at("2024-06-01"), at("2024-06-03"), at("2024-06-28"), at("2024-07-01")])
    june, july = at("2024-06-03"), at("2024-07-01")
    assert xnys.labels(days, MONTH).tolist() == [june, june, june, july]
    assert xnys.end(june, MONTH) == at("2024-06-28 20:00")
    assert xnys.span(june, MONTH) == (at("2024-06-01"), july)


def test_days_from_before_the_calendar_have_weeks_and_months(calendar_of: CalendarOf) -> None:
    """Daily bars of 1962 fold by UTC; their labels are negative but never -1."""
    xnys = calendar_of("XNYS")
    day = at("1962-01-03")
    assert xnys.labels(np.array([day, day]), WEEK).tolist() == [at("1962-01-01")] * 2
    assert xnys.labels(np.array([day, day]), MONTH).tolist() == [at("1962-01-01")] * 2
    assert xnys.end(day, DAY) == at("1962-01-04")
    assert xnys.end(at("1962-01-01"), MONTH) == at("1962-02-01")


def test_a_day_without_a_session_holds_no_intraday_bars(calendar_of: CalendarOf) -> None:
    """Nothing between the bounds of its span can belong to a Saturday's bar."""
    saturday = at("2024-06-01")
    assert calendar_of("XNYS").span(saturday, DAY) == (saturday, saturday)
    assert calendar_of("XNYS").end(saturday, DAY) == at("2024-06-02")


def test_extended_hours_are_on_the_clocks_grid_between_the_sessions(
    calendar_of: CalendarOf,
) -> None:
    """Bars outside the session neither reach into it nor into the one before."""
    xnys, xnze = calendar_of("XNYS"), calendar_of("XNZE")
    label = at("2024-03-11 13:00")
    assert xnys.label(at("2024-03-11 13:29"), HOUR, extended=True) == label
    assert xnys.end(label, HOUR) == at("2024-03-11 13:30")
    assert xnys.label(at("2024-03-11 13:30"), HOUR, extended=True) == at("2024-03-11 13:30")
    assert xnys.label(at("2024-03-11 21:10"), DAY, extended=True) == -1
    # Wellington closes at 16:45, within a clock hour.
    close = at("2024-06-05 04:45")
    assert xnze.label(at("2024-06-05 04:50"), HOUR, extended=True) == close
    assert xnze.end(close, HOUR) == at("2024-06-05 05:00")


def test_the_session_is_the_current_or_the_next_one(calendar_of: CalendarOf) -> None:
    """It says whether it is open now, and its break counts as closed."""
    xhkg = calendar_of("XHKG")
    day, begin, close = at("2024-06-03"), 1717378200, 1717401600
    assert xhkg.session(at("2024-06-01")) == Session(day, begin, close, is_open=False)
    assert xhkg.session(begin) == Session(day, begin, close, is_open=True)
    assert xhkg.session(at("2024-06-03 04:30")) == Session(day, begin, close, is_open=False)
    assert xhkg.session(close - 0.5).is_open
    assert xhkg.session(close).day == at("2024-06-04")


def test_the_last_open_instant(calendar_of: CalendarOf) -> None:
    """Now while the market is open, else its last close; the day stays the last session's."""
    xnys = calendar_of("XNYS")
    noon, weekend = at("2024-06-03 16:00") + 0.25, at("2024-06-02 12:00")
    assert xnys.last_open(noon) == noon
    assert xnys.last_open(weekend) == at("2024-05-31 20:00")
    assert xnys.trading_day(weekend) == at("2024-05-31")
    assert xnys.trading_day(noon) == at("2024-06-03")


def test_a_market_that_never_closes_has_utc_days(calendar_of: CalendarOf) -> None:
    """Its grid is anchored at midnight and its months at their first day."""
    always = calendar_of("24x7")
    time = at("2024-02-29 23:59") + 59
    assert [always.label(time, resolution) for resolution in Resolution] == [
        at(f"2024-02-{text}")
        for text in (
            *("29 23:59", "29 23:55", "29 23:45", "29 23:30", "29 23:00", "29 20:00"),
            *("29", "26", "01"),
        )
    ]
    assert always.end(at("2024-02-01"), MONTH) == at("2024-03-01")
    assert always.span(at("2024-02-26"), WEEK) == (at("2024-02-26"), at("2024-03-04"))
    assert always.session(time) == Session(
        at("2024-02-29"), at("2024-02-29"), at("2024-03-01"), True
    )
    assert always.is_open(time)
    assert always.last_open(time) == time
    assert always.fill == 1


@pytest.mark.parametrize(
    ("code", "timezone", "fill"),
    [("XNYS", "America/New_York", 0.186), ("CMES", "America/Chicago", 0.70)],
)
def test_a_calendar_knows_its_zone_and_how_full_a_year_is(
    calendar_of: CalendarOf, code: str, timezone: str, fill: float
) -> None:
    """About 251 days of 6.5 hours are 18.6 % of a year."""
    calendar = calendar_of(code)
    assert calendar.code == code
    assert calendar.timezone == timezone
    assert calendar.fill == pytest.approx(fill, abs=0.01)
