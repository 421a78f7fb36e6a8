"""Random trades and random kills of the engine, against what really was crossed."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

import anyio
import pytest

from tests.alerts.desks import MINUTE, Desk, Watching, engine_of, price, tick, trading
from tradeapi.market.bars.tick_writer import PostedTicks, TickWriter

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


class Trial:
    """Trades on one symbol, and a repeating alert for each way through each level."""

    def __init__(self, desk: Desk, random: Random) -> None:
        self.desk = desk
        self.random = random
        self.bars: dict[int, Bar] = {}
        self.alerts: dict[UUID, tuple[float, bool]] = {}
        self._last = 100.0

    async def begin(self, market: Watching) -> None:
        await market.trade("X:A", self._last)
        for level in LEVELS:
            for up in (True, False):
                condition = price("crosses_up" if up else "crosses_down", level)
                self.alerts[await self.desk.make("X:A", condition, repeat=True)] = level, up
        await market.rest()

    async def trade(self, ticks: TickWriter, *, seen: bool) -> None:
        """Some trades, within seconds or minutes of each other, one or more in a request; where
        somebody sees them late ones are among them, and edits that change nothing else.
        """
        clock, request = self.desk.market.clock, []
        for _ in range(self.random.randrange(1, 12)):
            clock.time += self.random.choice([0.5, 1, 5, 20, 70])
            traded = float(self.random.randrange(94, 108))
            bar = self.bars.setdefault(int(clock.time) // MINUTE * MINUTE, Bar())
            bar.trades.append((self._last, traded, seen))
            self._last = traded
            request.append(tick("X:A", clock.time, traded))
            if seen and clock.time % MINUTE > 1 and self.random.random() < 0.2:
                request.append(tick("X:A", clock.time - 0.25, traded + self.random.choice([-5, 5])))
            if self.random.random() < 0.5:
                await ticks.post(PostedTicks(request))
                request = []
            if seen and self.random.random() < 0.1:
                await self.desk.change(self.random.choice([*self.alerts]), note=str(clock.time))
        if request:
            await ticks.post(PostedTicks(request))

    async def check(self) -> None:
        told: dict[UUID, Counter[tuple[int, bool]]] = defaultdict(Counter)
        for one in await self.desk.told():
            told[UUID(one.data["alert_id"])][one.data["bar"], one.data["late"]] += 1
        for id, (level, up) in self.alerts.items():
            for minute, bar in self.bars.items():
                live, late = told[id].pop((minute, False), 0), told[id].pop((minute, True), 0)
                assert live == bar.crossings(level, up=up, seen=True)
                assert late <= min(1, bar.crossings(level, up=up, seen=False))
                assert late or not bar.is_certain(level, up=up)
            assert not +told[id], "Something fired that nothing had crossed."


@pytest.mark.parametrize("seed", range(8))
async def test_each_crossing_fires_once(desk: Desk, seed: int) -> None:
    """While the engine lives each of them, and over an outage each bar that crossed."""
    random = Random(seed)
    trial = Trial(desk, random)
    async with trading(desk.market) as ticks:
        async with engine_of(desk.market) as engine:
            await trial.begin(Watching(desk.market, engine, ticks))
            await trial.trade(ticks, seen=True)
            await desk.written()
        for _ in range(ROUNDS):
            if random.random() < 0.7:
                await trial.trade(ticks, seen=False)
            async with engine_of(desk.market) as engine:
                if random.random() < 0.2:
                    # Killed, maybe in the middle of catching up.
                    await anyio.sleep(random.random() / 50)
                    continue
                await Watching(desk.market, engine, ticks).rest()
                await trial.trade(ticks, seen=True)
                await desk.written()
        async with engine_of(desk.market):
            await desk.written()
    await trial.check()
