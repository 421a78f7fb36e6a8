"""Whoever has something to tell users, on a database that may be a service's."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select

from tests.auth.people import NOON
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import Bus
from tradeapi.clock import Clock, FixedClock
from tradeapi.database import Database
from tradeapi.jobs.opening import jobs_of
from tradeapi.notifications.models import Inbox, Notification
from tradeapi.notifications.notices import Channel, Notice
from tradeapi.notifications.notifier import Carrier, Notifier

Done = TypeVar("Done")


class Teller:
    """One process that tells; `bus` brings the news of it."""

    def __init__(
        self,
        database: Database,
        bus: Bus | None = None,
        clock: Clock | None = None,
        carriers: Mapping[Channel, Carrier] | None = None,
    ) -> None:
        self.database = database
        self.clock = clock or FixedClock(NOON)
        self.jobs = jobs_of(database, self.clock)
        self.notifier = Notifier(self.jobs, bus or MemoryBus(), self.clock, carriers or {})

    async def tell(self, *notices: Notice) -> None:
        async with self.database.transaction() as session:
            await self.notifier.notify(session, notices)

    async def waiting(self) -> dict[str, int]:
        """How many jobs there are, by their names."""
        async with self.database.reading() as session:
            return {count.name: count.jobs for count in await self.jobs.counts(session)}

    async def inbox(self, user: UUID) -> Inbox:
        async with self.database.reading() as session:
            inbox = await session.get(Inbox, user)
        assert inbox is not None
        return inbox

    async def notifications(self, user: UUID) -> Sequence[Notification]:
        """In the order in which they came."""
        chosen = select(Notification).where(Notification.user_id == user)
        async with self.database.reading() as session:
            return (await session.scalars(chosen.order_by(Notification.seq))).all()


def notice(user: UUID | str, key: str, **fields: Any) -> Notice:
    given = {
        "type": "alert.fired",
        "title": f"What {key} says",
        "text": f"All that {key} says.",
        "data": {"key": key},
        "channels": frozenset[Channel](),
        "time": NOON - 1,
        **fields,
    }
    return Notice(user_id=UUID(str(user)), key=key, **given)


def on(url: str, work: Callable[[Database], Awaitable[Done]]) -> Done:
    """Done in an event loop of its own, beside a service that runs on the same database."""

    async def run() -> Done:
        async with Database(url) as database:
            return await work(database)

    return asyncio.run(run())


def tell(url: str, *notices: Notice) -> None:
    on(url, lambda database: Teller(database).tell(*notices))
