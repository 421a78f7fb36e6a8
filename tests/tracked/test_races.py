"""Jobs that are cancelled at any moment, by anybody, while several processes are at them."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from uuid import UUID

import anyio
import pytest
from sqlalchemy import text

from tests.tracked.watched import Watched
from tradeapi.database import Database
from tradeapi.errors import Conflict, Invalid
from tradeapi.jobs.port import Job, Later
from tradeapi.tracked.models import ENDED
from tradeapi.tracked.progress import Progress

JOBS = 60

pytestmark = pytest.mark.anyio


class Builder:
    """Notes its job in the transaction of its success; some of its jobs go another way first."""

    def __init__(self, database: Database, chance: random.Random) -> None:
        self._database = database
        self._chance = chance

    async def __call__(self, job: Job, progress: Progress) -> dict[str, int]:
        for step in range(self._chance.randrange(4)):
            await progress.report(step / 4)
            await anyio.sleep(self._chance.choice([0, 0.01, 0.03]))
        match self._chance.randrange(8):
            case 0:
                raise Invalid("It can not be built.")
            case 1:
                raise ConnectionError
            case 2:
                raise Later(0.01)
        async with self._database.transaction() as session:
            note = text("INSERT INTO notes VALUES (:number)")
            await session.execute(note, {"number": job.payload["number"]})
            await progress.finish(session, {"number": job.payload["number"]})
            await anyio.sleep(self._chance.choice([0, 0.01]))
        return {}


@pytest.fixture
async def offices(database_url: str, watched: Watched) -> AsyncIterator[list[Watched]]:
    """Three processes at one owner's jobs."""
    async with watched.database.transaction() as session:
        await session.execute(text("CREATE TABLE notes (number INTEGER)"))
    chance = random.Random(7)
    async with AsyncExitStack() as stack:
        offices = []
        for _ in range(3):
            database = await stack.enter_async_context(Database(database_url))
            offices.append(Watched(database, watched.owner))
            work = Builder(database, chance)
            await stack.enter_async_context(offices[-1].worked_at(work))
        yield offices


async def test_what_has_been_made_is_of_what_has_succeeded(
    watched: Watched, offices: list[Watched]
) -> None:
    """Each once, and nothing of what was cancelled or has failed; nothing ends twice."""
    chance = random.Random(3)
    ids: dict[UUID, int] = {}
    ends: dict[UUID, str] = {}

    async def cancel(id: UUID) -> None:
        await anyio.sleep(chance.uniform(0, 0.3))
        with suppress(Conflict):
            ends[id] = (await chance.choice(offices).cancel(id)).status

    async with anyio.create_task_group() as tasks:
        for number in range(JOBS):
            id = await watched.start(number=number)
            ids[id] = number
            if chance.random() < 0.7:
                tasks.start_soon(cancel, id)
    await watched.all_done()
    jobs = [await watched.get(id) for id in ids]
    assert {job.status for job in jobs} == ENDED
    made = sorted(ids[job.id] for job in jobs if job.status == "succeeded")
    async with watched.database.reading() as session:
        assert sorted(await session.scalars(text("SELECT number FROM notes"))) == made
    for job in jobs:
        # What had ended when it was cancelled has not become anything else.
        assert ends.get(job.id) != "cancelled" or job.status == "cancelled"
        assert (job.result is not None) == (job.status == "succeeded")
        assert (job.error is not None) == (job.status == "failed")
        assert job.status != "cancelled" or job.cancel_requested
