"""A user who makes and revokes what programs identify themselves with."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.audit import Audit
from tradeapi.auth.models import User
from tradeapi.auth.revocations import Revocations
from tradeapi.errors import NotFound
from tradeapi.web.principal import Scope

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Holder:
    """In one transaction, at the time `now`; `scopes` are those that there are to hand on."""

    session: AsyncSession
    id: UUID
    scopes: frozenset[Scope]
    revocations: Revocations
    audit: Audit
    now: float
    pepper: bytes

    async def has_room(self, held: Select[Any], most: int) -> bool:
        """Whether there may be one more than what is `held`."""
        # Locked, so that of two that are made at the same time one comes after the other.
        locked = select(User.id).where(User.id == self.id).with_for_update(key_share=True)
        if await self.session.scalar(locked) is None:
            raise NotFound("There is no such user.")
        counted = select(func.count()).select_from(held.subquery())
        return (await self.session.scalar(counted) or 0) < most

    def end(self, days: int | None) -> float | None:
        """When something ends that is to last so long."""
        return None if days is None else self.now + days * DAY
