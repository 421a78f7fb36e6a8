"""Processes that are killed while they are at a job."""

import signal
import sys
from pathlib import Path

import anyio
import pytest
from sqlalchemy import text

from tests.tracked.clerk import Build, Moment
from tests.tracked.watched import Watched
from tradeapi.jobs import runner

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def soon_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long enough for a busy machine to be in time, short enough to wait for."""
    monkeypatch.setattr(runner, "HEARTBEAT_SECONDS", 3.0)


@pytest.mark.parametrize(
    ("moment", "status", "again"),
    [
        (Moment.MIDDLE, "running", 1),
        (Moment.BEFORE_COMMIT, "running", 1),
        (Moment.AFTER_COMMIT, "succeeded", 0),
    ],
)
async def test_a_job_whose_process_was_killed_succeeds_once(
    watched: Watched, database_url: str, moment: Moment, status: str, again: int
) -> None:
    """Another one begins it again, unless it had succeeded: then it is left as it is."""
    async with watched.database.transaction() as session:
        await session.execute(text("CREATE TABLE notes (number INTEGER)"))
    id = await watched.start("one")
    with anyio.fail_after(60):
        command = [sys.executable, "-m", "tests.tracked.clerk", database_url, moment]
        killed = await anyio.run_process(command, cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (await watched.get(id)).status == status
    build = Build(watched.database)
    async with watched.worked_at(build):
        await watched.all_done()
    job = await watched.get(id)
    assert (job.status, job.progress, job.attempt) == ("succeeded", 1.0, 1 + again)
    assert len(build.attempts) == again
    async with watched.database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM notes")) == 1
