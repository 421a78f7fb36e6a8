"""How many alerts somebody may have."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.alerts.models import Alert
from tradeapi.errors import Forbidden


async def require_room(session: AsyncSession, owner: UUID, count: int, *, most: int) -> None:
    """For so many more, which nobody takes until the transaction ends; raises Forbidden."""
    if session.get_bind().dialect.name != "sqlite":
        # Not the owner, whom others lock before a watchlist: items make alerts after it.
        key = func.hashtextextended(f"alerts:{owner}", 0)
        await session.execute(select(func.pg_advisory_xact_lock(key)))
    counted = select(func.count()).select_from(Alert).where(Alert.owner_id == owner)
    if (await session.scalar(counted) or 0) + count > most:
        detail = f"You may have {most} alerts, which {count} more would exceed; delete some."
        raise Forbidden(detail, code="quota_alerts")
