"""One API process per database, as long as the bus reaches no further than one process.

Clients of one process would silently miss the ticks that another one takes in.
"""

import asyncio
import fcntl
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

import asyncpg
import structlog
from sqlalchemy.engine import URL, make_url

from tradeapi.errors import NotStarted

# Any number will do that no other program takes on the same database.
LOCK = 7_236_401_855_502
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_TAKE = "SELECT pg_try_advisory_lock($1)"
# The process that we replace may be on its way out.
ATTEMPTS = 12
# By default PostgreSQL keeps the lock of a machine that lost its power for two hours.
_SHORT_LIVED = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "2",
}
RETRY_SECONDS = 0.25
CHECK_SECONDS = 2

_log = structlog.get_logger("tradeapi.alone")


class NotAlone(NotStarted):
    def __init__(self) -> None:
        super().__init__(
            "More than one tradeapi process would serve this database. Run one (one worker, one "
            "pod): ticks do not travel between processes, and clients would miss them."
        )


def refuse_workers(count: int) -> None:
    if count > 1:
        raise NotAlone


def refuse_company(url: str) -> None:
    """Ask before a server starts: what fails inside of one ends in a traceback."""

    async def ask() -> None:
        async with alone(url):
            pass

    asyncio.run(ask())


@asynccontextmanager
async def alone(url: str) -> AsyncIterator[None]:
    """Hold this database against other API processes; raises NotAlone when one has it."""
    address = make_url(url)
    holder = _alone_on_sqlite if address.get_backend_name() == "sqlite" else _alone_on_postgresql
    async with holder(address):
        yield


@asynccontextmanager
async def _alone_on_sqlite(address: URL) -> AsyncIterator[None]:
    with _lock_file(address) as file:
        for _ in range(ATTEMPTS):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(RETRY_SECONDS)
        else:
            raise NotAlone
        yield


def _lock_file(address: URL) -> IO[str]:
    # Not the database's file: closing that would drop SQLite's own locks on it.
    path = Path(f"{address.database}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w")


@asynccontextmanager
async def _alone_on_postgresql(address: URL) -> AsyncIterator[None]:
    lock = _Lock(address.set(drivername="postgresql").render_as_string(hide_password=False))
    await lock.take()
    try:
        async with asyncio.TaskGroup() as tasks:
            keeper = tasks.create_task(lock.keep())
            try:
                yield
            finally:
                keeper.cancel()
    finally:
        await lock.release()


class _Lock:
    """PostgreSQL gives it back by itself when the connection that took it is gone."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Any = None

    async def take(self) -> None:
        """While the database is away it is not taken, and nobody else can have it either."""
        try:
            self._connection = await asyncpg.connect(
                self._dsn, timeout=3, server_settings=_SHORT_LIVED
            )
            for _ in range(ATTEMPTS):
                if await self._connection.fetchval(_TAKE, LOCK, timeout=3):
                    return
                await asyncio.sleep(RETRY_SECONDS)
        except AWAY as error:
            # Serving may begin, and go on, without the database: readiness tells.
            _log.warning("database.away", error=repr(error))
            if self._connection is not None:
                self._connection.terminate()
            return
        await self.release()
        raise NotAlone

    async def keep(self) -> None:
        """Take it again when the connection was lost; leave when another process was faster."""
        try:
            while True:
                await asyncio.sleep(CHECK_SECONDS)
                if self._connection is None or self._connection.is_closed():
                    await self.take()
        except NotAlone as error:
            _log.critical("serve.refused", reason=str(error))
            os.kill(os.getpid(), signal.SIGTERM)

    async def release(self) -> None:
        if self._connection is not None:
            await self._connection.close(timeout=1)
