"""A read replica: another PostgreSQL that streaming replication keeps like ours.

It is always a little behind, so whoever reads from it compares what came with the primary. Here is
known whether that is worth while: whether it answers, is a standby of our database, and how far it
is behind. Where there is any doubt, nothing is read from it.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, Never, TypeVar

import anyio
import asyncpg
import structlog
from sqlalchemy.engine import make_url

from tradeapi.connections import Connections
from tradeapi.database import Database
from tradeapi.drivers import Raw, readers_of
from tradeapi.metrics import REPLICA_LAG
from tradeapi.settings import Settings

LOOK_EVERY_SECONDS = 1.0
# Who has not looked for so long does not know.
TRUSTED_SECONDS = 3.0
# Then the primary is asked, and the caller has still waited for less than a request may take.
PATIENCE_SECONDS = 2.0
# At one a second; who is further behind is so by at least ten minutes.
POSITIONS_KEPT = 600
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
NO_ANSWER = "It does not answer, or DATABASE_URL does not."

Found = TypeVar("Found")

log = structlog.get_logger()


class Server(NamedTuple):
    """What a server says of itself; a position is that of its log, in bytes."""

    system: int
    database: int
    timeline: int
    is_standby: bool
    position: int


class Replica:
    """`run` is to be a task of the process, and opens nothing that `close` does not end."""

    def __init__(
        self, url: str, primary: Database, *, connections: int, longest_lag: float
    ) -> None:
        address = make_url(url)
        self._readers = readers_of(
            address, Connections.of(connections).replica, name="tradeapi replica"
        )
        self._primary = primary
        self._longest_lag = longest_lag
        # When the primary was where; of those that the replica has not reached.
        self._ahead = deque[tuple[float, int]](maxlen=POSITIONS_KEPT)
        self._looked_at = -math.inf
        self.fault: str | None = "Nobody has looked at it yet."

    async def close(self) -> None:
        await self._readers.close()

    @property
    def is_good(self) -> bool:
        return self.fault is None and time.monotonic() - self._looked_at < TRUSTED_SECONDS

    async def read(self, reading: Callable[[Raw], Awaitable[Found]]) -> Found | None:
        """What `reading` returns; None where there is nobody who could be asked."""
        if not self.is_good:
            return None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._readers.one() as raw:
                return await reading(raw)
        except AWAY as error:
            # Until the next look nobody else waits for it.
            self._tell(NO_ANSWER, math.inf, error)
            return None

    async def run(self) -> Never:
        while True:
            await self.look()
            await anyio.sleep(LOOK_EVERY_SECONDS)

    async def look(self) -> None:
        """Learn what it is, and how far it is behind."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                async with self._primary.read() as raw:
                    asked_at, primary = time.monotonic(), await _server(raw)
                async with self._readers.one() as raw:
                    replica = await _server(raw)
        except AWAY as error:
            self._tell(NO_ANSWER, math.inf, error)
            return
        fault = _difference(primary, replica)
        lag = math.inf if fault else self._lag(asked_at, primary.position, replica.position)
        if fault is None and lag > self._longest_lag:
            fault = f"It is more than {self._longest_lag:g} seconds behind."
        self._looked_at = time.monotonic()
        self._tell(fault, lag)

    def _lag(self, asked_at: float, position: int, reached: int) -> float:
        """For how long the primary has been beyond what the replica has reached."""
        self._ahead.append((asked_at, position))
        while self._ahead and self._ahead[0][1] <= reached:
            self._ahead.popleft()
        return time.monotonic() - self._ahead[0][0] if self._ahead else 0.0

    def _tell(self, fault: str | None, lag: float, error: Exception | None = None) -> None:
        REPLICA_LAG.set(lag)
        if fault is None and self.fault is not None:
            log.info("replica.used")
        elif fault is not None and fault != self.fault:
            log.warning("replica.not_used", reason=fault, error=repr(error) if error else None)
        self.fault = fault


@asynccontextmanager
async def open_replica(settings: Settings, primary: Database) -> AsyncIterator[Replica | None]:
    if settings.database_replica_url is None:
        yield None
        return
    replica = Replica(
        settings.database_replica_url.get_secret_value(),
        primary,
        connections=settings.database_connections,
        longest_lag=settings.database_replica_lag_seconds,
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(replica.run)
        try:
            yield replica
        finally:
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await replica.close()


def _difference(primary: Server, replica: Server) -> str | None:
    """What makes it no standby of ours, as far as can be known without reading all of it.

    One that follows another timeline has, or had, another primary. Who was promoted, and who
    follows it, are on a later one; of a standby that a change of the primary has passed by, on an
    earlier one, nobody knows whom it follows until its next restart point.
    """
    if primary.is_standby:
        return "DATABASE_URL is a standby itself."
    if replica.system != primary.system:
        return "It is no copy of the server of DATABASE_URL."
    if replica.database != primary.database:
        return "It is another database than that of DATABASE_URL."
    if not replica.is_standby:
        return "It is no standby: it has been promoted."
    if replica.timeline != primary.timeline:
        return "It follows another timeline than that of DATABASE_URL."
    return None


async def _server(raw: Raw) -> Server:
    [row] = await raw.fetch(_SERVER)
    return Server(*row)


_SERVER = """
SELECT s.system_identifier, d.oid::bigint, c.timeline_id, pg_is_in_recovery(),
  (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END
    - '0/0'::pg_lsn)::bigint
FROM pg_control_system() s, pg_control_checkpoint() c, pg_database d
WHERE d.datname = current_database()
"""
