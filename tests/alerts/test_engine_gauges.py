"""Conditions on other numbers than the price, as the market moves and over restarts."""

from itertools import pairwise
from random import Random

import anyio
import numpy as np
import pytest

from tests.alerts.desks import MINUTE, Desk, engine_of, price, watching
from tests.market.places import DAY, TODAY, flat
from tradeapi.analytics.points import compute
from tradeapi.analytics.studies import Study
from tradeapi.market.resolutions import Resolution

RSI = {"type": "indicator", "indicator": "rsi", "params": {"period": 5}, "resolution": "1m"}


def expected_crossings(values: list[float], level: float) -> int:
    return sum(a < level <= b for a, b in pairwise(values))


async def test_an_indicator_on_close_fires_for_each_closed_bar_that_crosses(desk: Desk) -> None:
    """With the numbers that a chart shows, while the engine lives and over its restarts."""
    random = Random(5)
    condition = {**RSI, "is": "crosses_up", "level": 50.0}
    async with watching(desk.market) as market:
        await market.trade("X:A", *(random.uniform(90, 110) for _ in range(10)), every=60)
        id = await desk.make("X:A", condition, repeat=True)
        since = int(desk.market.clock.time) // MINUTE * MINUTE
        await market.trade("X:A", *(random.uniform(90, 110) for _ in range(15)), every=60)
        await desk.written()
    async with watching(desk.market) as market:
        await market.trade("X:A", *(random.uniform(90, 110) for _ in range(3)), every=60)
        await desk.written()
    listing = await desk.market.directory.get("X:A")
    async with watching(desk.market) as market:
        # What nobody has watched is gone through.
        await market.rest()
    async with watching(desk.market) as market:
        await market.trade("X:A", *(random.uniform(90, 110) for _ in range(8)), every=60)
        bars = await desk.market.read(listing, Resolution.MINUTE)
        study = Study.of("rsi", {"period": 5})
        points = compute(study, bars.time, {"close": bars.close})
        closed = [
            value
            for time, value in zip(points.time, points.outputs["rsi"], strict=True)
            if since - MINUTE <= time < bars.time[-1]
        ]
        count = expected_crossings(closed, 50.0)
        assert count > 3
        await desk.wait(count, of=id)
        await anyio.sleep(0.1)
        assert len(await desk.told(of=id)) == count


async def test_an_outage_is_gone_through_bar_by_bar(desk: Desk) -> None:
    """Each closed bar of it that crossed fires once, and none that had been seen before."""
    random = Random(9)
    condition = {**RSI, "is": "crosses_up", "level": 50.0}
    listing = await desk.market.directory.get("X:A")
    async with watching(desk.market) as market:
        await market.trade("X:A", *(random.uniform(90, 110) for _ in range(12)), every=60)
        id = await desk.make("X:A", condition, repeat=True)
        since = int(desk.market.clock.time) // MINUTE * MINUTE
        await market.trade("X:A", *(random.uniform(90, 110) for _ in range(6)), every=60)
        await desk.written()
    start = int(desk.market.clock.time) // MINUTE * MINUTE + MINUTE
    rows = [flat(start + n * MINUTE, random.uniform(90, 110)) for n in range(12)]
    desk.market.clock.time = start + 12 * MINUTE + 30
    await desk.market.write(listing, Resolution.MINUTE, rows)
    async with watching(desk.market) as market:
        await market.rest()
        bars = await desk.market.read(listing, Resolution.MINUTE)
        points = compute(Study.of("rsi", {"period": 5}), bars.time, {"close": bars.close})
        closed = [
            value
            for time, value in zip(points.time, points.outputs["rsi"], strict=True)
            if since - MINUTE <= time
        ]
        count = expected_crossings(closed, 50.0)
        await desk.wait(count, of=id)
        await anyio.sleep(0.1)
        assert len(await desk.told(of=id)) == count


async def test_an_indicator_as_its_bar_forms(desk: Desk) -> None:
    """It fires in the middle of a bar, and one on close only once the clock has closed it."""
    async with watching(desk.market) as market:
        await market.trade("X:A", *([100, 101] * 6), every=60)
        desk.market.clock.time = int(desk.market.clock.time) // MINUTE * MINUTE + MINUTE
        forming = await desk.make("X:A", {**RSI, "on": "tick", "is": "above", "level": 90.0})
        closing = await desk.make("X:A", {**RSI, "on": "close", "is": "above", "level": 90.0})
        await market.trade("X:A", 150)
        await desk.wait(1, of=forming)
        assert not await desk.told(of=closing)
        desk.market.clock.time += MINUTE + 6
        await desk.wait(1, of=closing)


async def test_one_indicator_against_another(desk: Desk) -> None:
    """Their difference is what crosses."""
    condition = {
        "type": "indicator",
        "indicator": "sma",
        "params": {"period": 2},
        "resolution": "1m",
        "is": "crosses_up",
        "other": {"indicator": "sma", "params": {"period": 4}},
    }
    async with watching(desk.market) as market:
        await market.trade("X:A", 110, 108, 106, 104, 102, 100, every=60)
        id = await desk.make("X:A", condition)
        await market.trade("X:A", 98, 96, every=60)
        assert not await desk.told(of=id)
        await market.trade("X:A", 120, 121, every=60)
        [told] = await desk.wait(1, of=id)
        assert told.data["values"][0] > 0
        assert told.title == "X:A: SMA(2) up through SMA(4) (1m)"


async def test_the_volume_of_a_bar(desk: Desk) -> None:
    """Against the average of those before it, as it grows."""
    condition = {"type": "volume", "times": 3.0, "resolution": "1m", "bars": 4}
    async with watching(desk.market) as market:
        for _ in range(5):
            await market.trade("X:A", 100, 100, every=30)
        id = await desk.make("X:A", condition, repeat=True)
        desk.market.clock.time = int(desk.market.clock.time) // MINUTE * MINUTE + MINUTE
        await market.trade("X:A", *[100] * 5, every=1)
        assert not await desk.told(of=id)
        await market.trade("X:A", *[100] * 5, every=1)
        [told] = await desk.wait(1, of=id)
        assert told.data["values"] == [6 / (7 / 4)]


@pytest.mark.parametrize("direction", ["up", "down", "either"])
async def test_a_move_since_the_previous_close(desk: Desk, direction: str) -> None:
    """In percent of it."""
    listing = await desk.market.directory.get("X:A")
    await desk.market.write(listing, Resolution.DAY, [flat(TODAY - DAY, 200)])
    condition = {"type": "move", "percent": 5.0, "direction": direction}
    async with watching(desk.market) as market:
        await market.trade("X:A", 200)
        id = await desk.make("X:A", condition, repeat=True)
        await market.trade("X:A", 209.9, 211, 190.5, 189)
        found = {"up": [211], "down": [189], "either": [211, 189]}[direction]
        await desk.wait(len(found), of=id)
        assert await desk.prices(of=id) == found


async def test_a_move_in_some_minutes(desk: Desk) -> None:
    """Against the newest price of so long ago."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100, 101, 102, 103, every=60)
        id = await desk.make("X:A", {"type": "move", "percent": 5.0, "minutes": 3})
        await market.trade("X:A", 104, every=60)
        await market.trade("X:A", 104.5, every=60)
        assert not await desk.told(of=id)
        await market.trade("X:A", 107.5, every=60)
        await desk.wait(1, of=id)


async def test_new_highs_and_lows(desk: Desk) -> None:
    """Of the session, and of 52 weeks of days before it; a run of them fires once."""
    listing = await desk.market.directory.get("X:A")
    days = [flat(TODAY - number * DAY, 100 + number) for number in (1, 200, 363, 400)]
    await desk.market.write(listing, Resolution.DAY, sorted(days))
    async with watching(desk.market) as market:
        await market.trade("X:A", 120)
        session = await desk.make(
            "X:A", {"type": "extreme", "of": "session", "is": "high"}, repeat=True
        )
        year = await desk.make(
            "X:A", {"type": "extreme", "of": "52_weeks", "is": "high"}, repeat=True
        )
        low = await desk.make("X:A", {"type": "extreme", "of": "52_weeks", "is": "low"})
        await market.trade("X:A", 121, 122, 110, 121, 123, 100.5, 462, 464, 465)
        await desk.wait(5)
        assert await desk.prices(of=session) == [121, 123, 462]
        assert await desk.prices(of=year) == [464]
        assert await desk.prices(of=low) == [100.5]


async def test_conditions_of_several_kinds_together(desk: Desk) -> None:
    """All at the same trade: the level, and the indicator over bars that this trade closes."""
    condition = {
        "type": "indicator",
        "indicator": "sma",
        "params": {"period": 2},
        "resolution": "1m",
        "is": "above",
        "level": 101.0,
    }
    async with watching(desk.market) as market:
        await market.trade("X:A", 100, 100, 100, every=60)
        id = await desk.make("X:A", condition, price("above", 105))
        await market.trade("X:A", 106, every=60)
        assert not await desk.told(of=id)
        await market.trade("X:A", 107, every=60)
        await desk.wait(1, of=id)


async def test_a_revision_of_history_is_read(desk: Desk) -> None:
    """What indicators say follows the bars as they are now."""
    condition = {
        "type": "indicator",
        "indicator": "sma",
        "params": {"period": 3},
        "resolution": "1m",
        "on": "tick",
        "is": "above",
        "level": 150.0,
    }
    listing = await desk.market.directory.get("X:A")
    async with engine_of(desk.market) as engine:
        start = int(desk.market.clock.time) // MINUTE * MINUTE - 10 * MINUTE
        rows = [flat(start + number * MINUTE, 100.0) for number in range(10)]
        await desk.market.write(listing, Resolution.MINUTE, rows)
        id = await desk.make("X:A", condition)
        with anyio.fail_after(10):
            while not engine.is_at_rest:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        await desk.market.write(listing, Resolution.MINUTE, [flat(start + 8 * MINUTE, 400.0)])
        [told] = await desk.wait(1, of=id)
        assert np.isclose(told.data["values"][0], 200.0)
