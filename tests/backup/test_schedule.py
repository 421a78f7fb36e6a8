"""Backups and drills by the clock, done by a process with the role `jobs`."""

import anyio
import pytest
from sqlalchemy import text

from tests.backup import files
from tests.backup.test_stopping import held_up, until_held_up
from tests.jobs.office import at_work
from tradeapi.database import Database
from tradeapi.jobs import runner
from tradeapi.ops.backup import schedule
from tradeapi.ops.backup.desk import Desk
from tradeapi.settings import Settings, SettingsError, load

MADE = ["create", "create", "create", "drill"]


@pytest.mark.parametrize("expression", ["hourly", "* * * *", "61 * * * *", "0 3 * * * *"])
def test_a_schedule_that_is_none_stops_the_start(
    expression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And names the variable."""
    monkeypatch.setenv("BACKUP_SCHEDULE", expression)
    with pytest.raises(SettingsError, match="BACKUP_SCHEDULE: is no cron expression"):
        load()


def test_without_a_schedule_there_is_no_job() -> None:
    """By default."""
    assert schedule.crons(Settings()) == []


def test_all_that_is_set_about_backups_is_handed_on() -> None:
    """To the commands, wherever the process has it from."""
    needed = {
        name.upper()
        for name in Settings.model_fields
        if name.startswith("backup_") and not name.endswith("schedule")
    }
    assert needed <= schedule.variables(Settings()).keys()


async def test_they_come_by_the_clock(filled_sqlite: str, folder: str) -> None:
    """One that nobody was there for is made up for; what need not stay goes at once."""
    settings = Settings(
        database_url=filled_sqlite,
        backup_location=folder,
        backup_keep_daily=0,
        backup_keep_weekly=0,
        backup_keep_monthly=0,
        backup_schedule="0 3 * * *",
        backup_drill_schedule="0 4 * * *",
    )
    desk = Desk(settings)
    for _ in range(2):
        await desk.create()
    async with (
        Database(filled_sqlite) as database,
        at_work(database, {}, schedule.crons(settings)),
    ):
        with anyio.fail_after(90):
            while await kinds(database) != MADE:  # noqa: ASYNC110
                await anyio.sleep(0.1)
            while len(await desk.entries()) > 1:  # noqa: ASYNC110
                await anyio.sleep(0.1)


async def test_one_that_is_under_way_ends_with_its_process(
    filled_postgres: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In time, with nothing left; another process begins it anew."""
    monkeypatch.setattr(runner, "HEARTBEAT_SECONDS", 4.0)
    settings = Settings(
        database_url=filled_postgres, backup_location=folder, backup_schedule="0 3 * * *"
    )
    async with Database(filled_postgres) as database:
        async with held_up(filled_postgres) as connection:
            async with at_work(database, {}, schedule.crons(settings)):
                await until_held_up(connection)
            assert files.names(folder) == []
        async with at_work(database, {}, schedule.crons(settings)):
            with anyio.fail_after(60):
                while await kinds(database) != ["create"]:  # noqa: ASYNC110
                    await anyio.sleep(0.1)
    assert len(files.names(folder, "*.json")) == 1


async def test_what_fails_is_told_in_its_own_words(sqlite_url: str) -> None:
    """The job's error says what to do."""
    settings = Settings(
        database_url=sqlite_url, backup_location="/dev/null/x", backup_schedule="0 3 * * *"
    )
    (cron,) = schedule.crons(settings)
    with pytest.raises(schedule.RunFailed, match=r"/dev/null/x: .*Not a directory"):
        await cron.work()


async def kinds(database: Database) -> list[str]:
    async with database.reading() as session:
        found = await session.execute(text("SELECT kind FROM backup_runs WHERE ok ORDER BY kind"))
        return [kind for (kind,) in found]
