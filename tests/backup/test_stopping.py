"""Backups that are stopped, killed, refused or out of space leave nothing that looks like one."""

import asyncio
import os
import resource
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import psutil
import pytest
from sqlalchemy import make_url

from tests.backup import files
from tests.backup.conftest import DeskOf
from tests.shell.conftest import clean_environment
from tradeapi.ops.backup import scratch, server
from tradeapi.ops.backup.creating import alone
from tradeapi.ops.backup.engine import address, engine_of
from tradeapi.ops.backup.faults import Busy, Unreachable

BLOCKED = "SELECT count(*) FROM pg_locks WHERE relation = 'users'::regclass AND NOT granted"


@asynccontextmanager
async def held_up(url: str) -> AsyncIterator[Any]:
    """Backups come as far as a table that somebody else has locked."""
    connection = await asyncpg.connect(url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
    yield connection
    await transaction.rollback()
    await connection.close()


async def until_held_up(connection: Any) -> None:
    with anyio.fail_after(60):
        while await connection.fetchval(BLOCKED) < 2:  # noqa: ASYNC110  counted and dumped
            await anyio.sleep(0.05)


def command(
    folder: str,
    url: str,
    *words: str,
    start: Callable[[], None] | None = None,
    **variables: str,
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tradeapi", "backup", *words],
        env=clean_environment(
            DATABASE_URL=url,
            BACKUP_LOCATION=folder,
            PGSSLMODE="disable",
            **variables,
        ),
        cwd=Path(folder).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=start,  # noqa: PLW1509  it sets a limit and nothing else
    )


async def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    return await asyncio.to_thread(process.communicate, timeout=60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stopped_in_the_middle(
    filled_postgres: str, folder: str, desk_of: DeskOf, number: signal.Signals
) -> None:
    """It throws away what it has, at once, and no program of its has the password in sight."""
    async with held_up(filled_postgres) as connection:
        process = command(folder, filled_postgres, "create")
        await until_held_up(connection)
        with pytest.raises(Busy):
            await desk_of(filled_postgres).create()
        children = psutil.Process(process.pid).children(recursive=True)
        lines = [" ".join(child.cmdline()) for child in children]
        assert any("pg_dump" in line for line in lines)
        assert not any(str(make_url(filled_postgres).password) in line for line in lines)
        process.send_signal(number)
        _, said = await ended(process)
        assert process.returncode == 130
        assert said == "Stopped; nothing is left half done.\n"
        assert not any(child.is_running() for child in children)
    assert files.names(folder) == []
    await desk_of(filled_postgres).create()


async def test_killed_in_the_middle(filled_postgres: str, folder: str, desk_of: DeskOf) -> None:
    """Nothing is listed, and the next one is not held up by it."""
    async with held_up(filled_postgres) as connection:
        process = command(folder, filled_postgres, "create")
        await until_held_up(connection)
        process.kill()
        await ended(process)
    desk = desk_of(filled_postgres)
    assert await desk.entries() == []
    with anyio.fail_after(30):
        while True:
            try:
                manifest = await desk.create()
                break
            except Busy:  # its connection has not been noticed to be gone
                await anyio.sleep(0.05)
    assert [entry.id for entry in await desk.entries()] == [manifest.id]


async def test_a_database_that_goes_meanwhile(filled_postgres: str) -> None:
    """An operator is told so, in words."""
    url = address(filled_postgres)
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)

    async def count() -> None:
        async with engine_of(url).source(url) as source:
            connection = await asyncpg.connect(plain)
            await connection.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = $1 AND pid <> pg_backend_pid()",
                url.database,
            )
            await connection.close()
            await source.contents()

    with pytest.raises(Unreachable, match=f"The database {url.database} at "):
        await count()


async def test_one_at_a_time(sqlite_url: str, desk_of: DeskOf) -> None:
    """On SQLite as well; and then nothing is on record."""
    desk = desk_of(sqlite_url)
    async with alone(address(sqlite_url)):
        with pytest.raises(Busy):
            await desk.create()
        with pytest.raises(Busy):
            await desk.prune(dry_run=False)
    await desk.create()


async def test_out_of_space(filled_url: str, folder: str, desk_of: DeskOf) -> None:
    """It is said, nothing is listed, and the failure is on record."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))

    desk = desk_of(filled_url)
    # Without space it would write half of its bytecode, too.
    process = command(folder, filled_url, "create", start=limit, PYTHONDONTWRITEBYTECODE="1")
    _, said = await ended(process)
    assert process.returncode == 1
    assert "Traceback" not in said
    assert await desk.entries() == []
    assert files.names(folder) == []


async def test_a_proof_that_is_stopped_leaves_no_database(
    filled_postgres: str, postgres_server: str, desk_of: DeskOf, prefix: str
) -> None:
    """Cancelled as soon as there is one."""
    desk = desk_of(filled_postgres)
    await desk.create()
    admin = await asyncpg.connect(postgres_server.replace("+asyncpg", ""))
    proof = asyncio.create_task(desk.verify("latest"))
    with anyio.fail_after(30):
        while not await scratches(admin, prefix):  # noqa: ASYNC110
            await anyio.sleep(0.005)
    proof.cancel()
    await asyncio.wait({proof})
    assert proof.cancelled()
    assert await scratches(admin, prefix) == set()
    await admin.close()


async def test_what_killed_proofs_left_is_swept(
    filled_postgres: str, postgres_server: str, desk_of: DeskOf, prefix: str
) -> None:
    """By the next one; not what is in use, young, or of another name."""
    desk = desk_of(filled_postgres)
    await desk.create()
    admin = await asyncpg.connect(postgres_server.replace("+asyncpg", ""))
    old, young = time.time() - 2 * server.YOUNG_SECONDS, time.time()
    left, used, new = (f"{prefix}{at:.0f}_{secrets.token_hex(4)}" for at in (old, old, young))
    other = f"{prefix}of_somebody_{secrets.token_hex(4)}"
    for name in (left, used, new, other):
        await admin.execute(f'CREATE DATABASE "{name}"')
    parts = make_url(postgres_server).set(drivername="postgresql", database=used)
    user = await asyncpg.connect(parts.render_as_string(hide_password=False))
    await desk.verify("latest")
    assert await scratches(admin, prefix) == {used, new, other}
    await user.close()
    for name in (used, new, other):
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


def test_folders_that_killed_proofs_left_are_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those that are in use, or young."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch.scratch_folder() as used:
        left, young = tmp_path / f"{scratch.PREFIX}left", tmp_path / f"{scratch.PREFIX}young"
        for folder in (left, young):
            folder.mkdir()
        for folder in (left, used):
            os.utime(folder, (0, 0))
        with scratch.scratch_folder():
            assert {*tmp_path.iterdir()} >= {used, young}
            assert not left.exists()
    assert [*tmp_path.iterdir()] == [young]


@pytest.fixture
def prefix(monkeypatch: pytest.MonkeyPatch) -> str:
    """What scratch databases of this test alone begin with."""
    own = f"{server.SCRATCH}{secrets.token_hex(4)}_"
    monkeypatch.setattr(server, "SCRATCH", own)
    return own


async def scratches(connection: Any, prefix: str) -> set[str]:
    rows = await connection.fetch("SELECT datname FROM pg_database")
    return {row["datname"] for row in rows if row["datname"].startswith(prefix)}
