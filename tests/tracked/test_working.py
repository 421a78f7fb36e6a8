"""What becomes of a job is what its watchers are told: once, whatever happens to its process."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

import anyio
import pytest
from sqlalchemy import delete, text
from structlog.testing import capture_logs

from tests.streams.waiting import until
from tests.tracked.watched import NAME, Watched, succeed
from tradeapi.auth.models import User
from tradeapi.database import Database
from tradeapi.errors import Conflict, Invalid, Unavailable
from tradeapi.jobs.execution import TRIES
from tradeapi.jobs.port import Job, Later, NewJob
from tradeapi.tracked.models import TrackedJob
from tradeapi.tracked.progress import Cancelled, Progress, begin

pytestmark = pytest.mark.anyio


async def test_it_is_watched_from_the_beginning_to_the_end(watched: Watched) -> None:
    """What it does it says, and its result is there when it has succeeded."""
    go, seen = anyio.Event(), []

    async def work(job: Job, progress: Progress) -> Mapping[str, Any]:
        seen.append((job.name, job.payload, job.attempt))
        await progress.report(0.25, "1 of 4")
        await go.wait()
        return {"sessions": 4}

    id = await watched.start(code="EW100")
    queued = await watched.get(id)
    assert (queued.status, queued.progress, queued.started_at) == ("queued", 0.0, None)
    assert (queued.name, queued.subject, queued.user_id) == (NAME, "EW100", watched.owner)
    async with watched.worked_at(work):
        running = await watched.when(id, lambda job: job.progress > 0)
        assert running.status == "running"
        assert (running.progress, running.message) == (0.25, "1 of 4")
        assert running.started_at is not None
        assert running.finished_at is None
        go.set()
        job = await watched.ended(id)
        await watched.all_done()
    assert (job.status, job.progress, job.result) == ("succeeded", 1.0, {"sessions": 4})
    assert (job.message, job.error, job.finished_at is None) == ("1 of 4", None, False)
    assert seen == [(NAME, {"code": "EW100"}, 1)]


async def test_progress_never_goes_back(watched: Watched) -> None:
    """Whatever the work says, also the second time; and it is no more than all."""
    told = []

    async def work(job: Job, progress: Progress) -> None:
        for fraction in (0.5, 0.2, -1.0, float("nan")) if job.attempt == 1 else (0.1, 7.0):
            before = (await watched.get(progress.id)).version
            await progress.report(fraction)
            shown = await watched.when(progress.id, partial(_is_newer, before))
            told.append(shown.progress)
        if job.attempt == 1:
            raise ConnectionError

    id = await watched.start()
    async with watched.worked_at(work):
        await watched.ended(id)
    assert told == [0.5, 0.5, 0.5, 0.5, 0.5, 1.0]


async def test_what_is_rolled_back_is_not_started(watched: Watched) -> None:
    """Nor does it hold its key."""
    with suppress(LookupError):
        async with watched.all() as jobs:
            await jobs.start(NewJob(name=NAME, payload={}, key="one"), subject="EW100")
            raise LookupError
    assert await watched.left() == []
    await watched.start("one")


async def test_of_two_with_one_key_the_second_is_refused(watched: Watched) -> None:
    """It says which is under way; when that has ended, however it did, another may begin."""
    first = await watched.start("one")
    with pytest.raises(Conflict, match=str(first)) as refused:
        await watched.start("one")
    assert refused.value.code == "job_running"
    await watched.start("another")
    await watched.start()
    await watched.start()
    await watched.cancel(first)
    second = await watched.start("one")
    async with watched.worked_at(succeed):
        assert (await watched.ended(second)).status == "succeeded"
        third = await watched.start("one")
        assert (await watched.ended(third)).status == "succeeded"


async def test_of_many_at_once_with_one_key_one_is_started(watched: Watched) -> None:
    """Nobody waits for ever, and the others are told of that one."""
    started, refused = [], []

    async def start() -> None:
        try:
            started.append(await watched.start("one"))
        except Conflict as conflict:
            refused.append(str(conflict))

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(start)
    assert len(started) == 1
    assert len(refused) == 7
    assert all(str(started[0]) in detail for detail in refused)


async def test_what_is_cancelled_while_it_waits_is_never_begun(watched: Watched) -> None:
    """It has ended at once; to cancel it again is refused."""
    begun = []

    async def work(job: Job, _: Progress) -> None:
        begun.append(job.payload["number"])

    id = await watched.start(number=1)
    job = await watched.cancel(id)
    assert (job.status, job.cancel_requested, job.finished_at is None) == ("cancelled", True, False)
    with pytest.raises(Conflict) as refused:
        await watched.cancel(id)
    assert refused.value.code == "job_finished"
    other = await watched.start(number=2)
    async with watched.worked_at(work):
        await watched.ended(other)
        await watched.all_done()
    assert begun == [2]
    assert (await watched.get(id)).status == "cancelled"


async def test_what_runs_stops_when_it_is_cancelled(watched: Watched) -> None:
    """The next time that it says how far it is; until then it may be asked to again."""
    reported, go = anyio.Event(), anyio.Event()

    async def work(_: Job, progress: Progress) -> None:
        await progress.report(0.5)
        reported.set()
        await go.wait()
        await forever(progress)

    id = await watched.start()
    async with watched.worked_at(work):
        await reported.wait()
        for _ in range(2):
            asked = await watched.cancel(id)
            assert (asked.status, asked.cancel_requested) == ("running", True)
        go.set()
        job = await watched.ended(id)
        await watched.all_done()
    assert (job.status, job.result, job.error) == ("cancelled", None, None)


async def test_what_was_cancelled_does_not_succeed(watched: Watched) -> None:
    """What it has done by then is undone, for its own data is stored with its success."""
    await _notes(watched)

    async def work(_: Job, progress: Progress) -> None:
        await watched.cancel(progress.id)
        async with watched.database.transaction() as session:
            await session.execute(text("INSERT INTO notes VALUES (1)"))
            await progress.finish(session, {"sessions": 1})

    id = await watched.start()
    async with watched.worked_at(work):
        job = await watched.ended(id)
    assert (job.status, job.result) == ("cancelled", None)
    assert await _noted(watched) == 0


async def test_who_cancels_too_late_is_told(watched: Watched) -> None:
    """Between the last word and its commit; one of the two happens, and both know which."""
    await _notes(watched)
    finishing = anyio.Event()
    answers = []

    async def work(_: Job, progress: Progress) -> None:
        async with watched.database.transaction() as session:
            await session.execute(text("INSERT INTO notes VALUES (1)"))
            await progress.finish(session, {"sessions": 1})
            finishing.set()
            await anyio.sleep(0.1)

    id = await watched.start()

    async def cancel() -> None:
        await finishing.wait()
        try:
            answers.append((await watched.cancel(id)).status)
        except Conflict as conflict:
            answers.append(conflict.code)

    async with watched.worked_at(work), anyio.create_task_group() as tasks:
        tasks.start_soon(cancel)
        job = await watched.ended(id)
    assert (job.status, job.result) == ("succeeded", {"sessions": 1})
    assert answers == ["job_finished"]
    assert await _noted(watched) == 1


async def test_a_success_that_is_rolled_back_is_none(watched: Watched) -> None:
    """The data and the success are there together, or neither: then it is tried again."""
    await _notes(watched)

    async def work(job: Job, progress: Progress) -> None:
        async with watched.database.transaction() as session:
            await session.execute(text("INSERT INTO notes VALUES (1)"))
            await progress.finish(session, {"attempt": job.attempt})
            if job.attempt == 1:
                raise ConnectionError
            assert (await watched.get(progress.id)).status == "running"

    id = await watched.start()
    async with watched.worked_at(work):
        job = await watched.ended(id)
        await watched.all_done()
    assert (job.status, job.result) == ("succeeded", {"attempt": 2})
    assert await _noted(watched) == 1


async def test_what_is_the_askers_fault_is_not_tried_again(watched: Watched) -> None:
    """They are told why."""
    calls = []

    async def work(job: Job, _: Progress) -> None:
        calls.append(job.attempt)
        raise Invalid("There are no sessions.", code="no_sessions")

    id = await watched.start("one")
    async with watched.worked_at(work):
        job = await watched.ended(id)
        await watched.all_done()
    assert (job.status, job.error) == (
        "failed",
        {"code": "no_sessions", "detail": "There are no sessions."},
    )
    assert calls == [1]
    await watched.start("one")


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ConnectionError("https://me:secret@x"), "internal"),
        (Unavailable("Nobody answers.", code="provider_away"), "provider_away"),
    ],
)
async def test_what_may_pass_is_tried_again(watched: Watched, error: Exception, shown: str) -> None:
    """It has failed when it is given up and no earlier, and is kept nowhere else."""
    statuses = []

    async def work(_: Job, progress: Progress) -> None:
        statuses.append((await watched.get(progress.id)).status)
        raise error

    id = await watched.start("one")
    with capture_logs() as logs:
        async with watched.worked_at(work):
            job = await watched.ended(id)
            await watched.all_done()
    assert statuses == ["running"] * TRIES
    assert [log["event"] for log in logs].count("tracked.given_up") == 1
    assert "secret" not in str(logs)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error["code"] == shown
    assert "secret" not in str(job.error)


async def test_what_waits_for_its_next_try_is_cancelled_at_once(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it has failed, or wanted to go on later: nobody is at it."""
    monkeypatch.setattr("tradeapi.jobs.execution.FIRST_SECONDS", 60)

    async def work(job: Job, _: Progress) -> None:
        raise ConnectionError if job.payload["fails"] else Later(60)

    ids = [await watched.start(fails=fails) for fails in (True, False)]
    async with watched.worked_at(work):
        for id in ids:
            await watched.when(id, lambda job: job.attempt == 1 and job.status == "queued")
            assert (await watched.cancel(id)).status == "cancelled"


async def test_what_goes_on_later_is_no_failure(watched: Watched) -> None:
    """However often."""

    async def work(job: Job, _: Progress) -> Mapping[str, Any]:
        if job.attempt <= TRIES + 1:
            raise Later(0.001)
        return {"attempt": job.attempt}

    id = await watched.start()
    async with watched.worked_at(work):
        job = await watched.ended(id)
    assert (job.status, job.result) == ("succeeded", {"attempt": TRIES + 2})


async def test_a_process_that_stops_cancels_nothing(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one does it again."""
    monkeypatch.setattr("tradeapi.jobs.runner.GRACE_SECONDS", 0.1)
    began = anyio.Event()

    async def work(_: Job, progress: Progress) -> None:
        await progress.report(0.5)
        began.set()
        await anyio.sleep_forever()

    id = await watched.start()
    async with watched.worked_at(work):
        await began.wait()
    assert (await watched.get(id)).status == "running"
    async with watched.worked_at(succeed):
        job = await watched.ended(id)
    assert (job.status, job.attempt, job.cancel_requested) == ("succeeded", 2, False)


async def test_who_was_taken_for_dead_has_no_say(watched: Watched) -> None:
    """Another one has begun it since: of two one succeeds, and the other stops."""
    go, outcomes = anyio.Event(), []

    async def work(_: Job, progress: Progress) -> Mapping[str, Any]:
        # Its queue has given it to another process.
        other = await begin(watched.database, watched.bus, watched.clock, progress.id)
        assert other is not None
        with pytest.raises(Cancelled):
            await forever(progress)
        async with watched.database.transaction() as session:
            await other.finish(session, {"by": "the other"})
        for late in (progress.stop, progress.pause):
            await late()
        await progress.fail({"code": "internal", "detail": ""})
        outcomes.append(await begin(watched.database, watched.bus, watched.clock, progress.id))
        go.set()
        return {"by": "the one"}

    id = await watched.start()
    async with watched.worked_at(work):
        await go.wait()
        await watched.all_done()
    job = await watched.get(id)
    assert (job.status, job.result, job.attempt) == ("succeeded", {"by": "the other"}, 2)
    assert outcomes == [None]


async def test_with_its_user_it_goes(watched: Watched) -> None:
    """What runs stops, and nothing is left of it."""
    began, stopped = anyio.Event(), anyio.Event()

    async def work(_: Job, progress: Progress) -> None:
        began.set()
        try:
            await forever(progress)
        finally:
            stopped.set()

    await watched.start()
    async with watched.worked_at(work):
        await began.wait()
        async with watched.database.transaction() as session:
            await session.execute(delete(User).where(User.id == watched.owner))
        await stopped.wait()
        await watched.all_done()


async def test_the_work_goes_on_while_nothing_can_be_told(watched: Watched) -> None:
    """What it said meanwhile is told then."""
    attempts = []

    async def work(job: Job, progress: Progress) -> Mapping[str, Any]:
        attempts.append(job.attempt)
        await _execute(watched, "ALTER TABLE tracked_jobs RENAME TO away")
        await progress.report(0.5)
        await anyio.sleep(0.2)
        await _execute(watched, "ALTER TABLE away RENAME TO tracked_jobs")
        await watched.when(progress.id, lambda job: job.progress > 0)
        return {}

    id = await watched.start()
    async with watched.worked_at(work):
        await until(lambda: bool(attempts))
        await watched.all_done()
    assert (await watched.get(id)).status == "succeeded"
    assert attempts == [1]


async def test_an_outage_does_not_use_up_the_tries(postgres_url: str) -> None:
    """The last one has failed when that is written, and not before."""
    async with Database(postgres_url) as database, anyio.create_task_group() as tasks:
        watched = Watched(database, None)
        calls: list[bool] = []
        locked = anyio.Event()

        async def hold(id: UUID) -> None:
            """Longer than anybody waits for a lock."""
            async with database.transaction() as session:
                await session.get(TrackedJob, id, with_for_update=True)
                locked.set()
                await anyio.sleep(7)

        async def work(job: Job, progress: Progress) -> None:
            calls.append(job.is_last_try)
            if len(calls) == TRIES:
                tasks.start_soon(hold, progress.id)
                await locked.wait()
            raise ConnectionError

        id = await watched.start()
        async with watched.worked_at(work):
            job = await watched.ended(id)
            await watched.all_done()
    assert job.status == "failed"
    assert calls == [False] * (TRIES - 1) + [True, True]


async def forever(progress: Progress) -> None:
    while True:
        await progress.report(0.5)
        await anyio.sleep(0.01)


def _is_newer(version: int, job: TrackedJob) -> bool:
    return job.version > version


async def _notes(watched: Watched) -> None:
    await _execute(watched, "CREATE TABLE notes (number INTEGER)")


async def _noted(watched: Watched) -> int:
    async with watched.database.reading() as session:
        return await session.scalar(text("SELECT count(*) FROM notes")) or 0


async def _execute(watched: Watched, statement: str) -> None:
    async with watched.database.transaction() as session:
        await session.execute(text(statement))
