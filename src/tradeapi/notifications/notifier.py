"""Tells users, inside the transaction of whoever has something to tell."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.jobs.port import Jobs, NewJob
from tradeapi.notifications import inboxes
from tradeapi.notifications.answers import document
from tradeapi.notifications.events import MOST_TOLD, Changed, announce
from tradeapi.notifications.inboxes import Standing
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
        standings = await inboxes.advance(session, counts)
        rows = self._rows(fresh, standings)
        added = await inboxes.add(session, [*rows.values()])
        told = {id: notice for id, notice in zip(rows, fresh, strict=True) if id in added}
        # Replays are not counted, and no more are kept than there may be.
        new = Counter(notice.user_id for notice in told.values())
        for user in sorted(standings):
            standings[user] = await inboxes.settle(
                session, user, standings[user], replayed=counts[user] - new[user]
            )
        await self._carry(session, told)
        self._announce(session, [rows[id] for id in told], standings)

    def _rows(
        self, notices: Sequence[Notice], standings: Mapping[UUID, Standing]
    ) -> Mapping[UUID, Mapping[str, Any]]:
        """As they are to be added, by their ids."""
        now = round(self._clock.now(), 3)
        last = {user: standing.before for user, standing in standings.items()}
        rows = {}
        for notice in notices:
            last[notice.user_id] += 1
            id = uuid7()
            rows[id] = _row(id, last[notice.user_id], notice, now)
        return rows

    def _announce(
        self,
        session: AsyncSession,
        rows: Sequence[Mapping[str, Any]],
        standings: Mapping[UUID, Standing],
    ) -> None:
        told: dict[UUID, list[Mapping[str, Any]]] = defaultdict(list)
        for row in rows:
            told[row["user_id"]].append(document(row))
        for user, standing in standings.items():
            change = Changed(
                user=str(user),
                seq=standing.seq,
                after=standing.before,
                unread=standing.unread,
                told=told[user] if len(told[user]) <= MOST_TOLD else None,
            )
            announce(session, self._bus, change)

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
