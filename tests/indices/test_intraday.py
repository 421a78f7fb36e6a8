"""The level during a session: what is told, when, and that the close does not take it back."""

from collections.abc import Sequence

import pytest

from tests.indices.desk import Desk, date_of, day_of
from tests.indices.floor import LATENESS, NOON, minutes, open_floor
from tradeapi.analytics.adjustments import Kind
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.actions import Actions, Term

pytestmark = pytest.mark.anyio

NAMES = ["US:A", "US:B", "US:C", "US:D"]
# The session that is under way; those before it are built.
TODAY = 3


async def market(desk: Desk, actions: Sequence[tuple[str, Kind, float]] = ()) -> None:
    """Four stocks of three sessions; it is noon of the fourth, whose `actions` are known."""
    desk.clock.time = day_of(TODAY) + NOON
    closes = {
        "US:A": [10.0, 10.7, 11.13],
        "US:B": [31.0, 29.9, 30.41],
        "US:C": [7.7, 7.9, 8.03],
        "US:D": [101.0, 99.3, 100.7],
    }
    for name, values in closes.items():
        own = [(TODAY, kind, value) for symbol, kind, value in actions if symbol == name]
        await desk.stock(name, values, shares=100.0, actions=own)


ACTIONS: Sequence[tuple[str, Kind, float]] = [
    ("US:A", "split", 3.0),
    ("US:B", "dividend", 0.37),
    ("US:C", "special", 1.1),
    ("US:C", "dividend", 0.11),
]


@pytest.mark.parametrize(
    "rules",
    [
        {"return_type": "price"},
        {"return_type": "total"},
        {"return_type": "net", "withholding": 0.3},
        {"weighting": "market_cap", "rebalance": "quarterly", "return_type": "total"},
        {"weighting": "price", "return_type": "net", "withholding": 0.15},
        {"weighting": "custom", "weights": {"US:A": 3, "US:D": 1}, "return_type": "total"},
        {"count": 2, "carry": 0},
    ],
    ids=str,
)
async def test_the_close_publishes_what_was_told_last(desk: Desk, rules: dict[str, object]) -> None:
    """To the last bit, after the splits and dividends of the morning."""
    await market(desk, ACTIONS)
    await desk.define("X", **rules)
    await desk.build("X", end=TODAY - 1)
    async with open_floor(desk) as floor:
        await floor.trade({"US:A": 3.9, "US:B": 30.0, "US:C": 7.1, "US:D": 99.9})
        before = await floor.level("X")
        await floor.trade({"US:A": 3.77, "US:B": 30.3, "US:C": 7.03, "US:D": 101.7})
        level = await floor.level("X")
        assert level != before
        desk.clock.time = day_of(TODAY + 1) + 60
        await desk.build("X")
    assert (await desk.levels("X"))[-1] == level
    bars = await desk.read(await desk.directory.get("INDEX:X"), Resolution.DAY)
    newest = [column.tolist()[-1] for column in bars.columns()]
    assert newest == [day_of(TODAY), before, max(before, level), min(before, level), level, 0]


async def test_the_close_publishes_what_was_told_last_in_other_currencies(desk: Desk) -> None:
    """Prices and dividends are converted at the newest rate, until it has one at that before."""
    await market(desk, ACTIONS)
    closes = [9.1, 9.3, 9.7]
    await desk.stock("LN:E", closes, shares=100.0, currency="GBP", actions=[(3, "dividend", 0.2)])
    await desk.stock("FX:GBPUSD", [1.21, 1.23, 1.27], type="fx")
    fx = {"currency": "USD", "fx": {"GBP": "FX:GBPUSD"}, "universe": {"symbols": [*NAMES, "LN:E"]}}
    await desk.define("X", return_type="total", **fx)
    await desk.build("X", end=TODAY - 1)
    async with open_floor(desk) as floor:
        await floor.trade({"US:A": 3.9, "US:B": 30.0, "US:C": 7.1, "US:D": 99.9, "LN:E": 9.9})
        before = await floor.level("X")
        await floor.trade({"FX:GBPUSD": 1.31})
        level = await floor.level("X")
        assert level > before
        desk.clock.time = day_of(TODAY + 1) + 60
        await desk.build("X")
    assert (await desk.levels("X"))[-1] == level


async def test_nothing_is_told_before_almost_all_have_been_traded(desk: Desk) -> None:
    """Who was not today counts at the close before, as a build carries him, up to 5 % of all."""
    await market(desk)
    await desk.define("X", weighting="custom", weights=dict.fromkeys(NAMES[:3], 1) | {"US:D": 0.1})
    await desk.build("X", end=TODAY - 1)
    async with open_floor(desk) as floor:
        await floor.trade({"US:A": 12.0, "US:B": 33.0, "US:D": 103.0})
        quote = await floor.quote("X")
        assert quote.time == day_of(TODAY)
        assert not len(await minutes(desk, "X", TODAY))
        await floor.trade({"US:C": 8.5})
        await floor.level("X")
    async with open_floor(desk) as floor:
        # Another process knows all that this one did.
        await floor.trade({"US:D": 104.0})
        level = await floor.level("X")
        desk.clock.time = day_of(TODAY + 1) + 60
        await desk.build("X")
    assert (await desk.levels("X"))[-1] == level


async def test_nothing_is_told_after_the_close(desk: Desk) -> None:
    """What was traded before it is, for as long as the last bar is open. The next session begins
    once this one is built."""
    await market(desk)
    await desk.define("X")
    await desk.build("X", end=TODAY - 1)
    close = day_of(TODAY + 1)
    async with open_floor(desk) as floor:
        everybody = dict.fromkeys(NAMES, 20.0)
        await floor.trade(everybody)
        await floor.level("X")
        desk.clock.time = close - 1.5
        await floor.trade({"US:A": 21.0}, after=1.0)
        desk.clock.time = close + LATENESS - 1
        told = await floor.quote("X")
        assert told.time == close - 0.5
        await floor.trade(everybody, after=1000.0)
        assert await floor.quote("X") == told
        assert len(await minutes(desk, "X", TODAY)) == 2
        assert not len(await minutes(desk, "X", TODAY + 1))
        await desk.build("X")
        assert (await desk.levels("X"))[-1] == told.last
        await floor.trade({"US:B": 22.0})
        await floor.level("X")
        assert len(await minutes(desk, "X", TODAY + 1)) == 1


async def test_an_index_whose_last_session_is_not_built_is_silent(desk: Desk) -> None:
    """Nobody knows what it holds; nor is one told whose rules are others than it was built by."""
    await market(desk)
    await desk.define("LATE")
    await desk.define("OTHER")
    await desk.build("LATE", end=TODAY - 2)
    await desk.build("OTHER", end=TODAY - 1)
    await desk.redefine("OTHER", count=3)
    async with open_floor(desk) as floor:
        await floor.trade(dict.fromkeys(NAMES, 20.0))
        assert (await floor.quote("LATE")).time == day_of(TODAY - 1)
        assert (await floor.quote("OTHER")).time == day_of(TODAY)
        await desk.build("LATE", end=TODAY - 1)
        await desk.build("OTHER", end=TODAY - 1)
        await floor.level("LATE")
        await floor.level("OTHER")


async def test_actions_that_come_during_the_session_count(desk: Desk) -> None:
    """Of a stock that has been split at night nothing is told that takes it for another."""
    await market(desk)
    await desk.define("X")
    await desk.build("X", end=TODAY - 1)
    async with open_floor(desk) as floor:
        await floor.trade({"US:A": 11.0, "US:B": 30.0, "US:C": 8.0, "US:D": 100.0})
        before = await floor.level("X")
        async with desk.database.transaction() as session:
            terms = [Term(date_of(TODAY), "split", 10.0)]
            listing = await desk.directory.get("US:A")
            await Actions(session, desk.store).merge(listing, terms)
        await floor.trade({"US:A": 1.1})
        assert await floor.level("X") == pytest.approx(before, rel=1e-12)


async def test_a_trade_counts_for_those_who_hold_it(desk: Desk) -> None:
    """However many do; others are not told again."""
    await market(desk)
    for code, held in {"AB": NAMES[:2], "BC": NAMES[1:3], "CD": NAMES[2:]}.items():
        await desk.define(code, universe={"symbols": held})
        await desk.build(code, end=TODAY - 1)
    async with open_floor(desk) as floor:
        await floor.trade({"US:A": 11.0, "US:B": 30.0, "US:C": 8.0, "US:D": 100.0})
        begun = desk.clock.time
        for code in ("AB", "BC", "CD"):
            await floor.level(code)
        await floor.trade({"US:B": 31.0})
        times = {code: (await floor.quote(code)).time for code in ("AB", "BC", "CD")}
        assert times == {"AB": begun + 1, "BC": begun + 1, "CD": begun}


async def test_the_fault_of_one_index_is_no_other_ones(desk: Desk) -> None:
    """Its rules cannot be read any more, or somebody has its symbol trade at other hours."""
    await market(desk)
    for code in ("A", "B", "C"):
        await desk.define(code)
        await desk.build(code, end=TODAY - 1)
    await desk.execute("UPDATE indices SET definition = '[]' WHERE code = 'A'")
    async with open_floor(desk) as floor:
        await floor.trade(dict.fromkeys(NAMES, 20.0))
        await floor.level("C")
        await desk.execute("UPDATE symbols SET calendar = 'XNYS' WHERE symbol = 'INDEX:B'")
        await floor.trade(dict.fromkeys(NAMES, 21.0))
        await floor.level("C")


async def test_nothing_is_told_outside_of_the_hours_of_the_index(desk: Desk) -> None:
    """What was traded in the session's day before it opens counts from there on, and what has
    happened on the days without a session as well."""
    # The Monday between is a holiday.
    friday, saturday, tuesday = 6, 7, 10
    opens, closes = 14.5 * 3600, 21 * 3600
    desk.clock.time = day_of(tuesday) + 3600
    await desk.calendars.get("XNYS")
    prices = [float("nan")] * 5 + [10.0, 10.5, 10.6, 10.7, 10.8]
    await desk.stock("US:A", prices, shares=1.0, actions=[(saturday, "dividend", 0.5)])
    await desk.stock("US:B", prices, shares=1.0)
    await desk.define("X", calendar="XNYS", carry=0, return_type="total")
    await desk.build("X", end=friday)
    async with open_floor(desk) as floor:
        last = await floor.quote("X")
        await floor.trade({"US:A": 11.0, "US:B": 11.0})
        assert await floor.quote("X") == last
        desk.clock.time = day_of(tuesday) + opens
        await floor.trade({"US:A": 12.0}, after=0.0)
        level = await floor.level("X")
        assert level == pytest.approx(1050 * (12.5 / 10.5 + 11 / 10.5) / 2)
        desk.clock.time = day_of(tuesday) + closes
        await floor.trade({"US:A": 13.0}, after=0.5)
        assert (await floor.quote("X")).last == level
        desk.clock.time = day_of(tuesday + 1) + 60
        await desk.build("X")
    [built] = (await desk.levels("X"))[2:]
    assert built == pytest.approx(1050 * (13.5 / 10.5 + 11 / 10.5) / 2)
