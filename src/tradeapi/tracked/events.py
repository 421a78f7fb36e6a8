"""What jobs that are watched announce after a commit."""

from dataclasses import dataclass
from functools import partial

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.bus.port import Bus, Subject
from tradeapi.database import after_commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A job has this version now; whoever follows it reads it."""

    job: str
    version: int


def announce(session: AsyncSession, bus: Bus, change: Changed) -> None:
    """Once the session's transaction has committed."""
    after_commit(session, partial(bus.publish, JOBS, change.job, change))


def encode(change: Changed) -> bytes:
    """Fields in their order: what a release adds comes at the end."""
    return orjson.dumps((change.job, change.version))


def decode(payload: bytes) -> Changed:
    """Raises an error of whatever type for what is no change: anybody may write to Redis."""
    job, version = orjson.loads(payload)[:2]
    if type(job) is not str or type(version) is not int:
        raise ValueError("Some values are not of their type.")
    return Changed(job=job, version=version)


JOBS: Subject[Changed] = Subject("tracked_jobs.changes", encode, decode)
