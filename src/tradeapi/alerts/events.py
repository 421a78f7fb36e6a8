"""What alerts announce after a commit."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.bus.port import Bus, Subject
from tradeapi.database import after_commit

# Whoever watches alerts watches all of them.
KEY = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """Alerts that are others now, or are no more; whoever watches them reads them."""

    ids: tuple[UUID, ...]


def announce(session: AsyncSession, bus: Bus, *ids: UUID) -> None:
    """Once the session's transaction has committed."""
    after_commit(session, partial(bus.publish, ALERTS, KEY, Edited(ids=ids)))


def encode(edited: Edited) -> bytes:
    """Fields in their order: what a release adds comes at the end."""
    return orjson.dumps((edited.ids,))


def decode(payload: bytes) -> Edited:
    """Raises an error of whatever type for what is none: anybody may write to Redis."""
    return Edited(ids=tuple(map(UUID, orjson.loads(payload)[0])))


ALERTS: Subject[Edited] = Subject("alerts.edits", encode, decode)
