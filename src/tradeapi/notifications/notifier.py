"""Tells users, inside the transaction of whoever has something to tell."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.jobs.port import Jobs, NewJob
from tradeapi.notifications import inboxes
from tradeapi.notifications.events import Changed, announce
from tradeapi.notifications.models import LONGEST_TEXT, LONGEST_TITLE
from tradeapi.notifications.notices import Channel, Notice


class Carrier(Protocol):
    """A way to users beside the inbox."""

    async def prepare(
        self, session: AsyncSession, notices: Mapping[UUID, Notice]
    ) -> Sequence[NewJob]:
        """Write down what is to be delivered, by the notifications' ids; the jobs that do it.

        The inboxes of these users are locked.
        """
        ...


class Notifier:
    """What it writes commits or goes with everything else in the session's transaction."""

    def __init__(
        self, jobs: Jobs, bus: Bus, clock: Clock, carriers: Mapping[Channel, Carrier]
    ) -> None:
        self._jobs = jobs
        self._bus = bus
        self._clock = clock
        self._carriers = carriers

    async def notify(self, session: AsyncSession, notices: Sequence[Notice]) -> None:
        """Into the inboxes, and on their way on each of their channels.

        It takes the same few statements for one notice and for a thousand. Tell all in one call:
        two calls of one transaction would lock inboxes out of their order. Users that there are no
        more are left out, as are notices that came before.
        """
        once = {(notice.user_id, notice.key): notice for notice in reversed(notices)}
        users = await inboxes.lock_users(session, {user for user, _ in once})
        known = set(users)
        fresh = [notice for notice in reversed(once.values()) if notice.user_id in known]
        if not fresh:
            return
        counts = Counter(notice.user_id for notice in fresh)
        advanced = await inboxes.advance(session, counts)
        told = await self._write(session, fresh, advanced, counts)
        await self._settle(session, told, advanced, counts)
        await self._carry(session, told)
        for user in {notice.user_id for notice in told.values()}:
            announce(session, self._bus, Changed(user=str(user), seq=advanced[user][0]))

    async def _write(
        self,
        session: AsyncSession,
        notices: Sequence[Notice],
        advanced: Mapping[UUID, tuple[int, int]],
        counts: Mapping[UUID, int],
    ) -> Mapping[UUID, Notice]:
        """Those that are new, by the ids they got."""
        now = round(self._clock.now(), 3)
        last = {user: seq - counts[user] for user, (seq, _) in advanced.items()}
        by_id: dict[UUID, Notice] = {}
        rows = []
        for notice in notices:
            last[notice.user_id] += 1
            id = uuid7()
            by_id[id] = notice
            rows.append(_row(id, last[notice.user_id], notice, now))
        added = await inboxes.add(session, rows)
        return {id: notice for id, notice in by_id.items() if id in added}

    @staticmethod
    async def _settle(
        session: AsyncSession,
        told: Mapping[UUID, Notice],
        advanced: Mapping[UUID, tuple[int, int]],
        counts: Mapping[UUID, int],
    ) -> None:
        """Count no replays, and keep no more than there may be."""
        new = Counter(notice.user_id for notice in told.values())
        for user, (_, count) in sorted(advanced.items()):
            replayed = counts[user] - new[user]
            if replayed:
                await inboxes.take_back(session, user, count=replayed, unread=replayed)
            surplus = count - replayed - inboxes.MOST
            if surplus > inboxes.SURPLUS:
                await inboxes.remove_oldest(session, user, surplus)

    async def _carry(self, session: AsyncSession, told: Mapping[UUID, Notice]) -> None:
        jobs: list[NewJob] = []
        for channel, carrier in self._carriers.items():
            chosen = {id: notice for id, notice in told.items() if channel in notice.channels}
            if chosen:
                jobs.extend(await carrier.prepare(session, chosen))
        if jobs:
            await self._jobs.enqueue(session, *jobs)


def _row(id: UUID, seq: int, notice: Notice, now: float) -> Mapping[str, Any]:
    return {
        "id": id,
        "user_id": notice.user_id,
        "seq": seq,
        "key": notice.key,
        "type": notice.type,
        # As much as fits: one that is too long must not keep all others from being told.
        "title": notice.title[:LONGEST_TITLE],
        "text": notice.text[:LONGEST_TEXT],
        "data": dict(notice.data),
        "is_test": notice.is_test,
        "time": notice.time,
        "created_at": now,
    }
