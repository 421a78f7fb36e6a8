"""Changes of users inside transactions that are under way at the same time."""

from uuid import UUID, uuid4

import anyio
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from tests.auth.people import NOON
from tests.security.signing import tokens
from tradeapi.auth.audit import OPERATOR, Audit
from tradeapi.auth.logins import Lifetimes, Logins
from tradeapi.auth.models import User
from tradeapi.auth.revocations import Revocations
from tradeapi.auth.scopes import Role
from tradeapi.auth.users import Users
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.errors import Conflict


def admin(name: str) -> User:
    return User(
        id=uuid4(),
        email=f"{name}@example.com",
        password_hash="none that anything matches",
        role=Role.ADMIN,
        scopes="read",
        is_disabled=False,
        created_at=NOON,
        version=1,
    )


async def test_admins_who_change_each_other_take_turns(database: Database) -> None:
    """The second waits for the first, and not the first for the second as well."""
    clock = FixedClock(NOON)
    revocations = Revocations(database, clock)
    logins = Logins(database, tokens(), revocations, clock, Lifetimes(1.0, 1.0))
    one, two = admin("one"), admin("two")
    async with database.transaction() as session:
        session.add_all([one, two])

    def users(session: AsyncSession) -> Users:
        return Users(session, logins, revocations, Audit(session, OPERATOR, NOON))

    async def demote(id: UUID) -> None:
        async with database.transaction() as session:
            theirs = users(session)
            await theirs.change(await theirs.get_locked(id), role=Role.USER)

    async def try_to_demote(id: UUID) -> None:
        with pytest.raises(Conflict):
            await demote(id)

    async with anyio.create_task_group() as tasks, database.transaction() as session:
        mine = users(session)
        user = await mine.get_locked(two.id)
        tasks.start_soon(try_to_demote, one.id)
        # Long enough for the other to hold what it gets.
        await anyio.sleep(0.2)
        await mine.change(user, role=Role.USER)
    async with database.reading() as session:
        roles = [(await users(session).get(user.id)).role for user in (one, two)]
    assert roles == [Role.ADMIN, Role.USER]
