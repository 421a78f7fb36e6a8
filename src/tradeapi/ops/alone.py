"""Which processes may work on one database: any number with Redis, and without it only one.

Without it news of ticks travel no further than one process: clients of another would silently miss
them.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from tradeapi.errors import NotStarted
from tradeapi.leases.locks import AWAY, Locks, open_locks
from tradeapi.settings import Settings

# Shared by those with Redis, so that none without it comes between.
LOCK = "process"
# The process that we replace may be on its way out.
ATTEMPTS = 12
RETRY_SECONDS = 0.25
CHECK_SECONDS = 2

_log = structlog.get_logger("tradeapi.alone")


class NotAlone(NotStarted):
    def __init__(self) -> None:
        super().__init__(
            "More than one tradeapi process would work on this database, and not each of them has "
            "a REDIS_URL. Set it everywhere, or run one process (one worker, one pod): without "
            "Redis ticks do not travel between processes, and clients would miss them."
        )


def refuse_workers(settings: Settings, count: int) -> None:
    if count > 1 and settings.redis_url is None:
        raise NotAlone


def refuse_company(settings: Settings) -> None:
    """Ask before a server starts: what fails inside of one ends in a traceback."""

    async def ask() -> None:
        async with open_locks(settings.database_url) as locks, admitted(settings, locks):
            pass

    asyncio.run(ask())


@asynccontextmanager
async def admitted(settings: Settings, locks: Locks) -> AsyncIterator[None]:
    """Hold the database against processes that we may not share it with; raises NotAlone."""
    shared = settings.redis_url is not None
    await _take(locks, shared=shared)
    async with asyncio.TaskGroup() as tasks:
        keeper = tasks.create_task(_keep(locks, shared=shared))
        try:
            yield
        finally:
            keeper.cancel()


async def _take(locks: Locks, *, shared: bool) -> None:
    """While the database is away it is not taken, and nobody else can have it either."""
    try:
        for _ in range(ATTEMPTS):
            if await locks.take(LOCK, shared=shared):
                return
            await asyncio.sleep(RETRY_SECONDS)
    except AWAY as error:
        # Serving may begin, and go on, without the database: readiness tells.
        _log.warning("database.away", error=repr(error))
        return
    raise NotAlone


async def _keep(locks: Locks, *, shared: bool) -> None:
    """Take it again when it was lost, and where another process was faster give way to it."""
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        if await locks.holds(LOCK):
            continue
        try:
            await _take(locks, shared=shared)
        except NotAlone as error:
            _log.critical("serve.refused", reason=str(error))
            # With Redis it is the other one that should not be here.
            if not shared:
                os.kill(os.getpid(), signal.SIGTERM)
                return
