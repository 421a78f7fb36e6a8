"""What alerts announce after a commit."""

from dataclasses import dataclass
from functools import partial

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.bus.port import Bus, Subject
from tradeapi.database import after_commit

# Whoever watches alerts watches all of them.
KEY = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """Alerts that are others now, or are no more; whoever watches them reads them."""

    ids: tuple[str, ...]


def announce(session: AsyncSession, bus: Bus, *ids: object) -> None:
    """Once the session's transaction has committed."""
    after_commit(session, partial(bus.publish, ALERTS, KEY, Edited(ids=tuple(map(str, ids)))))


def encode(edited: Edited) -> bytes:
    """Fields in their order: what a release adds comes at the end."""
    return orjson.dumps((edited.ids,))


def decode(payload: bytes) -> Edited:
    """Raises an error of whatever type for what is none: anybody may write to Redis."""
    ids = orjson.loads(payload)[0]
    if any(type(id) is not str for id in ids):
        raise ValueError("Some values are not of their type.")
    return Edited(ids=tuple(ids))


ALERTS: Subject[Edited] = Subject("alerts.edits", encode, decode)
