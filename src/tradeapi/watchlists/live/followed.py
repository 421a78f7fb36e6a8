"""The watchlists that somebody follows, and what is done when their news does not come.

The database is asked every second whether it knows of changes that nobody has announced, and of
lists that are no more.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from tradeapi.bus.port import Bus
from tradeapi.database import Database
from tradeapi.errors import TradeError
from tradeapi.market.live.live_quotes import LiveQuotes
from tradeapi.streams.background import as_unavailable
from tradeapi.streams.followed import Followed
from tradeapi.streams.hub import Hub
from tradeapi.streams.topics import Topic
from tradeapi.watchlists.events import WATCHLISTS, Changed
from tradeapi.watchlists.live import reading
from tradeapi.watchlists.live.reading import Reading
from tradeapi.watchlists.models import Watchlist
from tradeapi.watchlists.service import no_such_watchlist

if TYPE_CHECKING:
    from tradeapi.watchlists.live.source import WatchlistSource

# Of the connections that read: each list may be of a thousand symbols, and after an outage all may
# have changed. As many are read for those who have just come.
LOOKS_AT_ONCE = 1


class FollowedWatchlists(Followed[Changed, "WatchlistSource"]):
    def __init__(self, database: Database, bus: Bus, hub: Hub, quotes: LiveQuotes) -> None:
        super().__init__(bus, WATCHLISTS, "watchlist")
        self.quotes = quotes
        self.looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._database = database
        self._hub = hub

    def end(self, topic: Topic, error: TradeError) -> None:
        self._hub.end(topic, error)

    async def is_owned(self, id: UUID, owner: UUID) -> bool:
        with as_unavailable():
            async with self._database.reading() as session:
                chosen = select(Watchlist.id)
                chosen = chosen.where(Watchlist.id == id, Watchlist.owner_id == owner)
                return await session.scalar(chosen) is not None

    async def read(self, source: "WatchlistSource") -> Reading:
        """As it is when its news is heard already."""
        await self.ready(source)
        with as_unavailable():
            return await reading.read(self._database, source.id)

    def key_of(self, change: Changed) -> str:
        return change.watchlist

    async def compare(self, sources: Sequence["WatchlistSource"]) -> None:
        before = aliased(Watchlist)
        place = select(func.count()).where(
            before.owner_id == Watchlist.owner_id, before.position < Watchlist.position
        )
        chosen = select(Watchlist.id, Watchlist.version, place.scalar_subquery())
        chosen = chosen.where(Watchlist.id.in_([source.id for source in sources]))
        async with self._database.reading() as session:
            found = {id: found for id, *found in await session.execute(chosen)}
        for source in sources:
            if source.id not in found:
                self.end(source.topic, no_such_watchlist())
            elif source.is_outdated(*found[source.id]):
                source.doubt()
