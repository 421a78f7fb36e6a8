"""Pushes what is to be pushed, and forgets browsers that are not there any more."""

import random
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from uuid import UUID

import anyio
import structlog
from sqlalchemy import delete, select

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.jobs.port import Job, Later
from tradeapi.metrics import PUSH_DELIVERIES, PUSH_SECONDS
from tradeapi.notifications.models import Notification
from tradeapi.notifications.posting.aside import Aside
from tradeapi.notifications.posting.poster import Answer, NotPosted, Poster
from tradeapi.notifications.posting.turns import Turns
from tradeapi.notifications.preferences import quiet_until
from tradeapi.notifications.push.browser import TTL_SECONDS, Browser, message_of
from tradeapi.notifications.push.keys import PushKeys
from tradeapi.notifications.push.models import Push, PushSubscription
from tradeapi.security.safe import Lost, Safe

GONE = frozenset({404, 410})
BUSY = 429
SOONEST, LATEST = 5.0, 3600.0

_log = structlog.get_logger("tradeapi.push")


@dataclass(frozen=True, slots=True)
class Sending:
    """One push with all that it takes."""

    push: Push
    subscription: PushSubscription
    notification: Notification
    quiet_until: float | None

    def age(self, now: float) -> float:
        return max(0.0, now - self.push.due_at)


class Result(StrEnum):
    DELIVERED = "delivered"
    RETRIED = "retried"
    FAILED = "failed"
    # The browser does not want any more.
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one attempt. `asked`: how many seconds the answer wants us to wait."""

    result: Result
    status: int | None = None
    error: str | None = None
    asked: float = 0


class PushSender:
    """The handler of the jobs that push, on any number of processes."""

    def __init__(  # noqa: PLR0913, PLR0917  they are what it has
        self,
        database: Database,
        poster: Poster,
        aside: Aside,
        keys: PushKeys,
        safe: Safe,
        clock: Clock,
        *,
        contact: str,
    ) -> None:
        self._database = database
        self._poster = poster
        self._aside = aside
        self._keys = keys
        self._safe = safe
        self._clock = clock
        self._contact = contact
        self._turns = Turns()

    async def send(self, job: Job) -> None:
        """Raises Later for what was not taken. What is over already is left alone."""
        sending = await self._find(UUID(job.payload["push"]))
        if sending is None:
            return
        if sending.quiet_until is not None:
            raise Later(sending.quiet_until - self._clock.now())
        await self._aside.do(sending.push.id, partial(self._carry_out, sending))

    async def _find(self, id: UUID) -> Sending | None:
        async with self._database.reading() as session:
            chosen = (
                select(Push, PushSubscription, Notification)
                .join(PushSubscription, PushSubscription.id == Push.subscription_id)
                .join(Notification, Notification.id == Push.notification_id)
                .where(Push.id == id)
            )
            row = (await session.execute(chosen)).one_or_none()
            if row is None:
                return None
            # They may have begun since, or been changed.
            user = row[1].user_id
            quiet = await quiet_until(session, [user], self._clock.now())
            return Sending(row[0], row[1], row[2], quiet.get(user))

    async def _carry_out(self, sending: Sending) -> float | None:
        async with self._turns.one(sending.subscription.id):
            outcome = await self._attempt(sending)
            if outcome.result is not Result.RETRIED:
                await self._end(sending, outcome.result)
            _tell(sending, outcome)
            return self._again(sending, outcome)

    async def _attempt(self, sending: Sending) -> Outcome:
        now = self._clock.now()
        if sending.age(now) >= TTL_SECONDS:
            return Outcome(Result.FAILED, error="too_old")
        try:
            browser = Browser.parse(self._safe.open(sending.subscription.sealed))
        except Lost:
            return Outcome(Result.FAILED, error="secret_lost")
        one = sending.notification
        body = browser.encrypt(message_of(str(one.id), one.type, one.title, one.text))
        vapid = await self._keys.current()
        ttl = TTL_SECONDS - sending.age(now)
        headers = browser.headers(vapid, self._contact, now, ttl)
        start = anyio.current_time()
        try:
            answer = await self._poster.post(browser.endpoint, headers, body)
        except NotPosted as refusal:
            return Outcome(Result.RETRIED, error=refusal.fault)
        finally:
            PUSH_SECONDS.observe(anyio.current_time() - start)
        return Outcome(_result(answer), status=answer.status, asked=answer.patience(now))

    def _again(self, sending: Sending, outcome: Outcome) -> float | None:
        """In as many seconds as it has taken so far: each time twice as many."""
        if outcome.result is not Result.RETRIED:
            return None
        seconds = max(sending.age(self._clock.now()), outcome.asked, SOONEST)
        spread = random.uniform(0.9, 1.1)  # noqa: S311  no secret
        return min(seconds, LATEST) * spread

    async def _end(self, sending: Sending, result: Result) -> None:
        async with self._database.transaction() as session:
            if result is Result.GONE:
                subscription = PushSubscription.id == sending.subscription.id
                await session.execute(delete(PushSubscription).where(subscription))
            else:
                await session.execute(delete(Push).where(Push.id == sending.push.id))


def _result(answer: Answer) -> Result:
    if answer.is_success:
        return Result.DELIVERED
    if answer.status in GONE:
        return Result.GONE
    is_for_now = answer.status == BUSY or answer.status >= 500
    return Result.RETRIED if is_for_now else Result.FAILED


def _tell(sending: Sending, outcome: Outcome) -> None:
    PUSH_DELIVERIES.labels(outcome.result).inc()
    # Not the endpoint: whoever knows it can push there.
    _log.info(
        "push.sent",
        subscription=str(sending.subscription.id),
        host=sending.subscription.host,
        result=outcome.result,
        status=outcome.status,
        error=outcome.error,
    )
