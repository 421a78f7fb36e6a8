"""What reaches the engine late, in another order or never."""

from uuid import uuid4

import pytest
from sqlalchemy import update

from tests.alerts.desks import LATENESS, MINUTE, Desk, engine_of, price, tick, trading, watching
from tests.market.places import Market, flat
from tradeapi.alerts.engine import engine
from tradeapi.alerts.engine.armed import Armed
from tradeapi.alerts.engine.course import Position
from tradeapi.alerts.engine.gauges import Moment
from tradeapi.alerts.engine.rows import active_after, standings_of
from tradeapi.alerts.engine.tracked import Tracked
from tradeapi.alerts.models import Alert
from tradeapi.market.bars.tick_writer import PostedTicks
from tradeapi.market.events import Changed, Quote
from tradeapi.market.live.watch import State, Watch
from tradeapi.market.resolutions import Resolution

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


async def test_bars_from_before_an_alert_do_not_fire_it(desk: Desk) -> None:
    """Not where an earlier alert on the same symbol has ended at other bars."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100, 100, every=MINUTE)
        first = await desk.make("X:A", RISEN)
        await market.trade("X:A", 120, every=MINUTE)
        await market.rest()
        desk.market.clock.time += MINUTE + LATENESS + 1
        await desk.wait(1, of=first)
        await desk.written()
        await market.trade("X:A", *[90, 90, 120, 120, 90, 90, 90], every=MINUTE)
        id = await desk.make("X:A", RISEN, repeat=True)
        await market.rest()
        await market.trade("X:A", 90, every=MINUTE)
        await desk.written()
        assert not await desk.told(of=id)


async def test_an_outage_before_an_alert_is_not_its_own(desk: Desk) -> None:
    """Others on the same bars fire."""
    listing = await desk.market.directory.get("X:A")
    async with watching(desk.market) as market:
        await market.trade("X:A", 90, 90, 90, 90, every=MINUTE)
        id = await desk.make("X:A", RISEN, repeat=True)
        await market.rest()
        await market.trade("X:A", 90, every=MINUTE)
        await desk.written()
    start = int(desk.market.clock.time) // MINUTE * MINUTE + MINUTE
    rows = [flat(start + place * MINUTE, one) for place, one in enumerate([120] * 3 + [90] * 12)]
    desk.market.clock.time = start + 15 * MINUTE + 30
    await desk.market.write(listing, Resolution.MINUTE, rows)
    later = await desk.make("X:A", RISEN, repeat=True)
    async with watching(desk.market) as market:
        await desk.wait(1, of=id)
        await market.rest()
        await desk.written()
        assert not await desk.told(of=later)


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


async def test_an_edit_and_a_crossing_at_the_same_time(desk: Desk) -> None:
    """Other words leave what is waited for as it is: nothing is lost, and nothing told twice."""
    writer = Desk(unheard(desk.market), desk.owner)
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        once = await desk.make("X:A", price("crosses_up", 105))
        id = await desk.make("X:A", price("crosses_up", 105), repeat=True)
        await market.trade("X:A", 101)
        await desk.written()
        for one in (once, id):
            await writer.change(one, note="Sell?")
        await market.trade("X:A", 106, 104)
        await desk.wait(2)
        await market.trade("X:A", 107)
        await desk.wait(2, of=id)
        await desk.change(id, note="Sell!")
        await market.rest()
        await market.trade("X:A", 108)
        await desk.written()
    async with watching(desk.market) as market:
        await market.trade("X:A", 109, 104, 110)
        told = await desk.wait(3, of=id)
        assert [one.data["price"] for one in told] == [106, 107, 110]
        assert told[-1].data["note"] == "Sell!"
        assert await desk.prices(of=once) == [106]


async def test_an_alert_that_cannot_be_read_is_left_alone(desk: Desk) -> None:
    """As a newer release may have written it; the others are watched, also after edits."""
    odd = await desk.make("X:A", {**RISEN, "output": "sma"})
    async with desk.market.database.transaction() as session:
        changed = update(Alert).where(Alert.id == odd)
        await session.execute(changed.values(conditions=[{**RISEN, "output": "x", "other": None}]))
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        id = await desk.make("X:A", price("crosses_up", 105))
        await desk.delete(odd)
        await market.trade("X:A", 106)
        await desk.wait(1, of=id)


async def test_any_number_of_alerts_may_fire_at_once(desk: Desk) -> None:
    """More than one statement takes parameters for."""
    id = await desk.make("X:A", price("crosses_up", 105))
    async with desk.market.database.reading() as session:
        assert [*await standings_of(session, {id, *(uuid4() for _ in range(40_000))})] == [id]


class Clumsy:
    """Cannot fire anything."""

    lateness = 5.0

    def fire(self, alert: Armed, moment: Moment) -> None:
        raise RuntimeError(alert, moment)

    def mark(self, alert: Armed) -> None: ...

    def move(self, tracked: Tracked) -> None: ...

    def look_at(self, tracked: Tracked) -> None: ...

    def lose(self, tracked: Tracked) -> None: ...


async def test_what_fails_is_gone_through_again(desk: Desk) -> None:
    """Others who follow the symbol do not suffer from it."""
    watch = Watch(await desk.market.directory.get("X:A"))
    quote = Quote(
        last=100.0,
        time=1.0,
        day=0,
        open=100.0,
        high=100.0,
        low=100.0,
        volume=1.0,
        previous_close=None,
        is_intraday=True,
    )
    watch.settle(State(epoch="e", version=1, revision=1, updated=1.0, quote=quote))
    tracked = Tracked(watch, Clumsy(), Position(version=1, time=1.0, price=100.0))
    tracked.begin(1.0)
    await desk.make("X:A", price("crosses_up", 105))
    async with desk.market.database.reading() as session:
        [alert] = await active_after(session, None, 1)
    tracked.add(alert, 1.0)
    watch.followers[tracked] = None
    change = Changed(
        symbol_id=watch.listing.id,
        symbol="X:A",
        version=2,
        revision=1,
        updated=2.0,
        quote=quote,
        trades=[(2.0, 106.0)],
    )
    assert not watch.hear(change)
    assert watch.version == 2
    assert tracked.is_behind
    assert tracked.position.version == 1
