"""Work that one process at a time does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from tests.streams.waiting import until
from tradeapi.database import Database
from tradeapi.leases import lease as module
from tradeapi.leases.lease import Lease, Lost
from tradeapi.leases.locks import open_locks

RISE = text("UPDATE leases SET term = term + 1")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.05)


class Worker:
    """Like a process: it has locks of its own, and writes who it is as often as it can."""

    def __init__(self, name: str, lease: Lease) -> None:
        self.name = name
        self.lease = lease
        self.stop = anyio.CancelScope()
        self.works = False
        self.wrote = 0

    async def run(self) -> None:
        with self.stop:
            await self.lease.run(self.work)

    async def work(self) -> None:
        self.works = True
        try:
            while True:
                await self.write()
                self.wrote += 1
                await anyio.sleep(0.01)
        finally:
            self.works = False

    async def write(self) -> None:
        async with self.lease.database.transaction() as session:
            await self.insert(session)

    async def insert(self, session: AsyncSession) -> None:
        await session.execute(
            text("INSERT INTO exchanges (code, name) SELECT count(*), :name FROM exchanges"),
            {"name": self.name},
        )


@asynccontextmanager
async def started(name: str, url: str, database: Database) -> AsyncIterator[Worker]:
    async with open_locks(url) as locks, anyio.create_task_group() as tasks:
        worker = Worker(name, Lease("test", locks, database))
        tasks.start_soon(worker.run)
        yield worker
        tasks.cancel_scope.cancel()


async def test_one_works_and_then_the_other(database_url: str, database: Database) -> None:
    """The next one begins when the first has stopped, with a higher term."""
    async with started("one", database_url, database) as one:
        await until(lambda: one.works)
        assert await _term(database) == 1
        async with started("two", database_url, database) as two:
            await anyio.sleep(0.3)
            assert not two.works
            one.stop.cancel()
            await until(lambda: two.works)
            assert not one.works
            assert await _term(database) == 2


async def test_without_the_lease_nothing_is_written(database_url: str, database: Database) -> None:
    """Before it was taken, and after it was given back."""
    async with open_locks(database_url) as locks:
        worker = Worker("nobody", Lease("test", locks, database))
        with pytest.raises(Lost):
            await worker.write()
    async with started("one", database_url, database) as one:
        await until(lambda: one.wrote > 0)
    with pytest.raises(Lost):
        await one.write()
    assert one.wrote == await _written(database)


async def test_a_late_write_is_refused(database_url: str, database: Database) -> None:
    """Another has begun its term while the holder thinks that the lease is its own."""
    async with open_locks(database_url) as locks:
        worker = Worker("late", Lease("test", locks, database))
        refused = anyio.Event()

        async def work() -> None:
            await worker.write()
            async with database.transaction() as session:
                await session.execute(RISE)
            try:
                await worker.write()
            except Lost:
                refused.set()
                raise

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(worker.lease.run, work)
            with anyio.fail_after(20):
                await refused.wait()
            tasks.cancel_scope.cancel()
    assert await _written(database) == 1


async def test_who_was_overtaken_begins_anew(database_url: str, database: Database) -> None:
    """Its work is ended at once, and it contends like any other."""
    async with started("one", database_url, database) as one:
        await until(lambda: one.wrote > 0)
        with capture_logs() as logs:
            async with database.transaction() as session:
                await session.execute(RISE)
            await until(lambda: any(log["event"] == "lease.taken" for log in logs))
        assert [log["event"] for log in logs] == ["lease.lost", "lease.taken"]
        assert [log["term"] for log in logs] == [1, 3]
        before = one.wrote
        await until(lambda: one.wrote > before)


async def test_no_term_begins_in_the_middle_of_a_transaction(
    database_url: str, database: Database
) -> None:
    """What the holder is about to commit counts, or the next holder would not see it."""
    async with open_locks(database_url) as locks, anyio.create_task_group() as tasks:
        lease = Lease("test", locks, database)
        is_in, may_end, has_risen = anyio.Event(), anyio.Event(), anyio.Event()

        async def work() -> None:
            async with lease.database.transaction():
                is_in.set()
                await may_end.wait()
            await anyio.sleep_forever()

        async def rise() -> None:
            async with database.transaction() as session:
                await session.execute(RISE)
            has_risen.set()

        tasks.start_soon(lease.run, work)
        with anyio.fail_after(20):
            await is_in.wait()
            tasks.start_soon(rise)
            await anyio.sleep(0.3)
            assert not has_risen.is_set()
            may_end.set()
            await has_risen.wait()
        tasks.cancel_scope.cancel()


async def test_a_paused_transaction_holds_nobody_up(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL ends it, and nothing of it is written."""
    monkeypatch.setattr(module, "SILENCE_SECONDS", 0.3)
    async with (
        Database(postgres_url) as database,
        open_locks(postgres_url) as locks,
        anyio.create_task_group() as tasks,
    ):
        worker = Worker("paused", Lease("test", locks, database))
        is_over = anyio.Event()

        async def pause() -> None:
            async with worker.lease.database.transaction() as session:
                await worker.insert(session)
                async with database.transaction() as other:
                    await other.execute(RISE)

        async def work() -> None:
            with pytest.raises(DBAPIError):
                await pause()
            is_over.set()
            await anyio.sleep_forever()

        tasks.start_soon(worker.lease.run, work)
        with anyio.fail_after(20):
            await is_over.wait()
        tasks.cancel_scope.cancel()
        assert (await _term(database), await _written(database)) == (2, 0)


async def test_it_waits_for_its_database(tmp_path: pytest.TempPathFactory) -> None:
    """Nothing has migrated it yet; that is said once."""
    url = f"sqlite:///{tmp_path}/empty.db"
    with capture_logs() as logs:
        async with Database(url) as database, started("one", url, database) as one:
            await until(lambda: bool(logs))
            await anyio.sleep(0.3)
            assert not one.works
    assert [log["event"] for log in logs] == ["lease.away"]


async def test_the_metrics_tell(database_url: str, database: Database) -> None:
    """Whether it is held here, and how often it was taken."""
    before = REGISTRY.get_sample_value("lease_takeovers_total", {"lease": "test"}) or 0
    async with started("one", database_url, database) as one:
        await until(lambda: one.works)
        assert REGISTRY.get_sample_value("lease_held", {"lease": "test"}) == 1
    assert REGISTRY.get_sample_value("lease_held", {"lease": "test"}) == 0
    assert REGISTRY.get_sample_value("lease_takeovers_total", {"lease": "test"}) == before + 1


async def _term(database: Database) -> int:
    async with database.read() as raw:
        [[term]] = await raw.fetch("SELECT term FROM leases")
    return int(term)


async def _written(database: Database) -> int:
    async with database.read() as raw:
        [[count]] = await raw.fetch("SELECT count(*) FROM exchanges")
    return int(count)
