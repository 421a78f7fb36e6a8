"""What waits to be mailed to one user, and who is at it.

Whoever mails something claims it first, and says afterwards that it is done. Between the two no
transaction is open, for a mail may take long; if he dies there another one mails it, some of it
perhaps once more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.jobs.port import Job, Later
from tradeapi.mail import Mail
from tradeapi.notifications.mailing import letters
from tradeapi.notifications.mailing.letters import MOST_LISTED, Reader
from tradeapi.notifications.mailing.readers import Readers
from tradeapi.notifications.models import Inbox, MailItem, Notification, SentMail

MOST_AN_HOUR = 10
HOUR_SECONDS = 3600.0
# Longer than a mail may take to be sent.
CLAIM_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Claimed:
    id: UUID
    user: UUID
    mail: Mail


class Outbox:
    def __init__(self, database: Database, readers: Readers, clock: Clock) -> None:
        self._database = database
        self._readers = readers
        self._clock = clock

    async def claim(self, job: Job) -> Claimed | None:
        """All that waits, as one mail; None if nothing does. Raises Later if it is not time yet."""
        user, now = UUID(job.payload["user"]), self._clock.now()
        async with self._database.transaction() as session:
            locked = select(Inbox).where(Inbox.user_id == user).with_for_update(key_share=True)
            inbox = await session.scalar(locked)
            if inbox is None:
                return None
            found = await self._readers.find(session, user)
            if found is None:
                await session.execute(delete(MailItem).where(MailItem.user_id == user))
                inbox.is_mail_due = False
                return None
            reader, wishes = found
            _wait_until(wishes.quiet_until(now), now)
            _wait_until(await _full_until(session, user, now), now)
            id = uuid7()
            mail = await _take(session, user, id, now, reader)
            if mail is None:
                _wait_until(await _claimed_until(session, user), now)
                inbox.is_mail_due = False
                return None
            inbox.is_mail_due = False
            session.add(SentMail(id=id, user_id=user, sent_at=now))
            return Claimed(id, user, mail)

    async def finish(self, claimed: Claimed) -> None:
        """It was sent."""
        async with self._database.transaction() as session:
            await session.execute(
                delete(MailItem).where(
                    MailItem.mail_id == claimed.id, MailItem.user_id == claimed.user
                )
            )

    async def release(self, claimed: Claimed) -> None:
        """It was not, and is to be sent later: whoever claimed it comes again."""
        async with self._database.transaction() as session:
            again = update(Inbox).where(Inbox.user_id == claimed.user).values(is_mail_due=True)
            await session.execute(again)
            await session.execute(
                update(MailItem)
                .where(MailItem.mail_id == claimed.id, MailItem.user_id == claimed.user)
                .values(mail_id=None, claimed_until=0.0)
            )
            await session.execute(delete(SentMail).where(SentMail.id == claimed.id))


def _wait_until(time: float | None, now: float) -> None:
    if time is not None and time > now:
        raise Later(time - now)


async def _claimed_until(session: AsyncSession, user: UUID) -> float | None:
    """When what somebody else is at is free again, if he has died."""
    chosen = select(func.max(MailItem.claimed_until)).where(MailItem.user_id == user)
    return await session.scalar(chosen)


async def _full_until(session: AsyncSession, user: UUID, now: float) -> float | None:
    """When the next mail may go, if there were as many as there may be."""
    mails = SentMail.user_id == user
    old = delete(SentMail).where(mails, SentMail.sent_at <= now - HOUR_SECONDS)
    await session.execute(old)
    chosen = select(SentMail.sent_at).where(mails).order_by(SentMail.sent_at.desc())
    last = (await session.scalars(chosen.limit(MOST_AN_HOUR))).all()
    return last[-1] + HOUR_SECONDS if len(last) == MOST_AN_HOUR else None


async def _take(
    session: AsyncSession, user: UUID, id: UUID, now: float, reader: Reader
) -> Mail | None:
    taken = update(MailItem).where(MailItem.user_id == user, MailItem.claimed_until <= now)
    taken = taken.values(mail_id=id, claimed_until=now + CLAIM_SECONDS)
    count = len((await session.scalars(taken.returning(MailItem.notification_id))).all())
    if not count:
        return None
    return letters.notices(reader, await _first(session, id, user), count)


async def _first(session: AsyncSession, id: UUID, user: UUID) -> Sequence[Notification]:
    chosen = select(Notification).join(MailItem, MailItem.notification_id == Notification.id)
    chosen = chosen.where(MailItem.mail_id == id, MailItem.user_id == user)
    return (await session.scalars(chosen.order_by(Notification.seq).limit(MOST_LISTED))).all()
