"""Jobs that have ended long ago, forgotten."""

from sqlalchemy import delete, select

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.tracked.models import TrackedJob

KEPT_SECONDS = 7 * 86_400.0
AT_ONCE = 1000


class TrackedJobExpiry:
    """What one process does for all."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def once(self) -> int:
        """How many have gone."""
        before = self._clock.now() - KEPT_SECONDS
        old = select(TrackedJob.id).where(TrackedJob.finished_at < before).limit(AT_ONCE)
        removed, gone = 0, AT_ONCE
        while gone == AT_ONCE:
            async with self._database.transaction() as session:
                ids = (await session.scalars(old)).all()
                await session.execute(delete(TrackedJob).where(TrackedJob.id.in_(ids)))
            gone = len(ids)
            removed += gone
        return removed
