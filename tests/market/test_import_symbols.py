"""Files of symbols into the database."""

from datetime import date
from pathlib import Path

from tests.market.imports import counts, day, import_bars, import_symbols, rejected, write
from tests.market.places import Market

HEADER = "Ticker,Name,Sector,Type,Currency,Tick Size,Shares_Outstanding,Note"


async def shares(market: Market) -> list[tuple[str, date, float]]:
    async with market.database.read() as raw:
        rows = await raw.fetch(
            "SELECT s.symbol, o.effective, o.shares FROM shares_outstanding o "
            "JOIN symbols s ON s.id = o.symbol_id ORDER BY 1, 2"
        )
    return [(row[0], date.fromisoformat(str(row[1])), row[2]) for row in rows]


async def test_symbols_are_created_with_what_the_file_says(market: Market, tmp_path: Path) -> None:
    """Shares without a date apply from the first bar."""
    path = write(
        tmp_path / "symbols.csv",
        HEADER,
        'aapl,"Apple, Inc.",Technology,stock,usd,0.01,16000000000,x',
        "SPY,,,etf,,,,",
    )
    [summary] = await import_symbols(market, path)
    assert counts(summary) == (2, 0, 0, 0)
    assert summary.remarks == ["Not used: Note."]
    apple = await market.directory.get("US:AAPL")
    assert (apple.name, apple.sector, apple.type) == ("Apple, Inc.", "Technology", "stock")
    assert (apple.currency, apple.tick_size) == ("USD", 0.01)
    assert (await market.directory.get("US:SPY")).type == "etf"
    assert await shares(market) == [("US:AAPL", date.min, 16e9)]


async def test_a_second_run_changes_no_symbol(market: Market, tmp_path: Path) -> None:
    """What has no value stays as it is; what is another is updated."""
    path = write(tmp_path / "a.csv", HEADER, "A,Agilent,Health,stock,USD,0.01,300,", "B,,,,,,5,")
    await import_symbols(market, path)
    version = (await market.directory.get("US:A")).version
    [again] = await import_symbols(market, path)
    assert counts(again) == (0, 0, 2, 0)
    assert (await market.directory.get("US:A")).version == version
    write(path, "symbol,shares_outstanding,sector", "A,301,", "B,,Energy")
    [changed] = await import_symbols(market, path)
    assert counts(changed) == (0, 2, 0, 0)
    assert (await market.directory.get("US:A")).sector == "Health"
    assert (await market.directory.get("US:B")).sector == "Energy"
    assert await shares(market) == [("US:A", date.min, 301), ("US:B", date.min, 5)]


async def test_symbols_that_bars_made_get_their_names(market: Market, tmp_path: Path) -> None:
    """In whatever order the two are imported."""
    bars = [f"{day(n)},A,1,2,1,2" for n in range(2)]
    await import_bars(market, write(tmp_path / "bars.csv", "date,ticker,o,h,l,c", *bars))
    [summary] = await import_symbols(market, write(tmp_path / "a.csv", "ticker,name", "A,Agilent"))
    assert counts(summary) == (0, 1, 0, 0)
    assert (await market.directory.get("US:A")).name == "Agilent"


async def test_listings_have_their_days(market: Market, tmp_path: Path) -> None:
    """From the first day of trading until before the first without; one that would be listed for
    no day stays as it is."""
    path = write(
        tmp_path / "a.csv",
        "symbol,ipoDate,Delisted",
        "A,1962-01-02,null",
        "B,20200102,2024-06-10",
        "C,2020-01-02,2020-01-02",
        "D,2020-02-30,",
    )
    [first] = await import_symbols(market, path)
    assert counts(first) == (2, 0, 0, 2)
    assert [row[:2] for row in rejected(first.rejects_path)] == [
        (4, "invalid_listed_to"),
        (5, "bad_time"),
    ]
    path = write(tmp_path / "b.csv", "ticker,listed_to,name", "A,2024-06-11,", "B,2020-01-01,Bad")
    [second] = await import_symbols(market, path)
    assert counts(second) == (0, 1, 0, 1)
    assert rejected(second.rejects_path)[0][:2] == (3, "invalid_listed_to")
    listings = [await market.directory.read(f"US:{ticker}") for ticker in "AB"]
    assert [(one.name, one.listed_from, one.listed_to) for one in listings] == [
        ("A", date(1962, 1, 2), date(2024, 6, 11)),
        ("B", date(2020, 1, 2), date(2024, 6, 10)),
    ]


async def test_faulty_symbols_are_rejected_one_by_one(market: Market, tmp_path: Path) -> None:
    """Each with the first thing that is wrong."""
    lines = [
        "A B,x,,,,,,",
        ",x,,,,,,",
        "A,x,,apple,,,,",
        "B,x,,,US DOLLAR,,,",
        "C,x,,,,0,,",
        "D,x,,,,a cent,,",
        "E,x,,,,,-1,",
        "F,x",
        f"G,{'x' * 300},,,,,,",
        "H,,,,,,,",
        "h,again,,,,,,",
    ]
    [summary] = await import_symbols(market, write(tmp_path / "a.csv", HEADER, *lines))
    assert counts(summary) == (1, 0, 0, 10)
    assert [(line, reason) for line, reason, _ in rejected(summary.rejects_path)] == [
        (2, "invalid_symbol"),
        (3, "invalid_symbol"),
        (4, "invalid_type"),
        (5, "invalid_currency"),
        (6, "invalid_tick_size"),
        (7, "bad_number"),
        (8, "invalid_shares_outstanding"),
        (9, "malformed_row"),
        (10, "invalid_name"),
        (12, "duplicate"),
    ]
