"""Calendars in use: built once, kept in the database, renewed before they end."""

import pytest

from tests.market.conftest import CalendarData, CalendarOf
from tests.market.places import DAY, Market
from tradeapi.database import Database
from tradeapi.errors import Invalid
from tradeapi.market.calendars.registry import RENEW_BEFORE_END, Calendars


async def built_at(database: Database) -> dict[str, int]:
    async with database.read() as raw:
        rows = await raw.fetch("SELECT code, built_at FROM calendars")
    return {code: at for code, at in rows}  # noqa: C416  a Sequence is no tuple


async def test_a_calendar_is_built_when_it_is_first_asked_for(market: Market) -> None:
    """And kept, so that the next process only loads it."""
    calendar = await market.calendars.get("XNYS")
    assert (calendar.code, calendar.timezone) == ("XNYS", "America/New_York")
    assert await built_at(market.database) == {"XNYS": int(market.clock.now())}
    market.clock.time += 60
    again = Calendars(market.database, market.clock)
    assert (await again.get("XNYS")).until == calendar.until
    assert await built_at(market.database) == {"XNYS": int(market.clock.now()) - 60}


async def test_a_calendar_is_renewed_before_it_ends(
    market: Market, calendar_data: CalendarData, calendar_of: CalendarOf
) -> None:
    """If that brings nothing new, no sooner than a day later again."""
    await market.keep_calendar("XNYS", calendar_data("XNYS"))
    market.clock.time = calendar_of("XNYS").until - RENEW_BEFORE_END
    renewed = int(market.clock.now())
    first = await market.calendars.get("XNYS")
    assert await built_at(market.database) == {"XNYS": renewed}
    market.clock.time += DAY - 1
    assert await market.calendars.get("XNYS") is first
    market.clock.time += 1
    await market.calendars.get("XNYS")
    assert await built_at(market.database) == {"XNYS": renewed + DAY}


async def test_an_unknown_calendar_is_refused_by_name(market: Market) -> None:
    """The error says what calendars are called."""
    with pytest.raises(Invalid, match="XNYS") as raised:
        await market.calendars.get("NOPE")
    assert raised.value.code == "unknown_calendar"
    assert await built_at(market.database) == {}


async def test_a_market_that_never_closes_needs_no_table(market: Market) -> None:
    """24x7 is always there."""
    assert (await market.calendars.get("24x7")).is_open(0)
    assert await built_at(market.database) == {}
