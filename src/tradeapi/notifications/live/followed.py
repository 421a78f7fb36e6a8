"""The inboxes that somebody follows, and what is done when their news does not come.

The database is asked every second whether it knows of changes that nobody has announced.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select

from tradeapi.bus.port import Bus
from tradeapi.database import Database
from tradeapi.notifications.events import INBOXES, Changed
from tradeapi.notifications.live import reading
from tradeapi.notifications.live.reading import Reading
from tradeapi.notifications.models import Inbox
from tradeapi.streams.background import as_unavailable
from tradeapi.streams.followed import Followed

if TYPE_CHECKING:
    from tradeapi.notifications.live.source import InboxSource

# Of the connections that read: after an outage all inboxes may have changed.
LOOKS_AT_ONCE = 2


class FollowedInboxes(Followed[Changed, "InboxSource"]):
    def __init__(self, database: Database, bus: Bus) -> None:
        super().__init__(bus, INBOXES, "inbox")
        self.looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._database = database

    async def read(
        self, source: "InboxSource", after: int | None, *, newest: bool = False
    ) -> Reading:
        """As it is when its news is heard already."""
        await self.ready(source)
        with as_unavailable():
            return await reading.read(self._database, source.user, after, newest=newest)

    def key_of(self, change: Changed) -> str:
        return change.user

    async def compare(self, sources: Sequence["InboxSource"]) -> None:
        chosen = select(Inbox.user_id, Inbox.seq)
        chosen = chosen.where(Inbox.user_id.in_([source.user for source in sources]))
        async with self._database.reading() as session:
            found = {row.user_id: row.seq for row in await session.execute(chosen)}
        for source in sources:
            if source.is_outdated(found.get(source.user, 0)):
                source.doubt()
