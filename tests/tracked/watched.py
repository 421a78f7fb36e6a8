"""One owner's jobs, each call in a transaction of its own, and processes that do them."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import anyio

from tests.jobs.office import at_work
from tests.notifications.telling import on
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import Bus
from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.jobs.opening import jobs_of
from tradeapi.jobs.port import Job, NewJob
from tradeapi.tracked.models import ENDED, TrackedJob
from tradeapi.tracked.progress import Progress
from tradeapi.tracked.service import TrackedJobs
from tradeapi.tracked.working import Tracking, Work

NAME = "test.build"


class Watched:
    def __init__(self, database: Database, owner: UUID | None, bus: Bus | None = None) -> None:
        self.database = database
        self.owner = owner
        self.bus = bus or MemoryBus()
        self.clock = SystemClock()
        self.jobs = jobs_of(database, self.clock)

    @asynccontextmanager
    async def all(self) -> AsyncIterator[TrackedJobs]:
        async with self.database.transaction() as session:
            yield TrackedJobs(session, self.jobs, self.bus, self.owner, self.clock.now())

    async def start(self, key: str | None = None, **payload: Any) -> UUID:
        async with self.all() as jobs:
            new = NewJob(name=NAME, payload=payload, key=key)
            return (await jobs.start(new, subject="EW100")).id

    async def get(self, id: UUID) -> TrackedJob:
        async with self.database.reading() as session:
            return await session.get_one(TrackedJob, id)

    async def cancel(self, id: UUID) -> TrackedJob:
        async with self.all() as jobs:
            return await jobs.cancel(id)

    async def ended(self, id: UUID) -> TrackedJob:
        return await self.when(id, lambda job: job.status in ENDED)

    async def when(self, id: UUID, is_so: Callable[[TrackedJob], bool]) -> TrackedJob:
        """As it is once it is so."""
        with anyio.fail_after(30):
            while not is_so(job := await self.get(id)):  # noqa: ASYNC110
                await anyio.sleep(0.01)
        return job

    async def left(self) -> list[str]:
        """The names of jobs that the queue has."""
        async with self.database.reading() as session:
            counts = await self.jobs.counts(session)
        return [count.name for count in counts if not count.name.startswith("cron:")]

    async def all_done(self) -> None:
        """Until the queue has none."""
        with anyio.fail_after(30):
            while await self.left():  # noqa: ASYNC110
                await anyio.sleep(0.01)

    @asynccontextmanager
    async def worked_at(self, work: Work) -> AsyncIterator[None]:
        tracking = Tracking(self.database, self.bus, self.clock)
        async with at_work(self.database, {NAME: tracking.handler(work)}):
            yield


async def succeed(_: Job, __: Progress) -> Mapping[str, Any]:
    return {"sessions": 3}


def asked_for(url: str, owner: UUID | str | None) -> str:
    """The id of a job that nobody does, beside a service that runs on the same database."""
    user = UUID(str(owner)) if owner else None
    return on(url, lambda database: _start(database, user))


async def _start(database: Database, owner: UUID | None) -> str:
    return str(await Watched(database, owner).start())
