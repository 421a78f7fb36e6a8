"""What charts need while the application runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

import anyio

from tradeapi.charts.accesses import Accesses
from tradeapi.clock import Clock
from tradeapi.database import Database


class ChartsState(TypedDict):
    chart_accesses: Accesses


@asynccontextmanager
async def open_charts(clock: Clock, database: Database) -> AsyncIterator[ChartsState]:
    accesses = Accesses(database, clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(accesses.run)
        yield {"chart_accesses": accesses}
        await accesses.write()
        tasks.cancel_scope.cancel()
