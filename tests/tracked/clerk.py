"""A process of its own that begins a job and dies: `python -m tests.tracked.clerk URL MOMENT`."""

import os
import signal
import sys
from enum import StrEnum

import anyio
from sqlalchemy import text

from tests.tracked.watched import Watched
from tradeapi.database import Database
from tradeapi.jobs.port import Job
from tradeapi.tracked.models import TrackedJob
from tradeapi.tracked.progress import Progress


class Moment(StrEnum):
    MIDDLE = "middle"
    BEFORE_COMMIT = "before_commit"
    AFTER_COMMIT = "after_commit"


class Build:
    """Notes that it was done, in the transaction of its success; a moment to die at may be given.

    That is what `kill -9` does: nothing is given back, and nothing said.
    """

    def __init__(self, database: Database, moment: Moment | None = None) -> None:
        self._database = database
        self._moment = moment
        self.attempts: list[int] = []

    async def __call__(self, job: Job, progress: Progress) -> None:
        self.attempts.append(job.attempt)
        await progress.report(0.5, "half of it")
        if self._moment is Moment.MIDDLE:
            await Watched(self._database, None).when(progress.id, _is_half_done)
            _die()
        async with self._database.transaction() as session:
            await session.execute(text("INSERT INTO notes VALUES (1)"))
            await progress.finish(session, {"attempt": job.attempt})
            if self._moment is Moment.BEFORE_COMMIT:
                _die()
        if self._moment is Moment.AFTER_COMMIT:
            _die()


def _is_half_done(job: TrackedJob) -> bool:
    return job.progress == 0.5


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main(url: str, moment: Moment) -> None:
    async with (
        Database(url) as database,
        Watched(database, None).worked_at(Build(database, moment)),
    ):
        await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], Moment(sys.argv[2]))
