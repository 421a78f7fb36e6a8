"""One attempt at a job that is watched: how far it is, whether it is wanted, and how it ends.

Whatever is written says which attempt it is of. If its process was taken for dead, and another one
has begun the job again, nothing that it says counts any more.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import anyio
import structlog
from anyio.lowlevel import checkpoint
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database, after_commit
from tradeapi.tracked.events import Changed, announce
from tradeapi.tracked.models import ENDED, LONGEST_MESSAGE, Status, TrackedJob

# How often what was reported is written at most.
TELL_SECONDS = 0.25
# How often we ask whether it is still wanted while nothing is reported, in TELL_SECONDS.
LOOKS_EVERY = 4

_log = structlog.get_logger("tradeapi.jobs")


class Cancelled(Exception):
    """Whoever is at the job stops: it was cancelled, is gone with its user, or others are at it."""


class Progress:
    """What work says of itself: `fraction` and `message`, and `is_finished` once it has
    succeeded."""

    def __init__(self, database: Database, bus: Bus, clock: Clock, job: TrackedJob) -> None:
        self.id = job.id
        self.fraction = job.progress
        self.message = job.message
        self.is_finished = False
        self._database = database
        self._bus = bus
        self._clock = clock
        self._attempt = job.attempt
        self._is_unsaid = False
        self._is_wanted = True
        self._over = anyio.Event()

    async def report(self, fraction: float, message: str | None = None) -> None:
        """Say how far it is, from 0 to 1, and what it does now; it never goes back.

        Raises Cancelled when the work is to stop. Call it often: it lets others have their turn,
        and writes nothing itself, so that of many reports the last is told.
        """
        self.fraction = max(self.fraction, min(fraction, 1.0))
        if message is not None:
            self.message = message[:LONGEST_MESSAGE]
        self._is_unsaid = True
        await checkpoint()
        if not self._is_wanted:
            raise Cancelled

    async def finish(self, session: AsyncSession, result: Mapping[str, Any] | None = None) -> None:
        """Have it succeed if the session's transaction commits, and never otherwise.

        Call it last in the transaction of the work's own data, which then is there exactly if the
        job has succeeded. Raises Cancelled, which rolls back, when it is not wanted any more.
        """
        values = {"status": Status.SUCCEEDED, "progress": 1.0, "result": result}
        if not await self._end(session, values, ~TrackedJob.cancel_requested):
            raise Cancelled
        after_commit(session, self._note_finished)

    async def fail(self, error: Mapping[str, str]) -> bool:
        """For good; whether it had not ended, and others are not at it."""
        async with self._database.transaction() as session:
            return await self._end(session, {"status": Status.FAILED, "error": error})

    async def stop(self) -> None:
        """End it as cancelled, if that is why it stops."""
        async with self._database.transaction() as session:
            asked = TrackedJob.cancel_requested.is_(True)
            await self._end(session, {"status": Status.CANCELLED}, asked)

    async def is_others(self, session: AsyncSession) -> bool:
        """Whether others are at it, since this process was taken for dead: what there is of the
        work is theirs. None begin before the transaction ends."""
        chosen = select(TrackedJob.attempt).where(TrackedJob.id == self.id).with_for_update()
        return await session.scalar(chosen) not in {None, self._attempt}

    async def pause(self) -> None:
        """Nobody is at it until the next attempt, and who cancels it need not wait for that."""
        async with self._database.transaction() as session:
            if await self._write(session, {"status": Status.QUEUED}, ~TrackedJob.cancel_requested):
                return
        await self.stop()

    @asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """Meanwhile what is reported is written, and we hear when it is not wanted any more."""
        failure = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._tell)
            try:
                yield
            except Exception as error:  # noqa: BLE001  the group would wrap it
                failure = error
            self._over.set()
        if failure is not None:
            raise failure

    async def _tell(self) -> None:
        turn = 0
        while not self._over.is_set():
            with anyio.move_on_after(TELL_SECONDS):
                await self._over.wait()
                return
            turn += 1
            try:
                if self._is_unsaid:
                    await self._say()
                elif turn % LOOKS_EVERY == 0:
                    await self._look()
            except Exception as error:  # noqa: BLE001  whatever it is, the work goes on
                self._is_unsaid = True
                _log.warning("tracked.untold", job=str(self.id), error=repr(error))

    async def _say(self) -> None:
        self._is_unsaid = False
        async with self._database.transaction() as session:
            self._is_wanted = await self._write(session, {}, ~TrackedJob.cancel_requested)

    async def _look(self) -> None:
        chosen = select(TrackedJob.id).where(*self._is_ours, ~TrackedJob.cancel_requested)
        async with self._database.reading() as session:
            self._is_wanted = await session.scalar(chosen) is not None

    async def _end(
        self, session: AsyncSession, values: Mapping[str, Any], *conditions: ColumnElement[bool]
    ) -> bool:
        ended = {**values, "finished_at": round(self._clock.now(), 3)}
        return await self._write(session, ended, *conditions)

    async def _write(
        self, session: AsyncSession, values: Mapping[str, Any], *conditions: ColumnElement[bool]
    ) -> bool:
        """Whether there was something to write to."""
        told = {"progress": self.fraction, "message": self.message, **values}
        written = update(TrackedJob).where(*self._is_ours, *conditions)
        written = written.values(**told, version=TrackedJob.version + 1)
        version = await session.scalar(written.returning(TrackedJob.version))
        if version is None:
            return False
        announce(session, self._bus, Changed(job=str(self.id), version=version))
        return True

    @property
    def _is_ours(self) -> Sequence[ColumnElement[bool]]:
        return (
            TrackedJob.id == self.id,
            TrackedJob.attempt == self._attempt,
            TrackedJob.status == Status.RUNNING,
        )

    async def _note_finished(self) -> None:
        self.is_finished = True


async def begin(database: Database, bus: Bus, clock: Clock, id: UUID) -> Progress | None:
    """Begin the next attempt; None: it has ended, or is gone, or is not wanted any more."""
    now = round(clock.now(), 3)
    async with database.transaction() as session:
        chosen = select(TrackedJob).where(TrackedJob.id == id).with_for_update()
        job = await session.scalar(chosen)
        if job is None or job.status in ENDED:
            return None
        if job.cancel_requested:
            job.status, job.finished_at = Status.CANCELLED, now
        else:
            job.status, job.started_at = Status.RUNNING, job.started_at or now
            job.attempt += 1
        job.version += 1
        announce(session, bus, Changed(job=str(id), version=job.version))
    return None if job.cancel_requested else Progress(database, bus, clock, job)
