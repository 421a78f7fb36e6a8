"""One inbox that is followed: each change of it is told once, in order."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from tradeapi.notifications.events import Changed
from tradeapi.notifications.live import reading
from tradeapi.notifications.live.followed import FollowedInboxes
from tradeapi.notifications.live.reading import Reading
from tradeapi.streams.positions import PLACES, WHOLE, position
from tradeapi.streams.topics import Change, Recalled, Snapshot, Topic


class InboxSource:
    """The versions of its topic are the inbox's `seq`; each has one frame, or none.

    All that was told can be read again, so whoever comes back goes on from wherever he stopped.
    """

    resumes = True
    rest = "/api/v1/notifications"

    def __init__(self, topic: Topic, user: UUID, inboxes: FollowedInboxes) -> None:
        self.user = user
        self.topic = topic
        self._inboxes = inboxes
        self._turn = asyncio.Lock()
        self._is_doubted = False
        self._is_looking = False
        topic.recall = self._recall
        inboxes.add(self)

    @property
    def key(self) -> str:
        return str(self.user)

    async def snapshot(self, history: int) -> Snapshot:  # noqa: ARG002  it is always as long
        async with self._turn:
            while True:
                after = self.topic.version if self.topic.is_begun else None
                read = await self._read(after, newest=True)
                if self.topic.is_begun and read.is_complete:
                    break
        self._look_soon()
        fields = {"unread": read.unread, "notifications": read.newest}
        return Snapshot(position(read.seq), lambda _: fields)

    def hear(self, change: Changed) -> None:
        if not self.topic.is_begun or change.seq <= self.topic.version:
            return
        if change.told is not None and change.after == self.topic.version:
            told = [reading.notification(one, change.unread) for one in change.told]
            self._announce(told, change.seq)
        else:
            self.doubt()

    def is_outdated(self, seq: int) -> bool:
        return self._is_doubted or seq != self.topic.version

    def doubt(self) -> None:
        """Have what is new read soon."""
        self._is_doubted = True
        self._look_soon()

    def close(self) -> None:
        self._inboxes.remove(self)
        self.topic.recall = None

    def _look_soon(self) -> None:
        if self._is_doubted and not self._is_looking and self.topic.is_begun:
            self._is_looking = True
            self._inboxes.soon(self._look)

    async def _look(self) -> None:
        try:
            while self._is_doubted and self.topic.is_begun:
                async with self._inboxes.looks, self._turn:
                    self._is_doubted = False
                    read = await self._read(self.topic.version)
                    self._is_doubted = self._is_doubted or not read.is_complete
        finally:
            self._is_looking = False

    async def _recall(self, epoch: str, seq: int) -> Recalled | None:
        """All since a position, unless it is more than is told at once."""
        version, place = divmod(seq, PLACES)
        async with self._turn:
            is_begun = self.topic.is_begun
            read = await self._read(min(version, self.topic.version) if is_begun else version)
        is_known = epoch == read.epoch and version <= read.seq and place == WHOLE
        if not is_known or not read.is_complete or not self.topic.is_begun:
            return None
        changes = [(at, change) for at, change in read.changes if at > version]
        return Recalled(read.seq, changes)

    async def _read(self, after: int | None, *, newest: bool = False) -> Reading:
        """It is told what is new in it; while it is read, news may be heard of what is newer."""
        topic, before = self.topic, self.topic.version
        try:
            read = await self._inboxes.read(self, after, newest=newest)
        except BaseException:
            self._is_doubted = True
            raise
        if not topic.is_begun:
            topic.begin(read.epoch, read.seq)
        elif read.epoch != topic.epoch or (read.seq < before and read.is_complete):
            # The database is another one now, or was restored.
            topic.reset("epoch", self.rest)
        else:
            self._announce([one for one in read.changes if one[0] > topic.version], read.seq)
        return read

    def _announce(self, changes: Sequence[tuple[int, Change]], version: int) -> None:
        for at, change in changes:
            self.topic.announce([change], at)
        if version > self.topic.version:
            # What came before, and was counted, is told no more.
            self.topic.announce([], version)
