"""Where the ranges of charts begin, and what they are shown in."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.market.places import Market, Row
from tradeapi.database import Database
from tradeapi.errors import NotFound
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.bars.newest import Newest
from tradeapi.market.bars.ranges import Range, first_day, opened
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.resolutions import Resolution

DAY = 86400
CalendarOf = Callable[[str], Calendar]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def text(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d")


@pytest.mark.parametrize(
    ("range", "last", "expected"),
    [
        ("1D", "2024-06-07", "2024-06-07"),
        # Thursday was Independence Day, and the weekend lies between.
        ("5D", "2024-07-09", "2024-07-02"),
        ("5D", "2024-06-07", "2024-06-03"),
        ("1W", "2024-06-07", "2024-05-31"),
        ("1M", "2024-03-31", "2024-02-29"),
        ("1M", "2023-03-31", "2023-02-28"),
        ("3M", "2024-01-15", "2023-10-15"),
        ("6M", "2024-08-31", "2024-02-29"),
        ("YTD", "2024-06-07", "2024-01-01"),
        ("YTD", "2024-01-02", "2024-01-01"),
        ("1Y", "2024-02-29", "2023-02-28"),
        ("1Y", "2024-12-31", "2023-12-31"),
        ("5Y", "2024-06-07", "2019-06-07"),
    ],
)
def test_ranges_begin_on_their_day(
    calendar_of: CalendarOf, range: str, last: str, expected: str
) -> None:
    """Counted back from the last trading day, to the end of a month that is too short."""
    assert text(first_day(Range(range), calendar_of("XNYS"), at(last))) == expected


def test_markets_that_never_close_trade_every_day(calendar_of: CalendarOf) -> None:
    """And so does one whose calendar has run out."""
    last = at("2024-07-09")
    assert text(first_day(Range.DAYS_5, calendar_of("24x7"), last)) == "2024-07-05"
    far = at("2190-07-09")
    assert text(first_day(Range.DAYS_5, calendar_of("XNYS"), far)) == "2190-07-05"


@pytest.fixture
def history(database: Database, market: Market) -> BarHistory:
    newest = Newest(database, market.directory, market.clock)
    return BarHistory(database, market.directory, newest, market.clock, lateness=5)


def bars(resolution: Resolution, start: str, end: str) -> list[Row]:
    """One of each step of the clock."""
    return [(time, 1, 1, 1, 1, 1) for time in range(at(start), at(end), resolution.seconds)]


async def shown(history: BarHistory, symbol: str, range: str) -> tuple[str, str]:
    found = await opened(history, symbol, Range(range))
    assert found.start is not None
    start = datetime.fromtimestamp(found.start, UTC)
    return found.resolution, start.strftime("%Y-%m-%d %H:%M")


async def test_ranges_have_fitting_resolutions(market: Market, history: BarHistory) -> None:
    """Of a market that never closes, whose days are those of UTC."""
    listing = await market.add("C:BTC")
    minutes = bars(Resolution.MINUTE, "2024-06-03 10:00", "2024-06-10 12:00")
    await market.write(listing, Resolution.DAY, bars(Resolution.DAY, "2018-01-01", "2024-06-03"))
    await market.write(listing, Resolution.HOUR, bars(Resolution.HOUR, "2024-01-10", "2024-06-03"))
    await market.write(listing, Resolution.MINUTE, minutes)
    assert {range: await shown(history, "C:BTC", range) for range in Range} == {
        "1D": ("1m", "2024-06-10 00:00"),
        "5D": ("5m", "2024-06-06 00:00"),
        "1W": ("15m", "2024-06-03 00:00"),
        # There are no half hours of the beginning.
        "1M": ("1h", "2024-05-10 00:00"),
        "3M": ("1h", "2024-03-10 00:00"),
        # Nor any hours.
        "6M": ("1d", "2023-12-10 00:00"),
        "YTD": ("1d", "2024-01-01 00:00"),
        "1Y": ("1d", "2023-06-10 00:00"),
        # Of the week that the day is in.
        "5Y": ("1w", "2019-06-10 00:00"),
        "ALL": ("1w", "2018-01-01 00:00"),
    }


async def test_days_begin_by_the_time_of_the_exchange(market: Market, history: BarHistory) -> None:
    """At midnight in New York, in winter and in summer; before a futures day with its evening."""
    for symbol, calendar, opens in [("N:Y", "XNYS", "14:30"), ("C:ME", "CMES", "15:00")]:
        listing = await market.add(symbol, calendar=calendar)
        rows = [(at(f"2024-03-{day:02} {opens}"), 1, 1, 1, 1, 1) for day in (7, 8, 11, 12)]
        await market.write(listing, Resolution.MINUTE, rows)
    assert await shown(history, "N:Y", "1D") == ("1m", "2024-03-12 04:00")
    assert await shown(history, "N:Y", "5D") == ("5m", "2024-03-06 05:00")
    assert await shown(history, "C:ME", "1D") == ("1m", "2024-03-11 22:00")


async def test_all_begins_with_the_first_bar(market: Market, history: BarHistory) -> None:
    """In what makes a picture of it, however long it is; a week and a month hold their first."""
    listing = await market.add("C:NEW")
    minutes = bars(Resolution.MINUTE, "2024-06-05 10:00", "2024-06-05 11:00")
    await market.write(listing, Resolution.MINUTE, minutes)
    assert await shown(history, "C:NEW", "ALL") == ("1m", "2024-06-05 00:00")
    for first, expected in [
        ("2024-05-01", ("1d", "2024-05-01 00:00")),
        ("2015-05-06", ("1w", "2015-05-04 00:00")),
        ("1980-05-06", ("1M", "1980-05-01 00:00")),
    ]:
        day = (at(first), 1, 1, 1, 1, 1)
        await market.write(listing, Resolution.DAY, [day])
        assert await shown(history, "C:NEW", "ALL") == expected


async def test_what_has_only_wide_bars_is_shown_by_those(
    market: Market, history: BarHistory
) -> None:
    """And what has none in a range without a start."""
    weekly = await market.add("C:W")
    await market.write(weekly, Resolution.WEEK, bars(Resolution.WEEK, "2024-01-01", "2024-06-01"))
    assert await shown(history, "C:W", "1D") == ("1w", "2024-05-27 00:00")
    assert await shown(history, "C:W", "3M") == ("1w", "2024-02-26 00:00")
    await market.add("C:NONE")
    assert await opened(history, "C:NONE", Range.YEAR) == (Resolution.MONTH, None)
    with pytest.raises(NotFound):
        await opened(history, "C:NOBODY", Range.YEAR)
