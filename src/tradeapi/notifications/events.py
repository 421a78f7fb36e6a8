"""What inboxes announce after a commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.bus.port import Bus, Subject
from tradeapi.database import after_commit

# Of more it is cheaper to read them where they are wanted.
MOST_TOLD = 20
LONGEST = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A user's inbox has come this far, and `unread` of what is in it are not read.

    `told` are the notifications that led there from `after`, as they are told; None where they are
    not said, or something else has happened: then whoever follows the inbox reads it.
    """

    user: str
    seq: int
    after: int
    unread: int
    told: Sequence[Mapping[str, Any]] | None = None


def announce(session: AsyncSession, bus: Bus, change: Changed) -> None:
    """Once the session's transaction has committed."""
    after_commit(session, partial(bus.publish, INBOXES, change.user, change))


def encode(change: Changed) -> bytes:
    """Fields in their order: what a release adds comes at the end."""
    head = change.user, change.seq, change.after, change.unread
    text = orjson.dumps((*head, change.told))
    return text if len(text) <= LONGEST else orjson.dumps((*head, None))


def decode(payload: bytes) -> Changed:
    """Raises an error of whatever type for what is no change: anybody may write to Redis."""
    user, seq, after, unread, told = orjson.loads(payload)[:5]
    if type(user) is not str or {type(seq), type(after), type(unread)} != {int}:
        raise ValueError("Some values are not of their type.")
    if told is not None and not all(type(one["seq"]) is int for one in told):
        raise ValueError("Some notifications are none.")
    return Changed(user=user, seq=seq, after=after, unread=unread, told=told)


INBOXES: Subject[Changed] = Subject("notifications.changes", encode, decode)
