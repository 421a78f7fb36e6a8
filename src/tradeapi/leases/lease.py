"""Work that one process at a time does, of all on one database.

A holder may have lost its lease and not know it yet, because it was paused or cut off. So each time
that a lease is taken its term rises, and each transaction of its holder proves that the term it has
is still the newest: what a former holder writes late is rolled back.
"""

import os
import socket
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, Never

import anyio
import structlog
from sqlalchemy import Function, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.database import Database
from tradeapi.leases.locks import SILENCE_SECONDS, Locks
from tradeapi.leases.models import Term
from tradeapi.metrics import LEASE_HELD, LEASE_TAKEOVERS

SECONDS = 1.0

# It has no end of its own.
Work = Callable[[], Coroutine[Any, Any, None]]

_log = structlog.get_logger("tradeapi.lease")


class Lost(Exception):
    """The lease is not ours any more."""


class Lease:
    """`database` is for the work under it: outside of that its transactions raise Lost."""

    def __init__(self, name: str, locks: Locks, database: Database) -> None:
        self.name = name
        self.database = database.guarded(self._prove)
        self._locks = locks
        self._everybodys = database
        self._term = 0
        self._is_away = False
        self._looked = monotonic()

    @property
    def silence(self) -> float:
        """How many seconds ago it was last asked for, or held on to: a few, or something hangs."""
        return monotonic() - self._looked

    async def run(self, work: Work) -> Never:
        """Have `work` done whenever the lease is ours.

        It is cancelled when the lease is lost, and begun anew when it is taken again.
        """
        LEASE_HELD.labels(self.name).set(0)
        while True:
            if await self._take():
                await self._hold(work)
            await anyio.sleep(SECONDS)

    async def _take(self) -> bool:
        self._looked = monotonic()
        try:
            is_ours = await self._locks.take(self.name)
            if is_ours:
                self._term = await self._begin_term()
        except Exception as error:  # noqa: BLE001  whatever it is, it may be gone the next time
            await self._locks.release(self.name)
            if not self._is_away:
                _log.warning("lease.away", lease=self.name, error=repr(error))
            self._is_away = True
            return False
        self._is_away = False
        return is_ours

    async def _hold(self, work: Work) -> None:
        _log.info("lease.taken", lease=self.name, term=self._term)
        LEASE_TAKEOVERS.labels(self.name).inc()
        LEASE_HELD.labels(self.name).set(1)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch)
                await work()
        except* Lost:
            _log.warning("lease.lost", lease=self.name, term=self._term)
        finally:
            self._term = 0
            LEASE_HELD.labels(self.name).set(0)
            with anyio.CancelScope(shield=True):
                await self._locks.release(self.name)

    async def _watch(self) -> Never:
        while True:
            if not await self._locks.holds(self.name):
                raise Lost
            self._looked = monotonic()
            await anyio.sleep(SECONDS)

    async def _begin_term(self) -> int:
        holder = f"{socket.gethostname()}:{os.getpid()}"
        async with self._everybodys.transaction() as session:
            found = await session.execute(_BEGIN_TERM, {"name": self.name, "holder": holder})
            return int(found.scalar_one())

    async def _prove(self, session: AsyncSession) -> None:
        """Until the transaction is over nobody can begin another term."""
        newest = select(Term.term).where(Term.name == self.name).with_for_update(read=True)
        if not self._everybodys.is_sqlite:
            # One that is paused here must not hold up the next one for longer than its lock does.
            newest = newest.add_columns(_end_after(SILENCE_SECONDS))
        if await session.scalar(newest.where(Term.term == self._term)) is None:
            raise Lost


def _end_after(seconds: float) -> Function[str]:
    return func.set_config("idle_in_transaction_session_timeout", f"{seconds}s", True)


_BEGIN_TERM = text(
    "INSERT INTO leases (name, term, holder) VALUES (:name, 1, :holder) ON CONFLICT (name) "
    "DO UPDATE SET term = leases.term + 1, holder = excluded.holder RETURNING term"
)
