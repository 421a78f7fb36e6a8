"""The user that everybody is while AUTH_REQUIRED is false."""

from contextlib import suppress
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from tradeapi.auth.models import User
from tradeapi.auth.scopes import ALL, Role, join
from tradeapi.database import Database

DEV_USER = UUID(int=0)


async def ensure_dev_user(database: Database) -> None:
    """What people make is theirs, so there has to be somebody; nobody can log in as this user."""
    # Another process may be faster.
    with suppress(IntegrityError):
        await _ensure(database)


async def _ensure(database: Database) -> None:
    async with database.transaction() as session:
        if await session.get(User, DEV_USER) is None:
            session.add(
                User(
                    id=DEV_USER,
                    email="dev",
                    role=Role.ADMIN,
                    scopes=join(ALL),
                    is_disabled=False,
                    created_at=0.0,
                    version=1,
                )
            )
