"""The watches of followed symbols."""

import time
from collections.abc import Mapping

import anyio
from anyio.lowlevel import checkpoint

from tests.market.places import Market
from tradeapi.bus.memory import MemoryBus
from tradeapi.clock import SystemClock
from tradeapi.market.events import Changed
from tradeapi.market.live.live_quotes import LiveQuotes
from tradeapi.market.live.turns import TURN_SECONDS
from tradeapi.market.live.watch import State, Watch
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


class Slow(Faulty):
    """One that takes its time, and then says who it is."""

    def __init__(self, name: str, told: list[str]) -> None:
        super().__init__(fails=False)
        self.name = name
        self.told = told

    def tick(self, now: float) -> None:
        super().tick(now)
        time.sleep(2 * TURN_SECONDS)
        self.told.append(self.name)


async def test_others_have_their_turn_while_all_are_told_of_the_time(market: Market) -> None:
    """However many symbols are followed."""
    told = list[str]()
    async with (
        Watches(market.database, MemoryBus(), market.directory, SystemClock()) as watches,
        anyio.create_task_group() as tasks,
    ):
        watched = {}
        for name in ("X:A", "X:B"):
            await market.add(name)
            watched[name] = await watches.open(name)
        for name, watch in watched.items():
            watch.followers[Slow(name, told)] = None

        async def take_turns() -> None:
            while True:
                told.append("others")
                await checkpoint()

        tasks.start_soon(take_turns)
        with anyio.fail_after(5):
            while told.count("X:B") < 2:  # noqa: ASYNC110
                await anyio.sleep(0.05)
        tasks.cancel_scope.cancel()
        for watch in watched.values():
            watches.close(watch)
    assert told[told.index("X:A") + 1] == "others"


async def test_many_watches_are_opened_together(market: Market) -> None:
    """Those that there are, whoever opens some of them meanwhile; each is held as often."""
    names = [f"X:S{number}" for number in range(50)]
    for name in names:
        await market.add(name)
    async with Watches(market.database, MemoryBus(), market.directory, SystemClock()) as watches:
        opened = list[Mapping[str, Watch]]()

        async def open_many() -> None:
            opened.append(await watches.open_many([*names, "X:NONE"]))

        async def open_one() -> None:
            opened.append({names[7]: await watches.open(names[7])})

        async with anyio.create_task_group() as tasks:
            for call in (open_many, open_one, open_many):
                tasks.start_soon(call)
        assert sorted(map(len, opened)) == [1, 50, 50]
        for name in names:
            [watch] = {one[name] for one in opened if name in one}
            assert watch.state is not None
            assert watch.holders == (3 if name == names[7] else 2)
        for one in opened:
            for watch in one.values():
                watches.close(watch)
        assert {watch.holders for one in opened for watch in one.values()} == {0}


async def test_a_quote_is_looked_at_once_for_all_who_follow_it(market: Market) -> None:
    """And no longer than somebody does."""
    await market.add("X:A")
    async with Watches(market.database, MemoryBus(), market.directory, SystemClock()) as watches:
        quotes = LiveQuotes(watches, SystemClock(), stale_after=60)
        one = await quotes.open("X:A")
        many = await quotes.open_many(["X:A", "X:NONE"])
        assert many == {"X:A": one}
        assert [*one.watch.followers] == [one]
        quotes.close(one)
        assert [*one.watch.followers] == [one]
        quotes.close(one)
        assert not one.watch.followers
        assert not one.watch.holders
