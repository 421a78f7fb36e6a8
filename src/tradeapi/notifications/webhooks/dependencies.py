"""What the routes of webhooks ask for, each under one name."""

from typing import Annotated

from fastapi import Depends

from tradeapi.auth.dependencies import AuditDep, OwnerDep
from tradeapi.jobs.dependencies import JobsDep
from tradeapi.notifications.posting.urls import Rules
from tradeapi.notifications.webhooks.deliveries import Deliveries, Sending
from tradeapi.notifications.webhooks.service import PURPOSE, Editing, Webhooks
from tradeapi.security.safe import Safe
from tradeapi.security.secrets import Secrets
from tradeapi.web.dependencies import ClockDep, ReadingDep, SessionDep, SettingsDep


async def _webhooks(session: ReadingDep, owner: OwnerDep) -> Webhooks:
    return Webhooks(session, owner)


WebhooksDep = Annotated[Webhooks, Depends(_webhooks)]


async def _deliveries(webhooks: WebhooksDep) -> Deliveries:
    return Deliveries(webhooks)


async def _editing(
    session: SessionDep, owner: OwnerDep, audit: AuditDep, clock: ClockDep, settings: SettingsDep
) -> Editing:
    return Editing(
        Webhooks(session, owner),
        Rules.of(settings),
        Safe.of(Secrets.of(settings), PURPOSE),
        audit,
        round(clock.now(), 3),
        settings.webhooks_per_user,
    )


async def _sending(session: SessionDep, owner: OwnerDep, jobs: JobsDep, clock: ClockDep) -> Sending:
    return Sending(Webhooks(session, owner), jobs, round(clock.now(), 3))


DeliveriesDep = Annotated[Deliveries, Depends(_deliveries)]
EditingDep = Annotated[Editing, Depends(_editing)]
SendingDep = Annotated[Sending, Depends(_sending)]
