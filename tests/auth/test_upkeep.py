"""What is done for accounts once a minute: by each process, and by one for all."""

from uuid import uuid4

import anyio
import pytest
from sqlalchemy import func, select

from tradeapi.auth.dev import ensure_dev_user
from tradeapi.auth.models import Revocation, User
from tradeapi.auth.revocations import KEPT_SECONDS, Kind, Revocations
from tradeapi.auth.upkeep import Expiry, Upkeep
from tradeapi.auth.uses import Uses
from tradeapi.clock import FixedClock
from tradeapi.database import Database

NOW = 1_700_000_000.0


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


async def test_old_revocations_are_forgotten(database: Database, clock: FixedClock) -> None:
    """By each process for itself; in the database one deletes them."""
    revocations = Revocations(database, clock)
    login = uuid4()
    async with database.transaction() as session:
        await revocations.add(session, Kind.LOGIN, login)
    upkeep = Upkeep(database, revocations, Uses(database), is_open=False)
    expiry = Expiry(database, clock)

    await upkeep.once()
    await expiry.once()
    assert (revocations.since(Kind.LOGIN, login), await _count(database)) == (NOW, 1)

    clock.time += KEPT_SECONDS + 1
    await upkeep.once()
    assert (revocations.since(Kind.LOGIN, login), await _count(database)) == (0.0, 1)
    await expiry.once()
    assert await _count(database) == 0


async def test_processes_that_start_at_once_have_one_dev_user(database_url: str) -> None:
    """Each makes sure that there is one."""
    async with Database(database_url) as one, Database(database_url) as two:
        async with anyio.create_task_group() as tasks:
            for database in (one, two, one, two):
                tasks.start_soon(ensure_dev_user, database)
        async with one.reading() as session:
            assert await session.scalar(select(func.count()).select_from(User)) == 1


async def _count(database: Database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(Revocation)) or 0
