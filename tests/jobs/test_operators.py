"""What operators and admins see of jobs that were given up, and do about them."""

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from typer.testing import CliRunner, Result

from tests.auth.people import pages, serving
from tests.jobs.office import Diary, at_work, noted
from tests.streams.waiting import until
from tradeapi.cli import cli
from tradeapi.database import Database
from tradeapi.errors import NotFound
from tradeapi.jobs import execution
from tradeapi.jobs.port import Job, State

Run = Callable[..., Result]


@pytest.fixture
def command(database_url: str) -> Run:
    """`command("requeue", "--all")`, beside what else works on the database."""
    runner = CliRunner(env={"DATABASE_URL": database_url})
    return lambda *words: runner.invoke(cli, ["jobs", *words])


@pytest.fixture
async def dead(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three that were given up, the newest first."""
    monkeypatch.setattr(execution, "TRIES", 1)

    async def fail(job: Job) -> None:
        raise ConnectionError(f"refused {job.payload['number']}")

    async with at_work(database, {"note": fail}) as jobs:
        async with database.transaction() as session:
            await jobs.enqueue(session, noted(1), noted(2, key="two"), noted(3))
        with anyio.fail_after(20):
            while True:
                async with database.reading() as session:
                    counts = await jobs.counts(session)
                    if [(count.state, count.jobs) for count in counts] == [(State.DEAD, 3)]:
                        letters = await jobs.dead_letters(session, limit=9)
                        return [letter.id for letter in letters]
                await anyio.sleep(0.02)


async def test_the_command_line_lists_and_requeues(
    command: Run, database: Database, dead: list[str]
) -> None:
    """While a process is at work, which notices."""
    listed = await anyio.to_thread.run_sync(command)
    assert listed.stdout.split() == ["note", "dead", "3"]
    lines = (await anyio.to_thread.run_sync(command, "failed")).stdout.splitlines()
    assert [line.split()[0] for line in lines] == dead
    assert lines[1].endswith("ConnectionError: refused 2")
    diary = Diary()
    async with at_work(database, {"note": diary}):
        done = await anyio.to_thread.run_sync(command, "requeue", dead[1])
        assert f"{dead[1]} waits.\n" in done.stdout
        await until(lambda: diary.numbers == [2])
        forgotten = await anyio.to_thread.run_sync(command, "discard", dead[0])
        assert f"{dead[0]} is forgotten.\n" in forgotten.stdout
        rest = await anyio.to_thread.run_sync(command, "requeue", "--all")
        assert "1 jobs wait.\n" in rest.stdout
        await until(lambda: diary.numbers == [2, 1])


@pytest.mark.parametrize("words", [("requeue", "17"), ("discard", "x"), ("requeue", "9" * 30)])
def test_there_is_no_such_job(command: Run, words: tuple[str, ...]) -> None:
    """The command line says so."""
    refused = command(*words)
    assert isinstance(refused.exception, NotFound)
    assert str(refused.exception) == f"There is no job {words[1]} that was given up."


@pytest.mark.parametrize("words", [("requeue",), ("requeue", "1", "--all")])
def test_some_or_all(command: Run, words: tuple[str, ...]) -> None:
    """Not both, and not nothing."""
    assert command(*words).exit_code == 2


async def test_admins_do_the_same(database_url: str, dead: list[str], tmp_path: Path) -> None:
    """Page by page, without payloads; the record knows of it."""
    await anyio.to_thread.run_sync(administer, database_url, dead, tmp_path)


def administer(url: str, dead: list[str], folder: Path) -> None:
    with serving(url, folder) as service:
        admin = service.admin()
        found = [[letter["id"] for letter in page] for page in pages(admin, "/admin/jobs?limit=2")]
        assert found == [dead[:2], dead[2:]]
        letter = admin.get("/admin/jobs")["items"][1]
        assert letter.pop("created_at") > 0
        assert letter == {
            "id": dead[1],
            "name": "note",
            "key": "two",
            "attempts": 1,
            "error": "ConnectionError: refused 2",
        }
        for status in (204, 404):
            assert admin.call("POST", f"/admin/jobs/{dead[0]}/requeue").status_code == status
            assert admin.call("DELETE", f"/admin/jobs/{dead[1]}").status_code == status
        assert [left["id"] for left in admin.get("/admin/jobs")["items"]] == dead[2:]
        actions = ("job.requeue", "job.discard")
        entries = [admin.get(f"/admin/audit?action={action}")["items"] for action in actions]
        assert [[entry["target"] for entry in found] for found in entries] == [[dead[0]], [dead[1]]]
        metrics = service.client.get("/metrics", headers=admin.headers).text
        assert "jobs_dead" in metrics
