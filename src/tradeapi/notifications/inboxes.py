"""Statements on the inboxes of many users at once, each locked in the order of the users' ids."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.models import User
from tradeapi.database import Base, insert, parts
from tradeapi.notifications.models import Inbox, Notification

# The most of one user. A few more may be there for a while: they go many at a time.
MOST = 10_000
SURPLUS = 200

INBOXES = Base.metadata.tables[Inbox.__tablename__]
NOTIFICATIONS = Base.metadata.tables[Notification.__tablename__]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an inbox came in this transaction, from `before`; and what is in it."""

    before: int
    seq: int
    count: int
    unread: int


async def lock_users(session: AsyncSession, users: Collection[UUID]) -> Sequence[UUID]:
    """Those that there still are, in order; none of them goes before the transaction ends."""
    found: list[UUID] = []
    for some in parts(sorted(users)):
        chosen = select(User.id).where(User.id.in_(some))
        locked = chosen.order_by(User.id).with_for_update(read=True, key_share=True)
        found += await session.scalars(locked)
    return found


async def advance(session: AsyncSession, counts: Mapping[UUID, int]) -> dict[UUID, Standing]:
    """Have so many more in the inboxes, all unread.

    Of two who do so at the same time one waits here.
    """
    rows = [
        {
            "user_id": user,
            "seq": counts[user],
            "swept": 0,
            "count": counts[user],
            "unread": counts[user],
            "is_mail_due": False,
        }
        for user in sorted(counts)
    ]
    made = insert(session, INBOXES)
    advanced = made.on_conflict_do_update(
        index_elements=["user_id"],
        set_={name: INBOXES.c[name] + made.excluded[name] for name in ("seq", "count", "unread")},
    )
    columns = INBOXES.c.user_id, INBOXES.c.seq, INBOXES.c.count, INBOXES.c.unread
    found = await session.execute(advanced.returning(*columns), rows)
    return {user: Standing(seq - counts[user], seq, *rest) for user, seq, *rest in found}


async def add(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> Collection[UUID]:
    """The ids of those that are new: what has the key of another one is left out."""
    added = insert(session, NOTIFICATIONS).on_conflict_do_nothing(index_elements=["user_id", "key"])
    return set(await session.scalars(added.returning(NOTIFICATIONS.c.id), [*rows]))


async def settle(
    session: AsyncSession, user: UUID, standing: Standing, *, replayed: int
) -> Standing:
    """Without those that were there before, and without the oldest if there are too many."""
    count, unread = standing.count - replayed, standing.unread - replayed
    if count > MOST + SURPLUS:
        read = await _remove_oldest(session, user, count - MOST)
        count, unread = count - len(read), unread - read.count(None)
    settled = replace(standing, count=count, unread=unread)
    if settled != standing:
        counted = update(INBOXES).where(INBOXES.c.user_id == user)
        await session.execute(counted.values(count=count, unread=unread))
    return settled


async def _remove_oldest(session: AsyncSession, user: UUID, surplus: int) -> Sequence[float | None]:
    """When each of them was read."""
    owned = NOTIFICATIONS.c.user_id == user
    kept = select(NOTIFICATIONS.c.seq).where(owned).order_by(NOTIFICATIONS.c.seq)
    first = await session.scalar(kept.offset(surplus).limit(1))
    removed = delete(NOTIFICATIONS).where(owned, NOTIFICATIONS.c.seq < first)
    return (await session.scalars(removed.returning(NOTIFICATIONS.c.read_at))).all()
