"""There is always an admin who can log in."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.models import User
from tradeapi.auth.scopes import Role
from tradeapi.errors import Conflict


async def need_another_admin(session: AsyncSession, id: UUID) -> None:
    """Raises Conflict where no admin would be left without this one."""
    chosen = (
        select(User.id)
        .where(
            User.role == Role.ADMIN,
            User.is_disabled.is_(False),
            # The user dev has none, and helps nobody.
            User.password_hash.is_not(None),
        )
        # Locked in one order, so that two admins can't remove each other at the same time.
        .order_by(User.id)
        .with_for_update(key_share=True)
    )
    if not set((await session.scalars(chosen)).all()) - {id}:
        raise Conflict("There would be no admin left.", code="last_admin")
