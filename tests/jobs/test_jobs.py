"""What is asked for is done: with its transaction, at its time, and again when it fails."""

import time
from contextlib import suppress

import anyio
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from tests.jobs.office import Diary, at_work, noted
from tests.streams.waiting import until
from tradeapi.database import Database
from tradeapi.jobs.execution import TRIES
from tradeapi.jobs.port import Count, Job, Jobs, Later, NewJob, State


async def test_what_is_committed_is_done(database: Database) -> None:
    """With its payload, its name, an id and the first attempt."""
    diary = Diary()
    async with at_work(database, {"note": diary}) as jobs:
        async with database.transaction() as session:
            await jobs.enqueue(session, noted(1), noted(2))
            assert diary.jobs == []
        await until(lambda: len(diary.jobs) == 2)
    assert sorted(diary.numbers) == [1, 2]
    assert {(job.name, job.attempt) for job in diary.jobs} == {("note", 1)}
    assert len({job.id for job in diary.jobs}) == 2


async def test_what_is_rolled_back_is_not(database: Database) -> None:
    """The same goes for what else the transaction wrote."""
    diary = Diary()
    async with at_work(database, {"note": diary}) as jobs:
        with suppress(LookupError):
            async with database.transaction() as session:
                await jobs.enqueue(session, noted(1))
                raise LookupError
        async with database.transaction() as session:
            await jobs.enqueue(session, noted(2))
        await until(lambda: bool(diary.jobs))
    assert diary.numbers == [2]
    assert await _counts(database, jobs) == []


async def test_those_who_ask_need_nobody_who_works(database: Database, jobs: Jobs) -> None:
    """Whoever comes later finds the job."""
    async with database.transaction() as session:
        await jobs.enqueue(session, noted(1))
    assert await _counts(database, jobs) == [Count(name="note", state=State.WAITING, jobs=1)]
    diary = Diary()
    async with at_work(database, {"note": diary}):
        await until(lambda: bool(diary.jobs))


async def test_nobody_takes_what_it_can_not_do(database: Database, jobs: Jobs) -> None:
    """A newer process may have asked for it, and does it."""
    async with database.transaction() as session:
        await jobs.enqueue(session, NewJob(name="new", payload={}), noted(1))
    diary = Diary()
    async with at_work(database, {"note": diary}):
        await until(lambda: bool(diary.jobs))
    assert await _counts(database, jobs) == [Count(name="new", state=State.WAITING, jobs=1)]


async def test_of_two_with_one_key_one_is_done(database: Database, jobs: Jobs) -> None:
    """Until it is finished; those without a key are all done."""
    async with database.transaction() as session:
        await jobs.enqueue(session, noted(1, "one"), noted(2, "one"), noted(3), noted(4))
    async with database.transaction() as session:
        await jobs.enqueue(session, noted(5, "one"), noted(6, "another"))
    diary = Diary()
    async with at_work(database, {"note": diary}):
        await until(lambda: len(diary.jobs) == 4)
        await _all_done(database, jobs)
        async with database.transaction() as session:
            await jobs.enqueue(session, noted(7, "one"))
        await until(lambda: len(diary.jobs) == 5)
    assert sorted(diary.numbers) == [1, 3, 4, 6, 7]


async def test_it_waits_for_its_time(database: Database) -> None:
    """What was asked for after it is done before it."""
    diary = Diary()
    begun = time.time()
    async with at_work(database, {"note": diary}) as jobs:
        async with database.transaction() as session:
            await jobs.enqueue(session, noted(1, run_at=begun + 1), noted(2, run_at=begun - 9))
        await until(lambda: len(diary.jobs) == 2)
    assert diary.numbers == [2, 1]
    assert time.time() >= begun + 1


async def test_later_is_no_failure(database: Database) -> None:
    """It may be said more often than something may fail."""
    attempts: list[int] = []

    async def work(job: Job) -> None:
        attempts.append(job.attempt)
        assert job.payload == {"number": 1}
        if len(attempts) <= TRIES + 1:
            raise Later(0.001)
        if len(attempts) == TRIES + 2:
            raise ConnectionError

    async with at_work(database, {"note": work}) as jobs:
        async with database.transaction() as session:
            await jobs.enqueue(session, noted(1))
        await until(lambda: len(attempts) == TRIES + 3)
        await _all_done(database, jobs)
    assert attempts == [*range(1, TRIES + 4)]


async def test_what_fails_for_good_is_kept(database: Database) -> None:
    """After some tries, with its error; done anew when an operator says so, and can fail again."""
    diary = Diary()
    is_broken = True

    async def work(job: Job) -> None:
        await diary(job)
        if is_broken:
            raise ConnectionError("nobody answers at https://me:secret@x/?token=t1")

    with capture_logs() as logs:
        async with at_work(database, {"note": work}) as jobs:
            for run in (1, 2):
                if run == 1:
                    async with database.transaction() as session:
                        await jobs.enqueue(session, noted(1, key="one"))
                await _dead(database, jobs)
                assert len(diary.jobs) == TRIES * run
                async with database.reading() as session:
                    [letter] = await jobs.dead_letters(session, limit=5)
                assert (letter.name, letter.attempts) == ("note", TRIES)
                assert letter.error.startswith(
                    "ConnectionError: nobody answers at https://me:[redacted]"
                )
                assert "t1" not in letter.error
                is_broken = run == 1
                async with database.transaction() as session:
                    assert await jobs.requeue(session, [letter.id]) == 1
                    assert await jobs.requeue(session, [letter.id]) == 0
            await _all_done(database, jobs)
    assert [job.attempt for job in diary.jobs] == [*range(1, TRIES + 1)] * 2 + [1]
    failed = [log for log in logs if log["event"] == "jobs.failed"]
    assert [log["failures"] for log in failed] == [TRIES] * 2
    assert "number" not in str(logs)
    assert "secret" not in str(logs)


async def test_dead_letters_are_listed_requeued_and_discarded(
    database: Database, jobs: Jobs
) -> None:
    """The newest first; all can be done again, although others have their key by now."""

    async def fail(_: Job) -> None:
        raise ConnectionError

    for _ in range(2):
        async with at_work(database, {"note": fail}):
            async with database.transaction() as session:
                await jobs.enqueue(session, noted(1, key="one"), noted(2), noted(3))
            await _dead(database, jobs)
    async with database.transaction() as session:
        letters = await jobs.dead_letters(session, limit=9)
        assert [letter.id for letter in letters] == sorted(
            (letter.id for letter in letters), reverse=True
        )
        assert await jobs.dead_letters(session, before=letters[3].id, limit=1) == [letters[4]]
        assert await jobs.discard(session, letters[0].id)
        assert not await jobs.discard(session, letters[0].id)
        assert await jobs.requeue(session, None) == 5
        assert await jobs.dead_letters(session, limit=9) == []
    diary = Diary()
    async with at_work(database, {"note": diary}):
        await until(lambda: len(diary.jobs) == 5)


async def test_they_are_counted(database: Database) -> None:
    """For Prometheus, by name."""
    before = REGISTRY.get_sample_value("jobs_done_total", {"name": "note"}) or 0
    diary = Diary()
    async with at_work(database, {"note": diary}) as jobs:
        async with database.transaction() as session:
            await jobs.enqueue(session, noted(1), noted(2))
        await _all_done(database, jobs)
    assert REGISTRY.get_sample_value("jobs_done_total", {"name": "note"}) == before + 2


async def test_what_is_under_way_may_end(database: Database) -> None:
    """A process that stops waits for it."""
    began, ended = anyio.Event(), False

    async def work(_: Job) -> None:
        nonlocal ended
        began.set()
        await anyio.sleep(0.5)
        ended = True

    async with at_work(database, {"note": work}) as jobs:
        async with database.transaction() as session:
            await jobs.enqueue(session, noted(1))
        await began.wait()
    assert ended
    assert await _counts(database, jobs) == []


async def test_what_takes_too_long_is_given_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process need not wait until the one that stops is missed."""
    monkeypatch.setattr("tradeapi.jobs.runner.GRACE_SECONDS", 0.1)
    began = anyio.Event()

    async def work(_: Job) -> None:
        began.set()
        await anyio.sleep_forever()

    async with at_work(database, {"note": work}) as jobs:
        async with database.transaction() as session:
            await jobs.enqueue(session, noted(1))
        await began.wait()
    assert await _counts(database, jobs) == [Count(name="note", state=State.WAITING, jobs=1)]


async def _counts(database: Database, jobs: Jobs) -> list[Count]:
    async with database.reading() as session:
        return [count for count in await jobs.counts(session) if not count.name.startswith("cron:")]


async def _all_done(database: Database, jobs: Jobs) -> None:
    await _states(database, jobs, set())


async def _dead(database: Database, jobs: Jobs) -> None:
    await _states(database, jobs, {State.DEAD})


async def _states(database: Database, jobs: Jobs, wanted: set[State]) -> None:
    with anyio.fail_after(20):
        while {count.state for count in await _counts(database, jobs)} != wanted:  # noqa: ASYNC110
            await anyio.sleep(0.02)
