"""What the routes of notifications ask for, each under one name."""

from typing import Annotated

from fastapi import Depends

from tradeapi.auth.dependencies import OwnerDep
from tradeapi.notifications.service import Notifications
from tradeapi.web.dependencies import BusDep, ClockDep, ReadingDep, SessionDep


async def _notifications(
    session: SessionDep, bus: BusDep, owner: OwnerDep, clock: ClockDep
) -> Notifications:
    return Notifications(session, bus, owner, clock.now())


async def _readable_notifications(
    session: ReadingDep, bus: BusDep, owner: OwnerDep, clock: ClockDep
) -> Notifications:
    return Notifications(session, bus, owner, clock.now())


NotificationsDep = Annotated[Notifications, Depends(_notifications)]
ReadableNotificationsDep = Annotated[Notifications, Depends(_readable_notifications)]
