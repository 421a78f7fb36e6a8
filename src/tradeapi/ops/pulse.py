"""What a process measures of itself: how late its event loop is, and how many connections it has.

Looked at twice a second: gauges that are asked at each scrape know nothing of other processes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Never

import anyio

from tradeapi import __version__
from tradeapi.database import Database
from tradeapi.metrics import BUILD_INFO, CONNECTIONS, LOOP_LAG

EVERY_SECONDS = 0.5


@asynccontextmanager
async def measured(database: Database) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_measure, database)
        yield
        tasks.cancel_scope.cancel()


async def _measure(database: Database) -> Never:
    BUILD_INFO.labels(__version__).set(1)
    gauges = [
        (pool, [CONNECTIONS.labels(name, state) for state in ("in_use", "waiting", "limit")])
        for name, pool in database.pools.items()
    ]
    while True:
        for pool, (in_use, waiting, limit) in gauges:
            in_use.set(pool.in_use)
            waiting.set(pool.waiting)
            limit.set(pool.limit)
        before = perf_counter()
        await anyio.sleep(EVERY_SECONDS)
        LOOP_LAG.observe(max(0.0, perf_counter() - before - EVERY_SECONDS))
