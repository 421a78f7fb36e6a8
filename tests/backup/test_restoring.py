"""Backups put in place of databases, at night: nothing that is there is lost by it."""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url, text
from typer.testing import CliRunner

from tests.backup import files
from tests.backup.conftest import DeskOf
from tradeapi import migrations
from tradeapi.cli import cli
from tradeapi.database import Database
from tradeapi.errors import Conflict, NotStarted
from tradeapi.ops.backup import restoring
from tradeapi.ops.backup.manifest import Manifest, encode


@pytest.fixture
def fresh(filled_url: str) -> str:
    """The URL of a database beside it that is not there."""
    url = make_url(filled_url)
    return url.set(database=f"{url.database}_fresh").render_as_string(hide_password=False)


async def ask(url: str, sql: str) -> object:
    async with Database(url) as database, database.reading() as session:
        return (await session.execute(text(sql))).scalar()


async def drop(url: str) -> None:
    parts = make_url(url)
    if parts.get_backend_name() != "sqlite":
        connection = await asyncpg.connect(
            parts.set(drivername="postgresql", database="postgres").render_as_string(
                hide_password=False
            )
        )
        await connection.execute(f'DROP DATABASE IF EXISTS "{parts.database}" WITH (FORCE)')
        await connection.close()


async def test_into_a_new_database(filled_url: str, fresh: str, desk_of: DeskOf) -> None:
    """It is made, has everything, and what clients know of the old one is not of this one."""
    desk = desk_of(filled_url)
    await desk.create()
    done = await desk.restore("latest", fresh, replace=False)
    assert done.before is None
    assert await ask(fresh, "SELECT email FROM users") == "größe@example.com"
    assert await ask(fresh, "SELECT version_num FROM alembic_version") == migrations.head()
    epochs = [await ask(url, "SELECT value FROM epoch") for url in (filled_url, fresh)]
    assert epochs[0] != epochs[1]
    revisions = [await ask(url, "SELECT revision FROM heads") for url in (filled_url, fresh)]
    assert revisions[1] == int(str(revisions[0])) + restoring.AHEAD
    with pytest.raises(Conflict, match="is not empty"):
        await desk.restore("latest", fresh, replace=False)
    await drop(fresh)


async def test_a_name_alone_is_beside_the_database(filled_postgres: str, desk_of: DeskOf) -> None:
    """So that no password is typed."""
    desk = desk_of(filled_postgres)
    await desk.create()
    url = make_url(filled_postgres)
    name = f"{url.database}_named"
    await desk.restore("latest", name, replace=False)
    there = url.set(database=name).render_as_string(hide_password=False)
    assert await ask(there, "SELECT count(*) FROM users") == 1
    await drop(there)


async def test_into_an_empty_database(
    filled_postgres: str, postgres_server: str, desk_of: DeskOf
) -> None:
    """It keeps the settings that it has."""
    url = make_url(filled_postgres)
    empty = url.set(database=f"{url.database}_empty").render_as_string(hide_password=False)
    admin = await asyncpg.connect(postgres_server.replace("+asyncpg", ""))
    name = make_url(empty).database
    await admin.execute(f'CREATE DATABASE "{name}"')
    await admin.execute(f"ALTER DATABASE \"{name}\" SET work_mem = '5MB'")
    desk = desk_of(filled_postgres)
    await desk.create()
    assert (await desk.restore("latest", empty, replace=False)).before is None
    assert await ask(empty, "SHOW work_mem") == "5MB"
    assert await ask(empty, "SELECT count(*) FROM users") == 1
    await admin.close()
    await drop(empty)


async def test_what_is_replaced_is_kept(filled_url: str, fresh: str, desk_of: DeskOf) -> None:
    """Under another name, with what was written since."""
    desk = desk_of(filled_url)
    await desk.create()
    await desk.restore("latest", fresh, replace=False)
    async with Database(fresh) as database, database.transaction() as session:
        await session.execute(text("UPDATE users SET email = 'later@example.com'"))
    done = await desk.restore("latest", fresh, replace=True)
    assert done.before is not None
    before = make_url(fresh).set(database=done.before).render_as_string(hide_password=False)
    assert await ask(fresh, "SELECT email FROM users") == "größe@example.com"
    assert await ask(before, "SELECT email FROM users") == "later@example.com"
    await drop(fresh)
    await drop(before)


async def test_what_is_in_use_is_not_replaced(
    filled_url: str, desk_of: DeskOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a process that forgot to stop; nothing has changed then."""
    monkeypatch.setattr("tradeapi.ops.backup.sqlite.ALONE_SECONDS", 0.1)
    desk = desk_of(filled_url)
    await desk.create()
    async with Database(filled_url) as database, database.reading() as session:
        await session.execute(text("SELECT 1 FROM users"))
        with pytest.raises(Conflict, match="in use"):
            await desk.restore("latest", filled_url, replace=True)
    assert await ask(filled_url, "SELECT count(*) FROM users") == 1
    if "sqlite" in filled_url:
        folder = Path(str(make_url(filled_url).database)).parent
        assert files.names(folder, "*.restoring*") == []
        assert files.names(folder, "*.before*") == []


async def test_an_older_backup_is_migrated(filled_url: str, fresh: str, desk_of: DeskOf) -> None:
    """With what is in it, to what this version needs."""
    await asyncio.to_thread(migrations.downgrade, filled_url, "0016")
    desk = desk_of(filled_url)
    manifest = await desk.create()
    assert manifest.contents.migration == "0016"
    assert "tracked_jobs" not in manifest.contents.tables
    await desk.restore("latest", fresh, replace=False)
    assert await ask(fresh, "SELECT version_num FROM alembic_version") == migrations.head()
    assert await ask(fresh, "SELECT count(*) FROM tracked_jobs") == 0
    assert await ask(fresh, "SELECT email FROM users") == "größe@example.com"
    await desk.drill()
    await drop(fresh)


async def test_a_backup_of_a_later_version_is_refused(
    sqlite_url: str, folder: str, desk_of: DeskOf, tmp_path: Path
) -> None:
    """Before anything is made."""
    manifest = await desk_of(sqlite_url).create()
    _rewrite(folder, manifest, migration="0999")
    desk, new = desk_of(sqlite_url), tmp_path / "new.db"
    with pytest.raises(Conflict, match="at the migration 0999, which tradeapi"):
        await desk.restore("latest", f"sqlite:///{new}", replace=False)
    with pytest.raises(Conflict, match="Restore it with that version"):
        await desk.drill()
    assert not new.exists()


async def test_a_backup_goes_into_its_own_kind(
    sqlite_url: str, postgres_url: str, desk_of: DeskOf
) -> None:
    """It is no way from one to the other."""
    await desk_of(sqlite_url).create()
    with pytest.raises(Conflict, match="is of sqlite, and not of postgresql"):
        await desk_of(postgres_url).restore("latest", postgres_url, replace=False)


async def test_a_role_that_may_not_create_databases_is_told(
    filled_postgres: str, postgres_server: str, desk_of: DeskOf
) -> None:
    """The proof may be on another server, and then it works."""
    admin = await asyncpg.connect(postgres_server.replace("+asyncpg", ""))
    role = f"poor_{make_url(filled_postgres).database}"
    if not await admin.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        pytest.skip("The tests' role may not make other roles.")
    await admin.execute(f"CREATE ROLE \"{role}\" LOGIN PASSWORD 'poor' IN ROLE pg_read_all_data")
    poor = make_url(filled_postgres).set(username=role, password="poor")
    url = poor.render_as_string(hide_password=False)
    await desk_of(url).create()
    with pytest.raises(NotStarted, match="CREATEDB"):
        await desk_of(url).verify("latest")
    await desk_of(url, backup_scratch_url=filled_postgres).verify("latest")
    await admin.execute(f'DROP ROLE "{role}"')
    await admin.close()


async def test_a_file_that_is_no_database_stays(
    sqlite_url: str, desk_of: DeskOf, tmp_path: Path
) -> None:
    """Whatever it is."""
    await desk_of(sqlite_url).create()
    path = tmp_path / "letter.db"
    path.write_text("Dear operator, " * 100)
    with pytest.raises(Conflict, match="is no database"):
        await desk_of(sqlite_url).restore("latest", f"sqlite:///{path}", replace=False)
    assert path.read_text().startswith("Dear")
    with closing(sqlite3.connect(str(make_url(sqlite_url).database))) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def _rewrite(folder: str, manifest: Manifest, *, migration: str) -> None:
    contents = manifest.contents.model_copy(update={"migration": migration})
    changed = manifest.model_copy(update={"contents": contents})
    Path(folder, f"{manifest.id}.json").write_bytes(encode(changed))


def test_other_users_of_the_machine_can_read_nothing(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a backup, of which everything could be had, nor what is restored."""
    folder, new = tmp_path / "backups", tmp_path / "new.db"
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    monkeypatch.setenv("BACKUP_LOCATION", str(folder))
    before = os.umask(0o022)
    try:
        for words in (["create"], ["restore", "latest", "--into", str(new)]):
            done = CliRunner().invoke(cli, ["backup", *words])
            assert done.exit_code == 0, done.output
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (*folder.iterdir(), new)} == {0o600}


@pytest.mark.parametrize(
    "url", ["postgresql://us:p@host:cret/db", "://", "postgresql://u:p@[::1/d"]
)
async def test_an_address_that_is_none_says_so(sqlite_url: str, desk_of: DeskOf, url: str) -> None:
    """And nothing of itself: a password may be in it."""
    desk = desk_of(sqlite_url)
    await desk.create()
    with pytest.raises(NotStarted) as refused:
        await desk.restore("latest", url, replace=False)
    assert "cr" not in str(refused.value)
    assert refused.value.__suppress_context__


async def test_a_long_name_of_a_database_makes_no_difference(
    filled_postgres: str, desk_of: DeskOf
) -> None:
    """PostgreSQL cuts them by bytes, and in the middle of what tells them apart."""
    desk = desk_of(filled_postgres)
    await desk.create()
    name = "ü" * 31
    try:
        for replace in (False, True):
            done = await desk.restore("latest", name, replace=replace)
        url = make_url(filled_postgres).set(database=done.before)
        before = url.render_as_string(hide_password=False)
        assert await ask(before, "SELECT email FROM users") == "größe@example.com"
        await drop(before)
    finally:
        await drop(
            make_url(filled_postgres).set(database=name).render_as_string(hide_password=False)
        )
