"""One user's inbox, for that user."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.bus.port import Bus
from tradeapi.errors import NotFound
from tradeapi.notifications.events import Changed, announce
from tradeapi.notifications.models import Inbox, Notification


@dataclass(frozen=True, slots=True)
class Filter:
    """Which are listed; `type` None stands for all."""

    is_unread: bool = False
    type: str | None = None


async def notifications_of(session: AsyncSession, owner: UUID) -> Sequence[Any]:
    """All of one user; the newest first."""
    chosen = select(Notification).where(Notification.user_id == owner)
    return (await session.scalars(chosen.order_by(Notification.seq.desc()))).all()


class Notifications:
    """One owner's; nobody else's can be reached through it."""

    def __init__(self, session: AsyncSession, bus: Bus, owner: UUID, now: float) -> None:
        self._session = session
        self._bus = bus
        self._owner = owner
        self._now = round(now, 3)

    async def list(
        self, filter: Filter, *, before: int | None, limit: int
    ) -> Sequence[Notification]:
        """The newest first, of those that came before a `seq`."""
        chosen = self._owned().order_by(Notification.seq.desc()).limit(limit)
        if before is not None:
            chosen = chosen.where(Notification.seq < before)
        if filter.is_unread:
            chosen = chosen.where(Notification.read_at.is_(None))
        if filter.type is not None:
            chosen = chosen.where(Notification.type == filter.type)
        return (await self._session.scalars(chosen)).all()

    async def unread(self) -> int:
        chosen = select(Inbox.unread).where(Inbox.user_id == self._owner)
        return await self._session.scalar(chosen) or 0

    async def mark(self, id: UUID, *, is_read: bool) -> Notification:
        inbox = await self._lock()
        found = await self._session.scalar(self._owned().where(Notification.id == id))
        if inbox is None or found is None:
            raise _no_such_notification()
        if (found.read_at is not None) is not is_read:
            inbox.unread += -1 if is_read else 1
            self._step(inbox)
            found.read_at = self._now if is_read else None
            found.marked = inbox.seq
        return found

    async def mark_all(self, until: int | None) -> None:
        """As read, up to that `seq` or all."""
        inbox = await self._lock()
        if inbox is None:
            return
        unread = update(Notification).where(
            Notification.user_id == self._owner, Notification.read_at.is_(None)
        )
        if until is not None:
            unread = unread.where(Notification.seq <= until)
        unread = unread.values(read_at=self._now).returning(Notification.id)
        marked = len((await self._session.scalars(unread)).all())
        if marked:
            inbox.unread -= marked
            self._step(inbox)
            inbox.swept = inbox.seq

    async def delete(self, id: UUID) -> None:
        if not await self._delete(Notification.id == id):
            raise _no_such_notification()

    async def clear(self, until: int | None) -> None:
        """Remove those up to that `seq`, or all."""
        await self._delete(*([] if until is None else [Notification.seq <= until]))

    async def _delete(self, *conditions: Any) -> int:  # noqa: ANN401  as SQLAlchemy takes them
        inbox = await self._lock()
        if inbox is None:
            return 0
        removed = delete(Notification).where(Notification.user_id == self._owner, *conditions)
        rows = await self._session.scalars(removed.returning(Notification.read_at))
        read = rows.all()
        if read:
            inbox.count -= len(read)
            inbox.unread -= read.count(None)
            self._step(inbox)
            inbox.swept = inbox.seq
        return len(read)

    def _owned(self) -> Select[Notification]:
        return select(Notification).where(Notification.user_id == self._owner)

    async def _lock(self) -> Inbox | None:
        """None: there never was anything in it."""
        locked = select(Inbox).where(Inbox.user_id == self._owner).with_for_update(key_share=True)
        return await self._session.scalar(locked)

    def _step(self, inbox: Inbox) -> None:
        """One more change, which whoever follows the inbox reads."""
        inbox.seq += 1
        change = Changed(
            user=str(self._owner), seq=inbox.seq, after=inbox.seq - 1, unread=inbox.unread
        )
        announce(self._session, self._bus, change)


def _no_such_notification() -> NotFound:
    return NotFound("There is no such notification.")
