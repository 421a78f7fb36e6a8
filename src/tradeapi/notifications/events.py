"""What inboxes announce after a commit."""

from dataclasses import dataclass
from functools import partial

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.bus.port import Bus, Subject
from tradeapi.database import after_commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A user's inbox has come this far; whoever follows it reads what is new."""

    user: str
    seq: int


def announce(session: AsyncSession, bus: Bus, change: Changed) -> None:
    """Once the session's transaction has committed."""
    after_commit(session, partial(bus.publish, INBOXES, change.user, change))


def encode(change: Changed) -> bytes:
    """Fields in their order: what a release adds comes at the end."""
    return orjson.dumps((change.user, change.seq))


def decode(payload: bytes) -> Changed:
    """Raises an error of whatever type for what is no change: anybody may write to Redis."""
    user, seq = orjson.loads(payload)[:2]
    if type(user) is not str or type(seq) is not int:
        raise ValueError("Some values are not of their type.")
    return Changed(user=user, seq=seq)


INBOXES: Subject[Changed] = Subject("notifications.changes", encode, decode)
