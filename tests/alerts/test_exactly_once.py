"""Random trades and random kills of the engine, against what really was crossed."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

import anyio
import pytest

from tests.alerts.desks import MINUTE, Desk, Watching, engine_of, price, trading

LEVELS = (98.0, 100.0, 103.0)
ROUNDS = 8


@dataclass
class Bar:
    """The trades of one minute: the price before, its own, and whether an engine saw it come."""

    trades: list[tuple[float, float, bool]] = field(default_factory=list)

    def crossings(self, level: float, *, up: bool, seen: bool) -> int:
        return sum(
            (a < level <= b) if up else (a > level >= b)
            for a, b, was_seen in self.trades
            if was_seen is seen
        )

    def is_certain(self, level: float, *, up: bool) -> bool:
        """Whether nobody saw it, and it shows all the same that the level was crossed."""
        if any(seen for _, _, seen in self.trades):
            return False
        before = self.trades[0][0]
        prices = [price for _, price, _ in self.trades]
        high, low, close = max(prices), min(prices), prices[-1]
        if up:
            return before < level <= high or low < level <= close
        return before > level >= low or high > level >= close


@pytest.mark.parametrize("seed", range(8))
async def test_each_crossing_fires_once(desk: Desk, seed: int) -> None:
    """While the engine lives each of them, and over an outage each bar that crossed."""
    random = Random(seed)
    bars: dict[int, Bar] = {}
    last = 100.0
    alerts: dict[UUID, tuple[float, bool]] = {}

    async def trade(market: Watching | None, ticks: Watching) -> None:
        nonlocal last
        for _ in range(random.randrange(1, 12)):
            desk.market.clock.time += random.choice([0.5, 1, 5, 20, 70])
            price = float(random.randrange(94, 108))
            minute = int(desk.market.clock.time) // MINUTE * MINUTE
            bars.setdefault(minute, Bar()).trades.append((last, price, market is not None))
            last = price
            tick = {"symbol": "X:A", "time": desk.market.clock.time, "price": price, "size": 1}
            await ticks.post([tick])

    async with trading(desk.market) as writer:
        ticks = Watching(desk.market, None, writer)  # type: ignore[arg-type]
        async with engine_of(desk.market) as engine:
            market = Watching(desk.market, engine, writer)
            await ticks.post(
                [{"symbol": "X:A", "time": desk.market.clock.time, "price": 100.0, "size": 1}]
            )
            for level in LEVELS:
                for up in (True, False):
                    way = "crosses_up" if up else "crosses_down"
                    alerts[await desk.make("X:A", price(way, level), repeat=True)] = (level, up)
            await market.rest()
            await trade(market, ticks)
            await desk.written()
        for _ in range(ROUNDS):
            if random.random() < 0.7:
                await trade(None, ticks)
            async with engine_of(desk.market) as engine:
                market = Watching(desk.market, engine, writer)
                if random.random() < 0.8:
                    await market.rest()
                    await trade(market, ticks)
                    await desk.written()
                else:
                    # Killed as it may be in the middle of catching up.
                    await anyio.sleep(random.random() / 50)
        async with engine_of(desk.market) as engine:
            await Watching(desk.market, engine, writer).rest()
            await desk.written()

    told: dict[UUID, Counter[tuple[int, bool]]] = defaultdict(Counter)
    for one in await desk.told():
        told[UUID(one.data["alert_id"])][one.data["bar"], one.data["late"]] += 1
    for id, (level, up) in alerts.items():
        for minute, bar in bars.items():
            live, late = told[id].pop((minute, False), 0), told[id].pop((minute, True), 0)
            assert live == bar.crossings(level, up=up, seen=True)
            assert late <= min(1, bar.crossings(level, up=up, seen=False))
            assert late or not bar.is_certain(level, up=up)
        assert not +told[id], "Something fired that nothing had crossed."
