"""What a client merges from snapshot and updates is what HTTP answers, whatever happens."""

import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial

import anyio
import pytest
from anyio.abc import TaskGroup

from tests.market.places import MONDAY, Market, flat
from tests.streams.client import Chart, Client, client
from tests.streams.live import LiveMarket, live
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import Event, Subject
from tradeapi.database import Database
from tradeapi.market.calendars.source import build
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.directory import Listing
from tradeapi.streams.limits import Limits

pytestmark = pytest.mark.anyio

STEPS = 200


class UnreliableBus(MemoryBus):
    """Loses, delays, swaps and repeats what it carries."""

    def __init__(self, chance: random.Random, tasks: TaskGroup) -> None:
        super().__init__()
        self._chance = chance
        self._tasks = tasks

    async def publish(self, subject: Subject[Event], key: str, event: Event) -> None:
        for _ in range(self._chance.choice([0, 1, 1, 1, 1, 1, 2])):
            self._tasks.start_soon(self._later, subject, key, event)

    async def _later(self, subject: Subject[Event], key: str, event: Event) -> None:
        await anyio.sleep(self._chance.choice([0, 0, 0, 0.01, 0.1]))
        await super().publish(subject, key, event)


class Forked(MemoryBus):
    """Brings what is published here to the buses of several processes."""

    def __init__(self, buses: Sequence[MemoryBus]) -> None:
        super().__init__()
        self._buses = buses

    async def publish(self, subject: Subject[Event], key: str, event: Event) -> None:
        await super().publish(subject, key, event)
        for bus in self._buses:
            await bus.publish(subject, key, event)


class Writer:
    """Writes what markets, feeds, importers and administrators do, in any order."""

    def __init__(self, market: LiveMarket, listings: list[Listing], chance: random.Random) -> None:
        self._market = market
        self._listings = listings
        self._chance = chance

    async def write(self) -> None:
        for _ in range(STEPS):
            listing = self._chance.choice(self._listings)
            verb = self._chance.choices(
                [self._trade, self._trade_late, self._post, self._correct, self._delete],
                [70, 15, 5, 5, 2],
            )[0]
            await verb(listing)
            await anyio.sleep(self._chance.choice([0, 0, 0.005]))

    @property
    def _elsewhere(self) -> bool:
        return self._chance.random() < 0.1

    @property
    def _price(self) -> float:
        return self._chance.randint(90, 110)

    async def _trade(self, listing: Listing) -> None:
        clock = self._market.clock
        clock.time += self._chance.choice([0, 1, 10, 40, 70, 400])
        ticks = [
            (clock.time - self._chance.random(), self._price, 1.5)
            for _ in range(self._chance.randint(1, 3))
        ]
        await self._market.trade(listing, ticks, elsewhere=self._elsewhere)

    async def _trade_late(self, listing: Listing) -> None:
        time = self._market.clock.time - self._chance.choice([5, 61, 300, 4000])
        await self._market.trade(listing, [(time, self._price, 1)], elsewhere=self._elsewhere)

    async def _post(self, listing: Listing) -> None:
        resolution = self._chance.choice([Resolution.MINUTE, Resolution.HOUR, Resolution.DAY])
        await self._put(listing, resolution, self._chance.randint(0, 5))

    async def _correct(self, listing: Listing) -> None:
        await self._put(listing, Resolution.MINUTE, self._chance.randint(0, 2))

    async def _put(self, listing: Listing, resolution: Resolution, back: int) -> None:
        calendar = listing.calendar
        label = calendar.label(int(self._market.clock.time), resolution)
        time = calendar.label(label - back * resolution.seconds, resolution)
        if time >= 0 and label >= 0:
            rows = [flat(time, self._price)]
            await self._market.post(listing, resolution, rows, elsewhere=self._elsewhere)

    async def _delete(self, listing: Listing) -> None:
        end = int(self._market.clock.time) - self._chance.choice([0, 60, 600])
        start = end - self._chance.choice([60, 600])
        await self._market.delete(listing, Resolution.MINUTE, start, end, elsewhere=self._elsewhere)


class Told(Writer):
    """There is news of everything that is written."""

    @property
    def _elsewhere(self) -> bool:
        return False


async def follow(market: LiveMarket, topics: list[str], **options: object) -> None:
    """Follow until it is quiet; what has been merged is what history says."""
    async with client(market.url) as guest:
        await guest.subscribe(*topics, **options)
        await hear_all(guest)
        for topic in topics:
            if topic.startswith("bars:"):
                assert await market.agrees(topic, guest.charts[topic]), topic


async def hear_all(guest: Client) -> None:
    # Longer than the reconciler takes to find what the bus has lost.
    await guest.hear_rest(2)


async def come_and_go(
    markets: Sequence[LiveMarket], topics: list[str], chance: random.Random
) -> int:
    """Join anywhere, leave anywhere, go on elsewhere; how often nothing had to be read anew."""
    charts: dict[str, Chart] = {}
    resume: dict[str, object] = {}
    for _ in range(8):
        async with client(chance.choice(markets).url) as guest:
            chosen = chance.sample(topics, 3)
            positions = {topic: at for topic, at in resume.items() if topic in chosen}
            guest.charts = {topic: chart for topic, chart in charts.items() if topic in chosen}
            for topic in chosen:
                guest.charts.setdefault(topic, Chart())
            await guest.say(op="subscribe", topics=chosen, resume=positions, history=50)
            if chance.random() < 0.5:
                # On a slow machine nobody would have heard of anything when he leaves.
                await guest.hear_until(partial(has_begun, guest))
            await guest.hear_rest(chance.choice([0.01, 0.05, 0.1]))
            charts |= guest.charts
            # After a reset there is nothing to go on from.
            resume = {
                topic: {"epoch": chart.epoch, "seq": chart.seq}
                for topic, chart in charts.items()
                if chart.epoch and not chart.is_reset
            }
    market = chance.choice(markets)
    async with client(market.url) as guest:
        guest.charts = charts
        await guest.say(op="subscribe", topics=list(charts), resume=resume, history=50)
        await hear_all(guest)
    for topic, chart in charts.items():
        if topic.startswith("bars:"):
            assert await market.agrees(topic, chart), topic
    return sum(chart.kinds.count("resumed") for chart in charts.values())


def has_begun(guest: Client) -> bool:
    """Each of its charts."""
    return all(chart.epoch for chart in guest.charts.values())


async def test_an_old_bar_that_is_revised_is_not_taken_for_the_newest(database: Database) -> None:
    """By a process that has heard of no other bar when a client comes who has."""
    place, buses = Market(database), [MemoryBus(), MemoryBus()]
    market = LiveMarket(place, Forked(buses), Limits())
    async with (
        live(database, market=place, bus=buses[0]) as one,
        live(database, market=place, bus=buses[1]) as other,
        client(one.url) as before,
        client(other.url) as watching,
        client(other.url) as after,
    ):
        coin = await place.add("CRYPTO:BTCUSD")
        await market.trade(coin, [(MONDAY, 100, 1), (MONDAY + 60, 101, 1)])
        topic = f"bars:{coin.symbol}:1m"
        await before.subscribe(topic)
        await watching.subscribe(f"quotes:{coin.symbol}")
        await market.trade(coin, [(MONDAY + 1, 102, 1)])
        assert (await before.hear())["type"] == "revise"
        await market.trade(coin, [(MONDAY + 61, 103, 1)])
        chart = after.charts[topic] = before.charts[topic]
        position = {"epoch": chart.epoch, "seq": chart.seq}
        await after.say(op="subscribe", topics=[topic], resume={topic: position})
        await hear_all(after)
        assert await market.agrees(topic, chart)


@pytest.fixture(scope="session")
def new_york() -> bytes:
    """A calendar with sessions."""
    return build("XNYS")


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("bus", ["reliable", "unreliable"])
async def test_the_stream_is_the_history(
    database: Database, new_york: bytes, seed: int, bus: str
) -> None:
    """Trades, late trades, backfills, corrections and removals, some of them by other processes."""
    chance = random.Random(seed)
    async with anyio.create_task_group() as tasks:
        chosen = MemoryBus() if bus == "reliable" else UnreliableBus(chance, tasks)
        async with live(database, bus=chosen) as market:
            await market.market.keep_calendar("XNYS", new_york)
            coin = await market.market.add("CRYPTO:BTCUSD")
            stock = await market.market.add("US:AAPL", calendar="XNYS")
            await market.trade(coin, [(MONDAY, 100, 1)])
            series = [
                f"bars:{listing.symbol}:{resolution}"
                for listing in (coin, stock)
                for resolution in Resolution
            ]
            topics = [*series, f"quotes:{coin.symbol}", f"quotes:{stock.symbol}"]
            async with anyio.create_task_group() as everybody:
                everybody.start_soon(follow, market, topics)
                everybody.start_soon(partial(follow, market, topics, throttle_ms=50, history=20))
                everybody.start_soon(come_and_go, [market], topics, chance)
                everybody.start_soon(Writer(market, [coin, stock], chance).write)


@pytest.mark.parametrize("bus", ["reliable", "unreliable"])
async def test_a_client_goes_on_in_another_process(database: Database, bus: str) -> None:
    """Three processes hear of the changes at different times, or not at all; clients change between
    them all the time, and what they have merged is still the history."""
    chance = random.Random(5)
    resumes = 0
    async with anyio.create_task_group() as tasks, AsyncExitStack() as processes:
        buses = [
            MemoryBus() if bus == "reliable" else UnreliableBus(chance, tasks) for _ in range(3)
        ]
        place = Market(database)
        market = LiveMarket(place, Forked(buses), Limits())
        markets = [
            await processes.enter_async_context(live(database, market=place, bus=one))
            for one in buses
        ]
        coin = await place.add("CRYPTO:BTCUSD")
        await market.trade(coin, [(MONDAY, 100, 1)])
        topics = [f"bars:{coin.symbol}:{resolution}" for resolution in Resolution]

        async def wander() -> None:
            nonlocal resumes
            resumes += await come_and_go(markets, topics, chance)

        async with anyio.create_task_group() as everybody:
            for one in markets:
                everybody.start_soon(follow, one, topics)
            for _ in range(4):
                everybody.start_soon(wander)
            writer = Told if bus == "reliable" else Writer
            everybody.start_soon(writer(market, [coin], chance).write)
    assert resumes or bus == "unreliable"
