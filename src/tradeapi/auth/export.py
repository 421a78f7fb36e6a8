"""Everything we know of one user, for that user."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.models import ApiKey, AuditEntry, Login, PathToken, User
from tradeapi.database import Database
from tradeapi.errors import NotFound

# What other features list of a user.
List = Callable[[AsyncSession, UUID], Awaitable[Sequence[Any]]]

# More would be a download, and say no more.
MOST = 10_000


async def export(database: Database, id: UUID, lists: Mapping[str, List]) -> Mapping[str, Any]:
    """The newest first, also what has ended; of the audit log what the user did."""
    async with database.reading() as session:
        user = await session.get(User, id)
        if user is None:
            raise NotFound("There is no such user.")
        logins = select(Login).where(Login.user_id == id).order_by(Login.id.desc())
        keys = select(ApiKey).where(ApiKey.user_id == id).order_by(ApiKey.id.desc())
        tokens = select(PathToken).where(PathToken.user_id == id).order_by(PathToken.id.desc())
        entries = select(AuditEntry).where(AuditEntry.actor == id).order_by(AuditEntry.id.desc())
        parts: dict[str, Sequence[Any]] = {
            "sessions": (await session.scalars(logins.limit(MOST))).all(),
            "api_keys": (await session.scalars(keys.limit(MOST))).all(),
            "path_tokens": (await session.scalars(tokens.limit(MOST))).all(),
            "audit": (await session.scalars(entries.limit(MOST))).all(),
        }
        for name, list_of in lists.items():
            parts[name] = await list_of(session, id)
    return {"user": user, **parts}
