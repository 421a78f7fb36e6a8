"""The shares of one owner's charts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.audit import Audit
from tradeapi.auth.shares import Shares
from tradeapi.auth.sharing import Given
from tradeapi.charts.models import ChartShare
from tradeapi.charts.service import Charts


class ChartShares:
    """A share names its chart by id, so that no other chart of the same name is ever shown."""

    def __init__(  # noqa: PLR0913, PLR0917  they are what it has
        self,
        session: AsyncSession,
        owner: UUID,
        charts: Charts,
        shares: Shares,
        audit: Audit,
        now: float,
    ) -> None:
        self._owner = owner
        self._charts = charts
        self._shares = shares
        self._given = Given(session, ChartShare, shares, audit, now)

    async def create(self, key: str, days: int) -> tuple[ChartShare, str]:
        """The share and its token, which is nowhere else."""
        id = (await self._charts.get_locked(key)).id
        return await self._given.add(
            id, lambda: self._shares.make(self._owner, charts=[str(id)], days=days)
        )

    async def list(self, key: str) -> Sequence[ChartShare]:
        """Those that have not ended, the newest first."""
        return await self._given.list((await self._charts.get(key)).id)

    async def end(self, key: str, id: UUID) -> None:
        await self._given.end((await self._charts.get_locked(key)).id, id)
