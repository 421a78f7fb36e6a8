"""Inboxes as they are read for those who follow them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, column, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.database import Base, Database
from tradeapi.notifications.answers import document
from tradeapi.notifications.models import Inbox, Notification
from tradeapi.streams.topics import Change

# What a snapshot has of the newest, and the most of what is told from one look on.
NEWEST = 50
AT_ONCE = 1000

_epoch = table("epoch", column("value"))
_rows = Base.metadata.tables[Notification.__tablename__]


@dataclass(frozen=True, slots=True)
class Reading:
    """An inbox at `seq`: what led there, each with its own, from the one that was asked for.

    Not `is_complete`: there is more than can be told at once, and `seq` is where that begins.
    """

    epoch: str
    seq: int
    unread: int
    changes: Sequence[tuple[int, Change]]
    newest: Sequence[Mapping[str, Any]]
    is_complete: bool = True


async def read(
    database: Database, user: UUID, after: int | None, *, newest: bool = False
) -> Reading:
    """What has happened after a `seq`, or nothing of that; and the newest, if asked for."""
    async with database.reading() as session:
        # First how far it has come: what is read then is at least as new, and what came later is
        # left out.
        chosen = select(_epoch.c.value, Inbox.seq, Inbox.swept, Inbox.unread)
        chosen = chosen.select_from(_epoch.outerjoin(Inbox, Inbox.user_id == user))
        epoch, *found = (await session.execute(chosen)).one()
        seq, swept, unread = (value or 0 for value in found)
        changes = [] if after is None else await _changes(session, user, after, seq, unread)
        if after is not None and after < swept <= seq:
            fields = {"unread": unread, "notifications": await _newest(session, user, swept)}
            changes.append((swept, Change(type="inbox", fields=fields, key=None, final=True)))
        changes.sort(key=_version)
        is_complete = len(changes) <= AT_ONCE
        if not is_complete:
            changes = changes[:AT_ONCE]
            seq = changes[-1][0]
        listed = await _newest(session, user, seq) if newest else []
    # Where one user stopped means nothing to another.
    return Reading(f"{epoch}-{user.hex}", seq, unread, changes, listed, is_complete)


def notification(told: Mapping[str, Any], unread: int) -> tuple[int, Change]:
    """The change that a new one is, and its version."""
    fields = {"notification": told, "unread": unread}
    return told["seq"], Change(type="notification", fields=fields, key=None, final=True)


async def _changes(
    session: AsyncSession, user: UUID, after: int, until: int, unread: int
) -> list[tuple[int, Change]]:
    came = await _between(session, user, _rows.c.seq, after, until)
    marked = await _between(session, user, _rows.c.marked, after, until)
    return [
        *(notification(document(dict(row)), unread) for row in came),
        *(_mark(row, unread) for row in marked),
    ]


async def _between(
    session: AsyncSession, user: UUID, place: ColumnElement[Any], after: int, until: int
) -> Sequence[RowMapping]:
    chosen = select(_rows).where(_rows.c.user_id == user, place > after, place <= until)
    rows = await session.execute(chosen.order_by(place).limit(AT_ONCE + 1))
    return rows.mappings().all()


async def _newest(session: AsyncSession, user: UUID, until: int) -> Sequence[Mapping[str, Any]]:
    chosen = select(_rows).where(_rows.c.user_id == user, _rows.c.seq <= until)
    rows = await session.execute(chosen.order_by(_rows.c.seq.desc()).limit(NEWEST))
    return [document(dict(row)) for row in rows.mappings()]


def _mark(row: RowMapping, unread: int) -> tuple[int, Change]:
    fields = {"id": str(row["id"]), "read_at": row["read_at"], "unread": unread}
    return row["marked"], Change(type="mark", fields=fields, key=None, final=True)


def _version(change: tuple[int, Change]) -> int:
    return change[0]
