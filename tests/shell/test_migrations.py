"""Migrations, up and down, on both databases."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shell.conftest import clean_environment
from tradeapi import migrations
from tradeapi.database import Database


async def _tables(url: str) -> set[str]:
    async with Database(url) as database, database.read() as raw:
        if database.is_sqlite:
            rows = await raw.fetch("SELECT name FROM sqlite_master WHERE type = 'table'")
        else:
            rows = await raw.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    # SQLite's own table of counters can not be dropped.
    return {row[0] for row in rows} - {"sqlite_sequence"}


def tables(url: str) -> set[str]:
    return asyncio.run(_tables(url))


def test_down_and_up_again(database_url: str) -> None:
    """Nothing is left behind, and everything comes back."""
    before = tables(database_url)
    migrations.downgrade(database_url, "base")
    assert tables(database_url) <= {"alembic_version"}
    migrations.upgrade(database_url)
    assert tables(database_url) == before


def test_a_second_upgrade_does_nothing(database_url: str) -> None:
    """Every start may run it."""
    before = tables(database_url)
    migrations.upgrade(database_url)
    assert tables(database_url) == before


def test_four_processes_at_once(database_url: str, tmp_path: Path) -> None:
    """One migrates, the others wait and find it done."""
    migrations.downgrade(database_url, "base")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tradeapi", "migrate"],
            env=clean_environment(DATABASE_URL=database_url),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(4)
    ]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, outputs
    assert "symbols" in tables(database_url)


@pytest.mark.parametrize(
    ("current", "missing"), [(migrations.head(), False), (None, True), ("9999", False)]
)
def test_what_is_missing(current: str | None, missing: bool) -> None:
    """A database without migrations lacks them; one of a later version does not."""
    assert migrations.is_missing(current) is missing


def test_the_models_are_what_the_migrations_make(database_url: str, tmp_path: Path) -> None:
    """`alembic check` finds no difference."""
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-m", "alembic", "-c", str(root / "alembic.ini"), "check"],
        env=clean_environment(DATABASE_URL=database_url),
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
