"""The shares of one owner's watchlists."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.audit import Audit
from tradeapi.auth.owners import lock_owner
from tradeapi.auth.shares import Shares
from tradeapi.auth.sharing import Given
from tradeapi.watchlists.models import WatchlistShare
from tradeapi.watchlists.service import Watchlists


class WatchlistShares:
    """Whoever has one may read the list and its prices."""

    def __init__(  # noqa: PLR0913, PLR0917  they are what it has
        self,
        session: AsyncSession,
        owner: UUID,
        watchlists: Watchlists,
        shares: Shares,
        audit: Audit,
        now: float,
    ) -> None:
        self._session = session
        self._owner = owner
        self._watchlists = watchlists
        self._shares = shares
        self._given = Given(session, WatchlistShare, shares, audit, now)

    async def create(self, id: UUID, days: int) -> tuple[WatchlistShare, str]:
        """The share and its token, which is nowhere else."""
        await self._locked(id)
        return await self._given.add(
            id, lambda: self._shares.make(self._owner, watchlists=[str(id)], days=days)
        )

    async def list(self, id: UUID) -> Sequence[WatchlistShare]:
        """Those that have not ended, the newest first."""
        return await self._given.list((await self._watchlists.get(id)).id)

    async def end(self, id: UUID, share: UUID) -> None:
        await self._locked(id)
        await self._given.end(id, share)

    async def _locked(self, id: UUID) -> None:
        """Not the list, whose version stays."""
        await lock_owner(self._session, self._owner)
        await self._watchlists.get(id)
