"""Notifications by mail: to whom, when, how many together, and each once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import anyio
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from tests.auth.people import NOON, Service, eventually
from tests.jobs.office import at_work
from tests.mail import post_office
from tests.notifications.mailing import EMAIL, URL, Mailing, mailing
from tests.notifications.telling import notice, on
from tests.streams.waiting import until
from tradeapi.app import create_app
from tradeapi.clock import FixedClock, SystemClock
from tradeapi.database import Database
from tradeapi.notifications.mailing import outbox
from tradeapi.notifications.mailing.handler import RETRY_SECONDS
from tradeapi.settings import Settings

pytestmark = pytest.mark.anyio

# What the clock of NOON says in UTC.
MINUTE = datetime.fromtimestamp(NOON, UTC).hour * 60 + datetime.fromtimestamp(NOON, UTC).minute


@pytest.fixture
async def process(database: Database) -> AsyncIterator[Mailing]:
    async with mailing(database) as process:
        yield process


def later(process: Mailing, seconds: float) -> None:
    assert isinstance(process.clock, FixedClock)
    process.clock.time += seconds


async def test_what_is_told_is_mailed(process: Mailing) -> None:
    """As text and as HTML, with links to all there is and to an end of it."""
    ada = await process.reader(time_zone="Europe/Berlin")
    strange = "<b>25,000</b> & more"
    await process.tell(notice(ada, "a", title=strange, text="1 < 2\nsecond", channels=EMAIL))
    assert await process.waiting() == {"notifications.mail": 1}
    assert await process.work(ada) is None
    [letter] = process.letters(ada)
    assert letter.subject == strange
    assert f"{strange}\n1 < 2\nsecond\n" in letter.text
    assert "&lt;b&gt;25,000&lt;/b&gt; &amp; more" in letter.html
    assert "1 &lt; 2<br>second" in letter.html
    assert "CE" in letter.text
    for link in (f"{URL}/notifications", f"{URL}/mail-off?token="):
        assert link in letter.text
        assert link in letter.html
    assert "<img" not in letter.html
    assert await process.waiting_items() == 0


async def test_nothing_is_mailed_twice(process: Mailing) -> None:
    """However often the job is done, and whatever is told again."""
    ada = await process.reader()
    told = notice(ada, "a", channels=EMAIL)
    await process.tell(told)
    for _ in range(3):
        await process.work(ada)
        await process.tell(told)
    assert len(process.letters(ada)) == 1


async def test_what_is_not_to_be_mailed_is_not(process: Mailing) -> None:
    """On other channels, to addresses that nobody has confirmed, or to whoever wants none."""
    ada, eve = await process.reader(), await process.reader(is_verified=False)
    bob = await process.reader(mail=False)
    await process.tell(notice(ada, "a"), *(notice(one, "b", channels=EMAIL) for one in (eve, bob)))
    assert await process.waiting() == {}
    for user in (ada, eve, bob):
        assert await process.work(user) is None
    assert process.post.mails == []


async def test_who_wants_no_more_gets_none_of_what_waits(process: Mailing) -> None:
    """The link in each mail is enough for that."""
    ada = await process.reader()
    await process.tell(notice(ada, "a", channels=EMAIL))
    await process.work(ada)
    [letter] = process.letters(ada)
    [token] = [line.partition("?token=")[2] for line in letter.text.splitlines() if "?" in line]
    assert process.telling.mail_off.user_of(token) == ada
    await process.tell(notice(ada, "b", channels=EMAIL))
    await process.stop_mail(ada)
    assert await process.work(ada) is None
    assert len(process.letters(ada)) == 1
    assert await process.waiting_items() == 0


async def test_what_comes_in_quiet_hours_comes_together_at_their_end(process: Mailing) -> None:
    """The job is to be done then; one that is done earlier waits."""
    ada = await process.reader(quiet=(MINUTE - 60, MINUTE + 90))
    for key in ("a", "b", "c"):
        await process.tell(notice(ada, key, channels=EMAIL))
    assert await process.waiting() == {"notifications.mail": 1}
    wait = await process.work(ada)
    assert wait is not None
    assert 89 * 60 < wait <= 90 * 60
    assert process.letters(ada) == []
    later(process, wait)
    assert await process.work(ada) is None
    [letter] = process.letters(ada)
    assert letter.subject == "3 notifications"
    places = [letter.text.index(f"What {key} says") for key in ("a", "b", "c")]
    assert places == sorted(places)


async def test_more_than_so_many_an_hour_are_put_together(process: Mailing) -> None:
    """And go when the first one is an hour old."""
    ada = await process.reader()
    for number in range(outbox.MOST_AN_HOUR):
        await process.tell(notice(ada, f"{number}", channels=EMAIL))
        assert await process.work(ada) is None
        later(process, 60)
    await process.tell(notice(ada, "x", channels=EMAIL), notice(ada, "y", channels=EMAIL))
    wait = await process.work(ada)
    assert wait == 3600 - 60 * outbox.MOST_AN_HOUR
    await process.tell(notice(ada, "z", channels=EMAIL))
    later(process, wait)
    assert await process.work(ada) is None
    assert process.letters(ada)[-1].subject == "3 notifications"
    assert len(process.letters(ada)) == outbox.MOST_AN_HOUR + 1


async def test_a_long_list_is_cut(process: Mailing, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says how many more there are."""
    monkeypatch.setattr(outbox, "MOST_LISTED", 3)
    ada = await process.reader()
    await process.tell(*(notice(ada, f"k{n}", channels=EMAIL) for n in range(8)))
    await process.work(ada)
    [letter] = process.letters(ada)
    assert letter.subject == "8 notifications"
    assert "And 5 more." in letter.text
    assert "What k3 says" not in letter.text


async def test_a_mail_that_can_not_be_sent_is_sent_later(process: Mailing) -> None:
    """With all that has come meanwhile; what is refused has not counted."""
    ada = await process.reader()
    process.post.mail = post_office.be_busy
    for key in ("a", "b"):
        await process.tell(notice(ada, key, channels=EMAIL))
        assert await process.work(ada) == RETRY_SECONDS
    process.post.mail = post_office.accept
    assert await process.work(ada) is None
    assert [letter.subject for letter in process.letters(ada)] == ["2 notifications"]
    assert await process.work(ada) is None


async def test_what_a_process_that_died_was_at_is_mailed(process: Mailing) -> None:
    """Once it is sure that it died; what came after that as well."""
    ada = await process.reader()
    await process.tell(notice(ada, "a", channels=EMAIL))
    process.post.mail = post_office.hang
    with anyio.move_on_after(0.3):
        await process.work(ada)
    process.post.mail = post_office.accept
    await process.tell(notice(ada, "b", channels=EMAIL))
    assert await process.work(ada) is None
    wait = await process.work(ada)
    assert wait == outbox.CLAIM_SECONDS
    later(process, wait)
    assert await process.work(ada) is None
    subjects = [letter.subject for letter in process.letters(ada)]
    assert subjects == ["What b says", "What a says"]


async def test_many_who_tell_and_mail_at_once_mail_each_once(database: Database) -> None:
    """Two processes that do jobs, and several that tell; every notification is in one mail."""
    clock = SystemClock()
    async with mailing(database, clock) as process:
        users = [await process.reader() for _ in range(3)]
        handlers = process.telling.handlers
        async with at_work(database, handlers), at_work(database, handlers):

            async def tell(number: int) -> None:
                for n in range(3):
                    await process.tell(
                        *(notice(user, f"<{number}-{n}>", channels=EMAIL) for user in users)
                    )

            async with anyio.create_task_group() as tasks:
                for number in range(3):
                    tasks.start_soon(tell, number)

            def told() -> int:
                return sum(
                    letter.text.count("What <")
                    for user in users
                    for letter in process.letters(user)
                )

            await until(lambda: told() >= 27, seconds=30)
            await anyio.sleep(0.5)
        for user in users:
            text = "".join(letter.text for letter in process.letters(user))
            for number in range(3):
                for n in range(3):
                    assert text.count(f"What <{number}-{n}> says") == 1


async def test_titles_that_would_not_be_sent_are_mended(process: Mailing) -> None:
    """Whatever a feature calls things."""
    ada = await process.reader()
    title = "two\nlines =?utf-8?q?x?= \x85"
    await process.tell(notice(ada, "a", title=title, is_test=True, channels=EMAIL))
    await process.work(ada)
    [letter] = process.letters(ada)
    assert letter.subject.startswith("Test: two lines")


def test_a_reader_turns_mail_off_with_the_link(service: Service) -> None:
    """Without logging in, as often as they like; others are left alone."""
    ada, eve = service.person(), service.person()
    telling = service.client.app_state["telling"]
    body = {"token": telling.mail_off.token(UUID(ada.id))}
    for _ in range(2):
        answer = service.client.post("/api/v1/notifications/mail-off", json=body)
        assert answer.status_code == 204
    assert ada.get("/notifications/preferences")["mail"] is False
    assert eve.get("/notifications/preferences")["mail"] is True


def test_the_service_mails_what_it_is_told(database_url: str, tmp_path: Path) -> None:
    """With all its parts: it does the job in the background."""
    settings = Settings(
        database_url=database_url, demo=False, mail_url=SecretStr(f"folder:{tmp_path}/mail")
    )

    async def tell(database: Database) -> None:
        async with mailing(database, SystemClock()) as process:
            await process.tell(notice(await process.reader(), "a", channels=EMAIL))
            assert process.post.mails == []

    with TestClient(create_app(settings)):
        on(database_url, tell)
        for _ in eventually(20):
            if [*tmp_path.glob("mail/*.eml")]:
                break
