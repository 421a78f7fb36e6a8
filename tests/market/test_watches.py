"""The watches of followed symbols."""

import anyio

from tests.market.places import Market
from tradeapi.bus.memory import MemoryBus
from tradeapi.clock import SystemClock
from tradeapi.market.events import Changed
from tradeapi.market.live.watch import State
from tradeapi.market.live.watches import Watches


class Faulty:
    """A follower that fails at every tick of the clock, or one that only counts them."""

    def __init__(self, *, fails: bool) -> None:
        self.fails = fails
        self.ticks = 0

    def apply(self, change: Changed) -> None: ...

    async def catch_up(self) -> None: ...

    def settle(self, state: State) -> None: ...

    def tick(self, now: float) -> None:  # noqa: ARG002
        self.ticks += 1
        if self.fails:
            raise RuntimeError("A fault.")

    def reset(self) -> None: ...


async def test_one_faulty_follower_does_not_stop_the_clock_of_others(market: Market) -> None:
    """Each is told of the time on its own."""
    await market.add("X:A")
    followers = [Faulty(fails=True), Faulty(fails=False)]
    async with Watches(market.database, MemoryBus(), market.directory, SystemClock()) as watches:
        watch = await watches.open("X:A")
        watch.followers |= dict.fromkeys(followers)
        with anyio.fail_after(5):
            while followers[1].ticks < 2:  # noqa: ASYNC110
                await anyio.sleep(0.05)
        watches.close(watch)
