"""What indices announce after a commit."""

from dataclasses import dataclass
from functools import partial

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.bus.port import Bus, Subject
from tradeapi.database import after_commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """An index has this version of its rules and this revision of its levels; -1: it is gone."""

    code: str
    version: int
    revision: int


def announce(session: AsyncSession, bus: Bus, change: Changed) -> None:
    """Once the session's transaction has committed."""
    after_commit(session, partial(bus.publish, INDICES, change.code, change))


def encode(change: Changed) -> bytes:
    """Fields in their order: what a release adds comes at the end."""
    return orjson.dumps((change.code, change.version, change.revision))


def decode(payload: bytes) -> Changed:
    """Raises an error of whatever type for what is no change: anybody may write to Redis."""
    code, version, revision = orjson.loads(payload)[:3]
    if type(code) is not str or {type(version), type(revision)} != {int}:
        raise ValueError("Some values are not of their type.")
    return Changed(code=code, version=version, revision=revision)


INDICES: Subject[Changed] = Subject("indices.changes", encode, decode)
