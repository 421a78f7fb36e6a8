"""The topics `jobs:{id}`: how far a job is and how it ends, for whoever may look at it."""

from collections.abc import AsyncIterator
from functools import partial
from uuid import UUID, uuid4

import anyio
import pytest
from sqlalchemy import delete

from tests.streams.authority import Authority, bearer
from tests.streams.client import client
from tests.streams.event_source import event_source
from tests.tracked.live import LiveJobs, Page, follow, live_jobs
from tests.tracked.watched import Watched, succeed
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.redis_streams import RedisBus
from tradeapi.database import Database
from tradeapi.jobs.port import Job
from tradeapi.streams import followed
from tradeapi.tracked.events import Changed, decode, encode
from tradeapi.tracked.models import TrackedJob
from tradeapi.tracked.progress import Progress
from tradeapi.web.principal import Scope

pytestmark = pytest.mark.anyio

Headers = dict[str, dict[str, str]]
ADMIN = frozenset(Scope)


@pytest.fixture
def authority(database: Database) -> Authority:
    return Authority(database)


@pytest.fixture
async def jobs(database: Database, ada: UUID, authority: Authority) -> AsyncIterator[LiveJobs]:
    async with live_jobs(database, ada, authority) as jobs:
        yield jobs


@pytest.fixture
def hers(authority: Authority, ada: UUID) -> Headers:
    return bearer(authority.token(ada))


class Steps:
    """Work that reports a step each time that it is told to."""

    def __init__(self, number: int) -> None:
        self._steps = [anyio.Event() for _ in range(number)]

    def go(self, number: int) -> None:
        self._steps[number].set()

    async def __call__(self, _: Job, progress: Progress) -> dict[str, int]:
        for number, step in enumerate(self._steps):
            await progress.report(number / len(self._steps), f"step {number}")
            await step.wait()
        return {"steps": len(self._steps)}


async def test_each_change_is_told_at_once(jobs: LiveJobs, hers: Headers) -> None:
    """From when it is asked for to its end; as HTTP answers it."""
    id, steps = await jobs.start(), Steps(4)
    async with client(jobs.url, **hers) as guest:
        page = await follow(guest, id)
        assert (page.kinds, page.job["status"]) == (["snapshot"], "queued")
        assert await page.agrees(jobs)
        async with jobs.worked_at(steps):
            for number in range(4):
                await guest.hear_until(partial(page.says, f"step {number}"))
                assert page.job["status"] == "running"
                steps.go(number)
            await guest.hear_until(lambda: page.job["status"] == "succeeded")
        assert (page.job["result"], page.job["progress"]) == ({"steps": 4}, 1.0)
        assert await page.agrees(jobs)
        assert await guest.hear_rest() == []


async def test_it_is_told_by_events(jobs: LiveJobs, hers: Headers) -> None:
    """The same frames, without a socket."""
    id = await jobs.start()
    topic = f"jobs:{id}"
    headers = hers["additional_headers"]
    async with event_source(jobs.events_url, topic, headers=headers) as events:
        page = events.charts[topic] = Page()
        await events.hear_type("snapshot")
        await jobs.cancel(id)
        await events.hear_type("job")
        assert page.job["status"] == "cancelled"
        assert await page.agrees(jobs)


async def test_who_comes_back_has_what_it_has_become(
    database: Database, jobs: LiveJobs, ada: UUID, authority: Authority, hers: Headers
) -> None:
    """Also at another process; positions mean the same in both."""
    id = await jobs.start()
    async with client(jobs.url, **hers) as guest:
        page = await follow(guest, id)
        before = page.seq
    async with jobs.worked_at(succeed):
        await jobs.ended(id)
    async with (
        live_jobs(database, ada, authority) as other,
        client(other.url, **hers) as there,
        client(jobs.url, **hers) as here,
    ):
        await follow(there, id, page)
        assert page.kinds == ["snapshot"] * 2
        assert page.seq > before
        assert await page.agrees(other)
        again = await follow(here, id)
        await here.hear_until(lambda: again.seq == page.seq)
        assert (again.epoch, again.seq, again.job) == (page.epoch, page.seq, page.job)


async def test_strangers_find_nothing(jobs: LiveJobs, authority: Authority) -> None:
    """As if nobody had it; but an admin follows all."""
    id = await jobs.start()
    nobodys = await Watched(jobs.database, None).start()
    topics = [f"jobs:{one}" for one in (id, nobodys, uuid4())]
    stranger = bearer(authority.token(await authority.user()))
    async with client(jobs.url, **stranger) as guest:
        await guest.say(op="subscribe", topics=topics)
        ack = await guest.hear_type("ack")
        assert ack["topics"] == []
        assert [one["code"] for one in ack["rejected"]] == ["not_found"] * 3
        assert {one["detail"] for one in ack["rejected"]} == {"There is no such job."}
        names = [f"jobs:{str(id).upper()}", f"jobs:{id.hex}", "jobs:", f"jobs:{id}:more"]
        await guest.say_anything(op="subscribe", topics=names)
        ack = await guest.hear_type("ack")
        assert [one["code"] for one in ack["rejected"]] == ["unknown_topic"] * 4
        await jobs.cancel(id)
        assert await guest.hear_rest() == []
    admin = bearer(authority.token(await authority.user(), scopes=ADMIN))
    async with client(jobs.url, **admin) as guest:
        assert (await follow(guest, id)).job["status"] == "cancelled"
        assert (await follow(guest, nobodys)).job["status"] == "queued"


async def test_a_share_shows_no_job(jobs: LiveJobs, authority: Authority, ada: UUID) -> None:
    """Though it is of the same owner."""
    id = await jobs.start()
    share = authority.shares.make(ada, ["a chart"], days=1).token
    async with client(jobs.url, **bearer(share)) as guest:
        await guest.say(op="subscribe", topics=[f"jobs:{id}"])
        [rejected] = (await guest.hear_type("ack"))["rejected"]
        assert rejected["code"] == "insufficient_scope"


async def test_it_is_over_when_the_job_is_forgotten(jobs: LiveJobs, hers: Headers) -> None:
    """Nobody announces that; and there is nothing to replay while it is there."""
    id = await jobs.start()
    topic = f"jobs:{id}"
    async with client(jobs.url, **hers) as guest:
        await follow(guest, id)
        await guest.say(op="replay", id=5, topic=topic, start=0)
        assert (await guest.hear_type("error"))["code"] == "invalid_field"
        async with jobs.database.transaction() as session:
            await session.execute(delete(TrackedJob))
        error = await guest.hear_type("error")
        assert (error["topic"], error["code"]) == (topic, "not_found")


async def test_what_nobody_announces_is_told(jobs: LiveJobs, hers: Headers) -> None:
    """Whoever wrote it was killed before it could say so, or its news was lost."""
    id, silent = await jobs.start(), Watched(jobs.database, jobs.owner, MemoryBus())
    async with client(jobs.url, **hers) as guest:
        page = await follow(guest, id)
        async with silent.worked_at(succeed):
            await guest.hear_until(lambda: page.job["status"] == "succeeded")
        assert await page.agrees(jobs)


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database is not asked whether there is something new."""
    monkeypatch.setattr(followed, "ASK_EVERY_SECONDS", 3600)


@pytest.mark.usefixtures("unasked")
async def test_what_one_process_does_another_streams(
    database: Database, ada: UUID, authority: Authority, hers: Headers, redis_url: str
) -> None:
    """By the news alone."""
    async with (
        RedisBus(redis_url) as here,
        RedisBus(redis_url) as there,
        live_jobs(database, ada, authority, here) as jobs,
        client(jobs.url, **hers) as guest,
    ):
        worker = Watched(database, ada, there)
        id, steps = await worker.start(), Steps(3)
        page = await follow(guest, id)
        async with worker.worked_at(steps):
            for number in range(3):
                await guest.hear_until(partial(page.says, f"step {number}"))
                steps.go(number)
            await guest.hear_until(lambda: page.job["status"] == "succeeded")
        assert await page.agrees(jobs)


def test_news_that_is_none_is_not_taken_for_some() -> None:
    """A newer release may say more; anybody may write to Redis."""
    change = Changed(job="1", version=3)
    assert decode(encode(change)) == change
    assert decode(b'["1",3,"more"]') == change
    for payload in (b"", b"[]", b"{}", b'["1"]', b'["1","3"]', b"[1,3]", b'["1",null]'):
        with pytest.raises(Exception):  # noqa: B017, PT011  of whatever type
            decode(payload)
