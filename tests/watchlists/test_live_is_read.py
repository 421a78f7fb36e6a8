"""What clients make of a list that they follow is what HTTP answers, whatever happens."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import anyio
import pytest

from tests.market.places import Market
from tests.streams.client import client
from tests.streams.test_stream_is_history import Forked, UnreliableBus
from tests.watchlists.live import LiveLists, Page, Writer, live_lists, show
from tests.web.redis_process import redis_process
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import Bus
from tradeapi.bus.redis_streams import RedisBus
from tradeapi.database import Database
from tradeapi.errors import Conflict, NotFound
from tradeapi.market.live import watches
from tradeapi.market.symbols.directory import Listing
from tradeapi.streams import followed

pytestmark = pytest.mark.anyio

STEPS = 120
NAMES = [f"X:S{number}" for number in range(8)]


class Author:
    """Does to one list, and to its symbols, what people and programs do, in any order."""

    def __init__(
        self,
        writers: Sequence[Writer],
        markets: Sequence[LiveLists],
        watchlist: str,
        chance: random.Random,
    ) -> None:
        self._writers = writers
        self._markets = markets
        self._id = watchlist
        self._chance = chance
        self._listings: dict[str, Listing] = {}

    async def write(self) -> None:
        for name in NAMES:
            self._listings[name] = await self._markets[0].market.market.directory.get(name)
        verbs = [self._trade, self._add, self._remove, self._note, self._take, self._rename]
        for _ in range(STEPS):
            [verb] = self._chance.choices(verbs, [60, 8, 8, 8, 3, 3])
            # What fits where is another's test.
            with suppress(Conflict, NotFound):
                await verb()
            await anyio.sleep(self._chance.choice([0, 0, 0.01, 0.05]))

    @property
    def _writer(self) -> Writer:
        return self._chance.choice(self._writers)

    @property
    def _name(self) -> str:
        return self._chance.choice(NAMES)

    async def _trade(self) -> None:
        market = self._chance.choice(self._markets).market
        market.clock.time += self._chance.choice([0, 1, 10, 70])
        late = self._chance.choice([0, 0, 0, 90])
        price = self._chance.randint(90, 110)
        await market.trade(
            self._listings[self._name],
            [(market.clock.time - late, price, 1.5)],
            elsewhere=self._chance.random() < 0.05,
        )

    async def _add(self) -> None:
        await self._writer.add(self._id, self._name)

    async def _remove(self) -> None:
        await self._writer.remove(self._id, self._name)

    async def _note(self) -> None:
        fields: dict[str, object] = {"notes": str(self._chance.random())}
        if self._chance.random() < 0.5:
            fields["position"] = self._chance.randint(0, 4)
        await self._writer.note(self._id, self._name, **fields)

    async def _take(self) -> None:
        names = self._chance.sample(NAMES, self._chance.randint(0, len(NAMES)))
        await self._writer.take(self._id, names)

    async def _rename(self) -> None:
        await self._writer.rename(self._id, str(self._chance.random()))


async def follow(lists: LiveLists, watchlist: str, over: anyio.Event, **options: object) -> None:
    """Until nothing more is to come."""
    async with client(lists.url) as guest:
        page = await show(guest, watchlist, **options)
        while not over.is_set():
            await guest.hear_rest(0.2)
        # Longer than it takes to find what the bus has lost.
        while not await lists.agrees(page):
            await guest.hear_rest(1)


async def wander(
    processes: Sequence[LiveLists], watchlist: str, chance: random.Random, over: anyio.Event
) -> None:
    """Join anywhere, leave anywhere, go on elsewhere."""
    topic, page = f"watchlists:{watchlist}", Page()
    is_last = False
    while not is_last:
        is_last = over.is_set()
        process = chance.choice(processes)
        async with client(process.url) as guest:
            guest.charts[topic] = page
            resume = {topic: {"epoch": page.epoch, "seq": page.seq}} if page.epoch else {}
            await guest.say(op="subscribe", topics=[topic], resume=resume)
            await guest.hear_rest(chance.choice([0.05, 0.3]))
            while is_last and not await process.agrees(page):
                await guest.hear_rest(1)


async def work(
    processes: Sequence[LiveLists], writers: Sequence[Writer], chance: random.Random
) -> None:
    """Everybody at once, until all have what HTTP answers."""
    for name in NAMES:
        await processes[0].market.market.add(name)
    watchlist = await processes[0].create("Letters", NAMES[:3])
    over = anyio.Event()
    async with anyio.create_task_group() as everybody:
        for process in processes:
            everybody.start_soon(follow, process, watchlist, over)
        everybody.start_soon(wander, processes, watchlist, chance, over)

        async def throttled() -> None:
            await follow(processes[-1], watchlist, over, throttle_ms=700)

        everybody.start_soon(throttled)
        with anyio.fail_after(120):
            await Author(writers, processes, watchlist, chance).write()
        over.set()


@asynccontextmanager
async def several(database: Database, buses: Sequence[Bus]) -> AsyncIterator[list[LiveLists]]:
    """Processes of one service."""
    place = Market(database)
    async with AsyncExitStack() as resources:
        yield [
            await resources.enter_async_context(live_lists(database, place=place, bus=bus))
            for bus in buses
        ]


@pytest.mark.parametrize("bus", ["reliable", "unreliable"])
@pytest.mark.parametrize("seed", range(2))
async def test_the_stream_of_a_list_is_what_http_answers(
    database: Database, seed: int, bus: str
) -> None:
    """Two processes that hear of edits and prices at different times, or not at all."""
    chance = random.Random(seed)
    async with anyio.create_task_group() as tasks:
        buses = [MemoryBus() if bus == "reliable" else UnreliableBus(chance, tasks) for _ in "12"]
        async with several(database, buses) as processes:
            there = Writer(database, processes[0].market.market.directory, Forked(buses))
            with anyio.fail_after(120):
                await work(processes, [there] * 9 + [processes[0].silent], chance)


async def test_what_one_process_edits_another_streams(
    database: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the news alone: the database is not asked whether there is something new."""
    monkeypatch.setattr(followed, "ASK_EVERY_SECONDS", 3600)
    monkeypatch.setattr(watches, "ASK_EVERY_SECONDS", 3600)
    chance = random.Random(3)
    async with (
        RedisBus(redis_url) as here,
        RedisBus(redis_url) as there,
        several(database, [here, there]) as processes,
        client(processes[0].url) as guest,
    ):
        for name in NAMES:
            listing = await processes[0].market.market.add(name)
        id = await processes[1].create("Letters", NAMES[:4])
        page = await show(guest, id)
        for number in range(10):
            process = chance.choice(processes)
            await process.note(id, NAMES[number % 3], notes=str(number))
            await process.market.trade(listing, [(process.market.clock.time, number + 1, 1)])
        await processes[1].add(id, NAMES[-1])
        await processes[1].market.trade(listing, [(process.market.clock.time, 77, 1)])
        await guest.hear_until(lambda: page.quotes.get(NAMES[-1], {}).get("last") == 77)
        assert await processes[0].agrees(page)
        await processes[1].delete(id)
        assert (await guest.hear_type("error"))["code"] == "not_found"


async def test_a_list_is_told_while_redis_comes_and_goes(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What its news would have said is read from the database."""
    chance = random.Random(1)
    with redis_process(tmp_path_factory.mktemp("redis")) as process:
        async with (
            RedisBus(process.url) as here,
            RedisBus(process.url) as there,
            several(database, [here, there]) as processes,
        ):

            async def come_and_go() -> None:
                for _ in range(3):
                    await anyio.sleep(0.3)
                    process.kill()
                    await anyio.sleep(0.3)
                    await anyio.to_thread.run_sync(process.start)

            async with anyio.create_task_group() as everybody:
                everybody.start_soon(come_and_go)
                with anyio.fail_after(120):
                    await work(processes, processes, chance)
