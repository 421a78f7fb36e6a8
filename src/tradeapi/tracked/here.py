"""A job that is done in this process while somebody waits, not by whichever process is free.

To all others it is a job like any other: they can watch and cancel it, and of its key there is one.
"""

import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NoReturn
from uuid import UUID

import anyio
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Conflict, Unavailable
from tradeapi.jobs.port import Job, Jobs, Later, NewJob
from tradeapi.tracked.models import TrackedJob
from tradeapi.tracked.progress import Progress
from tradeapi.tracked.service import TrackedJobs
from tradeapi.tracked.working import Tracking, Work

# When others begin it, should this process die: until then its key is taken.
OTHERS_AFTER_SECONDS = 3600.0
SHOW_SECONDS = 0.1


class Here:
    """What a process needs to do jobs itself; they are nobody's."""

    def __init__(self, database: Database, jobs: Jobs, bus: Bus, clock: Clock) -> None:
        self._database = database
        self._jobs = jobs
        self._bus = bus
        self._clock = clock

    async def do(
        self, new: NewJob, *, subject: str, work: Work, shown: Callable[[float, str], None]
    ) -> TrackedJob:
        """The job when it has ended; meanwhile it is `shown` how far it is.

        SIGINT and SIGTERM cancel it, the second one ends the process. Raises Conflict `job_running`
        while another one with its key has not ended, and Unavailable when the database goes away.
        """
        id = await self._start(new, subject)
        payload = {"tracked": str(id), "payload": new.payload}
        job = Job(id=str(id), name=new.name, payload=payload, attempt=1, is_last_try=True)
        failure: Later | None = None
        async with anyio.create_task_group() as tasks:

            async def seen(job: Job, progress: Progress) -> Mapping[str, Any] | None:
                tasks.start_soon(_show, progress, shown)
                return await work(job, progress)

            tasks.start_soon(self._cancel_when_told, id)
            try:
                await Tracking(self._database, self._bus, self._clock).handler(seen)(job)
            except Later as later:
                failure = later
            tasks.cancel_scope.cancel()
        if failure is not None:
            detail = "The database is away; once it is back, and nobody else does it, ask again."
            raise Unavailable(detail) from failure
        async with self._database.reading() as session:
            return await session.get_one(TrackedJob, id)

    async def _start(self, new: NewJob, subject: str) -> UUID:
        later = replace(new, run_at=self._clock.now() + OTHERS_AFTER_SECONDS)
        async with self._database.transaction() as session:
            return (await self._tracked(session).start(later, subject=subject)).id

    async def _cancel_when_told(self, id: UUID) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                break
        # It may have ended by itself.
        with suppress(Conflict):
            async with self._database.transaction() as session:
                await self._tracked(session).cancel(id)

    def _tracked(self, session: AsyncSession) -> TrackedJobs:
        return TrackedJobs(session, self._jobs, self._bus, None, self._clock.now(), sees_all=True)


async def _show(progress: Progress, shown: Callable[[float, str], None]) -> NoReturn:
    while True:
        shown(progress.fraction, progress.message)
        await anyio.sleep(SHOW_SECONDS)
