"""One index that is followed: each build that is published is told once, in order."""

import asyncio
from itertools import groupby
from operator import itemgetter

from tradeapi.errors import NotFound
from tradeapi.indices.events import Changed
from tradeapi.indices.live.followed import FollowedIndices
from tradeapi.indices.live.reading import Reading
from tradeapi.streams.positions import PLACES, WHOLE, position
from tradeapi.streams.topics import Recalled, Snapshot, Topic


class IndexSource:
    """The versions of its topic are the index's revisions, each with a frame for the build, and one
    for each rebalance that it tells.

    Builds are kept, so whoever comes back goes on from where he stopped.
    """

    resumes = True

    def __init__(self, topic: Topic, code: str, indices: FollowedIndices) -> None:
        self.code = code
        self.topic = topic
        self._indices = indices
        self._symbol_id = -1
        self._turn = asyncio.Lock()
        self._is_doubted = False
        self._is_looking = False
        topic.recall = self._recall
        indices.add(self)

    @property
    def key(self) -> str:
        return self.code

    @property
    def rest(self) -> str:
        return f"/api/v1/indices/{self.code}"

    async def snapshot(self, history: int) -> Snapshot:  # noqa: ARG002  it is always as long
        async with self._turn:
            while True:
                read = await self._read(self.topic.version if self.topic.is_begun else None)
                if self.topic.is_begun:
                    break
        self._look_soon()
        return Snapshot(position(read.revision), lambda _: read.fields)

    def hear(self, change: Changed) -> None:
        if self.topic.is_begun and change.revision != self.topic.version:
            self.doubt()

    def is_outdated(self, found: tuple[int, int] | None) -> bool:
        """Whether it is another in the database, or none; that has its symbol's id and revision."""
        return self._is_doubted or found != (self._symbol_id, self.topic.version)

    def doubt(self) -> None:
        """Have what is new read soon."""
        self._is_doubted = True
        self._look_soon()

    def close(self) -> None:
        self._indices.remove(self)
        self.topic.recall = None

    def _look_soon(self) -> None:
        if self._is_doubted and not self._is_looking and self.topic.is_begun:
            self._is_looking = True
            self._indices.soon(self._look)

    async def _look(self) -> None:
        try:
            while self._is_doubted and self.topic.is_begun:
                async with self._indices.looks, self._turn:
                    self._is_doubted = False
                    await self._read(self.topic.version)
        except NotFound as error:
            self._indices.end(self.topic, error)
        finally:
            self._is_looking = False

    async def _recall(self, epoch: str, seq: int) -> Recalled | None:
        """All since a position, unless those are too many builds."""
        version, place = divmod(seq, PLACES)
        async with self._turn:
            is_begun = self.topic.is_begun
            read = await self._read(min(version, self.topic.version) if is_begun else version)
        is_known = epoch == read.epoch and version <= read.revision and place == WHOLE
        if not is_known or read.changes is None or not self.topic.is_begun:
            return None
        changes = [(at, change) for at, change in read.changes if at > version]
        return Recalled(read.revision, changes)

    async def _read(self, after: int | None) -> Reading:
        """It is told what is new in it; while it is read, news may be heard of what is newer."""
        topic, before = self.topic, self.topic.version
        try:
            read = await self._indices.read(self, after)
        except NotFound:
            raise
        except BaseException:
            self._is_doubted = True
            raise
        self._symbol_id = read.symbol_id
        if not topic.is_begun:
            topic.begin(read.epoch, read.revision)
        elif read.epoch != topic.epoch or read.revision < before:
            # The database is another one now, or the index is.
            topic.reset("epoch", self.rest)
        elif read.revision > before:
            self._announce(read, before, after)
        return read

    def _announce(self, read: Reading, before: int, after: int | None) -> None:
        if read.changes is None and after == before:
            self.topic.reset("retention", self.rest)
        if read.changes is None:
            # Whoever came back has asked for too many; fewer are new here.
            self.doubt()
            return
        for version, told in groupby(read.changes, key=itemgetter(0)):
            if version > before:
                self.topic.announce([change for _, change in told], version)
