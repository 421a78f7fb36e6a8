"""Mail as a way to users: what waits for each of them is mailed together by one job."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.clock import Clock
from tradeapi.database import parts
from tradeapi.jobs.port import NewJob
from tradeapi.notifications.mailing.readers import addresses_of
from tradeapi.notifications.models import Inbox, MailItem
from tradeapi.notifications.notices import Notice

JOB = "notifications.mail"


class MailCarrier:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def prepare(
        self, session: AsyncSession, notices: Mapping[UUID, Notice]
    ) -> Sequence[NewJob]:
        found = await addresses_of(session, {notice.user_id for notice in notices.values()})
        reached = {id: one.user_id for id, one in notices.items() if one.user_id in found}
        if not reached:
            return []
        items = [
            {"notification_id": id, "user_id": user, "claimed_until": 0.0}
            for id, user in reached.items()
        ]
        await session.execute(insert(MailItem), items)
        now = self._clock.now()
        return [
            NewJob(
                name=JOB,
                payload={"user": str(user)},
                run_at=found[user][1].quiet_until(now),
            )
            for user in await _without_job(session, {*reached.values()})
        ]


async def _without_job(session: AsyncSession, users: Collection[UUID]) -> Sequence[UUID]:
    """Those whose mail no job is waiting to send; from now on there is one.

    Their inboxes are locked, and whoever sends the mail locks them as well: so what comes just
    after it was sent has a job of its own.
    """
    found: list[UUID] = []
    for some in parts(sorted(users)):
        due = update(Inbox).where(Inbox.user_id.in_(some), Inbox.is_mail_due.is_(False))
        due = due.values(is_mail_due=True).returning(Inbox.user_id)
        found += await session.scalars(due, execution_options={"synchronize_session": False})
    return found
