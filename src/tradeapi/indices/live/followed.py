"""The indices that somebody follows, and what is done when their news does not come.

The database is asked every second whether it knows of builds that nobody has announced.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select

from tradeapi.bus.port import Bus
from tradeapi.database import Database
from tradeapi.errors import NotFound, TradeError
from tradeapi.indices.events import INDICES, Changed
from tradeapi.indices.live import reading
from tradeapi.indices.live.reading import Reading
from tradeapi.indices.models import IndexDefinition
from tradeapi.streams.background import as_unavailable
from tradeapi.streams.followed import Followed
from tradeapi.streams.hub import Hub
from tradeapi.streams.topics import Topic

if TYPE_CHECKING:
    from tradeapi.indices.live.source import IndexSource

# Of the connections that read: after a close many are built at the same time.
LOOKS_AT_ONCE = 2


class FollowedIndices(Followed[Changed, "IndexSource"]):
    def __init__(self, database: Database, bus: Bus, hub: Hub) -> None:
        super().__init__(bus, INDICES, "index")
        self.looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._database = database
        self._hub = hub

    def end(self, topic: Topic, error: TradeError) -> None:
        self._hub.end(topic, error)

    async def require(self, code: str) -> None:
        """Raises NotFound where there is none."""
        with as_unavailable():
            async with self._database.reading() as session:
                chosen = select(IndexDefinition.id).where(IndexDefinition.code == code)
                if await session.scalar(chosen) is None:
                    raise no_such_index(code)

    async def read(self, source: "IndexSource", after: int | None) -> Reading:
        """As it is when its news is heard already; raises NotFound."""
        await self.ready(source)
        with as_unavailable():
            async with self._database.read() as raw:
                found = await reading.read(raw, source.code, after)
        if found is None:
            raise no_such_index(source.code)
        return found

    def key_of(self, change: Changed) -> str:
        return change.code

    async def compare(self, sources: Sequence["IndexSource"]) -> None:
        chosen = select(IndexDefinition.code, IndexDefinition.symbol_id, IndexDefinition.revision)
        chosen = chosen.where(IndexDefinition.code.in_([source.code for source in sources]))
        async with self._database.reading() as session:
            found = {code: (id, revision) for code, id, revision in await session.execute(chosen)}
        for source in sources:
            if source.is_outdated(found.get(source.code)):
                source.doubt()


def no_such_index(code: str) -> NotFound:
    return NotFound(f"There is no index {code[:40]}.", code="unknown_index")
