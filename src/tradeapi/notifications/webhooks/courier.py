"""Sends what is to be delivered, and writes down what became of it."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

import anyio
import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.jobs.port import Job, Later
from tradeapi.metrics import WEBHOOK_DELIVERIES, WEBHOOK_SECONDS
from tradeapi.notifications.notices import Notice
from tradeapi.notifications.notifier import Notifier
from tradeapi.notifications.posting.aside import Aside
from tradeapi.notifications.posting.poster import NotPosted, Poster
from tradeapi.notifications.posting.turns import Turns
from tradeapi.notifications.webhooks.models import Delivery, Webhook
from tradeapi.notifications.webhooks.schedule import FAILING_SECONDS, delay
from tradeapi.notifications.webhooks.schemas import Reason, Status
from tradeapi.notifications.webhooks.signing import headers_of
from tradeapi.security.safe import Lost, Safe

GONE = 410
# Why nothing was sent at all.
DISABLED = "disabled"
SECRET_LOST = "secret_lost"  # noqa: S105  a word of the log
# A clock, or a queue, that is a little early.
EARLY_SECONDS = 0.5

_WORDS = {
    Reason.GONE: "It has answered that it is gone (410).",
    Reason.FAILING: "Nothing was delivered to it for a day.",
}
_log = structlog.get_logger("tradeapi.webhooks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one attempt. `asked`: how many seconds the answer wants us to wait."""

    status: int | None = None
    error: str | None = None
    seconds: float | None = None
    asked: float = 0
    # Nothing that comes later makes it better.
    is_final: bool = False

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Courier:
    """The handler of the jobs that deliver to webhooks, on any number of processes."""

    def __init__(  # noqa: PLR0913, PLR0917  they are what it has
        self,
        database: Database,
        poster: Poster,
        aside: Aside,
        notifier: Notifier,
        safe: Safe,
        clock: Clock,
    ) -> None:
        self._database = database
        self._poster = poster
        self._aside = aside
        self._notifier = notifier
        self._safe = safe
        self._clock = clock
        self._turns = Turns()

    async def deliver(self, job: Job) -> None:
        """Raises Later for what was not taken. What is over already is left alone."""
        found = await self._find(UUID(job.payload["delivery"]))
        if found is None:
            return
        delivery, webhook = found
        wait = (delivery.next_attempt_at or 0) - self._clock.now()
        if wait > EARLY_SECONDS:
            raise Later(wait)
        await self._aside.do(
            delivery.id,
            partial(self._carry_out, delivery, webhook),
            is_slow=webhook.failing_since is not None,
        )

    async def _carry_out(self, delivery: Delivery, webhook: Webhook) -> float | None:
        async with self._turns.one(webhook.id):
            outcome = await self._attempt(delivery, webhook)
            return await self._record(delivery, webhook, outcome)

    async def _find(self, id: UUID) -> tuple[Delivery, Webhook] | None:
        async with self._database.reading() as session:
            chosen = (
                select(Delivery, Webhook)
                .join(Webhook, Webhook.id == Delivery.webhook_id)
                .where(Delivery.id == id, Delivery.status == Status.PENDING)
            )
            row = (await session.execute(chosen)).one_or_none()
            return None if row is None else (row[0], row[1])

    async def _attempt(self, delivery: Delivery, webhook: Webhook) -> Outcome:
        if not webhook.is_enabled:
            return Outcome(error=DISABLED, is_final=True)
        now = self._clock.now()
        try:
            keys = self._keys(webhook, now)
        except Lost:
            return Outcome(error=SECRET_LOST, is_final=True)
        headers = headers_of(delivery.message_id, delivery.body, now, keys)
        start = anyio.current_time()
        try:
            answer = await self._poster.post(webhook.url, headers, delivery.body.encode())
        except NotPosted as refusal:
            return Outcome(error=refusal.fault, seconds=anyio.current_time() - start)
        return Outcome(
            status=answer.status,
            seconds=anyio.current_time() - start,
            asked=answer.patience(now),
            is_final=answer.status == GONE,
        )

    def _keys(self, webhook: Webhook, now: float) -> list[str]:
        keys = [self._safe.open(webhook.secret)]
        if webhook.previous_secret and now < (webhook.previous_secret_until or 0):
            try:
                keys.append(self._safe.open(webhook.previous_secret))
            except Lost:
                _log.warning("webhook.previous_secret_lost", webhook=str(webhook.id))
        return keys

    async def _record(self, delivery: Delivery, webhook: Webhook, outcome: Outcome) -> float | None:
        """In how many seconds it is to be tried again; None: it is over."""
        now = self._clock.now()
        attempts = delivery.attempts + (outcome.seconds is not None)
        is_over = outcome.is_success or outcome.is_final
        again = None if is_over else delay(attempts, outcome.asked)
        status = Status.PENDING if again else Status.FAILED
        status = Status.DELIVERED if outcome.is_success else status
        async with self._database.transaction() as session:
            if not outcome.is_success or webhook.failing_since is not None:
                await self._mark(session, webhook.id, outcome, now)
            await session.execute(
                update(Delivery)
                .where(Delivery.id == delivery.id, Delivery.status == Status.PENDING)
                .values(
                    status=status,
                    attempts=attempts,
                    next_attempt_at=None if again is None else now + again,
                    response_status=outcome.status,
                    error=outcome.error,
                    duration=outcome.seconds,
                    updated_at=now,
                )
            )
        self._tell(delivery, webhook, outcome, status)
        return again

    async def _mark(self, session: AsyncSession, id: UUID, outcome: Outcome, now: float) -> None:
        """How the webhook fares; it is locked before the delivery, as by its owner."""
        chosen = select(Webhook).where(Webhook.id == id).with_for_update(key_share=True)
        webhook = await session.scalar(chosen)
        if webhook is None or not webhook.is_enabled:
            return
        if outcome.is_success:
            webhook.failing_since = None
            return
        webhook.failing_since = webhook.failing_since or now
        if outcome.status == GONE:
            await self._disable(session, webhook, Reason.GONE, now)
        elif now - webhook.failing_since >= FAILING_SECONDS:
            await self._disable(session, webhook, Reason.FAILING, now)

    async def _disable(
        self, session: AsyncSession, webhook: Webhook, reason: Reason, now: float
    ) -> None:
        webhook.disabled_at, webhook.disabled_reason = now, reason
        webhook.version += 1
        webhook.updated_at = now
        await session.flush()
        notice = Notice(
            user_id=webhook.user_id,
            key=f"webhook.disabled:{webhook.id}:{webhook.version}",
            type="webhook.disabled",
            title="A webhook of yours is disabled",
            text=f"{_WORDS[reason]} Enable it when it is to be used again.",
            data={"webhook": str(webhook.id), "reason": reason.value},
            channels=frozenset(),
            time=now,
        )
        await self._notifier.notify(session, [notice])

    def _tell(self, delivery: Delivery, webhook: Webhook, outcome: Outcome, status: Status) -> None:
        result = "retried" if status is Status.PENDING else status.value
        WEBHOOK_DELIVERIES.labels(result).inc()
        if outcome.seconds is not None:
            WEBHOOK_SECONDS.observe(outcome.seconds)
        # Not the address: it may have a secret in it.
        _log.info(
            "webhook.sent",
            webhook=str(webhook.id),
            delivery=str(delivery.id),
            result=result,
            status=outcome.status,
            error=outcome.error,
            seconds=outcome.seconds,
        )
