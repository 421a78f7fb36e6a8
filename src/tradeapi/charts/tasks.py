"""Charts that nobody has asked for, removed when their time is over."""

import structlog
from sqlalchemy import delete, select

from tradeapi.charts.accesses import SECONDS
from tradeapi.charts.models import Chart, ChartShare
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.metrics import CHARTS_EXPIRED

HOUR = 3600.0
# An access of any process is written by then.
GRACE_SECONDS = 2 * SECONDS
# One with a million points takes its time, in which others may want to write.
AT_ONCE = 5

_log = structlog.get_logger("tradeapi.charts")


class ChartExpiry:
    """What one process does for all."""

    def __init__(self, database: Database, clock: Clock, *, ttl_hours: int) -> None:
        self._database = database
        self._clock = clock
        self._ttl = ttl_hours * HOUR

    async def once(self) -> int:
        """How many charts have gone."""
        now = self._clock.now()
        old = select(Chart.id).where(Chart.accessed_at < now - self._ttl - GRACE_SECONDS)
        removed = 0
        while True:
            async with self._database.transaction() as session:
                chosen = old.limit(AT_ONCE).with_for_update(skip_locked=True)
                ids = (await session.scalars(chosen)).all()
                await session.execute(delete(Chart).where(Chart.id.in_(ids)))
                await session.execute(delete(ChartShare).where(ChartShare.expires_at < now))
            removed += len(ids)
            if len(ids) < AT_ONCE:
                break
        if removed:
            CHARTS_EXPIRED.inc(removed)
            _log.info("charts.expired", charts=removed)
        return removed
