"""Tells users, inside the transaction of whoever has something to tell."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.clock import Clock
from tradeapi.jobs.port import Jobs, NewJob
from tradeapi.notifications.models import Inbox, Notification
from tradeapi.notifications.notices import Channel, Notice


class Carrier(Protocol):
    """A way to users beside the inbox."""

    async def prepare(
        self, session: AsyncSession, notices: Mapping[UUID, Notice]
    ) -> Sequence[NewJob]:
        """Write down what is to be delivered, by the notifications' ids; the jobs that do it."""
        ...


class Notifier:
    """What it writes commits or goes with everything else in the session's transaction."""

    def __init__(self, jobs: Jobs, clock: Clock, carriers: Mapping[Channel, Carrier]) -> None:
        self._jobs = jobs
        self._clock = clock
        self._carriers = carriers

    async def notify(self, session: AsyncSession, notices: Sequence[Notice]) -> None:
        """Into the inboxes, and on their way on each of their channels."""
        by_user: dict[UUID, list[Notice]] = defaultdict(list)
        for notice in notices:
            by_user[notice.user_id].append(notice)
        told: dict[UUID, Notice] = {}
        rows = []
        now = self._clock.now()
        for user_id in sorted(by_user):
            inbox = await session.scalar(
                select(Inbox).where(Inbox.user_id == user_id).with_for_update()
            )
            if inbox is None:
                inbox = Inbox(user_id=user_id, seq=0)
                session.add(inbox)
            for notice in by_user[user_id]:
                inbox.seq += 1
                id = uuid7()
                told[id] = notice
                rows.append(
                    {
                        "id": id,
                        "user_id": user_id,
                        "seq": inbox.seq,
                        "key": notice.key,
                        "type": notice.type,
                        "title": notice.title,
                        "text": notice.text,
                        "data": dict(notice.data),
                        "is_test": notice.is_test,
                        "time": notice.time,
                        "created_at": now,
                    }
                )
        await session.flush()
        if rows:
            await session.execute(insert(Notification), rows)
        jobs: list[NewJob] = []
        for channel, carrier in self._carriers.items():
            chosen = {id: notice for id, notice in told.items() if channel in notice.channels}
            if chosen:
                jobs.extend(await carrier.prepare(session, chosen))
        if jobs:
            await self._jobs.enqueue(session, *jobs)
