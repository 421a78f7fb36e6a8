"""A digest a day: at the user's time, of all that came since the last one, and once."""

from collections.abc import AsyncIterator
from datetime import datetime
from zoneinfo import ZoneInfo

import anyio
import pytest

from tests.jobs.office import at_work
from tests.mail import post_office
from tests.notifications.mailing import Mailing, mailing
from tests.notifications.telling import notice
from tests.streams.waiting import until
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.notifications.mailing import digests
from tradeapi.notifications.mailing.handler import RETRY_SECONDS
from tradeapi.notifications.mailing.outbox import CLAIM_SECONDS
from tradeapi.notifications.models import Preference

pytestmark = pytest.mark.anyio

BERLIN = "Europe/Berlin"
EIGHT = 8 * 60


@pytest.fixture
async def process(database: Database) -> AsyncIterator[Mailing]:
    async with mailing(database, FixedClock(at("2026-03-27 12:00"))) as process:
        yield process


def at(local: str, zone: str = BERLIN) -> float:
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).timestamp()


def go_to(process: Mailing, local: str, zone: str = BERLIN) -> None:
    assert isinstance(process.clock, FixedClock)
    process.clock.time = at(local, zone)


async def test_it_has_what_came_since_the_last_one(process: Mailing) -> None:
    """Also over the night when clocks are changed; and it comes at its time, not before."""
    await process.tell(notice(ada := await process.reader(), "before"))
    await process.choose(ada, time_zone=BERLIN, digest=EIGHT)
    await process.tell(notice(ada, "a"), notice(ada, "b"))
    go_to(process, "2026-03-28 07:59")
    assert await process.digest(ada) == []
    go_to(process, "2026-03-28 08:00")
    [letter] = await process.digest(ada)
    assert letter.subject == "Your day: 2 notifications"
    assert letter.text.index("What b says") < letter.text.index("What a says")
    assert "before" not in letter.text
    assert await process.digest(ada) == []
    await process.tell(notice(ada, "c"))
    go_to(process, "2026-03-29 07:59")
    assert await process.digest(ada) == []
    go_to(process, "2026-03-29 08:00")
    [letter] = await process.digest(ada)
    assert (letter.subject, "What c says" in letter.text) == ("Your day: 1 notification", True)


async def test_nothing_comes_where_nothing_happened(process: Mailing) -> None:
    """Nor of what was removed, nor to whoever wants no mail."""
    ada = await process.reader(time_zone=BERLIN, digest=EIGHT)
    bob = await process.reader(time_zone=BERLIN, digest=EIGHT, mail=False)
    eve = await process.reader(time_zone=BERLIN, digest=EIGHT, is_verified=False)
    go_to(process, "2026-03-28 08:00")
    assert await process.digest(ada) == []
    assert await process.waiting() == {}
    await process.tell(*(notice(user, "a") for user in (ada, bob, eve)))
    await process.remove_all(ada)
    go_to(process, "2026-03-29 08:00")
    for user in (ada, bob, eve):
        assert await process.digest(user) == []
    assert await process.digest_days(ada) == []
    await process.choose(bob, time_zone=BERLIN, digest=EIGHT)
    await process.tell(notice(bob, "b"))
    go_to(process, "2026-03-30 08:00")
    [letter] = await process.digest(bob)
    assert "What a says" not in letter.text


async def test_after_an_outage_one_has_all(process: Mailing) -> None:
    """And the next one comes at its time."""
    ada = await process.reader(time_zone=BERLIN, digest=EIGHT)
    await process.tell(notice(ada, "a"))
    go_to(process, "2026-04-02 06:00")
    await process.tell(notice(ada, "b"))
    [letter] = await process.digest(ada)
    assert letter.subject == "Your day: 2 notifications"
    await process.tell(notice(ada, "c"))
    assert await process.digest(ada) == []
    go_to(process, "2026-04-02 08:00")
    assert len(await process.digest(ada)) == 1


async def test_there_is_one_a_day_however_often_it_is_moved(process: Mailing) -> None:
    """Turned off and on again, it begins with what comes then."""
    ada = await process.reader(time_zone=BERLIN, digest=EIGHT)
    await process.tell(notice(ada, "a"))
    go_to(process, "2026-03-28 08:00")
    assert len(await process.digest(ada)) == 1
    await process.tell(notice(ada, "b"))
    await process.choose(ada, time_zone=BERLIN, digest=EIGHT + 120)
    go_to(process, "2026-03-28 20:00")
    assert await process.digest(ada) == []
    go_to(process, "2026-03-29 10:00")
    assert len(await process.digest(ada)) == 1
    await process.tell(notice(ada, "c"))
    await process.choose(ada, time_zone=BERLIN)
    await process.choose(ada, time_zone=BERLIN, digest=EIGHT)
    go_to(process, "2026-03-30 08:00")
    assert await process.digest(ada) == []
    await process.choose(ada, time_zone="Pacific/Honolulu", digest=EIGHT)
    await process.tell(notice(ada, "d"))
    go_to(process, "2026-03-30 23:00")
    assert await process.digest(ada) == []
    go_to(process, "2026-03-31 08:00", "Pacific/Honolulu")
    assert len(await process.digest(ada)) == 1


async def test_one_that_can_not_be_sent_is_sent_later(process: Mailing) -> None:
    """Once; one that a process died over, when it is sure that it did."""
    ada = await process.reader(time_zone=BERLIN, digest=EIGHT)
    await process.tell(notice(ada, "a"))
    go_to(process, "2026-03-28 08:00")
    process.post.mail = post_office.be_busy
    await process.take_digests()
    [day] = await process.digest_days(ada)
    assert day == "2026-03-28"
    assert await process.mail_digest(ada, day) == RETRY_SECONDS
    process.post.mail = post_office.hang
    with anyio.move_on_after(0.3):
        await process.mail_digest(ada, day)
    process.post.mail = post_office.accept
    assert await process.mail_digest(ada, day) == CLAIM_SECONDS
    go_to(process, "2026-03-28 08:01")
    for _ in range(3):
        assert await process.mail_digest(ada, day) is None
    assert len(process.letters(ada)) == 1


async def test_many_processes_send_each_digest_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them look for what is due, at the same time and again, and do the jobs."""
    monkeypatch.setattr(digests, "AT_ONCE", 4)
    async with mailing(database) as process:
        users = [await process.reader(digest=n) for n in range(15)]
        await process.tell(*(notice(user, "a") for user in users))
        assert isinstance(process.clock, FixedClock)
        process.clock.time += 86_400
        handlers = process.telling.handlers
        clock = process.clock
        async with (
            at_work(database, handlers, clock=clock),
            at_work(database, handlers, clock=clock),
        ):
            async with anyio.create_task_group() as tasks:
                for _ in range(4):
                    tasks.start_soon(process.take_digests)
            await until(lambda: len(process.post.mails) >= 15)
            await anyio.sleep(0.3)
        assert [len(process.letters(user)) for user in users] == [1] * 15
        async with database.reading() as session:
            rows = [await session.get(Preference, user) for user in users]
        assert all(row is not None and row.digest_at is not None for row in rows)
        assert all(row.digest_at > process.clock.time for row in rows if row and row.digest_at)
