"""The simulated exchange in the database, on SQLite and on PostgreSQL."""

from datetime import date

import anyio
import pytest

from tests.market.conftest import CalendarData
from tests.market.places import Market
from tradeapi.analytics.bars import Bars
from tradeapi.database import Database
from tradeapi.errors import Unavailable
from tradeapi.market.calendars.days import DAY
from tradeapi.market.events import CHANGES, Changed
from tradeapi.market.providers.feed import Feed, probe
from tradeapi.market.providers.securities import SECURITIES, SEED, Security
from tradeapi.market.providers.simulated import SimulatedMarket
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.history import Window, history
from tradeapi.market.symbols.actions import recorded
from tradeapi.market.symbols.edits import SymbolEdits
from tradeapi.web.preconditions import Precondition

FRIDAY = 1_772_211_630  # 2026-02-27 17:00:30 UTC, in session
MINUTE = FRIDAY - 30
CLOSE = 1_772_226_000  # 16:00 in New York
BY_TICKER = {security.ticker: security for security in SECURITIES}
STOCK, PAYING, COIN = LISTED = BY_TICKER["AURA"], BY_TICKER["PIER"], BY_TICKER["ETHUSD"]


@pytest.fixture
async def market(database: Database, calendar_data: CalendarData) -> Market:
    """A Friday at noon in New York, half a minute after the minute began."""
    market = Market(database)
    market.clock.time = FRIDAY
    await market.keep_calendar("XNYS", calendar_data("XNYS"))
    return market


def feed_of(market: Market) -> Feed:
    """As a process makes it when it starts."""
    return Feed(
        LISTED,
        market.database,
        market.store,
        market.directory,
        market.calendars,
        market.clock,
    )


async def bars_of(market: Market, security: Security, resolution: Resolution) -> Bars:
    listing = await market.directory.get(security.symbol)
    async with market.database.read() as raw:
        return (await history(raw, listing.id, resolution, Window(limit=60_000))).bars


async def versions(market: Market) -> list[tuple[int, ...]]:
    async with market.database.read() as raw:
        rows = await raw.fetch("SELECT symbol_id, version, revision FROM heads ORDER BY symbol_id")
    return [tuple(row) for row in rows]


async def true_minutes(market: Market, security: Security, start: int, end: int) -> Bars:
    calendar = await market.calendars.get(security.calendar)
    return SimulatedMarket(SEED).minutes(security, calendar, start, end)


async def test_it_opens_with_its_history(market: Market) -> None:
    """Five years of days, thirty of minutes, up to the minute that has just ended."""
    await feed_of(market).advance()
    for security in (STOCK, COIN):
        days = await bars_of(market, security, Resolution.DAY)
        assert FRIDAY - 5 * 366 * DAY < days.time[0] < FRIDAY - 4.98 * 365 * DAY
        assert days.time[-1] == FRIDAY // DAY * DAY
        minutes = await bars_of(market, security, Resolution.MINUTE)
        assert FRIDAY - 34 * DAY < minutes.time[0] <= FRIDAY - 30 * DAY
        assert minutes[:-1] == await true_minutes(market, security, int(minutes.time[0]), MINUTE)
        assert minutes.time[-1] == MINUTE


async def test_every_security_is_listed(market: Market) -> None:
    """Under its name, as simulated, and with the hours that it trades at."""
    await feed_of(market).advance()
    for security in LISTED:
        listing = await market.directory.get(security.symbol)
        assert "simulated" in listing.name
        assert listing.calendar.code == security.calendar
    assert (await market.directory.get(STOCK.symbol)).type == "stock"
    assert (await market.directory.get(COIN.symbol)).type == "coin"


async def test_splits_and_dividends_are_recorded(market: Market) -> None:
    """A stock that split, and one that pays each quarter on a trading day."""
    await feed_of(market).advance()
    async with market.database.reading() as session:
        split = await recorded(session, (await market.directory.get(STOCK.symbol)).id)
        paid = await recorded(session, (await market.directory.get(PAYING.symbol)).id)
    assert [(row.ex_date, row.value) for row in split if row.kind == "split"] == [
        (date(2024, 6, 10), 4.0)
    ]
    assert len(paid) == 20
    assert all(row.ex_date.weekday() < 5 for row in paid)


async def test_starting_again_changes_nothing(market: Market) -> None:
    """Neither at once nor in another process: not even a version rises."""
    await feed_of(market).advance()
    before = await versions(market)
    await feed_of(market).advance()
    again = Market(market.database)
    again.clock.time = FRIDAY
    await feed_of(again).advance()
    assert await versions(market) == before


@pytest.mark.parametrize("seconds", [45, 95, 3 * 3600, 9 * 3600, 3 * DAY, 40 * DAY])
async def test_what_was_missed_is_filled_in(market: Market, seconds: int) -> None:
    """After any silence each bar is the one that a fresh start at that time would have made."""
    await feed_of(market).advance()
    market.clock.time += seconds
    await feed_of(market).advance()
    now = int(market.clock.time)
    for security in (STOCK, COIN):
        calendar = await market.calendars.get(security.calendar)
        true = SimulatedMarket(SEED)
        minutes = await bars_of(market, security, Resolution.MINUTE)
        start = max(FRIDAY, now - 30 * DAY)
        recent = minutes[minutes.time >= start]
        closed = recent[recent.time < now // 60 * 60]
        assert closed == true.minutes(security, calendar, start, now // 60 * 60)
        days = await bars_of(market, security, Resolution.DAY)
        today = calendar.trading_day(now)
        passed = days[days.time < today]
        assert passed == true.days(security, calendar, int(days.time[0]), today)


async def test_trades_build_the_bars_that_history_has(market: Market) -> None:
    """Watched a few seconds at a time, minutes come out as the generator made them."""
    feed = feed_of(market)
    while market.clock.time < FRIDAY + 100:
        await feed.advance()
        market.clock.time += 2.5
    for security in (STOCK, COIN):
        minutes = await bars_of(market, security, Resolution.MINUTE)
        watched = minutes[(minutes.time >= MINUTE) & (minutes.time < MINUTE + 120)]
        assert watched == await true_minutes(market, security, MINUTE, MINUTE + 120)


async def test_no_trade_is_lost_or_told_twice_by_a_restart(market: Market) -> None:
    """However often the process is stopped within a minute."""
    for _ in range(9):
        await feed_of(market).advance()
        market.clock.time += 5
    for security in (STOCK, COIN):
        minutes = await bars_of(market, security, Resolution.MINUTE)
        assert minutes[minutes.time == MINUTE] == await true_minutes(
            market, security, MINUTE, MINUTE + 60
        )


async def test_only_coins_trade_when_the_market_is_closed(market: Market) -> None:
    """After the close the stocks stand still."""
    market.clock.time = CLOSE - 1
    feed = feed_of(market)
    await feed.advance()
    for _ in range(10):
        market.clock.time += 1
        await feed.advance()
    assert (await bars_of(market, STOCK, Resolution.MINUTE)).time[-1] == CLOSE - 60
    assert (await bars_of(market, COIN, Resolution.MINUTE)).time[-1] == CLOSE


async def test_it_goes_on_after_a_failure(market: Market) -> None:
    """A security that somebody removed makes it open again, with all that is missing."""
    feed = feed_of(market)
    await feed.advance()
    edits = SymbolEdits(market.database, market.store, market.calendars, market.directory)
    await edits.delete(COIN.symbol, Precondition(None))
    market.clock.time += 10
    told = anyio.Event()

    def listen(change: Changed) -> None:
        if change.symbol == COIN.symbol:
            told.set()

    async with anyio.create_task_group() as tasks:
        with market.bus.subscribe(CHANGES, listen), anyio.fail_after(20):
            tasks.start_soon(feed.run)
            await told.wait()
        tasks.cancel_scope.cancel()
    market.directory.clear()
    minutes = await bars_of(market, COIN, Resolution.MINUTE)
    before = minutes[minutes.time < MINUTE]
    assert before == await true_minutes(market, COIN, int(minutes.time[0]), MINUTE)


async def test_a_feed_that_stands_still_is_noticed(market: Market) -> None:
    """Before it has opened, and when nothing has come for a while; by whatever process it is."""
    with pytest.raises(Unavailable):
        await probe(market.database, market.clock)
    await feed_of(market).advance()
    await probe(market.database, market.clock)
    market.clock.time += 60
    with pytest.raises(Unavailable):
        await probe(market.database, market.clock)
