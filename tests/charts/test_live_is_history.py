"""What clients make of a chart that they follow is what HTTP answers, whatever happens."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import anyio
import pytest

from tests.charts.live import Drawn, LiveCharts, Writer, draw, live_charts
from tests.market.places import Market
from tests.streams.client import Client, client
from tests.streams.test_stream_is_history import Forked, UnreliableBus, hear_all
from tests.web.redis_process import redis_process
from tradeapi.auth.dev import ensure_dev_user
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.redis_streams import RedisBus
from tradeapi.charts.points import SeriesType
from tradeapi.database import Database
from tradeapi.errors import Conflict, NotFound
from tradeapi.streams import followed

pytestmark = pytest.mark.anyio

STEPS = 150
COIN = "CRYPTO:BTCUSD"
SOURCE = {"symbol": COIN, "resolution": "1m"}


class Author:
    """Does to one chart what people and programs do, in any order."""

    def __init__(
        self,
        writers: Sequence[Writer],
        market: LiveCharts,
        chart: str,
        chance: random.Random,
        *,
        is_bound: bool,
    ) -> None:
        self._writers = writers
        self._market = market.market
        self._chart = chart
        self._chance = chance
        self._is_bound = is_bound

    async def write(self) -> None:
        for _ in range(STEPS):
            verbs = [self._append, self._amend, self._put, self._arrange, self._rename]
            weights = [60, 15, 5, 3, 5]
            if self._is_bound:
                verbs, weights = [*verbs, self._trade], [*weights, 30]
            (verb,) = self._chance.choices(verbs, weights)
            # What fits where is another's test.
            with suppress(Conflict, NotFound):
                await verb()
            await anyio.sleep(self._chance.choice([0, 0, 0.005]))

    @property
    def _writer(self) -> Writer:
        return self._chance.choice(self._writers)

    @property
    def _series(self) -> str:
        return self._chance.choice(["a", "b", "c"])

    def _points(self, start: int, count: int) -> list[dict[str, object]]:
        return [
            {"time": start + 60 * number, "value": self._chance.randint(1, 9)}
            for number in range(count)
        ]

    async def _append(self) -> None:
        name = self._series
        points = await self._market_points(name)
        start = (points[-1]["time"] if points else 0) + self._chance.choice([0, 60, 120])
        await self._writer.post(self._chart, name, self._points(start, self._chance.choice([1, 2])))

    async def _market_points(self, name: str) -> list[dict[str, int]]:
        return await LiveCharts.points(self._reader, self._chart, name)

    @property
    def _reader(self) -> LiveCharts:
        return LiveCharts(self._market, MemoryBus())

    async def _amend(self) -> None:
        points = self._points(60 * self._chance.randint(0, 40), self._chance.choice([1, 1, 3, 400]))
        await self._writer.post(self._chart, self._series, points, amend=True)

    async def _put(self) -> None:
        points = self._points(0, self._chance.choice([0, 1, 10, 1000]))
        await self._writer.put(self._chart, self._series, points)

    async def _arrange(self) -> None:
        """Other series in other panes; some come anew, some get another type."""
        panes: list[dict[str, list[object]]] = [{"series": []}, {"series": []}]
        for name in self._chance.sample(["a", "b", "c"], self._chance.choice([2, 3, 3])):
            type = self._chance.choice([SeriesType.LINE, SeriesType.AREA])
            self._chance.choice(panes)["series"].append({"id": name, "type": type})
        if self._is_bound and self._chance.random() < 0.8:
            one = {"id": "coin", "type": "candlestick", "source": SOURCE}
            panes[0]["series"].append(one)
        await self._writer.change(self._chart, panes=panes)

    async def _rename(self) -> None:
        await self._writer.change(self._chart, title=str(self._chance.random()))

    async def _trade(self) -> None:
        clock = self._market.clock
        clock.time += self._chance.choice([0, 1, 10, 70])
        late = self._chance.choice([0, 0, 0, 90])
        coin = await self._market.market.directory.get(COIN)
        price = self._chance.randint(90, 110)
        await self._market.trade(coin, [(clock.time - late, price, 1.5)])


async def follow(charts: LiveCharts, chart: str, **options: object) -> None:
    """Until it is quiet."""
    async with client(charts.url) as guest:
        drawn = await draw(guest, chart, **options)
        await hear_all(guest)
        assert await agree(charts, guest, drawn)


async def agree(charts: LiveCharts, guest: Client, drawn: Drawn) -> bool:
    """In the end: on a busy machine what is late may come after it was quiet."""
    for _ in range(10):
        if await charts.agrees(drawn):
            return True
        await guest.hear_rest(1)
    return False


async def wander(processes: Sequence[LiveCharts], chart: str, chance: random.Random) -> int:
    """Join anywhere, leave anywhere, go on elsewhere; how often nothing had to be read anew."""
    topic, drawn = f"charts:{chart}", Drawn()
    for number in range(8):
        async with client(chance.choice(processes).url) as guest:
            guest.charts[topic] = drawn
            resume = {}
            if drawn.epoch and not drawn.is_reset:
                resume[topic] = {"epoch": drawn.epoch, "seq": drawn.seq}
            await guest.say(op="subscribe", topics=[topic], resume=resume, history=50)
            if number == 7:
                await hear_all(guest)
                assert await agree(processes[0], guest, drawn)
            else:
                await guest.hear_rest(chance.choice([0.01, 0.05, 0.1]))
    return drawn.kinds.count("resumed")


async def panes_and_coin(place: Market, *, is_bound: bool) -> list[dict[str, object]]:
    series: list[dict[str, object]] = [{"id": name, "type": "line"} for name in "abc"]
    if is_bound:
        await place.add(COIN)
        series.append({"id": "coin", "type": "candlestick", "source": SOURCE})
    return [{"series": series}]


@pytest.mark.parametrize("bus", ["reliable", "unreliable"])
@pytest.mark.parametrize("is_bound", [False, True], ids=["pushed", "bound"])
@pytest.mark.parametrize("seed", range(2))
async def test_the_stream_of_a_chart_is_what_http_answers(
    database: Database, seed: int, bus: str, *, is_bound: bool
) -> None:
    """Points that come, change and go, and documents that do; some by processes nobody hears of."""
    chance = random.Random(seed)
    await ensure_dev_user(database)
    async with anyio.create_task_group() as tasks:
        chosen = MemoryBus() if bus == "reliable" else UnreliableBus(chance, tasks)
        async with live_charts(database, bus=chosen) as charts:
            chart = await charts.create(
                await panes_and_coin(charts.market.market, is_bound=is_bound)
            )
            writers = [charts] * 9 + [charts.silent]
            author = Author(writers, charts, chart, chance, is_bound=is_bound)
            async with anyio.create_task_group() as everybody:
                everybody.start_soon(author.write)
                everybody.start_soon(follow, charts, chart)
                for _ in range(2):
                    everybody.start_soon(wander, [charts], chart, chance)

                async def throttled() -> None:
                    await follow(charts, chart, throttle_ms=50, history=20)

                everybody.start_soon(throttled)


@pytest.mark.parametrize("bus", ["reliable", "unreliable"])
async def test_a_client_of_a_chart_goes_on_in_another_process(database: Database, bus: str) -> None:
    """Three processes hear of the changes at different times, or not at all."""
    chance = random.Random(5)
    await ensure_dev_user(database)
    resumes = 0
    async with anyio.create_task_group() as tasks, AsyncExitStack() as resources:
        buses = [
            MemoryBus() if bus == "reliable" else UnreliableBus(chance, tasks) for _ in range(3)
        ]
        place = Market(database)
        processes = [
            await resources.enter_async_context(live_charts(database, place=place, bus=one))
            for one in buses
        ]
        writer = Writer(database, Forked(buses))
        chart = await writer.create(await panes_and_coin(place, is_bound=False))

        async def come_and_go() -> None:
            nonlocal resumes
            resumes += await wander(processes, chart, chance)

        author = Author([writer], processes[0], chart, chance, is_bound=False)
        async with anyio.create_task_group() as everybody:
            for one in processes:
                everybody.start_soon(follow, one, chart)
            for _ in range(3):
                everybody.start_soon(come_and_go)
            everybody.start_soon(author.write)
    assert resumes or bus == "unreliable"


@asynccontextmanager
async def over_redis(database: Database, url: str) -> AsyncIterator[tuple[LiveCharts, Writer]]:
    """One process that streams, and one that writes."""
    async with (
        RedisBus(url) as here,
        RedisBus(url) as there,
        live_charts(database, bus=here) as charts,
    ):
        yield charts, Writer(database, there)


async def test_what_one_process_writes_to_a_chart_another_streams(
    database: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the news alone: the database is not asked whether there is something new."""
    monkeypatch.setattr(followed, "ASK_EVERY_SECONDS", 3600)
    await ensure_dev_user(database)
    async with over_redis(database, redis_url) as (charts, there), client(charts.url) as guest:
        chart = await there.create(await panes_and_coin(charts.market.market, is_bound=False))
        drawn = await draw(guest, chart)
        for number in range(30):
            writer = there if number % 3 else charts
            await writer.post(chart, "a", [{"time": number, "value": number}])
        await there.put(chart, "b", [{"time": 1, "value": 1.5}])
        await there.change(chart, title="Done")
        await guest.hear_until(
            lambda: drawn.document["title"] == "Done" and bool(drawn.series["b"])
        )
        assert await charts.agrees(drawn)
        await there.delete(chart)
        assert (await guest.hear_type("error"))["code"] == "not_found"


async def test_a_chart_is_told_while_redis_comes_and_goes(
    sqlite_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What its news would have said is read from the database."""
    chance = random.Random(1)
    with redis_process(tmp_path_factory.mktemp("redis")) as process:
        async with Database(sqlite_url) as database:
            await ensure_dev_user(database)
            async with over_redis(database, process.url) as (charts, there):
                chart = await there.create(
                    await panes_and_coin(charts.market.market, is_bound=False)
                )

                async def come_and_go() -> None:
                    for _ in range(3):
                        await anyio.sleep(0.3)
                        process.kill()
                        await anyio.sleep(0.3)
                        await anyio.to_thread.run_sync(process.start)

                async with anyio.create_task_group() as everybody:
                    everybody.start_soon(follow, charts, chart)
                    everybody.start_soon(come_and_go)
                    author = Author([there], charts, chart, chance, is_bound=False)
                    everybody.start_soon(author.write)
