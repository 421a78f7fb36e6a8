"""How many alerts somebody may have."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.alerts.conditions import Gauge, Reading, Volume, tests_of
from tradeapi.alerts.models import Alert
from tradeapi.errors import Forbidden, Invalid

# Different ones that one user's alerts have computed with each trade of one symbol.
MOST_COMPUTED = 50


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


async def require_few_computed(session: AsyncSession, alert: Alert) -> None:
    """Raises Forbidden where alerts of one owner would ask too much of one symbol's bars."""
    asked = _computed(alert.conditions)
    if not asked:
        return
    others = select(Alert.conditions).where(
        Alert.owner_id == alert.owner_id,
        Alert.symbol_id == alert.symbol_id,
        Alert.id != alert.id,
    )
    for conditions in await session.scalars(others):
        asked |= _computed(conditions)
    if len(asked) > MOST_COMPUTED:
        detail = f"Your alerts may ask for {MOST_COMPUTED} different indicators of one symbol."
        raise Forbidden(detail, code="quota_indicators")


def _computed(conditions: Sequence[Mapping[str, Any]]) -> set[Gauge]:
    try:
        gauges = {test.gauge for test in tests_of(conditions)}
    except (KeyError, ValueError, TypeError, Invalid):
        # Of a newer release.
        return set()
    return {gauge for gauge in gauges if isinstance(gauge, Reading | Volume)}
