"""Background jobs on PostgreSQL: adding them, against a table and an INSERT of one's own; doing."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import asyncpg
import orjson

from benchmarks.figures import Figure
from benchmarks.workbench import Workbench
from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.jobs.opening import jobs_of
from tradeapi.jobs.port import Job, Jobs, NewJob
from tradeapi.jobs.runner import Runner

MANY = 1000
TURNS = 10
DONE = 5000
PAYLOAD = {"user": "018f3a5e-7c1b-7000-8000-000000000000", "event": "alert.fired", "price": 101.5}
INSERT = (
    "INSERT INTO plain (name, payload) SELECT name, payload "
    "FROM unnest($1::text[], $2::bytea[]) AS t (name, payload)"
)


def jobs(bench: Workbench) -> Iterator[Figure]:
    """Time on the clock, in turns, and the best of each: most of it is the server's."""
    for count in (1, MANY):
        floor, ours = asyncio.run(_adding(bench.databases.clone(), count))
        yield Figure(
            what=f"{count:,} jobs added in one transaction",
            unit="µs per job",
            floor=floor,
            ours=ours,
            at_most=10,
            how="floor: one INSERT into a table without an index, by the driver",
        )
    rate, cpu = asyncio.run(_doing(bench.databases.clone()))
    yield Figure(what="jobs done by one process", unit="1/s", ours=rate)
    yield Figure(what="jobs done by one process", unit="µs CPU per job", ours=cpu, at_most=300)


async def _adding(url: str, count: int) -> tuple[float, float]:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE plain (name text, payload bytea)")
    async with Database(url) as database:
        jobs = jobs_of(database, SystemClock())

        async def plain() -> None:
            payloads = [orjson.dumps(PAYLOAD) for _ in range(count)]
            async with connection.transaction():
                await connection.fetch(INSERT, ["bench"] * count, payloads)

        async def ours() -> None:
            await _add(database, jobs, count)

        best = [float("inf")] * 2
        for _ in range(TURNS):
            for way, call in enumerate((plain, ours)):
                best[way] = min(best[way], await _seconds(call) / count * 1e6)
    await connection.close()
    return best[0], best[1]


async def _doing(url: str) -> tuple[float, float]:
    """How many a second, and microseconds of CPU for each."""
    done, left = asyncio.Event(), DONE

    async def work(_: Job) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    async with Database(url) as database:
        jobs = jobs_of(database, SystemClock())
        await _add(database, jobs, DONE)
        began, used = time.perf_counter(), time.process_time()
        async with Runner(jobs, {"bench": work}, [], database, SystemClock()).running():
            await done.wait()
            seconds, cpu = time.perf_counter() - began, time.process_time() - used
    return DONE / seconds, cpu / DONE * 1e6


async def _add(database: Database, jobs: Jobs, count: int) -> None:
    async with database.transaction() as session:
        await jobs.enqueue(session, *[NewJob(name="bench", payload=PAYLOAD)] * count)


async def _seconds(call: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await call()
    return time.perf_counter() - began
