"""What somebody has looked for."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.owners import lock_owner
from tradeapi.watchlists.models import Search

MOST = 100


async def searches_of(session: AsyncSession, owner: UUID) -> Sequence[Search]:
    """All of one user; the newest first."""
    chosen = select(Search).where(Search.user_id == owner).order_by(Search.searched_at.desc())
    return (await session.scalars(chosen)).all()


class Searches:
    """One user's last hundred, each once."""

    def __init__(self, session: AsyncSession, owner: UUID, now: float) -> None:
        self._session = session
        self._owner = owner
        self._now = round(now, 3)

    async def list(self) -> Sequence[Search]:
        return await searches_of(self._session, self._owner)

    async def add(self, query: str) -> None:
        """What was looked for before is the newest now; beyond the hundred the oldest goes."""
        await lock_owner(self._session, self._owner)
        searches = await self.list()
        known = next((one for one in searches if one.query == query), None)
        if known is not None:
            known.searched_at = self._now
            return
        for one in searches[MOST - 1 :]:
            await self._session.delete(one)
        self._session.add(Search(user_id=self._owner, query=query, searched_at=self._now))

    async def remove(self, query: str | None) -> None:
        """That one, or all."""
        removed = delete(Search).where(Search.user_id == self._owner)
        if query is not None:
            removed = removed.where(Search.query == query)
        await self._session.execute(removed)
