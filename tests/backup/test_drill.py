"""Drills: the latest backup is restored as after a loss, and what is found is on record."""

import asyncio
import os
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select, text, update
from typer.testing import CliRunner

from tests.backup import files
from tests.backup.conftest import DeskOf
from tests.backup.test_stopping import command
from tradeapi import migrations
from tradeapi.cli import cli
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.errors import NotFound, NotStarted, TradeError
from tradeapi.ops.backup import programs, runs
from tradeapi.ops.backup.engine import address
from tradeapi.ops.backup.faults import Damaged
from tradeapi.ops.backup.gauges import BackupGauges
from tradeapi.ops.backup.models import BackupRun, Kind


async def recorded(url: str) -> Sequence[BackupRun]:
    async with Database(url) as database, database.reading() as session:
        return (await session.scalars(select(BackupRun).order_by(BackupRun.id))).all()


def gauge(name: str, store: str) -> float | None:
    return REGISTRY.get_sample_value(f"backup_{name}", {"store": store})


async def test_a_drill_reads_what_callers_would(
    filled_url: str, desk_of: DeskOf, encrypted: dict[str, object]
) -> None:
    """The newest bars of every series, through the code that serves them."""
    desk = desk_of(filled_url, **encrypted)
    manifest = await desk.create()
    done = await desk.drill()
    assert done.manifest == manifest
    assert done.series == 3  # days, weeks and months
    assert done.age_seconds > 0
    assert done.restoring_seconds > 0
    created, drilled = await recorded(filled_url)
    assert (created.kind, created.ok, created.backup) == (Kind.CREATE, True, manifest.id)
    assert created.bytes == manifest.file.bytes
    assert (drilled.kind, drilled.ok, drilled.backup) == (Kind.DRILL, True, manifest.id)
    assert drilled.detail.startswith("age ")


async def test_bars_that_are_not_there_are_missed(filled_url: str, desk_of: DeskOf) -> None:
    """Though the backup has all rows that there were."""
    async with Database(filled_url) as database, database.transaction() as session:
        await session.execute(text("DELETE FROM bar_rows"))
    desk = desk_of(filled_url)
    await desk.create()
    await desk.verify("latest")
    with pytest.raises(Damaged, match="The newest bar of US:A"):
        await desk.drill()


async def test_a_drill_does_not_pass_over_a_backup_that_is_damaged(
    sqlite_url: str, folder: str, desk_of: DeskOf
) -> None:
    """An older good one would hide it; without any it fails as well, on record."""
    desk = desk_of(sqlite_url)
    with pytest.raises(NotFound):
        await desk.drill()
    await desk.create()
    newest = await desk.create()
    name = max(files.names(folder, "*.db.zst"))
    files.write(folder, name, b"")
    with pytest.raises(TradeError, match="has 0 bytes"):
        await desk.drill()
    assert newest.id <= name.partition(".")[0]
    assert [run.ok for run in await recorded(sqlite_url)] == [False, True, True, False]


async def test_metrics_tell_how_it_went(sqlite_url: str, desk_of: DeskOf) -> None:
    """What there has never been has no series; an age counts from the last success."""
    desk = desk_of(sqlite_url)
    clock = FixedClock(0)
    async with Database(sqlite_url) as database:
        gauges = BackupGauges(database, clock, store="test")
        await gauges.count()
        names = ("age_seconds", "last_ok", "drill_age_seconds", "drill_last_ok", "size_bytes")
        assert [gauge(name, "test") for name in names] == [None] * 5
        with pytest.raises(NotFound):
            await desk.drill()
        await gauges.count()
        assert [gauge(name, "test") for name in names] == [None, None, None, 0, None]
        manifest = await desk.create()
        await desk.drill()
        async with database.transaction() as session:
            await session.execute(update(BackupRun).values(started_at=100.0, finished_at=107.0))
        clock.time = 1000.0
        await gauges.count()
        assert [gauge(name, "test") for name in names] == [900, 1, 900, 1, manifest.file.bytes]
        assert gauge("duration_seconds", "test") == 7
        broken = desk_of(sqlite_url, backup_location="/dev/null/nowhere")
        with pytest.raises(TradeError):
            await broken.create()
        await gauges.count()
        assert gauge("age_seconds", "test") == 900
        assert gauge("last_ok", "test") == 0


async def test_records_are_bounded(
    sqlite_url: str, desk_of: DeskOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest stay."""
    monkeypatch.setattr(runs, "MOST_KEPT", 3)
    desk = desk_of(sqlite_url)
    for _ in range(5):
        await desk.create()
    assert [run.id for run in await recorded(sqlite_url)] == [3, 4, 5]


async def test_many_failures_leave_the_last_success_on_record(
    sqlite_url: str, desk_of: DeskOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its age is what the alert is about; and backups don't push out the drill of last month."""
    monkeypatch.setattr(runs, "MOST_KEPT", 3)
    desk = desk_of(sqlite_url)
    await desk.create()
    await desk.drill()
    broken = desk_of(sqlite_url, backup_location="/dev/null/nowhere")
    for _ in range(5):
        with pytest.raises(TradeError):
            await broken.create()
    assert [run.id for run in await recorded(sqlite_url)] == [1, 2, 5, 6, 7]


async def test_a_database_without_the_table_is_backed_up(sqlite_url: str, desk_of: DeskOf) -> None:
    """That is what one does before migrating."""
    await asyncio.to_thread(migrations.downgrade, sqlite_url, "0019")
    manifest = await desk_of(sqlite_url).create()
    assert manifest.contents.migration == "0019"


def test_exit_codes_and_words(
    sqlite_url: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an operator, or whoever watches a CronJob, sees them."""
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    monkeypatch.setenv("BACKUP_LOCATION", folder)

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["backup", *words])
        return done.exit_code, done.output

    code, said = run("create")
    assert code == 0
    assert " tables: " in said
    assert "not encrypted" in said
    code, said = run("drill")
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()] == [
        "backup", "RPO", "RTO", "rows", "series",
    ]  # fmt: skip
    assert run("prune") == (0, "1 stays.\n")
    (path,) = (path for path in Path(folder).iterdir() if path.suffix != ".json")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    process = command(folder, sqlite_url, "drill")
    said, why = process.communicate(timeout=60)
    assert (process.returncode, said) == (1, "")
    assert "is damaged" in why
    assert "Traceback" not in why


def test_programs_are_of_the_servers_version_or_newer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest that there is; where none is new enough it is said what to install."""
    monkeypatch.setattr(programs, "FOLDERS", f"{tmp_path}/*/bin".lstrip("/"))
    monkeypatch.setenv("PATH", f"{tmp_path}/15/bin{os.pathsep}")
    with pytest.raises(NotStarted, match="needs pg_dump 16 or newer: there is none"):
        programs.program("pg_dump", 16)
    for version in (15, 17, 16):
        path = tmp_path / str(version) / "bin" / "pg_dump"
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}.2 (Debian 1)'\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    assert programs.program("pg_dump", 16) == tmp_path / "17" / "bin" / "pg_dump"
    with pytest.raises(NotStarted, match=r"17/bin/pg_dump is of version 17\. Install it \(apt-get"):
        programs.program("pg_dump", 18)


def test_passwords_are_in_the_environment() -> None:
    """Of the program, with the options of the URL."""
    url = address("postgres://me:p%40ss@db:5433/x?sslmode=require")
    found = programs.environment(url)
    assert found["PGPASSWORD"] == "p@ss"
    assert [found[name] for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGSSLMODE")] == [
        "db", "5433", "me", "x", "require",
    ]  # fmt: skip
    said = subprocess.run(
        ["/usr/bin/env"], env=dict(found), capture_output=True, text=True, check=True
    )
    assert "PGPASSWORD=p@ss" in said.stdout
