"""The shares of one owner's charts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.audit import Audit
from tradeapi.auth.shares import Shares
from tradeapi.charts.models import ChartShare
from tradeapi.charts.service import Charts
from tradeapi.errors import Forbidden, NotFound

MOST_SHARES = 100


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
        self._session = session
        self._owner = owner
        self._charts = charts
        self._shares = shares
        self._audit = audit
        self._now = now

    async def create(self, key: str, days: int) -> tuple[ChartShare, str]:
        """The share and its token, which is nowhere else."""
        chart = await self._charts.get_locked(key)
        if len(await self._good(chart.id)) >= MOST_SHARES:
            detail = f"The chart has {MOST_SHARES} shares; end one."
            raise Forbidden(detail, code="quota_shares")
        issued = self._shares.make(self._owner, [str(chart.id)], days=days)
        share = ChartShare(
            id=issued.id, chart_id=chart.id, created_at=self._now, expires_at=issued.expires
        )
        self._session.add(share)
        await self._session.flush()
        self._audit.record("share.create", target=chart.id)
        return share, issued.token

    async def list(self, key: str) -> Sequence[ChartShare]:
        """Those that have not ended, the newest first."""
        return await self._good((await self._charts.get(key)).id)

    async def end(self, key: str, id: UUID) -> None:
        chart = await self._charts.get_locked(key)
        share = next((one for one in await self._good(chart.id) if one.id == id), None)
        if share is None:
            raise NotFound("The chart has no such share.")
        await self._shares.end(self._session, id)
        await self._session.delete(share)
        self._audit.record("share.revoke", target=chart.id)

    async def _good(self, chart: UUID) -> Sequence[ChartShare]:
        chosen = select(ChartShare).where(
            ChartShare.chart_id == chart, ChartShare.expires_at > self._now
        )
        return (await self._session.scalars(chosen.order_by(ChartShare.id.desc()))).all()
