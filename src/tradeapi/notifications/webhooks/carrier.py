"""Notifications on their way to webhooks."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.clock import Clock
from tradeapi.jobs.port import NewJob
from tradeapi.notifications.notices import Notice
from tradeapi.notifications.webhooks.deliveries import job_for
from tradeapi.notifications.webhooks.models import Delivery, Webhook
from tradeapi.notifications.webhooks.schemas import Status
from tradeapi.notifications.webhooks.signing import body_of

# Of users whose webhooks are looked for; databases take so many parameters.
AT_ONCE = 1000


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
        now = self._clock.now()
        rows: list[dict[str, Any]] = []
        for message, notice in notices.items():
            wanting = [one for one in webhooks.get(notice.user_id, ()) if one.wants(notice.type)]
            if not wanting:
                continue
            body = body_of(message, notice)
            rows += [
                {
                    "id": uuid7(),
                    "webhook_id": webhook.id,
                    "message_id": message,
                    "type": notice.type,
                    "body": body,
                    "status": Status.PENDING,
                    "attempts": 0,
                    "next_attempt_at": now,
                    "created_at": now,
                    "updated_at": now,
                }
                for webhook in wanting
            ]
        if rows:
            await session.execute(insert(Delivery), rows)
        return [job_for(row["id"]) for row in rows]


async def _enabled(session: AsyncSession, users: set[UUID]) -> Mapping[UUID, Sequence[_Wanting]]:
    found: dict[UUID, list[_Wanting]] = defaultdict(list)
    ordered = sorted(users)
    for start in range(0, len(ordered), AT_ONCE):
        chosen = (
            select(Webhook.id, Webhook.user_id, Webhook.types)
            .where(Webhook.user_id.in_(ordered[start : start + AT_ONCE]))
            .where(Webhook.disabled_at.is_(None))
        )
        for id, user_id, types in await session.execute(chosen):
            found[user_id].append(_Wanting(id, types))
    return found
