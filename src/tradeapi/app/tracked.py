"""What jobs that are watched need while the application runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tradeapi.bus.port import Bus
from tradeapi.database import Database
from tradeapi.streams.hub import Hub
from tradeapi.tracked.live.channel import JobsChannel
from tradeapi.tracked.live.followed import FollowedJobs


@asynccontextmanager
async def open_tracked(database: Database, bus: Bus, hub: Hub) -> AsyncIterator[None]:
    async with FollowedJobs(database, bus, hub) as followed:
        hub.register("jobs", JobsChannel(followed))
        yield
