"""Webhooks of users, from what they are told to the request, with all that is between."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update
from uuid_utils.compat import uuid7

from tests.notifications.errands import Queue, Times, later
from tradeapi.bus.memory import MemoryBus
from tradeapi.database import Database
from tradeapi.jobs.port import Job
from tradeapi.notifications.notices import Channel, Notice
from tradeapi.notifications.notifier import Notifier
from tradeapi.notifications.posting.aside import Aside
from tradeapi.notifications.posting.poster import Poster
from tradeapi.notifications.webhooks.carrier import WebhookCarrier
from tradeapi.notifications.webhooks.courier import Courier
from tradeapi.notifications.webhooks.models import Delivery, Webhook
from tradeapi.notifications.webhooks.service import PURPOSE
from tradeapi.notifications.webhooks.signing import new_secret
from tradeapi.security.safe import Safe
from tradeapi.security.secrets import Secrets


@dataclass(slots=True)
class Hooks:
    """One process that tells users, and delivers to their webhooks."""

    database: Database
    times: Times
    queue: Queue
    safe: Safe
    notifier: Notifier
    courier: Courier

    async def add(
        self, user: UUID, url: str, *, types: list[str] | None = None, **fields: object
    ) -> tuple[UUID, str]:
        """A webhook and its secret, as if its owner had made it."""
        secret = new_secret()
        webhook = Webhook(
            id=uuid7(),
            user_id=user,
            url=url,
            description="",
            types=types,
            secret=self.safe.close(secret),
            version=1,
            created_at=self.times.now,
            updated_at=self.times.now,
            **fields,
        )
        async with self.database.transaction() as session:
            session.add(webhook)
        return webhook.id, secret

    async def tell(self, *notices: Notice) -> list[Job]:
        """The jobs that come of it."""
        async with self.database.transaction() as session:
            await self.notifier.notify(session, notices)
        return self.queue.take()

    async def deliver(self, job: Job) -> float | None:
        """In how many seconds it is tried again."""
        return await later(self.courier.deliver, job)

    async def webhook(self, id: UUID) -> Webhook:
        async with self.database.reading() as session:
            return (await session.scalars(select(Webhook).where(Webhook.id == id))).one()

    async def change(self, id: UUID, **fields: object) -> None:
        async with self.database.transaction() as session:
            await session.execute(update(Webhook).where(Webhook.id == id).values(**fields))

    async def deliveries(self, webhook: UUID) -> Sequence[Delivery]:
        """The oldest first."""
        async with self.database.reading() as session:
            chosen = select(Delivery).where(Delivery.webhook_id == webhook)
            return (await session.scalars(chosen.order_by(Delivery.id))).all()


@asynccontextmanager
async def open_hooks(
    database: Database, *, patience: float = 10, loopback: bool = True
) -> AsyncIterator[Hooks]:
    times, queue = Times(), Queue()
    safe = Safe.of(Secrets("s" * 32), PURPOSE)
    carriers = {Channel.WEBHOOK: WebhookCarrier(times.clock)}
    notifier = Notifier(queue, MemoryBus(), times.clock, carriers)  # type: ignore[arg-type]
    async with (
        Poster(loopback=loopback) as poster,
        Aside(patience=patience, with_slow=patience) as aside,
    ):
        courier = Courier(database, poster, aside, notifier, safe, times.clock)
        yield Hooks(database, times, queue, safe, notifier, courier)
