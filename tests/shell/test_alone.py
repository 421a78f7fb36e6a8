"""Which processes may work on one database."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
import pytest
from pydantic import SecretStr

from tests.shell.conftest import clean_environment
from tradeapi.leases.locks import open_locks
from tradeapi.ops.alone import LOCK, NotAlone, admitted
from tradeapi.settings import Settings

HOLD = """
import asyncio
from tradeapi.leases.locks import open_locks
from tradeapi.ops.alone import admitted
from tradeapi.settings import load
async def hold():
    settings = load()
    async with open_locks(settings.database_url) as locks, admitted(settings, locks):
        print("held", flush=True)
        await asyncio.Event().wait()
asyncio.run(hold())
"""
# Nothing is asked of it here.
REDIS = "redis://127.0.0.1:1"


@contextmanager
def held(url: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that works on the database."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env=clean_environment(DATABASE_URL=url, **settings),
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@asynccontextmanager
async def entered(url: str, redis_url: str | None = None) -> AsyncIterator[None]:
    settings = Settings(database_url=url, redis_url=SecretStr(redis_url) if redis_url else None)
    async with open_locks(url) as locks, admitted(settings, locks):
        yield


@pytest.fixture
def holder(database_url: str) -> Iterator[subprocess.Popen[bytes]]:
    with held(database_url) as process:
        yield process


@pytest.mark.usefixtures("holder")
async def test_one_is_enough(database_url: str) -> None:
    """The second one is refused, after some patience, and told what would let it in."""
    with pytest.raises(NotAlone, match="REDIS_URL"):
        async with entered(database_url):
            pass


@pytest.mark.usefixtures("holder")
async def test_redis_must_be_everywhere(database_url: str) -> None:
    """Nobody hears the news of a process without it, wherever else it is."""
    with pytest.raises(NotAlone):
        async with entered(database_url, REDIS):
            pass


async def test_with_redis_there_may_be_many(database_url: str) -> None:
    """But none without it."""
    with held(database_url, REDIS_URL=REDIS):
        async with entered(database_url, REDIS), entered(database_url, REDIS):
            pass
        with pytest.raises(NotAlone):
            async with entered(database_url):
                pass


async def test_a_killed_process_makes_room(
    holder: subprocess.Popen[bytes], database_url: str
) -> None:
    """Nothing has to be cleaned up after it."""
    holder.kill()
    async with entered(database_url):
        pass


async def test_it_may_be_left_and_entered_again(database_url: str) -> None:
    """A restart is no second process."""
    for _ in range(2):
        async with entered(database_url):
            pass


@pytest.mark.usefixtures("holder")
def test_it_hinders_no_command(sqlite_url: str) -> None:
    """Imports and other tools use the database at the same time."""
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = version_num")
    connection.close()


async def test_a_lost_lock_is_taken_again(postgres_url: str) -> None:
    """PostgreSQL restarts, and we hold on."""
    async with entered(postgres_url), _connection(postgres_url) as connection:
        await _terminate_holder(connection)
        await asyncio.sleep(2.5)
        assert await _holder(connection) is not None


async def test_a_process_leaves_when_another_was_faster(postgres_url: str) -> None:
    """It stops like one that was asked to."""
    async with _connection(postgres_url) as connection, open_locks(postgres_url) as locks:
        with held(postgres_url) as process:
            await _terminate_holder(connection)
            assert await locks.take(LOCK)
            assert await asyncio.to_thread(process.wait, 15) == -signal.SIGTERM


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def _holder(connection: asyncpg.Connection) -> int | None:
    holder: int | None = await connection.fetchval(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return holder


async def _terminate_holder(connection: asyncpg.Connection) -> None:
    await connection.execute("SELECT pg_terminate_backend($1, 5000)", await _holder(connection))
