"""Names that are held on a database, by PostgreSQL's locks and by files beside SQLite."""

from collections.abc import Iterator

import anyio
import asyncpg
import pytest

from tests.streams.waiting import until
from tradeapi.leases import locks as module
from tradeapi.leases.locks import AWAY, open_locks


async def test_one_holds_a_name(database_url: str) -> None:
    """Another gets it when it is given back; other names are free."""
    async with open_locks(database_url) as ours, open_locks(database_url) as theirs:
        assert await ours.take("a")
        assert not await theirs.take("a")
        assert await theirs.take("b")
        assert await ours.holds("a")
        assert not await theirs.holds("a")
        await ours.release("a")
        assert not await ours.holds("a")
        assert await theirs.take("a")


async def test_what_is_closed_is_given_back(database_url: str) -> None:
    """All of it."""
    async with open_locks(database_url) as ours:
        assert await ours.take("a")
        assert await ours.take("b", shared=True)
    async with open_locks(database_url) as theirs:
        assert await theirs.take("a")
        assert await theirs.take("b")


async def test_a_name_may_be_shared(database_url: str) -> None:
    """Among those who share it, and with nobody else."""
    async with (
        open_locks(database_url) as one,
        open_locks(database_url) as two,
        open_locks(database_url) as alone,
    ):
        assert await one.take("a", shared=True)
        assert await two.take("a", shared=True)
        assert not await alone.take("a")
        await one.close()
        assert not await alone.take("a")
        await two.close()
        assert await alone.take("a")


@pytest.fixture
def short_silence() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SILENCE_SECONDS", 0.5)
        yield


@pytest.mark.usefixtures("short_silence")
async def test_who_is_silent_loses_it(postgres_url: str) -> None:
    """A process that was paused, or cut off; and it notices."""
    async with open_locks(postgres_url) as paused, open_locks(postgres_url) as other:
        assert await paused.take("a")
        with anyio.fail_after(20):
            while not await other.take("a"):  # noqa: ASYNC110
                await anyio.sleep(0.1)
        assert not await paused.holds("a")
        assert not await paused.take("a")


@pytest.mark.usefixtures("short_silence")
async def test_who_asks_does_not_lose_it(postgres_url: str) -> None:
    """For longer than the silence that is allowed."""
    async with open_locks(postgres_url) as ours, open_locks(postgres_url) as theirs:
        assert await ours.take("a")
        for _ in range(20):
            await anyio.sleep(0.05)
            assert await ours.holds("a")
            assert not await theirs.take("a")


async def test_a_broken_connection_loses_them_all(postgres_url: str) -> None:
    """They may be taken again."""
    connection = await asyncpg.connect(postgres_url)
    async with open_locks(postgres_url) as locks:
        assert await locks.take("a")
        assert await locks.take("b")
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        await until(lambda: _is_lost(locks._connection))  # type: ignore[attr-defined]  # noqa: SLF001
        assert await locks.take("a")
        assert await locks.holds("a")
        assert not await locks.holds("b")
    await connection.close()


async def test_a_database_that_is_away_is_said() -> None:
    """Nothing is held then."""
    async with open_locks("postgresql://nobody@127.0.0.1:1/none") as locks:
        with pytest.raises(AWAY):
            await locks.take("a")
        assert not await locks.holds("a")


def _is_lost(connection: asyncpg.Connection) -> bool:
    return bool(connection.is_closed())
