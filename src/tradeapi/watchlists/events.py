"""What watchlists announce after a commit."""

from dataclasses import dataclass
from functools import partial

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.bus.port import Bus, Subject
from tradeapi.database import after_commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A list has this version now, or is no more; whoever follows it reads it."""

    watchlist: str
    version: int


def announce(session: AsyncSession, bus: Bus, change: Changed) -> None:
    """Once the session's transaction has committed."""
    after_commit(session, partial(bus.publish, WATCHLISTS, change.watchlist, change))


def encode(change: Changed) -> bytes:
    """Fields in their order: what a release adds comes at the end."""
    return orjson.dumps((change.watchlist, change.version))


def decode(payload: bytes) -> Changed:
    """Raises an error of whatever type for what is no change: anybody may write to Redis."""
    watchlist, version = orjson.loads(payload)[:2]
    if type(watchlist) is not str or type(version) is not int:
        raise ValueError("Some values are not of their type.")
    return Changed(watchlist=watchlist, version=version)


WATCHLISTS: Subject[Changed] = Subject("watchlists.changes", encode, decode)
