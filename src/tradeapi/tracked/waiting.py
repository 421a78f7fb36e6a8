"""Waiting for the end of a job."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import anyio

from tradeapi.bus.port import Bus
from tradeapi.database import Database
from tradeapi.tracked.events import JOBS, Changed
from tradeapi.tracked.models import ENDED, TrackedJob
from tradeapi.tracked.service import no_such_job

# How often the database is asked while no news come: they may be lost.
ASK_EVERY_SECONDS = 1.0


async def ended(database: Database, bus: Bus, id: UUID, *, seconds: float) -> TrackedJob | None:
    """The job once it has ended; None: within these seconds it has not.

    Raises NotFound when it is no more.
    """
    with _told(bus, str(id)) as news, anyio.move_on_after(seconds):
        await bus.ready(JOBS, str(id))
        while True:
            async with database.reading() as session:
                job = await session.get(TrackedJob, id)
            if job is None:
                raise no_such_job()
            if job.status in ENDED:
                return job
            with anyio.move_on_after(ASK_EVERY_SECONDS):
                await news.next()
    return None


class _News:
    """That there is some: one of several is enough."""

    def __init__(self, job: str) -> None:
        self._job = job
        self._heard = anyio.Event()

    def hear(self, change: Changed) -> None:
        if change.job == self._job:
            self._heard.set()

    async def next(self) -> None:
        await self._heard.wait()
        self._heard = anyio.Event()


@contextmanager
def _told(bus: Bus, job: str) -> Iterator[_News]:
    news = _News(job)
    bus.follow(JOBS, job)
    try:
        with bus.subscribe(JOBS, news.hear):
            yield news
    finally:
        bus.unfollow(JOBS, job)
