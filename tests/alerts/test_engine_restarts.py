"""What has happened while nobody watched."""

import gc

import anyio
from sqlalchemy import text

from tests.alerts.desks import MINUTE, Desk, engine_of, price, tick, trading, watching
from tests.market.places import Market
from tradeapi.alerts.engine.armed import Armed
from tradeapi.alerts.tasks import GRACE_SECONDS, AlertExpiry
from tradeapi.market.bars.tick_writer import PostedTicks, TickWriter
from tradeapi.market.resolutions import Resolution


async def trade(market: Market, ticks: TickWriter, *prices: float, every: float = 1.0) -> None:
    """While nobody watches."""
    for one in prices:
        market.clock.time += every
        await ticks.post(PostedTicks([tick("X:A", market.clock.time, one)]))


async def test_each_bar_of_an_outage_that_crossed_fires_once(desk: Desk) -> None:
    """However often the price went through the level in it; the first engine's firings are not
    told again.
    """
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        id = await desk.make("X:A", price("crosses_up", 105), repeat=True)
        await market.trade("X:A", 106, 104)
        await desk.wait(1)
        await desk.written()
    async with trading(desk.market) as ticks:
        desk.market.clock.time += MINUTE
        await trade(desk.market, ticks, 106, 104, 107, 104, every=2)
        desk.market.clock.time += MINUTE
        await trade(desk.market, ticks, 103, 104, 102, every=2)
        desk.market.clock.time += MINUTE
        await trade(desk.market, ticks, 110, 104, every=2)
    async with watching(desk.market) as market:
        told = await desk.wait(3)
        await market.rest()
        assert [one.data["late"] for one in told] == [False, True, True]
        await market.trade("X:A", 105)
        told = await desk.wait(4, of=id)
        assert told[-1].data["price"] == 105
        await anyio.sleep(0.1)
        assert len(await desk.told()) == 4


async def test_what_a_killed_engine_had_not_written_is_evaluated_again(desk: Desk) -> None:
    """The bar in which it fired before does not fire again."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        await desk.make("X:A", price("crosses_up", 105), repeat=True)
        await market.trade("X:A", 106)
        await desk.wait(1)
        # Not yet written, most likely.
        await market.trade("X:A", 104, 103)
    async with trading(desk.market) as ticks:
        await trade(desk.market, ticks, 107)
        desk.market.clock.time += MINUTE
        await trade(desk.market, ticks, 104, 108)
    async with watching(desk.market) as market:
        await desk.wait(2)
        await market.rest()
        await anyio.sleep(0.1)
        assert len(await desk.told()) == 2


async def test_an_alert_made_in_an_outage_is_watched_from_then_on(desk: Desk) -> None:
    """What the price did before does not count."""
    async with trading(desk.market) as ticks:
        await trade(desk.market, ticks, 100, 110, 100)
        desk.market.clock.time += MINUTE
        await trade(desk.market, ticks, 110, 100)
        first = await desk.make("X:A", price("crosses_up", 105), repeat=True)
        second = await desk.make("X:A", price("crosses_up", 120), repeat=True)
        desk.market.clock.time += MINUTE
        await trade(desk.market, ticks, 100, 108, 99)
        desk.market.clock.time += MINUTE
        await trade(desk.market, ticks, 101, 108, 99)
    async with watching(desk.market) as market:
        await desk.wait(2)
        await market.rest()
        assert len(await desk.told(of=first)) == 2
        assert not await desk.told(of=second)


async def test_bars_that_are_posted_fire_too(desk: Desk) -> None:
    """Of a bar that went through a level and came back both ways have been crossed."""
    market = desk.market
    listing = await market.directory.get("X:A")
    start = int(market.clock.time) // MINUTE * MINUTE

    async with engine_of(market):
        await market.write(listing, Resolution.MINUTE, [(start, 100, 101, 99, 100, 1)])
        up = await desk.make("X:A", price("crosses_up", 105), repeat=True)
        down = await desk.make("X:A", price("crosses_down", 95), repeat=True)
        await anyio.sleep(0.2)
        market.clock.time = start + 2 * MINUTE
        await market.write(listing, Resolution.MINUTE, [(start + MINUTE, 100, 106, 94, 100, 1)])
        await desk.wait(2)
        await market.write(listing, Resolution.MINUTE, [(start + MINUTE, 100, 106, 94, 101, 2)])
        await market.write(listing, Resolution.MINUTE, [(start, 100, 120, 90, 100, 2)])
        await anyio.sleep(0.2)
        assert len(await desk.told(of=up)) == len(await desk.told(of=down)) == 1


async def test_symbols_without_bars_within_the_day(desk: Desk) -> None:
    """Their newest day is what moves them."""
    market = desk.market
    listing = await market.directory.get("X:A")
    day = int(market.clock.time) // 86400 * 86400
    await market.write(listing, Resolution.DAY, [(day - 86400, 100, 101, 99, 100, 1)])
    async with engine_of(market):
        id = await desk.make("X:A", price("crosses_up", 105), repeat=True)
        await anyio.sleep(0.2)
        await market.write(listing, Resolution.DAY, [(day, 100, 106, 100, 104, 1)])
        await desk.wait(1, of=id)
    await market.write(listing, Resolution.DAY, [(day + 86400, 100, 107, 100, 104, 1)])
    market.clock.time = day + 86400 + 3600
    async with engine_of(market):
        await desk.wait(2, of=id)


async def test_a_symbol_that_goes_takes_its_alerts(desk: Desk) -> None:
    """The others are watched on."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        await market.trade("X:B", 100)
        await desk.make("X:A", price("crosses_up", 105))
        await desk.make("X:B", price("crosses_up", 105))
        await market.rest()
        async with desk.market.database.transaction() as session:
            await session.execute(text("DELETE FROM symbols WHERE symbol = 'X:A'"))
        await market.trade("X:B", 106)
        [told] = await desk.wait(1)
        assert told.data["symbol"] == "X:B"


async def test_loaded_alerts_are_not_gone_through_for_garbage(desk: Desk) -> None:
    """There may be so many that the loop would stand still for it; when the engine ends they are
    garbage like any other.
    """
    await desk.make("X:A", price("crosses_up", 105))
    gc.collect()
    async with watching(desk.market) as market:
        await market.rest()
        assert not any(isinstance(one, Armed) for one in gc.get_objects())
    assert not gc.get_freeze_count()


async def test_what_crossed_before_an_alert_expired_is_told_though_nobody_watched(
    desk: Desk,
) -> None:
    """It is said to have expired only when whoever watches has had time to come back."""
    market = desk.market
    expiry = AlertExpiry(market.database, market.clock)
    async with trading(market) as ticks:
        await trade(market, ticks, 100)
        expires_at = market.clock.time + 2 * MINUTE
        crossed = await desk.make("X:A", price("crosses_up", 105), expires_at=expires_at)
        missed = await desk.make("X:A", price("crosses_up", 110), expires_at=expires_at)
        market.clock.time += MINUTE
        await trade(market, ticks, 106)
        market.clock.time += 2 * MINUTE
        await trade(market, ticks, 111)
    await expiry.once()
    async with watching(market) as watched:
        [told] = await desk.wait(1)
        assert told.data["alert_id"] == str(crossed)
        await watched.rest()
        market.clock.time += GRACE_SECONDS
        await expiry.once()
        assert (await desk.alert(missed)).status == "expired"
        assert (await desk.alert(crossed)).status == "fired"
        assert len(await desk.told()) == 1
