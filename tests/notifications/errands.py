"""Users who are told something, and the jobs that come of it, done one by one."""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import anyio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.auth.models import User
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.jobs.port import Handler, Job, Later, NewJob
from tradeapi.notifications.models import Notification
from tradeapi.notifications.notices import Channel, Notice


class Queue:
    """Jobs of transactions that have committed, for a test to do."""

    def __init__(self) -> None:
        self.jobs: list[NewJob] = []

    async def enqueue(self, session: AsyncSession, *jobs: NewJob) -> None:
        async def commit() -> None:
            self.jobs.extend(jobs)

        session.info.setdefault("after_commit", []).append(commit)

    def take(self) -> list[Job]:
        """All that wait."""
        taken, self.jobs = self.jobs, []
        return [
            Job(id=str(uuid4()), name=job.name, payload=job.payload, attempt=1) for job in taken
        ]


async def later(handler: Handler, job: Job) -> float | None:
    """In how many seconds it is to be done again; None: it is done."""
    try:
        await handler(job)
    except Later as again:
        return again.seconds
    return None


@dataclass(slots=True)
class Times:
    """The clock of a test, near the real one: libraries have their own."""

    clock: FixedClock = field(default_factory=lambda: FixedClock(round(time.time(), 3)))

    @property
    def now(self) -> float:
        return self.clock.time

    def go_on(self, seconds: float) -> None:
        self.clock.time += seconds


async def add_user(database: Database) -> UUID:
    user = User(
        id=uuid7(),
        email=f"{uuid4()}@example.com",
        role="user",
        scopes="read write",
        created_at=0,
    )
    async with database.transaction() as session:
        session.add(user)
    return user.id


def notice(user: UUID, key: str = "1", *, type: str = "alert.fired") -> Notice:
    return Notice(
        user_id=user,
        key=key,
        type=type,
        title="US:AAPL is above 200",
        text="It is at 201.5.",
        data={"symbol": "US:AAPL", "price": 201.5},
        channels=frozenset(Channel),
        time=1_795_217_326.361,
    )


async def told(database: Database, user: UUID) -> Sequence[Notification]:
    """What is in the inbox."""
    async with database.reading() as session:
        chosen = select(Notification).where(Notification.user_id == user)
        return (await session.scalars(chosen.order_by(Notification.seq))).all()


async def eventually() -> AsyncIterator[None]:
    """Try again, a hundred times a second: `async for _ in eventually(): if ...: break`."""
    for _ in range(3000):
        yield
        await anyio.sleep(0.01)
    raise AssertionError
