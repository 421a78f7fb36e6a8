"""Appending points, one request after the other, each committed."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from statistics import median

import asyncpg
import orjson
from sqlalchemy import make_url

from benchmarks.charts.desks import PEER, Desk, candles, desk, send
from benchmarks.costs import MICRO, SECONDS, Cost, backends_of, in_turns
from benchmarks.figures import Figure
from benchmarks.processes import MEASURING, cpu_seconds, on, python, serving
from benchmarks.workbench import Workbench

PEER_RATE = 404
KEPT = 1_000
FLUSHES = 200


def appends(bench: Workbench) -> Iterator[Figure]:
    """With one client, against bare ASGI that does the least that is durable.

    PostgreSQL answers a commit when it has written it. Our servers flush nothing to the disk, which
    takes as long as the disk takes: that is told beside the rate. SQLite flushes now and then.
    """
    command = python("benchmarks.charts.upserting", database := _waiting(bench.databases.clone()))
    flush = _flush(bench.folder)
    with (
        desk(bench, "live", url=_waiting(bench.databases.clone())) as here,
        desk(bench, "live", url=bench.sqlite("appends")) as file,
        serving(command, {}) as lean,
    ):
        for one in (here, file):
            one.put("live", candles(KEPT))
        floor, ours, kept = in_turns(_cost(Desk(lean, database, "", "")), _cost(here), _cost(file))
    commits = {
        "PostgreSQL": f"a flush to this disk takes {flush:,.0f} µs more",
        "SQLite": f"{kept.server:.0f} µs CPU",
    }
    for (name, commit), rate in zip(commits.items(), (ours, kept), strict=True):
        yield Figure(
            what=f"points appended to {name}",
            unit="requests/s",
            floor=PEER_RATE,
            ours=rate.rate,
            at_least=2,
            how=f"one client, each committed before its answer, {commit}; bare ASGI with an upsert "
            f"at the same time: {floor.rate:,.0f}; {PEER}, for one client that is not asked who it "
            "is, kept in memory only",
        )
    yield Figure(
        what="the same to PostgreSQL, CPU",
        unit="µs CPU",
        floor=floor.cpu,
        ours=ours.cpu,
        how=f"API {ours.server:.0f} + backend {ours.backends:.0f}, with a token and limits; "
        f"floor: bare ASGI and an upsert, {floor.server:.0f} + {floor.backends:.0f}",
    )


def _waiting(database: str) -> str:
    """Where a commit is written before it is answered, as PostgreSQL does by default."""

    async def change() -> None:
        connection = await asyncpg.connect(database)
        name = make_url(database).database
        await connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = on')
        await connection.close()

    asyncio.run(change())
    return database


def _flush(folder: Path) -> float:
    """The microseconds that a disk takes for a page, in the middle of several."""
    took = []
    with (folder / "flushed").open("wb", buffering=0) as file:
        for _ in range(FLUSHES):
            file.write(bytes(8192))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begun)
    return median(took) * MICRO


def _cost(here: Desk) -> Callable[[], Cost]:
    """Of new points, and of each one's being replaced once."""
    newest = candles(1)[0]
    times = (time for time in count(int(newest["time"]) + 60, 60) for _ in range(2))
    is_file = here.database.startswith("sqlite")

    def measure() -> Cost:
        connection = here.connect()

        def append() -> None:
            body = orjson.dumps({**newest, "time": next(times)})
            send(here, connection, "POST", here.points("live"), body)

        # What it takes connections for is opened when it is first needed.
        append()
        append()
        pids = [] if is_file else backends_of(here.database)
        before = cpu_seconds(here.served.pid), cpu_seconds(*pids)
        took = []
        with on(MEASURING):
            until = time.perf_counter() + SECONDS
            while (begun := time.perf_counter()) < until:
                append()
                took.append(time.perf_counter() - begun)
        connection.close()
        spent = cpu_seconds(here.served.pid) - before[0], cpu_seconds(*pids) - before[1]
        server, backend = (seconds / len(took) * MICRO for seconds in spent)
        took.sort()
        p99 = took[int(len(took) * 0.99)] * 1000
        return Cost(server, backend, len(took) / sum(took), p99)

    return measure
