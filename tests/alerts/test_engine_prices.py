"""Alerts on prices, as the market moves."""

import anyio
import pytest

from tests.alerts.desks import Desk, price, watching
from tradeapi.alerts.engine import engine


async def test_a_crossing_fires_once(desk: Desk) -> None:
    """Not before, not again, and not for another symbol."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        await market.trade("X:B", 100)
        id = await desk.make("X:A", price("crosses_up", 105))
        await market.trade("X:B", 110)
        await market.trade("X:A", 104, 105, 106, 104, 107)
        [told] = await desk.wait(1)
        assert told.data["price"] == 105
        assert told.title == "X:A: price up through 105"
        await anyio.sleep(0.1)
        assert await desk.prices() == [105]
    alert = await desk.alert(id)
    assert (alert.status, alert.fired_count, alert.fired_price) == ("fired", 1, 105)


async def test_a_repeating_alert_fires_at_each_crossing(desk: Desk) -> None:
    """Each way through one level on its own; to come to a level is to have crossed it."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        up = await desk.make("X:A", price("crosses_up", 105), repeat=True)
        down = await desk.make("X:A", price("crosses_down", 105), repeat=True)
        await market.trade("X:A", 106, 107, 104, 105, 103, 110)
        await desk.wait(4)
        assert await desk.prices(of=up) == [106, 105, 110]
        assert await desk.prices(of=down) == [104]


async def test_a_level_that_is_passed_fires_at_once(desk: Desk) -> None:
    """One that has to be crossed waits for it."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        passed = await desk.make("X:A", price("above", 90))
        await desk.make("X:A", price("crosses_up", 90))
        [told] = await desk.wait(1)
        assert told.data["alert_id"] == str(passed)
        await market.trade("X:A", 101)
        await anyio.sleep(0.1)
        assert len(await desk.told()) == 1


async def test_ticks_of_one_request_are_evaluated_one_by_one(desk: Desk) -> None:
    """In order: what their bar does not show is not missed."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        id = await desk.make("X:A", price("crosses_up", 105), repeat=True)
        await market.rest()
        now = market.market.clock.time
        prices = [106, 104, 107, 103, 105]
        await market.post(
            [
                {"symbol": "X:A", "time": now + number, "price": one, "size": 1}
                for number, one in enumerate(prices, 1)
            ]
        )
        await desk.wait(3)
        assert await desk.prices(of=id) == [106, 107, 105]


async def test_a_late_tick_changes_nothing(desk: Desk) -> None:
    """It was not the newest price when it came, and takes no firing back."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100, 101)
        id = await desk.make("X:A", price("crosses_up", 105), repeat=True)
        await market.rest()
        now = market.market.clock.time
        await market.post([{"symbol": "X:A", "time": now - 0.5, "price": 120, "size": 1}])
        await market.trade("X:A", 106)
        await market.post([{"symbol": "X:A", "time": now + 0.5, "price": 90, "size": 1}])
        await market.trade("X:A", 107, 104, 108)
        await desk.wait(2)
        assert await desk.prices(of=id) == [106, 108]


async def test_all_conditions_or_any(desk: Desk) -> None:
    """All have to be met at the same time; of any, each counts on its own."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        conditions = [price("crosses_up", 105), price("below", 120)]
        both = await desk.make("X:A", *conditions, repeat=True)
        levels = [price("crosses_up", 105), price("crosses_up", 130)]
        either = await desk.make("X:A", *levels, match="any", repeat=True)
        await market.trade("X:A", 106, 125, 104, 125, 131, 104, 110)
        await desk.wait(6)
        assert await desk.prices(of=both) == [106, 110]
        assert await desk.prices(of=either) == [106, 125, 131, 110]


async def test_a_cool_down_and_an_expiry_hold_it_back(desk: Desk) -> None:
    """In terms of when the trades were."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        now = market.market.clock.time
        id = await desk.make(
            "X:A", price("crosses_up", 105), repeat=True, cool_down=3.0, expires_at=now + 8.5
        )
        await market.trade("X:A", 106, 104, 107, 104, 108, 104, 109, 104, 110)
        await market.trade("X:B", 100)
        await desk.wait(2)
        await anyio.sleep(0.1)
        assert await desk.prices(of=id) == [106, 108]


async def test_an_edit_is_watched_from_then_on(desk: Desk) -> None:
    """What is disabled or deleted fires no more, and what is enabled again does."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        id = await desk.make("X:A", price("crosses_up", 105))
        await desk.change(id, conditions=[price("crosses_up", 110)])
        gone = await desk.make("X:A", price("crosses_up", 106))
        await desk.delete(gone)
        await market.trade("X:A", 108)
        await desk.change(id, enabled=False)
        await market.trade("X:A", 111)
        await desk.change(id, enabled=True)
        await market.trade("X:A", 112, 109, 113)
        await desk.wait(1)
        assert await desk.prices() == [113]


async def test_a_note_that_is_edited_meanwhile_takes_no_firing_away(desk: Desk) -> None:
    """Nor does it bring one back: what the conditions were is not forgotten."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        once = await desk.make("X:A", price("crosses_up", 105))
        often = await desk.make("X:A", price("above", 105), repeat=True)
        await market.rest()
        for number in range(6):
            await market.trade("X:A", 106)
            await desk.change(often, note=f"Note {number}")
            await desk.change(once, note=f"Note {number}")
            await market.trade("X:A", 107, 104)
        await desk.wait(6, of=often)
        await anyio.sleep(0.1)
        assert await desk.prices(of=often) == [106] * 6
        assert await desk.prices(of=once) == [106]


async def test_what_fires_too_often_is_disabled(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says so; what fires once does."""
    monkeypatch.setattr(engine, "FIRINGS_PER_HOUR", 3)
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        often = await desk.make("X:A", price("crosses_up", 105), repeat=True)
        once = await desk.make("X:A", price("crosses_up", 110))
        await market.trade("X:A", *[106, 104] * 6, 111)
        await desk.wait(5)
        told = await desk.told(of=often)
        assert [one.data["disabled"] for one in told] == [False, False, False, True]
        assert "disabled" in told[-1].text
        assert len(await desk.told(of=once)) == 1
    assert (await desk.alert(often)).status == "disabled"
