"""What reaches the engine late, in another order or never."""

from tests.alerts.desks import Desk, price, tick, watching

AVERAGE = {"type": "indicator", "indicator": "sma", "params": {"period": 2}, "resolution": "1m"}
RISEN = {**AVERAGE, "is": "crosses_up", "level": 105.0}


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
