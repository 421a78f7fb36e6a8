"""What the routes of push subscriptions ask for, each under one name."""

from typing import Annotated

from fastapi import Depends

from tradeapi.auth.dependencies import AuditDep, OwnerDep
from tradeapi.notifications.posting.urls import Rules
from tradeapi.notifications.push.keys import PURPOSE, PushKeys
from tradeapi.notifications.push.service import PushSubscriptions, Subscribing
from tradeapi.security.safe import Safe
from tradeapi.security.secrets import Secrets
from tradeapi.web.dependencies import (
    ClockDep,
    DatabaseDep,
    ReadingDep,
    SessionDep,
    SettingsDep,
)


async def _safe(settings: SettingsDep) -> Safe:
    return Safe.of(Secrets.of(settings), PURPOSE)


SafeDep = Annotated[Safe, Depends(_safe)]


async def _keys(database: DatabaseDep, safe: SafeDep, clock: ClockDep) -> PushKeys:
    return PushKeys(database, safe, clock)


async def _subscriptions(session: ReadingDep, owner: OwnerDep) -> PushSubscriptions:
    return PushSubscriptions(session, owner)


async def _subscribing(  # noqa: PLR0913, PLR0917  they are what it has
    session: SessionDep,
    owner: OwnerDep,
    safe: SafeDep,
    audit: AuditDep,
    clock: ClockDep,
    settings: SettingsDep,
) -> Subscribing:
    return Subscribing(
        PushSubscriptions(session, owner),
        Rules.of(settings),
        safe,
        audit,
        round(clock.now(), 3),
        settings.push_subscriptions_per_user,
    )


PushKeysDep = Annotated[PushKeys, Depends(_keys)]
PushSubscriptionsDep = Annotated[PushSubscriptions, Depends(_subscriptions)]
SubscribingDep = Annotated[Subscribing, Depends(_subscribing)]
