"""Several processes do the jobs of one database, and some of them die."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import anyio
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from tests.hostile.postgres import postgres
from tests.jobs.office import Diary, at_work, noted
from tests.streams.waiting import until
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.jobs import runner
from tradeapi.jobs.crons import Crons, every, latest
from tradeapi.jobs.port import Cron, Job, Jobs
from tradeapi.migrations import upgrade

ROOT = Path(__file__).parents[2]
NOON = 1_700_049_600.0


async def test_two_do_each_job_once(database_url: str) -> None:
    """A thousand, asked for in one transaction while both are at work."""
    diary = Diary()
    async with AsyncExitStack() as stack:
        for _ in range(2):
            database = await stack.enter_async_context(Database(database_url))
            jobs = await stack.enter_async_context(at_work(database, {"note": diary}))
        async with database.transaction() as session:
            await jobs.enqueue(session, *map(noted, range(1000)))
        await until(lambda: len(diary.jobs) >= 1000, 60)
        await until_done(database, jobs)
    assert sorted(diary.numbers) == [*range(1000)]


async def test_what_a_dead_process_was_at_is_done_by_another(
    database_url: str, database: Database, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was killed in the middle of many; the other is a restart, or was there all the time."""
    monkeypatch.setattr(runner, "HEARTBEAT_SECONDS", 4.0)
    await execute(database, "CREATE TABLE notes (number INTEGER)")
    async with database.transaction() as session:
        await jobs.enqueue(session, *map(noted, range(300)))
    with clerk(database_url) as process:
        with anyio.fail_after(60):
            while len(await notes(database)) < 100:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        process.kill()
    left = Diary()
    async with at_work(database, {"note": left}):
        await until_done(database, jobs)
    done = Counter(await notes(database))
    assert len(left.jobs) < 300
    assert done.keys() | set(left.numbers) == {*range(300)}
    # What had begun may be done twice, and what nobody had begun may not.
    assert len(done.keys() & set(left.numbers)) <= runner.AT_ONCE + runner.BATCH


async def test_who_takes_long_is_not_dead(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else takes it as long as its process gives signs of life."""
    monkeypatch.setattr(runner, "HEARTBEAT_SECONDS", 3.0)
    diary = Diary()

    async def work(job: Job) -> None:
        await diary(job)
        await anyio.sleep(5)

    async with AsyncExitStack() as stack:
        for _ in range(2):
            database = await stack.enter_async_context(Database(database_url))
            jobs = await stack.enter_async_context(at_work(database, {"note": work}))
        await ask(database, jobs, 1)
        await until_done(database, jobs)
    assert diary.numbers == [1]


async def test_a_tick_is_for_one_of_three(database_url: str) -> None:
    """All of them look at once, again and again; a tick that was missed is made up for once."""
    clock = FixedClock(NOON)
    ticks: list[float] = []

    async def work() -> None:
        ticks.append(clock.time)

    cron = Cron(name="test", expression="*/5 * * * *", work=work)
    async with AsyncExitStack() as stack:
        offices = []
        for _ in range(3):
            database = await stack.enter_async_context(Database(database_url))
            jobs = await stack.enter_async_context(at_work(database, {}, [cron], clock))
            offices.append(Crons([cron], jobs, database, clock))
        for minutes in (0, 4, 5, 9, 16, 17):
            clock.time = NOON + 60 * minutes
            async with anyio.create_task_group() as tasks:
                for crons in offices * 2:
                    tasks.start_soon(crons.look)
            await until_done(database, jobs)
    assert ticks == [NOON, NOON + 300, NOON + 960]


async def test_a_tick_does_not_wait_behind_a_crowd(database: Database, jobs: Jobs) -> None:
    """Though the crowd was there first."""
    diary = Diary()
    before: list[int] = []

    async def work() -> None:
        before.append(len(diary.jobs))

    cron = Cron(name="test", expression="* * * * *", work=work)
    async with database.transaction() as session:
        await jobs.enqueue(session, *map(noted, range(2000)))
    async with at_work(database, {"note": diary}, [cron]):
        await until(lambda: bool(before), 60)
    assert before[0] < 2000


async def test_work_that_fails_is_left_to_the_next_tick(database: Database) -> None:
    """After the tries that any job has; no dead letters pile up."""
    calls = 0

    async def work() -> None:
        nonlocal calls
        calls += 1
        raise ConnectionError

    cron = Cron(name="test", expression="* * * * *", work=work)
    async with at_work(database, {}, [cron]) as jobs:
        await until(lambda: calls == 6)
        await until_done(database, jobs)


def test_ticks_are_in_utc() -> None:
    """A tick is due from its own second on."""
    assert latest("0 12 * * *", NOON) == NOON
    assert latest("0 12 * * *", NOON - 0.001) == NOON - 86_400
    assert latest("0 0 1 1 *", NOON) == 1_672_531_200


@pytest.mark.parametrize(
    ("minutes", "longest"), [(1, 1), (15, 15), (45, 45), (90, 60), (2000, 1440)]
)
def test_intervals_are_no_longer_than_asked_for(minutes: int, longest: int) -> None:
    """Where they do not divide the hour or the day, some are shorter."""
    ticks = {latest(every(minutes), NOON + 60 * minute) for minute in range(3 * 1440)}
    gaps = [(after - before) / 60 for before, after in pairwise(sorted(ticks))]
    assert max(gaps) == longest


async def test_it_goes_on_when_the_database_is_back() -> None:
    """The process stays, and what was asked for before and after is done."""
    with postgres() as server:
        await anyio.to_thread.run_sync(upgrade, server.url)
        diary = Diary()
        async with Database(server.url) as database, at_work(database, {"note": diary}) as jobs:
            await ask(database, jobs, 1)
            await until(lambda: diary.numbers == [1])
            server.kill()
            await anyio.sleep(0.5)
            server.start()
            with anyio.fail_after(60):
                while True:
                    try:
                        await ask(database, jobs, 2)
                    except Exception:  # noqa: BLE001  it is on its way
                        await anyio.sleep(0.1)
                    else:
                        break
            await until(lambda: 2 in diary.numbers, 60)


async def test_its_connection_may_be_cut(postgres_url: str) -> None:
    """It takes another one, and says so each time."""
    diary = Diary()
    with capture_logs() as logs:
        async with Database(postgres_url) as database, at_work(database, {"note": diary}) as jobs:
            for number in range(3):
                await ask(database, jobs, number)
                await until(partial(diary.has, number), 60)
                await execute(
                    database,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'tradeapi jobs' AND datname = current_database()",
                )
    events = [log["event"] for log in logs if log["event"] in {"jobs.away", "jobs.ready"}]
    assert events[:5] == ["jobs.ready", "jobs.away", "jobs.ready", "jobs.away", "jobs.ready"]


async def test_it_waits_for_its_tables(sqlite_url: str) -> None:
    """And says so once."""
    diary = Diary()
    async with Database(sqlite_url) as database:
        await execute(database, "ALTER TABLE jobs RENAME TO away")
        with capture_logs() as logs:
            async with at_work(database, {"note": diary}) as jobs:
                await anyio.sleep(0.5)
                await execute(database, "ALTER TABLE away RENAME TO jobs")
                await ask(database, jobs, 1)
                await until(partial(diary.has, 1))
    events = [log["event"] for log in logs if log["event"] in {"jobs.away", "jobs.ready"}]
    assert events == ["jobs.away", "jobs.ready"]


async def ask(database: Database, jobs: Jobs, number: int) -> None:
    async with database.transaction() as session:
        await jobs.enqueue(session, noted(number))


async def execute(database: Database, statement: str) -> None:
    async with database.transaction() as session:
        await session.execute(text(statement))


async def notes(database: Database) -> list[int]:
    async with database.reading() as session:
        return list((await session.scalars(text("SELECT number FROM notes"))).all())


async def until_done(database: Database, jobs: Jobs) -> None:
    with anyio.fail_after(60):
        while True:
            async with database.reading() as session:
                if not await jobs.counts(session):
                    return
            await anyio.sleep(0.02)


@contextmanager
def clerk(url: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.jobs.clerk", url]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()
