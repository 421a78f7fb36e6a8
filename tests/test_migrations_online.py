"""Migrations beside a service that works: no table is closed to it for long."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event, make_url

from tradeapi import migrations

ROOT = Path(__file__).parents[1]
SQUAWK = ROOT / ".venv/bin/squawk"
# What is no matter of downtime, and why the others don't hold here.
EXCLUDED = {
    "prefer-bigint-over-int",  # ids of what there are few of
    "prefer-identity",  # the same, as SQLAlchemy makes it
    "prefer-text-field",  # a longer varchar is as quick to have as a check
    "require-statement-timeout",  # an index over all bars takes its time, and closes nothing
}
# Those that are older than this test, with the reason; there will be no others.
KNOWN = {"0012": "pgqueuer converges from tables of its own that are older, and there were none"}
# As env.py has it for all of them.
PATIENT = "SET lock_timeout = '2s';\n"


def lint(sql: str) -> str:
    """What is wrong with statements that are one transaction, nothing if all is well."""
    command = [str(SQUAWK), "--pg-version=15", "--assume-in-transaction", "--reporter=gcc"]
    command += [f"--exclude={','.join(sorted(EXCLUDED))}", "--stdin-filepath=migration.sql"]
    answer = subprocess.run(command, input=sql, check=False, capture_output=True, text=True)
    return "" if answer.returncode == 0 else answer.stdout + answer.stderr


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Every statement that is executed meanwhile."""
    statements: list[str] = []

    def note(_: Connection, __: object, statement: str, *___: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def revisions() -> list[str]:
    scripts = ScriptDirectory(str(ROOT / "alembic"))
    return [script.revision for script in scripts.walk_revisions()][::-1]


def test_a_migration_closes_no_table_to_others(postgres_url: str) -> None:
    """Nothing is dropped, renamed or rewritten that the release before still uses."""
    migrations.downgrade(postgres_url, "base")
    for revision in revisions():
        with recorded() as statements:
            migrations.upgrade(postgres_url, revision)
        found = lint(";\n".join(statements) + ";")
        assert bool(found) is (revision in KNOWN), found


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("ALTER TABLE charts DROP COLUMN name", "ban-drop-column"),
        ("DROP TABLE charts", "ban-drop-table"),
        ("ALTER TABLE charts RENAME COLUMN name TO title", "renaming-column"),
        ("ALTER TABLE charts RENAME TO drawings", "renaming-table"),
        ("ALTER TABLE charts ADD COLUMN size bigint NOT NULL", "adding-required-field"),
        ("ALTER TABLE charts ALTER COLUMN name SET NOT NULL", "adding-not-nullable-field"),
        ("ALTER TABLE charts ALTER COLUMN name TYPE text", "changing-column-type"),
        ("CREATE INDEX a ON charts (name)", "require-concurrent-index-creation"),
        (
            "ALTER TABLE charts ADD CONSTRAINT a CHECK (name <> '')",
            "constraint-missing-not-valid",
        ),
    ],
)
def test_what_would_hurt_is_found(statement: str, rule: str) -> None:
    """Each of these is for two releases, or for another way."""
    assert f" {rule} " in lint(f"{PATIENT}{statement};")


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE charts ADD COLUMN size bigint",
        "ALTER TABLE charts ADD COLUMN size bigint DEFAULT 0 NOT NULL",
        "CREATE TABLE a (id bigint PRIMARY KEY); CREATE INDEX b ON a (id)",
        "ALTER TABLE charts ADD CONSTRAINT a CHECK (name <> '') NOT VALID",
    ],
)
def test_what_hurts_nobody_is_not(statement: str) -> None:
    """Tables that are new, and columns that the release before does not miss."""
    assert not lint(f"{PATIENT}{statement};")


def test_it_gives_way_to_who_holds_a_table(postgres_url: str) -> None:
    """Whoever asks for the table behind it does not wait for the one who holds it."""
    migrations.downgrade(postgres_url, "0008")
    asyncio.run(_migrate_behind_a_reader(postgres_url))


async def _migrate_behind_a_reader(url: str) -> None:
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    holder, other = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        async with asyncio.TaskGroup() as tasks, holder.transaction():
            await holder.fetch("SELECT * FROM charts")
            migrating = tasks.create_task(asyncio.to_thread(migrations.upgrade, url, "0009"))
            while not await _is_waiting(other):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            # It would wait for as long as the holder does.
            await other.fetch("SELECT * FROM charts")
            assert not migrating.done()
    finally:
        await holder.close()
        await other.close()


async def _is_waiting(connection: Any) -> bool:
    found: int = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND wait_event_type = 'Lock'"
    )
    return found > 0
