"""Charts that nobody has asked for, removed when their time is over."""

from typing import Never

import anyio
import structlog
from sqlalchemy import delete, select

from tradeapi.charts.accesses import SECONDS
from tradeapi.charts.models import Chart, ChartShare
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.leases.lease import Lost
from tradeapi.metrics import CHARTS_EXPIRED

HOUR = 3600.0
# An access of any process is written by then.
GRACE_SECONDS = 2 * SECONDS
# One with a million points takes its time, in which others may want to write.
AT_ONCE = 5

_log = structlog.get_logger("tradeapi.charts")


class ChartExpiry:
    """What one process does for all."""

    def __init__(
        self, database: Database, clock: Clock, *, ttl_hours: int, every_minutes: int
    ) -> None:
        self._database = database
        self._clock = clock
        self._ttl = ttl_hours * HOUR
        self._every = every_minutes * 60.0

    async def run(self) -> Never:
        while True:
            try:
                # SQLite's thread would go on by itself, and find nobody to tell that it is done.
                with anyio.CancelScope(shield=True):
                    await self.once()
            except Lost:
                raise
            except Exception as error:  # noqa: BLE001  what is left is removed the next time
                _log.warning("charts.expiry_failed", error=repr(error))
            await anyio.sleep(self._every)

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
