"""Symbols that change under an index: nobody has to build it anew for that."""

import pytest

from tests.indices.desk import NAN, Desk, date_of
from tradeapi.errors import Invalid
from tradeapi.indices.intraday.standing import standing_of
from tradeapi.market.symbols.service import Symbols

SESSIONS = 8


async def three_stocks(desk: Desk) -> None:
    for symbol, slope in (("US:A", 4), ("US:B", 3), ("US:C", 2)):
        closes = [10.0 + slope * place for place in range(SESSIONS)]
        await desk.stock(symbol, closes, shares=100.0 * slope, sector="Tech")


async def names(desk: Desk, code: str) -> list[list[str]]:
    """Of the constituents by session; of who is no more there is none."""
    async with desk.database.read() as raw:
        known = {row[0]: row[1] for row in await raw.fetch("SELECT id, symbol FROM symbols")}
    return [
        sorted(known.get(id, "")[3:] for id in held.ids.tolist())
        for held in await desk.sessions(code)
    ]


async def test_who_leaves_the_universe_is_sold_at_the_next_rebalance(desk: Desk) -> None:
    """Until then he is priced as before, and he is not chosen again."""
    await three_stocks(desk)
    dates = [date_of(5).isoformat()]
    rules = {"universe": {"sectors": ["Tech"]}, "rebalance": "dates", "dates": dates}
    await desk.define("X", count=2, **rules)
    custom = {"weighting": "custom", "weights": {"US:A": 1, "US:B": 1}}
    await desk.define("CUSTOM", count=None, **custom, **rules)
    await desk.define("STAYS", count=2, rebalance="dates", dates=dates)
    for code in ("X", "CUSTOM", "STAYS"):
        await desk.build(code, end=3)
    await desk.execute("UPDATE symbols SET sector = 'Utilities' WHERE symbol = 'US:A'")
    for code in ("X", "CUSTOM", "STAYS"):
        await desk.build(code, end=6)
    assert (await names(desk, "X"))[3:] == [["A", "B"], ["A", "B"], ["B", "C"], ["B", "C"]]
    assert (await names(desk, "CUSTOM"))[3:] == [["A", "B"], ["A", "B"], ["B"], ["B"]]
    assert (await desk.levels("X"))[:6] == (await desk.levels("STAYS"))[:6]


async def test_who_is_removed_is_paid_his_last_price(desk: Desk) -> None:
    """At the next close, whatever the schedule; also where the universe names him, and also where
    who is delisted gets nothing: that he is not."""
    await three_stocks(desk)
    rules = {"rebalance": "quarterly", "delisting": "zero"}
    await desk.define("X", count=None, universe={"symbols": ["US:A", "US:B"]}, **rules)
    await desk.build("X", end=3)
    before = (await desk.sessions("X"))[-1]
    async with desk.database.transaction() as session:
        symbols = Symbols(session)
        await symbols.remove(await symbols.get("US:A"))
    index = (await desk.builds())[-1].index_id
    assert await standing_of(desk.database, desk.calendars, index) is None
    result = await desk.build("X", end=5)
    assert result is not None
    [finding] = result["findings"]
    assert (finding["code"], finding["symbol"]) == ("missing", None)
    assert (await names(desk, "X"))[3:] == [["", "B"], ["B"], ["B"]]
    # The one closes at 22 by now, and the other one did last.
    growth = 22 * before.shares.sum() / (before.shares * before.price).sum()
    assert (await desk.levels("X"))[4] == pytest.approx(before.level * growth, rel=1e-14)


async def test_an_index_whose_universe_is_empty_cannot_begin(desk: Desk) -> None:
    """It says so; what is built goes on."""
    await three_stocks(desk)
    for code in ("GOES", "NEW"):
        await desk.define(code, universe={"sectors": ["Tech"]})
    await desk.build("GOES", end=3)
    await desk.execute("UPDATE symbols SET sector = NULL")
    with pytest.raises(Invalid) as caught:
        await desk.build("NEW", end=3)
    assert caught.value.code == "empty_universe"
    await desk.build("GOES", end=5)
    assert len(await desk.levels("GOES")) == 6


async def test_what_nobody_converts_is_not_chosen(desk: Desk) -> None:
    """A stock that came after the index was defined, in another currency, is no dollars."""
    await three_stocks(desk)
    await desk.define("X", count=2)
    await desk.stock("EU:D", [1e6] * SESSIONS, shares=1e6, currency="EUR")
    await desk.build("X", end=3)
    assert (await names(desk, "X"))[-1] == ["A", "B"]


async def test_an_old_rate_counts_for_a_build_that_goes_on(desk: Desk) -> None:
    """As it does for one that began when the rate was new; of the dividend, too."""
    await desk.stock("FX:EURUSD", [1.5] + [NAN] * 59, type="fx")
    await desk.stock(
        "EU:A", [10.0] * 60, shares=100, currency="EUR", actions=[(58, "dividend", 1.0)]
    )
    for code in ("FULL", "GOES"):
        await desk.define(code, return_type="total", fx={"EUR": "FX:EURUSD"})
    await desk.build("FULL", end=59)
    await desk.build("GOES", end=56)
    await desk.build("GOES", end=59)
    assert await desk.levels("GOES") == await desk.levels("FULL")
    assert (await desk.levels("GOES"))[-1] == pytest.approx(1100)
    index = (await desk.builds())[-1].index_id
    standing = await standing_of(desk.database, desk.calendars, index)
    assert standing is not None
    assert standing.rates == {"EUR": 1.5}


async def test_a_level_beyond_all_numbers_is_not_built(desk: Desk) -> None:
    """It says on which day."""
    swing = [1e-15, 1e15] * 4
    await desk.stock("US:A", swing, shares=1)
    await desk.stock("US:B", swing[1:] + swing[:1], shares=1)
    await desk.define("X", count=2)
    with pytest.raises(Invalid, match="2022-01-10: Its level") as caught:
        await desk.build("X", end=7)
    assert caught.value.code == "unbuildable"


async def test_an_index_converts_no_currency_of_its_own(desk: Desk) -> None:
    """Its level would follow from itself."""
    await three_stocks(desk)
    await desk.define("X")
    with pytest.raises(Invalid) as caught:
        await desk.redefine("X", fx={"EUR": "index:x"})
    assert [error.pointer for error in caught.value.errors] == ["/fx"]
