"""Builds of indices: all of twenty years, one more day, and what requests feel of it meanwhile."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date

import anyio
import numpy as np

from benchmarks.figures import Figure
from benchmarks.indices import computing
from benchmarks.indices.universe import Universe, copied, fill, made_up
from benchmarks.processes import python
from benchmarks.workbench import Workbench
from tradeapi.bus.memory import MemoryBus
from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.indices.building.build import Builder
from tradeapi.indices.building.requests import build_job
from tradeapi.indices.schemas import IndexIn
from tradeapi.indices.service import Indices
from tradeapi.jobs.opening import jobs_of
from tradeapi.jobs.port import Job
from tradeapi.market.calendars.days import date_at
from tradeapi.market.parts import Parts, open_parts
from tradeapi.notifications.notifier import Notifier
from tradeapi.settings import Settings
from tradeapi.tracked.progress import begin
from tradeapi.tracked.service import TrackedJobs

STOCKS = 3000
FEW_STOCKS, FEW_SESSIONS = 130, 252
# What a program took for as much that asks the database anew for each day.
TRACKER_SECONDS = 57.7


def builds(bench: Workbench) -> Iterator[Figure]:
    universe = asyncio.run(made_up(STOCKS))
    url = bench.databases.clone()
    asyncio.run(fill(url, universe, raw_form=True))
    floor = asyncio.run(_timed_copy(url))
    seconds, lag, wait = asyncio.run(_rebuilt(url))
    sessions = len(universe.days)
    yield Figure(
        what=f"an index of the 100 largest of {STOCKS:,} over {sessions:,} sessions, rebuilt",
        unit="s",
        floor=floor,
        ours=seconds,
        at_most=1,
        how="read, computed, written, published on PostgreSQL; floor: all closes by binary COPY",
    )
    yield Figure(
        what="what else the same process does meanwhile: a turn of its loop, 99 %",
        unit="ms",
        ours=lag,
        at_most=20,
        how="the build and the requests in one process; with a worker they are in two",
    )
    yield Figure(what="and a connection of its pool, at worst", unit="ms", ours=wait, at_most=100)
    day = asyncio.run(_one_more_day(url, universe))
    yield Figure(
        what="one more day of it, published", unit="ms", ours=day, at_most=50, how="median of 20"
    )
    yield from _computed()
    few = Universe(
        universe.days[-FEW_SESSIONS:],
        universe.close[-FEW_SESSIONS:, :FEW_STOCKS],
        universe.shares[:FEW_STOCKS],
    )
    url = bench.databases.clone()
    asyncio.run(fill(url, few))
    seconds, _, _ = asyncio.run(_rebuilt(url))
    yield Figure(
        what=f"{FEW_STOCKS} stocks x {FEW_SESSIONS} sessions",
        unit="s",
        ours=seconds,
        at_most=TRACKER_SECONDS / 200,
        how=f"a loop of queries per day took {TRACKER_SECONDS} s",
    )


async def _timed_copy(url: str) -> float:
    await copied(url)
    begun = time.perf_counter()
    await copied(url)
    return time.perf_counter() - begun


def _computed() -> Iterator[Figure]:
    """In a process of its own, for its memory."""
    command = [*python("benchmarks.indices.computing"), str(STOCKS)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    floor, ours, megabytes = map(float, printed.split())
    yield Figure(
        what="its levels alone, from closes in memory",
        unit="s",
        floor=floor,
        ours=ours,
        at_most=1.5,
        how="floor: numpy, a year at a time: constituents in order, levels, weights, turnover",
    )
    yield Figure(
        what="the memory of that", unit="MB", ours=megabytes, at_most=350, how=computing.HOW
    )


class Works:
    """Where indices are built, without a queue."""

    def __init__(self, database: Database, market: Parts, bus: MemoryBus) -> None:
        self.database = database
        self.calendars = market["calendars"]
        self.bus = bus
        self.clock = SystemClock()
        self.jobs = jobs_of(database, self.clock)
        notifier = Notifier(self.jobs, bus, self.clock, {})
        store = market["store"]
        self.builder = Builder(database, bus, store, self.calendars, notifier, self.clock)

    async def build(self, start: date | None = None, end: date | None = None) -> float:
        """How many seconds it takes."""
        new = build_job("EW100", start, end)
        async with self.database.transaction() as session:
            tracked = TrackedJobs(session, self.jobs, self.bus, None, self.clock.now())
            id = (await tracked.start(new, subject="EW100")).id
        progress = await begin(self.database, self.bus, self.clock, id)
        assert progress is not None
        begun = time.perf_counter()
        async with progress.told():
            job = Job(id=str(id), name=new.name, payload=new.payload, attempt=1)
            await self.builder.work(job, progress)
        return time.perf_counter() - begun


@asynccontextmanager
async def works_on(url: str) -> AsyncIterator[Works]:
    settings, clock, bus = Settings(database_url=url), SystemClock(), MemoryBus()
    async with Database(url) as database, open_parts(settings, clock, database, bus) as market:
        yield Works(database, market, bus)


async def _rebuilt(url: str) -> tuple[float, float, float]:
    """Seconds; of a loop's turn the 99 % and of a connection the longest wait, in milliseconds."""
    async with works_on(url) as works:
        async with works.database.transaction() as session:
            indices = Indices(session, works.calendars, works.clock.now())
            await indices.create(IndexIn.model_validate({"code": "EW100"}), None)
        lags: list[float] = []
        waits: list[float] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_felt, works.database, lags, waits)
            seconds = await works.build(end=date(2025, 11, 14))
            tasks.cancel_scope.cancel()
    return seconds, float(np.percentile(lags, 99)) * 1000, max(waits) * 1000


async def _felt(database: Database, lags: list[float], waits: list[float]) -> None:
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(0.005)
        lags.append(time.perf_counter() - begun - 0.005)
        begun = time.perf_counter()
        async with database.read() as raw:
            waits.append(time.perf_counter() - begun)
            await raw.fetch("SELECT 1")


async def _one_more_day(url: str, universe: Universe) -> float:
    """The median, in milliseconds: the newest day, whose closes are no blocks yet."""
    day = date_at(int(universe.days[-1]))
    async with works_on(url) as works:
        await works.build(end=day)
        seconds = [await works.build(start=day, end=day) for _ in range(20)]
    return float(np.median(seconds)) * 1000
