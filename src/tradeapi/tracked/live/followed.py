"""The jobs that somebody follows, and what is done when their news does not come.

The database is asked every second whether it knows of changes that nobody has announced, and of
jobs that are no more.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from tradeapi.bus.port import Bus
from tradeapi.database import Database
from tradeapi.errors import TradeError
from tradeapi.streams.background import as_unavailable
from tradeapi.streams.followed import Followed
from tradeapi.streams.hub import Hub
from tradeapi.streams.topics import Topic
from tradeapi.tracked.events import JOBS, Changed
from tradeapi.tracked.live import reading
from tradeapi.tracked.live.reading import Reading
from tradeapi.tracked.models import TrackedJob
from tradeapi.tracked.service import no_such_job

if TYPE_CHECKING:
    from tradeapi.tracked.live.source import JobSource

# Of the connections that read: after an outage all jobs may have changed.
LOOKS_AT_ONCE = 2


class FollowedJobs(Followed[Changed, "JobSource"]):
    def __init__(self, database: Database, bus: Bus, hub: Hub) -> None:
        super().__init__(bus, JOBS, "tracked_job")
        self.looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._database = database
        self._hub = hub

    def end(self, topic: Topic, error: TradeError) -> None:
        self._hub.end(topic, error)

    async def is_there(self, id: UUID, owner: UUID | None) -> bool:
        """For that owner, or for None, who sees all."""
        chosen = select(TrackedJob.id).where(TrackedJob.id == id)
        if owner is not None:
            chosen = chosen.where(TrackedJob.user_id == owner)
        with as_unavailable():
            async with self._database.reading() as session:
                return await session.scalar(chosen) is not None

    async def read(self, source: "JobSource") -> Reading:
        """As it is when its news is heard already."""
        await self.ready(source)
        with as_unavailable():
            return await reading.read(self._database, source.id)

    def key_of(self, change: Changed) -> str:
        return change.job

    async def compare(self, sources: Sequence["JobSource"]) -> None:
        chosen = select(TrackedJob.id, TrackedJob.version)
        chosen = chosen.where(TrackedJob.id.in_([source.id for source in sources]))
        async with self._database.reading() as session:
            found = {row.id: row.version for row in await session.execute(chosen)}
        for source in sources:
            if source.id not in found:
                self.end(source.topic, no_such_job())
            elif source.is_outdated(found[source.id]):
                source.doubt()
