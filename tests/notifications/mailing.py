"""Processes that mail what users are told, and what readers find in their mailbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from uuid import UUID

from sqlalchemy import func, select, update

from tests.auth.people import NOON
from tests.mail.post_office import Post, serving
from tests.notifications.telling import Teller
from tests.streams.authority import Authority
from tradeapi.auth.models import User
from tradeapi.bus.memory import MemoryBus
from tradeapi.clock import Clock, FixedClock
from tradeapi.database import Database
from tradeapi.jobs.opening import jobs_of
from tradeapi.jobs.port import Handler, Job, Later
from tradeapi.mail import mailer_of
from tradeapi.notifications.mailing import digests
from tradeapi.notifications.mailing.carrier import JOB
from tradeapi.notifications.models import Digest, MailItem
from tradeapi.notifications.notices import Channel
from tradeapi.notifications.parts import telling_of
from tradeapi.notifications.preferences import Preferences, Wishes
from tradeapi.notifications.service import Notifications
from tradeapi.settings import Settings

EMAIL = frozenset({Channel.EMAIL})
URL = "https://charts.example.com"


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    text: str
    html: str

    @classmethod
    def of(cls, mail: EmailMessage) -> "Letter":
        bodies = [mail.get_body((kind,)) for kind in ("plain", "html")]
        text, html = (str(body.get_content()) if body is not None else "" for body in bodies)
        return cls(mail["Subject"], text, html)


class Mailing(Teller):
    """One process, at a time that the test sets."""

    def __init__(self, database: Database, post: Post, url: str, clock: Clock) -> None:
        super().__init__(database, clock=clock)
        settings = Settings(app_url=URL)
        mailer = mailer_of(url, "tradeapi <no-reply@example.com>")
        jobs = jobs_of(database, clock)
        self.post = post
        self.telling = telling_of(settings, clock, database, MemoryBus(), jobs, mailer)
        self.notifier = self.telling.notifier

    async def reader(self, *, is_verified: bool = True, **wishes: object) -> UUID:
        """Somebody new."""
        user = await Authority(self.database).user()
        async with self.database.transaction() as session:
            if is_verified:
                changed = update(User).where(User.id == user).values(verified_at=1.0)
                await session.execute(changed)
        await self.choose(user, **wishes)
        return user

    async def stop_mail(self, user: UUID) -> None:
        async with self.database.transaction() as session:
            await Preferences(session, user, self.clock.now()).stop_mail()

    async def work(self, user: UUID) -> float | None:
        """What the user's job does now; in how many seconds it wants to be called again."""
        job = Job(id="1", name=JOB, payload={"user": str(user)}, attempt=1)
        return await done(self.telling.handlers[JOB], job)

    async def digest(self, user: UUID) -> list[Letter]:
        """Take what is due and mail it; the letters that the user got by that."""
        before = len(self.letters(user))
        await self.take_digests()
        for day in await self.digest_days(user):
            assert await self.mail_digest(user, day) is None
        return self.letters(user)[before:]

    async def take_digests(self) -> None:
        for cron in self.telling.crons:
            await cron.work()

    async def remove_all(self, user: UUID) -> None:
        async with self.database.transaction() as session:
            await Notifications(session, MemoryBus(), user, self.clock.now()).clear(None)

    async def digest_days(self, user: UUID) -> list[str]:
        """Of those that are to be mailed."""
        chosen = select(Digest.day).where(Digest.user_id == user).order_by(Digest.day)
        async with self.database.reading() as session:
            return [*await session.scalars(chosen)]

    async def mail_digest(self, user: UUID, day: str) -> float | None:
        job = Job(id="1", name=digests.JOB, payload={"user": str(user), "day": day}, attempt=1)
        return await done(self.telling.handlers[digests.JOB], job)

    async def choose(self, user: UUID, **wishes: object) -> None:
        async with self.database.transaction() as session:
            preferences = Preferences(session, user, self.clock.now())
            await preferences.put(Wishes(**wishes))  # type: ignore[arg-type]

    def letters(self, user: UUID) -> list[Letter]:
        """What the user has got."""
        address = f"{user}@example.com"
        return [Letter.of(mail) for mail in self.post.mails if mail["To"] == address]

    async def waiting_items(self) -> int:
        async with self.database.reading() as session:
            return await session.scalar(select(func.count()).select_from(MailItem)) or 0


async def done(handler: Handler, job: Job) -> float | None:
    try:
        await handler(job)
    except Later as later:
        return later.seconds
    return None


@asynccontextmanager
async def mailing(database: Database, clock: Clock | None = None) -> AsyncIterator[Mailing]:
    post = Post()
    with serving(post) as url:
        yield Mailing(database, post, url, clock or FixedClock(NOON))
