"""What the routes of notifications ask for, each under one name."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from tradeapi.auth.dependencies import OwnerDep
from tradeapi.notifications.channels import Channels
from tradeapi.notifications.notifier import Notifier
from tradeapi.notifications.parts import Telling
from tradeapi.notifications.preferences import Preferences
from tradeapi.notifications.schemas import MailOffIn
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


async def _preferences(session: SessionDep, owner: OwnerDep, clock: ClockDep) -> Preferences:
    return Preferences(session, owner, clock.now())


async def _readable_preferences(
    session: ReadingDep, owner: OwnerDep, clock: ClockDep
) -> Preferences:
    return Preferences(session, owner, clock.now())


async def _reader_of_a_mail(
    connection: HTTPConnection, session: SessionDep, body: MailOffIn, clock: ClockDep
) -> Preferences:
    """Whom the link in the mail is of."""
    telling: Telling = connection.state.telling
    return Preferences(session, telling.mail_off.user_of(body.token), clock.now())


async def _channels(connection: HTTPConnection) -> Channels:
    telling: Telling = connection.state.telling
    return telling.channels


async def _notifier(connection: HTTPConnection) -> Notifier:
    telling: Telling = connection.state.telling
    return telling.notifier


NotifierDep = Annotated[Notifier, Depends(_notifier)]
ChannelsDep = Annotated[Channels, Depends(_channels)]
PreferencesDep = Annotated[Preferences, Depends(_preferences)]
ReadablePreferencesDep = Annotated[Preferences, Depends(_readable_preferences)]
MailReaderDep = Annotated[Preferences, Depends(_reader_of_a_mail)]
NotificationsDep = Annotated[Notifications, Depends(_notifications)]
ReadableNotificationsDep = Annotated[Notifications, Depends(_readable_notifications)]
