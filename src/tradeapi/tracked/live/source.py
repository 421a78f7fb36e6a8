"""One job that is followed: as it is now, each time that it is another."""

import asyncio
from uuid import UUID

from tradeapi.errors import NotFound
from tradeapi.streams.topics import Change, Snapshot, Topic
from tradeapi.tracked.events import Changed
from tradeapi.tracked.live.followed import FollowedJobs
from tradeapi.tracked.live.reading import Reading

# Of all that is told: what is unsent of it is one frame.
KEY = "job"


class JobSource:
    """The versions of its topic are the job's, in every process alike.

    A job is no longer than what led to it: those who come back get all of it.
    """

    resumes = False

    def __init__(self, topic: Topic, id: UUID, jobs: FollowedJobs) -> None:
        self.id = id
        self.topic = topic
        self._jobs = jobs
        self._turn = asyncio.Lock()
        self._is_doubted = False
        self._is_looking = False
        jobs.add(self)

    @property
    def key(self) -> str:
        return str(self.id)

    @property
    def rest(self) -> str:
        return f"/api/v1/jobs/{self.id}"

    async def snapshot(self, history: int) -> Snapshot:  # noqa: ARG002  a job has none
        async with self._turn:
            while True:
                read = await self._read()
                if self.topic.is_begun:
                    break
        self._look_soon()
        return Snapshot(self.topic.seq, lambda _: {"job": read.document})

    def hear(self, change: Changed) -> None:
        if change.version > self.topic.version:
            self.doubt()

    def is_outdated(self, version: int) -> bool:
        return self._is_doubted or version != self.topic.version

    def doubt(self) -> None:
        """Have it read again soon."""
        self._is_doubted = True
        self._look_soon()

    def close(self) -> None:
        self._jobs.remove(self)

    def _look_soon(self) -> None:
        if self._is_doubted and not self._is_looking and self.topic.is_begun:
            self._is_looking = True
            self._jobs.soon(self._look)

    async def _look(self) -> None:
        try:
            while self._is_doubted and self.topic.is_begun:
                async with self._jobs.looks, self._turn:
                    await self._read()
        except NotFound as error:
            self._jobs.end(self.topic, error)
        finally:
            self._is_looking = False

    async def _read(self) -> Reading:
        """It is told if it is new; while it is read, news may be heard of what is newer."""
        topic = self.topic
        self._is_doubted = False
        try:
            read = await self._jobs.read(self)
        except BaseException:
            self._is_doubted = True
            raise
        if not topic.is_begun:
            topic.begin(read.epoch, read.version)
        elif read.epoch != topic.epoch or read.version < topic.version:
            # The database is another one now, or was restored.
            topic.reset("epoch", self.rest)
        elif read.version > topic.version:
            change = Change(type="job", fields={"job": read.document}, key=KEY)
            topic.announce([change], read.version)
        return read
