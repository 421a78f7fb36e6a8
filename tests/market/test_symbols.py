"""The symbols as rows: what imports and the demo market build on."""

import asyncio
from datetime import date

import pytest
from sqlalchemy import text

from tests.market.places import Market
from tradeapi.errors import Invalid, NotFound
from tradeapi.market.symbols.service import UNDATED, Symbols


async def test_ensuring_symbols_creates_what_is_missing_once(market: Market) -> None:
    """Their exchange and their head too, and nothing that is there is changed."""
    async with market.database.transaction() as session:
        symbols = Symbols(session)
        assert await symbols.ensure() == []
        assert await symbols.ensure("us:msft", "US:AAPL", "us:aapl") == ["US:AAPL", "US:MSFT"]
        assert await symbols.ensure("US:AAPL", "US:IBM", name="IBM") == ["US:IBM"]
    async with market.database.read() as raw:
        rows = await raw.fetch(
            "SELECT s.symbol, s.name, s.type, h.version FROM symbols s "
            "JOIN heads h ON h.symbol_id = s.id ORDER BY s.symbol"
        )
        exchanges = await raw.fetch("SELECT code, calendar FROM exchanges")
    assert [tuple(row) for row in rows] == [
        ("US:AAPL", "AAPL", "stock", 0),
        ("US:IBM", "IBM", "stock", 0),
        ("US:MSFT", "MSFT", "stock", 0),
    ]
    assert [tuple(row) for row in exchanges] == [("US", "24x7")]


@pytest.mark.parametrize(
    "name",
    ["AAPL", "US:", ":AAPL", "US:A B", "US:..", "A:B:C", "US:É", "US:" + "A" * 49, "E" * 16 + ":A"],
)
async def test_what_no_symbol_can_be_called_is_refused(market: Market, name: str) -> None:
    """Nothing of the others is created then."""
    with pytest.raises(Invalid) as raised:
        async with market.database.transaction() as session:
            await Symbols(session).ensure("US:GOOD", name)
    assert raised.value.code == "invalid_symbol"
    with pytest.raises(NotFound):
        await market.directory.get("US:GOOD")


async def test_a_new_symbol_has_the_currency_of_its_exchange(market: Market) -> None:
    """Unless it says another."""
    await market.add("LSE:A")
    async with market.database.transaction() as session:
        await session.execute(text("UPDATE exchanges SET currency = 'GBP'"))
    assert (await market.add("LSE:B")).currency == "GBP"
    assert (await market.add("LSE:C", currency="EUR")).currency == "EUR"


async def test_saving_tells_what_became_of_a_symbol(market: Market) -> None:
    """Its version rises when something is another, and only then; other fields stay."""
    async with market.database.transaction() as session:
        symbols = Symbols(session)
        assert await symbols.save("US:AAPL", name="Apple", sector="Tech") == "inserted"
        assert await symbols.save("US:AAPL", name="Apple") == "unchanged"
        assert await symbols.save("US:AAPL", name="Apple Inc.") == "updated"
    listing = await market.directory.get("US:AAPL")
    assert (listing.name, listing.sector, listing.version) == ("Apple Inc.", "Tech", 2)


async def test_shares_are_kept_by_the_day_they_apply_from(market: Market) -> None:
    """The undated figure is one of them; the same figures again change nothing."""
    await market.add("US:AAPL")
    figures = [("us:aapl", UNDATED, 5e9), ("US:AAPL", date(2024, 6, 10), 15e9)]
    async with market.database.transaction() as session:
        symbols = Symbols(session)
        assert await symbols.set_shares(figures) == ["inserted", "inserted"]
        assert await symbols.set_shares([*figures, ("US:AAPL", UNDATED, 6e9)]) == [
            "unchanged",
            "unchanged",
            "updated",
        ]
    async with market.database.read() as raw:
        rows = await raw.fetch("SELECT shares FROM shares_outstanding ORDER BY effective")
    assert [row[0] for row in rows] == [6e9, 15e9]


async def test_shares_of_an_unknown_symbol_are_refused(market: Market) -> None:
    """Symbols are made by `ensure`, not in passing."""
    with pytest.raises(NotFound):
        async with market.database.transaction() as session:
            await Symbols(session).set_shares([("US:NOPE", UNDATED, 1)])


async def test_two_writers_may_create_the_same_symbols_at_once(market: Market) -> None:
    """In whatever order they name them: neither fails, and there is one of each."""
    names = [f"US:T{number}" for number in range(50)]

    async def create(order: list[str]) -> None:
        async with market.database.transaction() as session:
            await Symbols(session).ensure(*order)

    await asyncio.gather(*(create(names[::step]) for step in (1, -1, 1, -1)))
    found = await market.directory.get_many(names)
    assert len({listing.symbol for listing in found.values()}) == len(names)  # type: ignore[union-attr]
