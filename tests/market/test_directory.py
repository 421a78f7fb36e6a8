"""Finding symbols by what callers call them."""

from contextlib import AbstractAsyncContextManager
from time import monotonic

import pytest

from tests.market.places import Market
from tradeapi.database import Database
from tradeapi.drivers import Raw
from tradeapi.errors import Conflict, NotFound
from tradeapi.market.symbols import directory
from tradeapi.market.symbols.directory import Directory, Listing
from tradeapi.market.symbols.service import Symbols

STRANGE = [
    "",
    "..",
    "US:..",
    "US:A/B",
    "a\x00b",
    "\ud800",
    "\u017f",
    "'; DROP TABLE symbols; --",
    "A" * 99,
]


async def test_a_symbol_is_found_in_any_case_and_by_its_ticker(market: Market) -> None:
    """A listing carries what the row and its exchange say."""
    listing = await market.add("us:brk.b", name="Berkshire", currency="USD", tick_size=0.01)
    assert listing.symbol == "US:BRK.B"
    assert (listing.exchange, listing.ticker, listing.calendar.code) == ("US", "BRK.B", "24x7")
    for asked in ("US:BRK.B", "us:brk.b", "Brk.b"):
        assert await market.directory.get(asked) == listing


async def test_a_ticker_that_two_symbols_have_is_ambiguous(market: Market) -> None:
    """The error names the candidates; the full names still work."""
    await market.add("US:AAPL")
    await market.add("LSE:AAPL")
    with pytest.raises(Conflict, match=r"LSE:AAPL, US:AAPL") as raised:
        await market.directory.get("aapl")
    assert raised.value.code == "ambiguous_symbol"
    assert (await market.directory.get("US:AAPL")).exchange == "US"


@pytest.mark.parametrize("asked", ["US:NOPE", "NOPE", *STRANGE])
async def test_what_is_no_symbol_is_not_found(market: Market, asked: str) -> None:
    """Also what no symbol could be called; PostgreSQL would choke on some of it."""
    with pytest.raises(NotFound) as raised:
        await market.directory.get(asked)
    assert raised.value.code == "unknown_symbol"


async def test_many_are_found_at_once_each_with_its_own_error(market: Market) -> None:
    """Under the names that they were asked for by."""
    await market.add("US:AAPL")
    await market.add("US:MSFT")
    found = await market.directory.get_many(["us:aapl", "msft", "NOPE", "AAPL", "us:aapl"])
    names = {
        asked: one.symbol if isinstance(one, Listing) else one.code for asked, one in found.items()
    }
    assert names == {
        "us:aapl": "US:AAPL",
        "msft": "US:MSFT",
        "NOPE": "unknown_symbol",
        "AAPL": "US:AAPL",
    }
    assert list(found) == ["us:aapl", "msft", "NOPE", "AAPL"]


async def test_a_change_is_seen_when_the_symbol_is_read_or_forgotten(market: Market) -> None:
    """What another process changes shows two seconds later, or at once where that matters."""
    await market.add("US:AAPL")
    async with market.database.transaction() as session:
        await Symbols(session).save("US:AAPL", name="Apple")
    assert (await market.directory.get("US:AAPL")).name == "AAPL"
    assert (await market.directory.read("US:AAPL")).name == "Apple"
    assert (await market.directory.get("AAPL")).name == "Apple"


async def test_a_second_symbol_of_a_ticker_makes_it_ambiguous_at_once(market: Market) -> None:
    """Forgetting a symbol forgets whom its bare ticker meant."""
    await market.add("US:AAPL")
    await market.directory.get("AAPL")
    async with market.database.transaction() as session:
        await Symbols(session).ensure("LSE:AAPL")
    market.directory.forget("LSE:AAPL")
    with pytest.raises(Conflict):
        await market.directory.get("AAPL")


async def test_a_symbol_may_trade_at_other_hours_than_its_exchange(market: Market) -> None:
    """Its own calendar wins."""
    listing = await market.add("SIM:COIN", calendar="24x7")
    assert (listing.own_calendar, listing.calendar.code) == ("24x7", "24x7")


class Counted(Database):
    """Counts its reads."""

    reads = 0

    def read(self) -> AbstractAsyncContextManager[Raw]:
        self.reads += 1
        return super().read()


async def test_symbols_that_are_wanted_all_the_time_are_looked_up_together(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one after the other, each when it is forgotten."""
    symbols = [f"US:{ticker}" for ticker in "ABCDE"]
    for symbol in symbols:
        await market.add(symbol)
    async with Counted(market.database.url.render_as_string(hide_password=False)) as database:
        monkeypatch.setattr(directory, "REMEMBERED_SECONDS", 60.0)
        found = Directory(database, market.calendars)
        for _ in range(2):
            await found.get_many(symbols)
        before = database.reads
        monkeypatch.setattr(directory, "monotonic", lambda: monotonic() + 61)
        for symbol in symbols:
            assert (await found.get(symbol)).symbol == symbol
        assert database.reads == before + 1
