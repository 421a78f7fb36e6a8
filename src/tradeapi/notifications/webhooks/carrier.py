"""Notifications on their way to webhooks."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.clock import Clock
from tradeapi.database import parts
from tradeapi.jobs.port import NewJob
from tradeapi.notifications.notices import Notice
from tradeapi.notifications.webhooks.deliveries import job_for
from tradeapi.notifications.webhooks.models import Delivery, Webhook
from tradeapi.notifications.webhooks.schemas import Status
from tradeapi.notifications.webhooks.signing import body_of

# What waits for one webhook: of more nothing is sent. So many go out a second, so that a crowd for
# one leaves room for what others are told.
MOST_PENDING = 2000
PER_SECOND = 50
TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class _Wanting:
    """A webhook, and the types that it is for; None: all."""

    id: UUID
    types: Sequence[str] | None

    def wants(self, type: str) -> bool:
        return self.types is None or type in self.types


class WebhookCarrier:
    """A delivery, and a job, for each webhook of each notice's user that wants it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def prepare(
        self, session: AsyncSession, notices: Mapping[UUID, Notice]
    ) -> Sequence[NewJob]:
        webhooks = await _enabled(session, {notice.user_id for notice in notices.values()})
        chosen = {one.id for some in webhooks.values() for one in some}
        pending = await _pending(session, chosen)
        now = self._clock.now()
        rows: list[dict[str, Any]] = []
        for message, notice in notices.items():
            wanting = [one for one in webhooks.get(notice.user_id, ()) if one.wants(notice.type)]
            if not wanting:
                continue
            body = body_of(message, notice)
            for webhook in wanting:
                place = pending[webhook.id]
                pending[webhook.id] += 1
                due = now + place // PER_SECOND if place < MOST_PENDING else None
                rows.append(_row(webhook.id, message, notice.type, body, now, due))
        if rows:
            await session.execute(insert(Delivery), rows)
        return [
            job_for(row["id"], run_at=due if due > now else None)
            for row in rows
            if (due := row["next_attempt_at"]) is not None
        ]


def _row(  # noqa: PLR0913, PLR0917  a delivery
    webhook: UUID, message: UUID, type: str, body: str, now: float, due: float | None
) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "webhook_id": webhook,
        "message_id": message,
        "type": type,
        "body": body,
        "status": Status.PENDING if due is not None else Status.FAILED,
        "attempts": 0,
        "next_attempt_at": due,
        "error": None if due is not None else TOO_MANY,
        "created_at": now,
        "updated_at": now,
    }


async def _pending(session: AsyncSession, webhooks: Collection[UUID]) -> dict[UUID, int]:
    """How many deliveries wait for each."""
    found = dict.fromkeys(webhooks, 0)
    for some in parts(sorted(webhooks)):
        counted = (
            select(Delivery.webhook_id, func.count())
            .where(Delivery.webhook_id.in_(some))
            .where(Delivery.status == literal_column("'pending'"))
            .group_by(Delivery.webhook_id)
        )
        found |= {id: count for id, count in await session.execute(counted)}  # noqa: C416  of rows
    return found


async def _enabled(session: AsyncSession, users: set[UUID]) -> Mapping[UUID, Sequence[_Wanting]]:
    found: dict[UUID, list[_Wanting]] = defaultdict(list)
    for some in parts(sorted(users)):
        chosen = (
            select(Webhook.id, Webhook.user_id, Webhook.types)
            .where(Webhook.user_id.in_(some))
            .where(Webhook.disabled_at.is_(None))
        )
        for id, user_id, types in await session.execute(chosen):
            found[user_id].append(_Wanting(id, types))
    return found
