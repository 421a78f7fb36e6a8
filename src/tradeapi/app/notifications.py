"""What notifications need while the application runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.jobs.port import Jobs
from tradeapi.mail import Mailer
from tradeapi.notifications.live.channel import NAME, NotificationsChannel
from tradeapi.notifications.live.followed import FollowedInboxes
from tradeapi.notifications.parts import Telling, telling_of
from tradeapi.settings import Settings
from tradeapi.streams.hub import Hub


@asynccontextmanager
async def open_notifications(  # noqa: PLR0913, PLR0917  they are what they are made of
    settings: Settings,
    clock: Clock,
    database: Database,
    bus: Bus,
    hub: Hub,
    jobs: Jobs,
    mailer: Mailer | None,
) -> AsyncIterator[Telling]:
    async with FollowedInboxes(database, bus) as followed:
        hub.register(NAME, NotificationsChannel(followed))
        yield telling_of(settings, clock, database, bus, jobs, mailer)
