"""The watchlists that somebody follows, and what is done when their news does not come.

The database is asked every second whether it knows of changes that nobody has announced, and of
lists that are no more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Never, Self
from uuid import UUID

import anyio
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from tradeapi.bus.port import Bus
from tradeapi.database import Database
from tradeapi.errors import TradeError
from tradeapi.market.live.live_quotes import LiveQuotes
from tradeapi.streams.background import as_unavailable, safely
from tradeapi.streams.hub import Hub
from tradeapi.streams.topics import Topic
from tradeapi.watchlists.events import WATCHLISTS, Changed
from tradeapi.watchlists.live import reading
from tradeapi.watchlists.live.reading import Reading
from tradeapi.watchlists.models import Watchlist
from tradeapi.watchlists.service import no_such_watchlist

if TYPE_CHECKING:
    from tradeapi.watchlists.live.source import WatchlistSource

ASK_EVERY_SECONDS = 1.0
# As parameters of one statement.
ASKED_AT_ONCE = 1000
# Of the connections that read: each list may be of a thousand symbols, and after an outage all may
# have changed. As many are read for those who have just come.
LOOKS_AT_ONCE = 1


class FollowedWatchlists:
    """Use as `async with FollowedWatchlists(...)`: its tasks run that long."""

    def __init__(self, database: Database, bus: Bus, hub: Hub, quotes: LiveQuotes) -> None:
        self.quotes = quotes
        self.looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._database = database
        self._bus = bus
        self._hub = hub
        self._sources: dict[str, WatchlistSource] = {}
        self._tasks = anyio.create_task_group()
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._resources.enter_async_context(self._tasks)
        self._resources.callback(self._tasks.cancel_scope.cancel)
        self._resources.enter_context(self._bus.subscribe(WATCHLISTS, self._hear))
        self._tasks.start_soon(self._ask_for_ever)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    def add(self, source: "WatchlistSource") -> None:
        self._sources[str(source.id)] = source
        self._bus.follow(WATCHLISTS, str(source.id))

    def remove(self, source: "WatchlistSource") -> None:
        if self._sources.get(str(source.id)) is source:
            del self._sources[str(source.id)]
        self._bus.unfollow(WATCHLISTS, str(source.id))

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
        await self._bus.ready(WATCHLISTS, str(source.id))
        with as_unavailable():
            return await reading.read(self._database, source.id)

    def soon(self, call: Callable[[], Awaitable[None]]) -> None:
        """Have something done in the background; if the database fails it, that is logged."""
        self._tasks.start_soon(safely, "watchlist.failed", call)

    def _hear(self, change: Changed) -> None:
        source = self._sources.get(change.watchlist)
        if source is not None:
            source.hear(change)

    async def _ask_for_ever(self) -> Never:
        while True:
            await anyio.sleep(ASK_EVERY_SECONDS)
            if self._sources:
                await safely("watchlist.failed", self._ask)

    async def _ask(self) -> None:
        asked = [one for one in self._sources.values() if one.topic.is_begun]
        for start in range(0, len(asked), ASKED_AT_ONCE):
            await self._compare(asked[start : start + ASKED_AT_ONCE])

    async def _compare(self, sources: Sequence["WatchlistSource"]) -> None:
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
