"""Notifications on their way to browsers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.clock import Clock
from tradeapi.database import parts
from tradeapi.jobs.port import NewJob
from tradeapi.notifications.notices import Notice
from tradeapi.notifications.preferences import quiet_until
from tradeapi.notifications.push.models import Push, PushSubscription

SEND = "push.send"


class PushCarrier:
    """A push, and a job, for each browser of each notice's user."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def prepare(
        self, session: AsyncSession, notices: Mapping[UUID, Notice]
    ) -> Sequence[NewJob]:
        now = self._clock.now()
        users = {notice.user_id for notice in notices.values()}
        browsers = await _browsers(session, users, now)
        quiet = await quiet_until(session, browsers, now)
        rows: list[dict[str, Any]] = []
        jobs: list[NewJob] = []
        for notification, notice in notices.items():
            end = quiet.get(notice.user_id)
            for subscription in browsers.get(notice.user_id, ()):
                id = uuid7()
                rows.append(
                    {
                        "id": id,
                        "subscription_id": subscription,
                        "notification_id": notification,
                        "due_at": end or now,
                    }
                )
                jobs.append(NewJob(name=SEND, payload={"push": str(id)}, run_at=end))
        if rows:
            await session.execute(insert(Push), rows)
        return jobs


async def _browsers(
    session: AsyncSession, users: set[UUID], now: float
) -> Mapping[UUID, Sequence[UUID]]:
    found: dict[UUID, list[UUID]] = defaultdict(list)
    for some in parts(sorted(users)):
        chosen = select(PushSubscription.id, PushSubscription.user_id).where(
            PushSubscription.user_id.in_(some),
            (PushSubscription.expires_at.is_(None)) | (PushSubscription.expires_at > now),
        )
        for id, user_id in await session.execute(chosen):
            found[user_id].append(id)
    return found
