"""What notifications need while the application runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tradeapi.bus.port import Bus
from tradeapi.database import Database
from tradeapi.notifications.live.channel import NAME, NotificationsChannel
from tradeapi.notifications.live.followed import FollowedInboxes
from tradeapi.streams.hub import Hub


@asynccontextmanager
async def open_notifications(database: Database, bus: Bus, hub: Hub) -> AsyncIterator[None]:
    async with FollowedInboxes(database, bus) as followed:
        hub.register(NAME, NotificationsChannel(followed))
        yield
