"""What was sent to a webhook, and what is sent on demand."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from uuid_utils.compat import uuid7

from tradeapi.errors import Conflict, NotFound
from tradeapi.jobs.port import Jobs, NewJob
from tradeapi.notifications.notices import Channel, Notice
from tradeapi.notifications.webhooks.models import Delivery, Webhook
from tradeapi.notifications.webhooks.schemas import Status
from tradeapi.notifications.webhooks.service import Webhooks
from tradeapi.notifications.webhooks.signing import body_of

DELIVER = "webhook.deliver"
TEST = "webhook.test"


def job_for(delivery: UUID, *, run_at: float | None = None) -> NewJob:
    return NewJob(name=DELIVER, payload={"delivery": str(delivery)}, run_at=run_at)


class Deliveries:
    """Those to the webhooks of one user."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self._session = webhooks.session

    async def list(self, webhook: UUID, *, before: UUID | None, limit: int) -> Sequence[Delivery]:
        """The newest first."""
        found = await self._webhooks.get(webhook)
        chosen = select(Delivery).where(Delivery.webhook_id == found.id)
        if before is not None:
            chosen = chosen.where(Delivery.id < before)
        ordered = chosen.order_by(Delivery.id.desc()).limit(limit)
        return (await self._session.scalars(ordered)).all()


@dataclass(frozen=True, slots=True)
class Sending:
    """Sends to one user's webhooks, once the transaction has committed."""

    webhooks: Webhooks
    jobs: Jobs
    now: float

    async def test(self, id: UUID) -> Delivery:
        """An event that nothing has happened for; raises Conflict where nothing is sent."""
        webhook = _enabled(await self.webhooks.lock(id))
        notice = Notice(
            user_id=self.webhooks.owner,
            key=TEST,
            type=TEST,
            title="Test of a webhook",
            text="Nothing has happened. Whoever can read this can verify it, too.",
            data={"webhook": str(id)},
            channels=frozenset({Channel.WEBHOOK}),
            time=self.now,
            is_test=True,
        )
        message = uuid7()
        delivery = Delivery(
            id=uuid7(),
            webhook_id=webhook.id,
            message_id=message,
            type=TEST,
            body=body_of(message, notice),
            status=Status.PENDING,
            attempts=0,
            next_attempt_at=self.now,
            created_at=self.now,
            updated_at=self.now,
        )
        self.webhooks.session.add(delivery)
        return await self._send(delivery)

    async def replay(self, id: UUID, delivery_id: UUID) -> Delivery:
        """The same message again, as if for the first time; raises Conflict while it is under
        way.
        """
        webhook = _enabled(await self.webhooks.lock(id))
        chosen = select(Delivery).where(
            Delivery.webhook_id == webhook.id, Delivery.id == delivery_id
        )
        delivery = await self.webhooks.session.scalar(chosen.with_for_update())
        if delivery is None:
            raise NotFound("The webhook has no such delivery.")
        if delivery.status == Status.PENDING:
            raise Conflict("It is still being delivered.", code="delivery_pending")
        delivery.status, delivery.attempts = Status.PENDING, 0
        delivery.next_attempt_at = delivery.updated_at = self.now
        return await self._send(delivery)

    async def _send(self, delivery: Delivery) -> Delivery:
        await self.webhooks.session.flush()
        await self.jobs.enqueue(self.webhooks.session, job_for(delivery.id))
        return delivery


def _enabled(webhook: Webhook) -> Webhook:
    if not webhook.is_enabled:
        raise Conflict("The webhook is disabled; enable it first.", code="webhook_disabled")
    return webhook
