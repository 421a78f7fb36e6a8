"""What users are told reaches their webhooks: signed, again if need be, and not for ever."""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID, uuid4

import pytest
import structlog
from sqlalchemy import delete, event, update
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from tests.notifications import receiver as behaviours
from tests.notifications.errands import add_user, eventually, notice, told
from tests.notifications.hooks import Hooks, open_hooks
from tests.notifications.receiver import Receiver, receiving, status
from tradeapi.database import Database
from tradeapi.jobs.port import Job
from tradeapi.notifications.posting import aside, turns
from tradeapi.notifications.webhooks import carrier, schedule, tasks
from tradeapi.notifications.webhooks.models import Delivery, Webhook
from tradeapi.notifications.webhooks.service import PURPOSE
from tradeapi.notifications.webhooks.signing import OVERLAP_SECONDS, new_secret
from tradeapi.security.safe import Safe
from tradeapi.security.secrets import Secrets

pytestmark = pytest.mark.anyio


@pytest.fixture
async def hooks(database: Database) -> AsyncIterator[Hooks]:
    async with open_hooks(database) as hooks:
        yield hooks


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def user(database: Database) -> UUID:
    return await add_user(database)


async def test_a_notice_is_sent_and_can_be_verified(
    hooks: Hooks, receiver: Receiver, user: UUID
) -> None:
    """By the library of Standard Webhooks, with the secret that the owner has."""
    id, secret = await hooks.add(user, receiver.url("/hook?token=1"))
    (job,) = await hooks.tell(notice(user))
    assert await hooks.deliver(job) is None
    (request,) = receiver.requests
    (notification,) = await told(hooks.database, user)
    assert Verifier(secret).verify(request.body, request.headers) == {
        "type": "alert.fired",
        "timestamp": "2026-11-20T23:28:46.361000Z",
        "data": {
            "symbol": "US:AAPL",
            "price": 201.5,
            "notification": {
                "id": str(notification.id),
                "title": "US:AAPL is above 200",
                "text": "It is at 201.5.",
                "is_test": False,
            },
        },
    }
    assert request.target == "/hook?token=1"
    assert request.headers["webhook-id"] == str(notification.id)
    assert request.headers["content-type"] == "application/json"
    (delivery,) = await hooks.deliveries(id)
    assert (delivery.status, delivery.attempts, delivery.response_status) == ("delivered", 1, 204)
    assert (delivery.next_attempt_at, delivery.error) == (None, None)
    with pytest.raises(WebhookVerificationError):
        Verifier(new_secret()).verify(request.body, request.headers)


async def test_what_is_rolled_back_is_not_sent(
    hooks: Hooks, receiver: Receiver, user: UUID
) -> None:
    """Nor is it among the deliveries."""
    id, _ = await hooks.add(user, receiver.url())
    with suppress(ZeroDivisionError):
        async with hooks.database.transaction() as session:
            await hooks.notifier.notify(session, [notice(user)])
            raise ZeroDivisionError
    assert hooks.queue.take() == []
    assert await hooks.deliveries(id) == []


async def test_webhooks_get_what_they_are_for(hooks: Hooks, receiver: Receiver, user: UUID) -> None:
    """Of their own user, of their types, and nothing while they are disabled."""
    other = await add_user(hooks.database)
    wanting = [
        await hooks.add(user, receiver.url()),
        await hooks.add(user, receiver.url(), types=["alert.fired", "other"]),
    ]
    refusing = [
        await hooks.add(user, receiver.url(), types=["other"]),
        await hooks.add(user, receiver.url(), disabled_at=1.0),
        await hooks.add(other, receiver.url()),
    ]
    assert len(await hooks.tell(notice(user))) == len(wanting)
    assert [len(await hooks.deliveries(id)) for id, _ in wanting] == [1, 1]
    assert [len(await hooks.deliveries(id)) for id, _ in refusing] == [0, 0, 0]


async def test_many_are_told_with_few_statements(hooks: Hooks, receiver: Receiver) -> None:
    """As many for fifty users as for one."""
    counts = []
    for number in (1, 50):
        users = [await add_user(hooks.database) for _ in range(number)]
        for one in users:
            await hooks.add(one, receiver.url())
        carriers = hooks.notifier._carriers  # noqa: SLF001  the rest of telling is not looked at
        (prepare,) = (one.prepare for one in carriers.values())
        statements: list[object] = []
        async with hooks.database.transaction() as session:
            connection = await session.connection()

            def count(*arguments: object, found: list[object] = statements) -> None:
                found.append(arguments[2])

            event.listen(connection.sync_connection, "before_cursor_execute", count)
            jobs = await prepare(session, {uuid4(): notice(one) for one in users})
        assert len(jobs) == number
        counts.append(len(statements))
    assert counts[0] == counts[1] == 3


async def test_a_crowd_for_one_webhook_leaves_room_for_others(
    hooks: Hooks, receiver: Receiver, user: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many go out at once, the next ones later, and beyond the bound none."""
    monkeypatch.setattr(carrier, "PER_SECOND", 2)
    monkeypatch.setattr(carrier, "MOST_PENDING", 5)
    other = await add_user(hooks.database)
    id, _ = await hooks.add(user, receiver.url())
    await hooks.add(other, receiver.url())
    (prepare,) = (one.prepare for one in hooks.notifier._carriers.values())  # noqa: SLF001
    async with hooks.database.transaction() as session:
        await prepare(session, {uuid4(): notice(user) for _ in range(3)})
    async with hooks.database.transaction() as session:
        notices = {uuid4(): notice(one) for one in (user, user, user, other)}
        jobs = await prepare(session, notices)
    waits = [job.run_at and round(job.run_at - hooks.times.clock.now()) for job in jobs]
    assert sorted(wait or 0 for wait in waits) == [0, 1, 2]
    last = (await hooks.deliveries(id))[-1]
    assert (last.status, last.error, last.attempts) == ("failed", "too_many", 0)


@pytest.mark.parametrize("code", [302, 400, 404, 500, 503])
async def test_what_is_not_taken_is_sent_again(
    hooks: Hooks, receiver: Receiver, user: UUID, code: int
) -> None:
    """The same bytes under the same id, signed anew; whatever is no 2xx is no."""
    id, secret = await hooks.add(user, receiver.url())
    (job,) = await hooks.tell(notice(user))
    receiver.behaviour = status(code, "location: http://127.0.0.1:1/")
    seconds = await hooks.deliver(job)
    assert seconds is not None
    assert 4.5 <= seconds <= 5.5
    (delivery,) = await hooks.deliveries(id)
    assert (delivery.status, delivery.attempts) == ("pending", 1)
    assert (delivery.response_status, delivery.error) == (code, None)
    assert delivery.next_attempt_at == pytest.approx(hooks.times.now + seconds)
    receiver.behaviour = status(200)
    hooks.times.go_on(seconds)
    assert await hooks.deliver(job) is None
    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert Verifier(secret).verify(second.body, second.headers)
    (delivery,) = await hooks.deliveries(id)
    assert (delivery.status, delivery.attempts) == ("delivered", 2)


async def test_what_is_never_taken_is_given_up(
    hooks: Hooks, receiver: Receiver, user: UUID
) -> None:
    """After about a day, in which the attempts get rarer."""
    id, _ = await hooks.add(user, receiver.url())
    (job,) = await hooks.tell(notice(user))
    receiver.behaviour = status(500)
    waits = []
    while (seconds := await hooks.deliver(job)) is not None:
        waits.append(seconds)
        hooks.times.go_on(seconds)
    assert len(waits) == len(schedule.DELAYS)
    assert 0.85 * schedule.DAY < sum(waits) < 1.1 * schedule.DAY
    assert waits[:5] == sorted(waits[:5])
    (delivery,) = await hooks.deliveries(id)
    assert (delivery.status, delivery.attempts) == ("failed", len(waits) + 1)
    assert delivery.next_attempt_at is None
    assert await hooks.deliver(job) is None
    assert len(receiver.requests) == len(waits) + 1


@pytest.mark.parametrize(("asked", "seconds"), [("60", 60), ("999999", 3600), ("1", 5)])
async def test_we_wait_as_long_as_we_are_asked_to(
    hooks: Hooks, receiver: Receiver, user: UUID, asked: str, seconds: float
) -> None:
    """An hour at the most, and no less than we would anyway."""
    await hooks.add(user, receiver.url())
    (job,) = await hooks.tell(notice(user))
    receiver.behaviour = status(429, f"retry-after: {asked}")
    assert await hooks.deliver(job) == pytest.approx(seconds, abs=0.5)


async def test_a_job_that_comes_too_early_waits(
    hooks: Hooks, receiver: Receiver, user: UUID
) -> None:
    """One that a crashed process leaves behind comes back at once; what was planned stands."""
    await hooks.add(user, receiver.url())
    (job,) = await hooks.tell(notice(user))
    receiver.behaviour = status(500)
    planned = await hooks.deliver(job)
    assert await hooks.deliver(job) == pytest.approx(planned, abs=0.01)
    assert len(receiver.requests) == 1


async def test_what_is_over_is_left_alone(hooks: Hooks, receiver: Receiver, user: UUID) -> None:
    """A job may be done twice, and what it is about may be gone."""
    id, _ = await hooks.add(user, receiver.url())
    delivered, gone = await hooks.tell(notice(user, "1"), notice(user, "2"))
    assert await hooks.deliver(delivered) is None
    assert await hooks.deliver(delivered) is None
    async with hooks.database.transaction() as session:
        await session.execute(delete(Webhook).where(Webhook.id == id))
    assert await hooks.deliver(gone) is None
    nobodys = Job(id="1", name="webhook.deliver", payload={"delivery": str(uuid4())}, attempt=1)
    assert await hooks.deliver(nobodys) is None
    assert len(receiver.requests) == 1


async def test_410_disables(hooks: Hooks, receiver: Receiver, user: UUID) -> None:
    """At once; its owner is told, and what was on its way is not sent."""
    id, _ = await hooks.add(user, receiver.url())
    first, second = await hooks.tell(notice(user, "1"), notice(user, "2"))
    receiver.behaviour = status(410)
    assert await hooks.deliver(first) is None
    assert await hooks.deliver(second) is None
    webhook = await hooks.webhook(id)
    assert (webhook.disabled_at, webhook.disabled_reason) == (hooks.times.now, "gone")
    assert webhook.version == 2
    assert [one.status for one in await hooks.deliveries(id)] == ["failed", "failed"]
    assert [one.error for one in await hooks.deliveries(id)] == [None, "disabled"]
    assert len(receiver.requests) == 1
    *_, last = await told(hooks.database, user)
    assert (last.type, last.data) == ("webhook.disabled", {"webhook": str(id), "reason": "gone"})
    assert await hooks.tell(notice(user, "3")) == []


async def test_a_day_of_failures_disables(hooks: Hooks, receiver: Receiver, user: UUID) -> None:
    """Of all that was tried; a single success starts another day."""
    id, _ = await hooks.add(user, receiver.url())
    jobs = await hooks.tell(*(notice(user, str(number)) for number in range(4)))
    receiver.behaviour = status(500)
    await hooks.deliver(jobs[0])
    started = hooks.times.now
    assert (await hooks.webhook(id)).failing_since == started
    hooks.times.go_on(schedule.FAILING_SECONDS - 1)
    receiver.behaviour = status(200)
    await hooks.deliver(jobs[1])
    assert (await hooks.webhook(id)).failing_since is None
    receiver.behaviour = status(500)
    await hooks.deliver(jobs[2])
    hooks.times.go_on(schedule.FAILING_SECONDS - 1)
    await hooks.deliver(jobs[2])
    assert (await hooks.webhook(id)).is_enabled
    hooks.times.go_on(1)
    await hooks.deliver(jobs[3])
    assert (await hooks.webhook(id)).disabled_reason == "failing"
    *_, last = await told(hooks.database, user)
    assert last.data == {"webhook": str(id), "reason": "failing"}


async def test_two_secrets_sign_for_a_day(hooks: Hooks, receiver: Receiver, user: UUID) -> None:
    """Whoever has either can verify; afterwards only the new one is good."""
    id, old = await hooks.add(user, receiver.url())
    new = new_secret()
    until = hooks.times.now + OVERLAP_SECONDS
    await hooks.change(
        id,
        secret=hooks.safe.close(new),
        previous_secret=hooks.safe.close(old),
        previous_secret_until=until,
    )
    first, second = await hooks.tell(notice(user, "1"), notice(user, "2"))
    await hooks.deliver(first)
    request = receiver.requests[0]
    assert Verifier(old).verify(request.body, request.headers)
    assert Verifier(new).verify(request.body, request.headers)
    hooks.times.go_on(OVERLAP_SECONDS)
    await hooks.deliver(second)
    assert receiver.requests[1].headers["webhook-signature"].count("v1,") == 1


async def test_secrets_outlive_a_change_of_ours(
    hooks: Hooks, receiver: Receiver, user: UUID
) -> None:
    """As long as SECRET_KEY's predecessor is listed; without it nothing unsigned is sent."""
    id, secret = await hooks.add(user, receiver.url())
    first, second = await hooks.tell(notice(user, "1"), notice(user, "2"))
    hooks.courier._safe = Safe.of(Secrets("t" * 32, ("s" * 32,)), PURPOSE)  # noqa: SLF001
    await hooks.deliver(first)
    request = receiver.requests[0]
    assert Verifier(secret).verify(request.body, request.headers)
    hooks.courier._safe = Safe.of(Secrets("t" * 32), PURPOSE)  # noqa: SLF001
    assert await hooks.deliver(second) is None
    assert len(receiver.requests) == 1
    assert (await hooks.deliveries(id))[1].error == "secret_lost"


async def test_one_that_hangs_holds_up_itself(database: Database, user: UUID) -> None:
    """Its jobs are given back soon, and a few requests wait; others are served meanwhile."""
    async with (
        receiving(behaviours.hang) as dead,
        receiving() as alive,
        open_hooks(database, patience=0.01) as hooks,
    ):
        await hooks.add(user, dead.url())
        for job in await hooks.tell(*(notice(user, str(number)) for number in range(30))):
            assert await hooks.deliver(job) is not None
        other = await add_user(database)
        id, _ = await hooks.add(other, alive.url())
        (job,) = await hooks.tell(notice(other))
        await hooks.deliver(job)
        async for _ in eventually():
            if [one.status for one in await hooks.deliveries(id)] == ["delivered"]:
                break
        # It comes back to find that it is done.
        assert await hooks.deliver(job) is None
        assert len(alive.requests) == 1
        async for _ in eventually():
            if len(dead.requests) == turns.AT_ONCE:
                break
        assert dead.most_at_once == turns.AT_ONCE


async def test_what_is_under_way_is_not_begun_again(database: Database, user: UUID) -> None:
    """However often its job comes back meanwhile."""
    async with receiving(behaviours.hang) as dead, open_hooks(database, patience=0.01) as hooks:
        await hooks.add(user, dead.url())
        (job,) = await hooks.tell(notice(user))
        assert await hooks.deliver(job) == aside.AGAIN_SECONDS
        async for _ in eventually():
            if dead.requests:
                break
        assert await hooks.deliver(job) == aside.AGAIN_SECONDS
        assert len(dead.requests) == 1


async def test_connections_are_kept_between_deliveries(
    hooks: Hooks, receiver: Receiver, user: UUID
) -> None:
    """No handshake for each."""
    await hooks.add(user, receiver.url())
    for job in await hooks.tell(*(notice(user, str(number)) for number in range(5))):
        await hooks.deliver(job)
    assert (len(receiver.requests), receiver.connections) == (5, 1)


async def test_an_address_that_is_not_public_is_refused(database: Database, user: UUID) -> None:
    """However it came into the table; its owner reads why."""
    async with receiving() as receiver, open_hooks(database, loopback=False) as hooks:
        id, _ = await hooks.add(user, receiver.url())
        (job,) = await hooks.tell(notice(user))
        assert await hooks.deliver(job) is not None
        (delivery,) = await hooks.deliveries(id)
        assert (delivery.error, delivery.response_status) == ("address_refused", None)
    assert receiver.connections == 0


async def test_the_log_shows_neither_secrets_nor_addresses(
    hooks: Hooks, receiver: Receiver, user: UUID
) -> None:
    """Many have a key in their query."""
    _, secret = await hooks.add(user, receiver.url("/hook?token=hunter2"))
    (job,) = await hooks.tell(notice(user))
    with structlog.testing.capture_logs() as lines:
        await hooks.deliver(job)
    (line,) = lines
    assert line["event"] == "webhook.sent"
    assert line["result"] == "delivered"
    text = json.dumps(lines)
    assert "hunter2" not in text
    assert secret not in text
    assert "/hook" not in text


async def test_old_deliveries_are_forgotten(
    hooks: Hooks, receiver: Receiver, user: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the oldest of many, but none that is under way."""
    monkeypatch.setattr(tasks, "MOST_KEPT", 3)
    monkeypatch.setattr(tasks, "AT_ONCE", 2)
    id, _ = await hooks.add(user, receiver.url())
    await hooks.tell(*(notice(user, str(number)) for number in range(9)))
    made = [one.id for one in await hooks.deliveries(id)]
    async with hooks.database.transaction() as session:
        over = update(Delivery).where(Delivery.id.in_(made[1:]))
        await session.execute(over.values(status="delivered"))
        old = update(Delivery).where(Delivery.id.in_(made[7:8]))
        await session.execute(old.values(created_at=hooks.times.now - tasks.KEPT_SECONDS - 1))
    assert await tasks.DeliveryExpiry(hooks.database, hooks.times.clock).once() == 5
    left = [one.id for one in await hooks.deliveries(id)]
    assert left == [made[0], *made[5:7], made[8]]
