"""The inboxes that somebody follows, and what is done when their news does not come.

The database is asked every second whether it knows of changes that nobody has announced.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Never, Self

import anyio
from sqlalchemy import select

from tradeapi.bus.port import Bus
from tradeapi.database import Database
from tradeapi.notifications.events import INBOXES, Changed
from tradeapi.notifications.live import reading
from tradeapi.notifications.live.reading import Reading
from tradeapi.notifications.models import Inbox
from tradeapi.streams.background import as_unavailable, safely

if TYPE_CHECKING:
    from tradeapi.notifications.live.source import InboxSource

ASK_EVERY_SECONDS = 1.0
# As parameters of one statement.
ASKED_AT_ONCE = 1000
# Of the connections that read: after an outage all inboxes may have changed.
LOOKS_AT_ONCE = 2


class FollowedInboxes:
    """Use as `async with FollowedInboxes(...)`: its tasks run that long."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self.looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._database = database
        self._bus = bus
        self._sources: dict[str, InboxSource] = {}
        self._tasks = anyio.create_task_group()
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._resources.enter_async_context(self._tasks)
        self._resources.callback(self._tasks.cancel_scope.cancel)
        self._resources.enter_context(self._bus.subscribe(INBOXES, self._hear))
        self._tasks.start_soon(self._ask_for_ever)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    def add(self, source: "InboxSource") -> None:
        self._sources[str(source.user)] = source
        self._bus.follow(INBOXES, str(source.user))

    def remove(self, source: "InboxSource") -> None:
        if self._sources.get(str(source.user)) is source:
            del self._sources[str(source.user)]
        self._bus.unfollow(INBOXES, str(source.user))

    async def read(
        self, source: "InboxSource", after: int | None, *, newest: bool = False
    ) -> Reading:
        """As it is when its news is heard already."""
        await self._bus.ready(INBOXES, str(source.user))
        with as_unavailable():
            return await reading.read(self._database, source.user, after, newest=newest)

    def soon(self, call: Callable[[], Awaitable[None]]) -> None:
        """Have something done in the background; if the database fails it, that is logged."""
        self._tasks.start_soon(safely, "inbox.failed", call)

    def _hear(self, change: Changed) -> None:
        source = self._sources.get(change.user)
        if source is not None:
            source.hear(change)

    async def _ask_for_ever(self) -> Never:
        while True:
            await anyio.sleep(ASK_EVERY_SECONDS)
            if self._sources:
                await safely("inbox.failed", self._ask)

    async def _ask(self) -> None:
        asked = [one for one in self._sources.values() if one.topic.is_begun]
        for start in range(0, len(asked), ASKED_AT_ONCE):
            await self._compare(asked[start : start + ASKED_AT_ONCE])

    async def _compare(self, sources: Sequence["InboxSource"]) -> None:
        chosen = select(Inbox.user_id, Inbox.seq)
        chosen = chosen.where(Inbox.user_id.in_([source.user for source in sources]))
        async with self._database.reading() as session:
            found = {row.user_id: row.seq for row in await session.execute(chosen)}
        for source in sources:
            if source.is_outdated(found.get(source.user, 0)):
                source.doubt()
