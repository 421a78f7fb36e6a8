"""What indices need while the application runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

import anyio

from tradeapi.bus.port import Bus
from tradeapi.database import Database
from tradeapi.indices.events import INDICES
from tradeapi.indices.live.channel import IndicesChannel
from tradeapi.indices.live.followed import FollowedIndices
from tradeapi.indices.published import Published
from tradeapi.streams.hub import Hub


class IndicesState(TypedDict):
    published: Published


@asynccontextmanager
async def open_indices(database: Database, bus: Bus, hub: Hub) -> AsyncIterator[IndicesState]:
    published = Published(database, bus)
    async with (
        FollowedIndices(database, bus, hub) as followed,
        anyio.create_task_group() as tasks,
    ):
        hub.register("indices", IndicesChannel(followed))
        tasks.start_soon(published.run)
        with bus.subscribe(INDICES, published.hear):
            yield {"published": published}
        tasks.cancel_scope.cancel()
