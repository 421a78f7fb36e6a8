"""Topics of restated bars: what a split or dividend makes of them, and when."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import anyio
import pytest

from tests.market.places import DAY, MONDAY, TODAY, flat
from tests.streams.client import Client, client
from tests.streams.live import LiveMarket, live
from tradeapi.database import Database
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.actions import Actions, Term
from tradeapi.market.symbols.directory import Listing
from tradeapi.web.preconditions import Precondition

pytestmark = pytest.mark.anyio

NAME = "CRYPTO:BTCUSD"
RAW = f"bars:{NAME}:1d"
SPLITS = f"bars:{NAME}:1d:splits"
WEEKLY = f"bars:{NAME}:1w:splits"
MINUTES = f"bars:{NAME}:1m:all"
MONDAY_DATE = datetime.fromtimestamp(TODAY, UTC).date()


async def act(market: LiveMarket, listing: Listing, *terms: tuple[int, str, float]) -> None:
    """Have these actions, given by days from today."""
    wanted: Sequence[Term] = [
        Term(MONDAY_DATE + timedelta(days=days), "split" if kind == "split" else "dividend", value)
        for days, kind, value in terms
    ]
    async with market.market.database.transaction() as session:
        await Actions(session, market.store).replace(listing, wanted, Precondition(None))
    market.market.directory.clear()


async def with_days(market: LiveMarket) -> Listing:
    """A coin that cost 100 for ten days and trades today."""
    coin = await market.market.add(NAME)
    days = [flat(TODAY - n * DAY, 100) for n in range(10, 0, -1)]
    await market.post(coin, Resolution.DAY, days)
    await market.trade(coin, [(MONDAY - 300, 51, 1), (MONDAY, 50, 1)])
    return coin


async def agree(market: LiveMarket, guest: Client, *topics: str) -> None:
    for topic in topics:
        assert await market.agrees(topic, guest.charts[topic]), topic


async def test_new_actions_are_a_reset_of_what_they_restate(database: Database) -> None:
    """Stored prices stay, and so do the topics of them."""
    async with live(database) as market, client(market.url) as guest:
        coin = await with_days(market)
        await guest.subscribe(RAW, SPLITS)
        await act(market, coin, (0, "split", 2))
        frames = await guest.hear_rest()
        assert [(frame["type"], frame["topic"]) for frame in frames] == [
            ("reset", SPLITS),
            ("snapshot", SPLITS),
        ]
        assert frames[0]["reason"] == "actions"
        assert frames[0]["rest"] == f"/api/v1/bars/{NAME}?resolution=1d&adjustment=splits"
        assert guest.charts[SPLITS].rows[0][1:] == [50, 50, 50, 50, 200]
        await agree(market, guest, RAW, SPLITS)
        await market.trade(coin, [(MONDAY + 1, 52, 1)])
        assert [frame["type"] for frame in await guest.hear_rest()] == ["bar", "bar"]
        await agree(market, guest, RAW, SPLITS)


async def test_a_correction_of_restated_bars_is_a_reset(database: Database) -> None:
    """A close before a dividend moves all that came before; a late trade of today does not."""
    async with live(database) as market, client(market.url) as guest:
        coin = await with_days(market)
        await act(market, coin, (-1, "dividend", 10), (-4, "split", 2))
        await guest.subscribe(MINUTES, SPLITS)
        await market.trade(coin, [(MONDAY - 290, 52, 1)])
        assert sorted(frame["type"] for frame in await guest.hear_rest()) == ["bar", "revise"]
        await market.post(coin, Resolution.DAY, [flat(TODAY - 3 * DAY, 80)])
        kinds = guest.charts[MINUTES].kinds
        await guest.hear_until(lambda: kinds[-2:] == ["reset", "snapshot"])
        await guest.hear_rest()
        await agree(market, guest, MINUTES, SPLITS)


async def test_a_week_with_a_split_in_it_follows_the_trades(database: Database) -> None:
    """Its days lie on both sides of the split: it is read again, not multiplied."""
    async with live(database) as market, client(market.url) as guest:
        coin = await with_days(market)
        market.clock.time = MONDAY + 2 * DAY
        await market.trade(coin, [(MONDAY + DAY, 40, 1), (MONDAY + 2 * DAY, 20, 1)])
        await act(market, coin, (2, "split", 2))
        await guest.subscribe(WEEKLY)
        chart = guest.charts[WEEKLY]
        assert chart.rows[-1] == [TODAY, 25.5, 25.5, 20, 20, 7]
        for price in (30, 10, 12):
            await market.trade(coin, [(MONDAY + 2 * DAY + price, price, 1)])
        await guest.hear_rest(0.5)
        assert chart.rows[-1] == [TODAY, 25.5, 30, 10, 30, 10]
        assert set(chart.kinds) == {"snapshot", "bar"}
        await agree(market, guest, WEEKLY)


async def test_an_announced_split_takes_effect_on_its_day(database: Database) -> None:
    """Time alone restates the bars, and the stream says so."""
    async with live(database) as market, client(market.url) as guest:
        coin = await with_days(market)
        await act(market, coin, (1, "split", 2))
        await guest.subscribe(SPLITS)
        assert guest.charts[SPLITS].rows[0][1] == 100
        market.clock.time = TODAY + DAY
        with anyio.fail_after(2):
            await guest.hear_type("reset")
            await guest.hear_type("snapshot")
        assert guest.charts[SPLITS].rows[0][1] == 50
        await agree(market, guest, SPLITS)


def test_monday() -> None:
    """The days above are what they seem to be."""
    assert date(2024, 6, 10) == MONDAY_DATE
