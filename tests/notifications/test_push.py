"""Notifications reach browsers: encrypted for them, in our name, and not for ever."""

import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import anyio
import http_ece
import pytest
import structlog
from py_vapid import Vapid02
from py_vapid.jwt import decode
from sqlalchemy import delete, func, select
from uuid_utils.compat import uuid7

from tests.notifications.browser import Browser, base64url
from tests.notifications.errands import Queue, Times, add_user, later, notice, told
from tests.notifications.receiver import Receiver, receiving, status
from tradeapi.bus.memory import MemoryBus
from tradeapi.database import Database
from tradeapi.errors import Unavailable
from tradeapi.jobs.port import Job
from tradeapi.notifications.models import Notification
from tradeapi.notifications.notices import Channel
from tradeapi.notifications.notifier import Notifier
from tradeapi.notifications.posting.aside import Aside
from tradeapi.notifications.posting.poster import Poster
from tradeapi.notifications.preferences import Preferences, Wishes
from tradeapi.notifications.push.browser import MOST_BYTES, TTL_SECONDS, message_of
from tradeapi.notifications.push.browser import Browser as Subscribed
from tradeapi.notifications.push.carrier import PushCarrier
from tradeapi.notifications.push.keys import PURPOSE, PushKeys
from tradeapi.notifications.push.models import Push, PushKey, PushSubscription
from tradeapi.notifications.push.sender import LATEST, PushSender
from tradeapi.security.safe import Safe
from tradeapi.security.secrets import Secrets, digest

pytestmark = pytest.mark.anyio

CONTACT = "mailto:operator@example.com"


@dataclass(slots=True)
class Pushes:
    """One process that tells users, and pushes to their browsers."""

    database: Database
    times: Times
    queue: Queue
    safe: Safe
    keys: PushKeys
    notifier: Notifier
    sender: PushSender

    async def subscribe(self, user: UUID, browser: Browser, **fields: object) -> UUID:
        keys = browser.subscription()["keys"]
        one = PushSubscription(
            id=uuid7(),
            user_id=user,
            digest=digest(browser.endpoint),
            host="127.0.0.1",
            sealed=self.safe.close(Subscribed(browser.endpoint, **keys).text()),
            created_at=self.times.now,
            updated_at=self.times.now,
            **fields,
        )
        async with self.database.transaction() as session:
            session.add(one)
        return one.id

    async def tell(self, user: UUID, key: str = "1") -> list[Job]:
        async with self.database.transaction() as session:
            await self.notifier.notify(session, [notice(user, key)])
        return self.queue.take()

    async def send(self, job: Job) -> float | None:
        """In how many seconds it is tried again."""
        return await later(self.sender.send, job)

    async def left(self) -> tuple[int, int]:
        """How many browsers, and how many pushes to them that are not over."""
        async with self.database.reading() as session:
            counts = [
                await session.scalar(select(func.count()).select_from(table))
                for table in (PushSubscription, Push)
            ]
        return counts[0] or 0, counts[1] or 0


def safe(current: str = "s", *previous: str) -> Safe:
    return Safe.of(Secrets(current * 32, tuple(one * 32 for one in previous)), PURPOSE)


@pytest.fixture
async def pushes(database: Database) -> AsyncIterator[Pushes]:
    times, queue = Times(), Queue()
    carriers = {Channel.PUSH: PushCarrier(times.clock)}
    notifier = Notifier(queue, MemoryBus(), times.clock, carriers)  # type: ignore[arg-type]
    keys = PushKeys(database, safe(), times.clock)
    async with AsyncExitStack() as resources:
        poster = await resources.enter_async_context(Poster(loopback=True))
        aside = await resources.enter_async_context(Aside(patience=10))
        sender = PushSender(database, poster, aside, keys, safe(), times.clock, contact=CONTACT)
        yield Pushes(database, times, queue, safe(), keys, notifier, sender)


@pytest.fixture
async def service() -> AsyncIterator[Receiver]:
    """A push service."""
    async with receiving(status(201)) as receiver:
        yield receiver


@pytest.fixture
async def user(database: Database) -> UUID:
    return await add_user(database)


def claims(authorization: str) -> tuple[str, dict[str, Any]]:
    """The key and what it has signed; raises for what it has not."""
    assert Vapid02.verify(authorization)
    scheme, _, parameters = authorization.partition(" ")
    assert scheme == "vapid"
    parts = dict(part.strip().split("=", 1) for part in parameters.split(","))
    return parts["k"], decode(parts["t"], parts["k"])


async def test_a_browser_reads_what_is_pushed(
    pushes: Pushes, service: Receiver, user: UUID
) -> None:
    """And nobody on the way; the push service can tell that it comes from us."""
    browser = Browser(service.url("/send/1"))
    await pushes.subscribe(user, browser)
    (job,) = await pushes.tell(user)
    assert await pushes.send(job) is None
    (request,) = service.requests
    (notification,) = await told(pushes.database, user)
    assert browser.read(request.body) == {
        "id": str(notification.id),
        "type": "alert.fired",
        "title": "US:AAPL is above 200",
        "text": "It is at 201.5.",
    }
    assert b"AAPL" not in request.body
    with pytest.raises(http_ece.ECEException):
        Browser().read(request.body)
    key, claimed = claims(request.headers["authorization"])
    assert key == await pushes.keys.public()
    assert claimed["aud"] == service.url("")
    assert claimed["sub"] == CONTACT
    assert 0 < claimed["exp"] - pushes.times.now <= 86_400
    assert request.headers["content-encoding"] == "aes128gcm"
    assert (request.headers["ttl"], request.headers["urgency"]) == ("86400", "high")
    assert await pushes.left() == (1, 0)


async def test_each_browser_of_the_user_gets_it(
    pushes: Pushes, service: Receiver, user: UUID
) -> None:
    """None of others, and none that has expired."""
    for number in range(2):
        await pushes.subscribe(user, Browser(service.url(f"/send/{number}")))
    await pushes.subscribe(user, Browser(service.url("/old")), expires_at=1.0)
    other = await add_user(pushes.database)
    await pushes.subscribe(other, Browser(service.url("/other")))
    for job in await pushes.tell(user):
        assert await pushes.send(job) is None
    assert sorted(request.target for request in service.requests) == ["/send/0", "/send/1"]


@pytest.mark.parametrize("code", [404, 410])
async def test_a_browser_that_is_gone_is_forgotten(
    pushes: Pushes, service: Receiver, user: UUID, code: int
) -> None:
    """With all that was on its way to it."""
    await pushes.subscribe(user, Browser(service.url()))
    first, second = [*await pushes.tell(user, "1"), *await pushes.tell(user, "2")]
    service.behaviour = status(code)
    assert await pushes.send(first) is None
    assert await pushes.left() == (0, 0)
    assert await pushes.send(second) is None
    assert len(service.requests) == 1


@pytest.mark.parametrize("code", [429, 500, 503])
async def test_a_service_that_is_busy_is_asked_again(
    pushes: Pushes, service: Receiver, user: UUID, code: int
) -> None:
    """Less and less often; what takes longer than a day is given up."""
    await pushes.subscribe(user, Browser(service.url()))
    (job,) = await pushes.tell(user)
    service.behaviour = status(code)
    started = pushes.times.now
    waits = []
    while (seconds := await pushes.send(job)) is not None:
        waits.append(seconds)
        pushes.times.go_on(seconds)
    assert waits[0] == pytest.approx(5, abs=0.6)
    assert max(waits) <= LATEST * 1.1
    assert len(waits) < 60
    assert pushes.times.now - started == pytest.approx(TTL_SECONDS, abs=LATEST * 1.1)
    assert int(service.requests[-1].headers["ttl"]) < TTL_SECONDS / 2
    assert await pushes.left() == (1, 0)


async def test_a_service_says_when_to_come_again(
    pushes: Pushes, service: Receiver, user: UUID
) -> None:
    """Then it is taken, once."""
    await pushes.subscribe(user, Browser(service.url()))
    (job,) = await pushes.tell(user)
    service.behaviour = status(429, "retry-after: 60")
    assert await pushes.send(job) == pytest.approx(60, abs=7)
    service.behaviour = status(201)
    assert await pushes.send(job) is None
    assert await pushes.send(job) is None
    assert len(service.requests) == 2


@pytest.mark.parametrize("code", [302, 400, 403, 413])
async def test_what_is_refused_is_given_up(
    pushes: Pushes, service: Receiver, user: UUID, code: int
) -> None:
    """The browser stays: the next one may be to its taste."""
    await pushes.subscribe(user, Browser(service.url()))
    (job,) = await pushes.tell(user)
    service.behaviour = status(code, f"location: {service.url()}")
    assert await pushes.send(job) is None
    assert await pushes.left() == (1, 0)
    assert len(service.requests) == 1


async def test_pushes_wait_in_quiet_hours(pushes: Pushes, service: Receiver, user: UUID) -> None:
    """Until they end, however often they are changed meanwhile; then they have all their time."""
    await pushes.subscribe(user, Browser(service.url()))
    minute = int(pushes.times.now // 60 % 1440)

    async def be_quiet_for(minutes: int) -> None:
        async with pushes.database.transaction() as session:
            wishes = Wishes(quiet=((minute - 1) % 1440, (minute + minutes) % 1440))
            await Preferences(session, user, pushes.times.now).put(wishes)

    await be_quiet_for(60)
    async with pushes.database.transaction() as session:
        await pushes.notifier.notify(session, [notice(user)])
    (planned,) = pushes.queue.jobs
    assert planned.run_at is not None
    assert 3500 < planned.run_at - pushes.times.now <= 3600
    (job,) = pushes.queue.take()
    await be_quiet_for(120)
    pushes.times.clock.time = planned.run_at
    assert await pushes.send(job) == pytest.approx(3600, abs=1)
    assert service.requests == []
    pushes.times.go_on(3600)
    assert await pushes.send(job) is None
    assert int(service.requests[0].headers["ttl"]) >= 82_000


async def test_what_was_removed_meanwhile_is_not_pushed(
    pushes: Pushes, service: Receiver, user: UUID
) -> None:
    """Neither a notification that its user has deleted."""
    await pushes.subscribe(user, Browser(service.url()))
    (job,) = await pushes.tell(user)
    async with pushes.database.transaction() as session:
        await session.execute(delete(Notification).where(Notification.user_id == user))
    assert await pushes.send(job) is None
    assert service.requests == []


async def test_all_processes_have_one_key(database: Database) -> None:
    """Also when they make it at the same time; it is stored encrypted."""
    found: list[str] = []

    async def ask(keys: PushKeys) -> None:
        found.append(await keys.public())

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(ask, PushKeys(database, safe(), Times().clock))
    assert len(found) == 4
    assert len({*found}) == 1
    assert len(urlsafe_b64decode(found[0] + "=")) == 65
    async with database.reading() as session:
        (sealed,) = (await session.scalars(select(PushKey.private))).all()
    assert b"PRIVATE KEY" not in sealed


async def test_the_key_outlives_a_change_of_our_secret(database: Database) -> None:
    """As long as the old one is listed; without it browsers are not told another."""
    key = await PushKeys(database, safe(), Times().clock).public()
    assert await PushKeys(database, safe("t", "s"), Times().clock).public() == key
    with pytest.raises(Unavailable):
        await PushKeys(database, safe("t"), Times().clock).public()


async def test_the_log_shows_neither_keys_nor_endpoints(
    pushes: Pushes, service: Receiver, user: UUID
) -> None:
    """Whoever knows them can push."""
    await pushes.subscribe(user, Browser(service.url("/send/hunter2")))
    (job,) = await pushes.tell(user)
    with structlog.testing.capture_logs() as lines:
        await pushes.send(job)
    (line,) = lines
    assert (line["event"], line["result"], line["host"]) == ("push.sent", "delivered", "127.0.0.1")
    assert "hunter2" not in json.dumps(lines)


@pytest.mark.parametrize("text", ["x" * 1000, "€" * 1000, "🐻" * 1000, '"' * 1000])
def test_a_long_text_fits(text: str) -> None:
    """Push services take 4096 bytes, whatever the alphabet."""
    browser = Browser()
    message = message_of(str(uuid7()), "t" * 32, "🐻" * 200, text)
    assert len(message) <= MOST_BYTES
    keys = browser.subscription()["keys"]
    body = Subscribed(browser.endpoint, **keys).encrypt(message)
    assert len(body) <= 4096
    shown: Sequence[str] = browser.read(body)["text"]
    assert shown == text or (shown[-1] == "…" and text.startswith(str(shown[:-1])))
    assert base64url(b"\xff") == "_w"
