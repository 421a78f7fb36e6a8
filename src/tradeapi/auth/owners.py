"""Users as those whom things belong to."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.models import User
from tradeapi.errors import NotFound


async def lock_owner(session: AsyncSession, owner: UUID) -> None:
    """Until the transaction ends: of two that make something of the same owner's one waits.

    Raises NotFound.
    """
    locked = select(User.id).where(User.id == owner).with_for_update(key_share=True)
    if await session.scalar(locked) is None:
        raise NotFound("There is no such user.")
