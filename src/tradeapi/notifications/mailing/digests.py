"""Digests: once a day what has come since the last one, of whoever wants that."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.jobs.port import Job, Jobs, Later, NewJob
from tradeapi.mail import Mail
from tradeapi.notifications.hours import day_of, next_time
from tradeapi.notifications.mailing import letters
from tradeapi.notifications.mailing.letters import MOST_LISTED
from tradeapi.notifications.mailing.outbox import CLAIM_SECONDS
from tradeapi.notifications.mailing.readers import Readers
from tradeapi.notifications.models import Digest, Inbox, Notification, Preference
from tradeapi.notifications.preferences import wishes_in

JOB = "notifications.digest"
AT_ONCE = 500


class DueDigests:
    """Takes those that are due, and has each mailed by a job of its own.

    That it was taken, when the next one is due and the job commit together: so there is one a day,
    whoever looks how often.
    """

    def __init__(self, database: Database, jobs: Jobs, clock: Clock) -> None:
        self._database = database
        self._jobs = jobs
        self._clock = clock

    async def take(self) -> None:
        while await self._take_some() == AT_ONCE:
            pass

    async def _take_some(self) -> int:
        now = self._clock.now()
        async with self._database.transaction() as session:
            due = select(Preference, func.coalesce(Inbox.seq, 0))
            due = due.outerjoin(Inbox, Inbox.user_id == Preference.user_id)
            due = due.where(Preference.digest_at <= now).order_by(Preference.digest_at)
            due = due.limit(AT_ONCE).with_for_update(skip_locked=True, of=Preference)
            rows = (await session.execute(due)).all()
            taken = [_take(preference, seq, now) for preference, seq in rows]
            wanted = [one for one in taken if one["after"] < one["until"]]
            if wanted:
                await session.execute(insert(Digest), wanted)
                await self._jobs.enqueue(session, *map(_job, wanted))
        return len(rows)


@dataclass(frozen=True, slots=True)
class ClaimedDigest:
    user: UUID
    day: str
    mail: Mail


class DigestBox:
    """The digests that were taken and are to be mailed, each claimed by whoever mails it."""

    def __init__(self, database: Database, readers: Readers, clock: Clock) -> None:
        self._database = database
        self._readers = readers
        self._clock = clock

    async def claim(self, job: Job) -> ClaimedDigest | None:
        """None: it was mailed, or there is nothing in it, or nobody wants it any more.

        Raises Later while somebody else is at it.
        """
        user, day = UUID(job.payload["user"]), str(job.payload["day"])
        now = self._clock.now()
        async with self._database.transaction() as session:
            digest = await session.get(Digest, (user, day), with_for_update=True)
            if digest is None:
                return None
            if digest.claimed_until > now:
                raise Later(digest.claimed_until - now)
            digest.claimed_until = now + CLAIM_SECONDS
            mail = await self._mail(session, digest)
            if mail is None:
                await session.delete(digest)
                return None
            return ClaimedDigest(user, day, mail)

    async def finish(self, claimed: ClaimedDigest) -> None:
        async with self._database.transaction() as session:
            await session.execute(delete(Digest).where(*_is(claimed)))

    async def release(self, claimed: ClaimedDigest) -> None:
        async with self._database.transaction() as session:
            free = update(Digest).where(*_is(claimed)).values(claimed_until=0.0)
            await session.execute(free)

    async def _mail(self, session: AsyncSession, digest: Digest) -> Mail | None:
        found = await self._readers.find(session, digest.user_id)
        within = (
            Notification.user_id == digest.user_id,
            Notification.seq > digest.after,
            Notification.seq <= digest.until,
        )
        count = await session.scalar(select(func.count()).where(*within)) or 0
        if found is None or not count:
            return None
        chosen = select(Notification).where(*within).order_by(Notification.seq.desc())
        told = (await session.scalars(chosen.limit(MOST_LISTED))).all()
        return letters.digest(found[0], told, count)


def _take(preference: Preference, seq: int, now: float) -> dict[str, Any]:
    """The digest that is due; the next one begins where it ends."""
    wishes, due = wishes_in(preference), preference.digest_at
    assert wishes.digest is not None  # noqa: S101  else none would be due
    assert due is not None  # noqa: S101  the same
    # After an outage the one that is due has all of the days.
    day = day_of(due, wishes.zone)
    after = preference.digest_seq if wishes.mail else seq
    preference.digest_day, preference.digest_seq = day.isoformat(), seq
    preference.digest_at = next_time(wishes.digest, wishes.zone, after=now, last=day)
    place = {"user_id": preference.user_id, "day": day.isoformat()}
    return {**place, "after": after, "until": seq, "claimed_until": 0.0}


def _job(digest: dict[str, Any]) -> NewJob:
    return NewJob(name=JOB, payload={"user": str(digest["user_id"]), "day": digest["day"]})


def _is(claimed: ClaimedDigest) -> Sequence[Any]:
    return Digest.user_id == claimed.user, Digest.day == claimed.day
