"""What reaches the engine late, in another order or never."""

import pytest

from tests.alerts.desks import MINUTE, Desk, engine_of, price, tick, trading, watching
from tests.market.places import Market
from tradeapi.alerts.engine import engine
from tradeapi.market.bars.tick_writer import PostedTicks

AVERAGE = {"type": "indicator", "indicator": "sma", "params": {"period": 2}, "resolution": "1m"}
RISEN = {**AVERAGE, "is": "crosses_up", "level": 105.0}


def unheard(market: Market) -> Market:
    """The same, but nobody hears of what is written there."""
    return Market(market.database, market.clock)


async def test_a_late_tick_among_others_changes_nothing(desk: Desk) -> None:
    """In the request that has the newer one, too."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        await desk.make("X:A", price("crosses_up", 105), repeat=True)
        await market.rest()
        now = desk.market.clock.time
        traded = [(2, 106), (1, 104), (3, 107), (2, 90)]
        await market.post([tick("X:A", now + after, one) for after, one in traded])
        desk.market.clock.time += 5
        await market.trade("X:A", 104, 108)
        await desk.wait(2)
        assert await desk.prices() == [106, 108]


async def test_bars_whose_news_was_lost_count_for_indicators(desk: Desk) -> None:
    """They are read, and each that crossed fires."""
    async with watching(desk.market) as market, trading(unheard(desk.market)) as silent:
        await market.trade("X:A", 100, 100, 100, every=MINUTE)
        await desk.make("X:A", RISEN, repeat=True)
        await market.trade("X:A", 100, every=MINUTE)
        await market.rest()
        for one in (120, 120):
            desk.market.clock.time += MINUTE
            await silent.post(PostedTicks([tick("X:A", desk.market.clock.time, one)]))
        desk.market.clock.time += MINUTE
        await market.post([tick("X:A", desk.market.clock.time, 100)])
        [told] = await desk.wait(1)
        assert told.data["values"] == [110.0]


async def test_the_news_of_an_alert_may_overtake_that_of_a_trade(desk: Desk) -> None:
    """Who made it has seen the trade: it crosses nothing."""
    async with watching(desk.market) as market, trading(unheard(desk.market)) as silent:
        await market.trade("X:A", 100)
        await desk.make("X:A", price("crosses_up", 200))
        await market.rest()
        desk.market.clock.time += 1
        await silent.post(PostedTicks([tick("X:A", desk.market.clock.time, 106)]))
        await desk.make("X:A", price("crosses_up", 105), repeat=True)
        await desk.written()
        await market.trade("X:A", 104, 107)
        await desk.wait(1)
        assert await desk.prices() == [107]


async def test_all_alerts_of_a_symbol_go_through_an_outage(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many more are read before them."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        for _ in range(12):
            await desk.make("X:A", price("crosses_up", 105), repeat=True)
        await market.rest()
        await market.trade("X:A", 101)
        await desk.written()
    monkeypatch.setattr(engine, "READ_AT_ONCE", 2)
    async with trading(desk.market) as ticks:
        for one in (106, 104):
            desk.market.clock.time += MINUTE
            await ticks.post(PostedTicks([tick("X:A", desk.market.clock.time, one)]))
    async with engine_of(desk.market):
        told = await desk.wait(12)
        assert len({one.data["alert_id"] for one in told}) == 12
