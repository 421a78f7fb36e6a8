"""Files of splits and dividends into the database."""

from pathlib import Path

import pytest

from tests.market.imports import (
    counts,
    day,
    import_actions,
    import_bars,
    rejected,
    write,
)
from tests.market.places import Market

HEADER = "Ticker,Ex Date,Kind,Value"


async def actions(market: Market) -> list[tuple[str, str, str, float]]:
    async with market.database.read() as raw:
        rows = await raw.fetch(
            "SELECT s.symbol, a.ex_date, a.kind, a.value FROM corporate_actions a "
            "JOIN symbols s ON s.id = a.symbol_id ORDER BY 1, 2, 3"
        )
    return [(row[0], str(row[1]), row[2], row[3]) for row in rows]


@pytest.mark.parametrize(
    "line", ["A,2020-08-31,split,4:1", "a,20200831,Split,4/1", "US:A,2020-08-31,splits,4.0"]
)
async def test_splits_are_written_in_several_ways(
    market: Market, tmp_path: Path, line: str
) -> None:
    """New shares per old one; the symbol is created."""
    [summary] = await import_actions(market, write(tmp_path / "a.csv", HEADER, line))
    assert counts(summary) == (1, 0, 0, 0)
    assert summary.remarks == ["New symbols: 1."]
    assert await actions(market) == [("US:A", "2020-08-31", "split", 4)]


async def test_a_second_run_changes_no_action(market: Market, tmp_path: Path) -> None:
    """A corrected one is updated and raises the revision; what the file leaves out stays."""
    bars = [f"{day(n)},A,10,20,10,20" for n in range(30)]
    await import_bars(market, write(tmp_path / "bars.csv", "date,ticker,o,h,l,c", *bars))
    listing = await market.directory.get("US:A")
    header = "ticker,date,type,amount"
    path = write(tmp_path / "a.csv", header, "A,2020-01-10,dividend,0.5", "A,2020-01-20,split,1:2")
    [first] = await import_actions(market, path)
    revision = await market.revision(listing)
    [second] = await import_actions(market, path)
    assert (counts(first), counts(second)) == ((2, 0, 0, 0), (0, 0, 2, 0))
    assert await market.revision(listing) == revision
    write(path, header, "A,2020-01-10,dividend,0.4")
    [third] = await import_actions(market, path)
    assert counts(third) == (0, 1, 0, 0)
    assert await market.revision(listing) > revision
    assert await actions(market) == [
        ("US:A", "2020-01-10", "dividend", 0.4),
        ("US:A", "2020-01-20", "split", 0.5),
    ]


async def test_faulty_actions_are_rejected_one_by_one(market: Market, tmp_path: Path) -> None:
    """A dividend above the price before it, too."""
    bars = [f"{day(n)},A,10,20,10,20" for n in range(30)]
    await import_bars(market, write(tmp_path / "bars.csv", "date,ticker,o,h,l,c", *bars))
    lines = [
        "A,2020-01-10,Special,0.5",
        "A,2020-01-11,dividend,21",
        "A,2020-02-30,dividend,0.5",
        "A,2020-01-12 10:00,dividend,0.5",
        "A,2020-01-13,bonus,0.5",
        "A,2020-01-14,split,0:1",
        "A,2020-01-14,split,-2",
        "A,2020-01-14,split,",
        "A,2020-01-14,split,four",
        "A B,2020-01-14,split,4",
        "A,2020-01-10,specials,0.7",
        "A,2020-01-15",
    ]
    [summary] = await import_actions(market, write(tmp_path / "a.csv", HEADER, *lines))
    assert counts(summary) == (1, 0, 0, 11)
    assert [(line, reason) for line, reason, _ in rejected(summary.rejects_path)] == [
        (3, "invalid_action"),
        (4, "bad_time"),
        (5, "bad_time"),
        (6, "invalid_kind"),
        (7, "invalid_value"),
        (8, "invalid_value"),
        (9, "invalid_value"),
        (10, "bad_number"),
        (11, "invalid_symbol"),
        (12, "duplicate"),
        (13, "malformed_row"),
    ]
    assert await actions(market) == [("US:A", "2020-01-10", "special", 0.5)]
