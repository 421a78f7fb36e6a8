"""One API process per database."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
import pytest

from tests.shell.conftest import clean_environment
from tradeapi.ops.alone import LOCK, NotAlone, alone

HOLD = """
import asyncio, sys
from tradeapi.ops.alone import alone
async def hold():
    async with alone(sys.argv[1]):
        print("held", flush=True)
        await asyncio.Event().wait()
asyncio.run(hold())
"""


@contextmanager
def held(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that serves the database."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, url], env=clean_environment(), stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def holder(database_url: str) -> Iterator[subprocess.Popen[bytes]]:
    with held(database_url) as process:
        yield process


@pytest.mark.usefixtures("holder")
async def test_one_is_enough(database_url: str) -> None:
    """The second one is refused, after some patience."""
    with pytest.raises(NotAlone):
        async with alone(database_url):
            pass


async def test_a_killed_process_makes_room(
    holder: subprocess.Popen[bytes], database_url: str
) -> None:
    """Nothing has to be cleaned up after it."""
    holder.kill()
    async with alone(database_url):
        pass


async def test_it_may_be_left_and_entered_again(database_url: str) -> None:
    """A restart is no second process."""
    for _ in range(2):
        async with alone(database_url):
            pass


@pytest.mark.usefixtures("holder")
def test_it_hinders_no_command(sqlite_url: str) -> None:
    """Imports and other tools use the database at the same time."""
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = version_num")
    connection.close()


async def test_a_lost_lock_is_taken_again(postgres_url: str) -> None:
    """PostgreSQL restarts, and we hold on."""
    async with alone(postgres_url), _connection(postgres_url) as connection:
        await _terminate_holder(connection)
        await asyncio.sleep(2.5)
        assert await _holder(connection) is not None


async def test_a_process_leaves_when_another_was_faster(postgres_url: str) -> None:
    """It stops like one that was asked to."""
    async with _connection(postgres_url) as connection:
        with held(postgres_url) as process:
            await _terminate_holder(connection)
            await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
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
    await connection.execute("SELECT pg_terminate_backend($1)", await _holder(connection))
